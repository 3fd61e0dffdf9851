package guards

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/test/expect"
)

var personal = map[string]string{"data": "personal"}

func TestClaimsAreJudgedWithoutAWebhookInTheWordsOfOne(t *testing.T) {
	newNamespace(t, "claims", personal)
	expect.Accepted(t, admin.Create(t.Context(), claim("claims", "kept", "eu-fast")))
	abroad := admin.Create(t.Context(), claim("claims", "data", "us-fast"))
	expect.Refused(t, abroad, "ResidencyPolicy eu-only, rule storage-class", `class "us-fast" provisions in aws us-east-1 (US, AdequatePartial); allowed: EU (Article 44 GDPR). Use "eu-fast"`)
	if !apierrors.IsForbidden(abroad) {
		t.Errorf("refused with %v, want 403", abroad)
	}
	expect.Refused(t, admin.Create(t.Context(), claim("claims", "data", "mystery")), "example.com/unknown")
	expect.Refused(t, admin.Create(t.Context(), claim("claims", "data", "absent")), "does not exist")
	expect.Refused(t, admin.Create(t.Context(), claim("claims", "data", "")), "hand-made")
	classless := claim("claims", "data", "")
	classless.Spec.StorageClassName = nil
	expect.Refused(t, admin.Create(t.Context(), classless), "no class is named")
	generated := claim("claims", "", "us-fast")
	generated.GenerateName = "data-"
	expect.Refused(t, admin.Create(t.Context(), generated, client.DryRunAll), "us-east-1")
	annotated := claim("claims", "data", "eu-fast")
	annotated.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "us-fast"}
	expect.Refused(t, admin.Create(t.Context(), annotated), "us-east-1")

	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"volume.beta.kubernetes.io/storage-class":"us-fast"}}}`))
	kept := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "claims", Name: "kept"}}
	expect.Refused(t, admin.Patch(t.Context(), kept.DeepCopy(), patch), "immutable") // as Kubernetes says, but not on each path
	expect.Refused(t, admin.Status().Patch(t.Context(), kept.DeepCopy(), patch), "us-east-1")
	expect.Accepted(t, admin.Create(t.Context(), claim("open", "data", "us-fast")))
}

func TestWhatWasThereBeforeMayBeCleanedUpAndMayNotGrow(t *testing.T) {
	newNamespace(t, "older", nil)
	older := claim("older", "data", "us-fast")
	older.Finalizers = []string{"example.com/hold"}
	expect.Accepted(t, admin.Create(t.Context(), older))
	older.Status.Phase = corev1.ClaimBound
	expect.Accepted(t, admin.Status().Update(t.Context(), older))
	expect.Accepted(t, admin.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "older"}}, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"data":"personal"}}}`))))
	expect.Eventually(t, func() error { // the API server's own cache hears of the label with a delay
		if err := admin.Create(t.Context(), claim("older", "more", "us-fast"), client.DryRunAll); err == nil {
			return fmt.Errorf("still accepted")
		}
		return nil
	})
	expect.Refused(t, admin.Create(t.Context(), claim("older", "more", "us-fast")), "us-east-1")
	expect.Accepted(t, admin.Get(t.Context(), client.ObjectKeyFromObject(older), older))
	older.Labels = map[string]string{"a": "b"}
	expect.Accepted(t, admin.Update(t.Context(), older))
	grown := older.DeepCopy()
	grown.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("2Gi")
	expect.Refused(t, admin.Update(t.Context(), grown), "us-east-1")
	expect.Accepted(t, admin.Delete(t.Context(), older))
	expect.Accepted(t, admin.Get(t.Context(), client.ObjectKeyFromObject(older), older))
	older.Finalizers = nil
	expect.Accepted(t, admin.Update(t.Context(), older))
}

func TestAPolicyThatAuditsRefusesNothing(t *testing.T) {
	newNamespace(t, "audited", map[string]string{"data": "maybe"})
	expect.Accepted(t, admin.Create(t.Context(), claim("audited", "data", "us-fast")))
}

func TestARegisterBringsItsNamespaceUnderItsPolicy(t *testing.T) {
	expect.Accepted(t, admin.Create(t.Context(), newPolicy("named", "Enforce", nil)))
	newNamespace(t, "registered", nil)
	expect.Accepted(t, admin.Create(t.Context(), &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "registered", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{
		Role: "Controller", OfficerRef: v1alpha1.ClusterRef{Name: "officer"}, ResidencyPolicyRef: &v1alpha1.ClusterRef{Name: "named"},
		Stores: []v1alpha1.DataStore{{Name: "main", Engine: "PostgreSQL", Managed: &v1alpha1.ManagedStore{Image: "postgres:15",
			Storage: v1alpha1.StorageRequest{Size: resource.MustParse("1Gi"), StorageClassName: "eu-fast"}}}},
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "support", LegalBasis: "Contract"}}, DataSubjects: []string{"customers"},
			DataCategories: []v1alpha1.DataCategory{{Name: "contact"}}}}}}))
	expect.Eventually(t, func() error {
		if err := admin.Create(t.Context(), claim("registered", "data", "us-fast"), client.DryRunAll); err == nil {
			return fmt.Errorf("still accepted")
		}
		return nil
	})
	expect.Refused(t, admin.Create(t.Context(), claim("registered", "data", "us-fast")), "ResidencyPolicy named")
	expect.Accepted(t, admin.Create(t.Context(), claim("registered", "data", "eu-fast")))
	label := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+residency.NamespaceLabel("named")+`":null}}}`))
	expect.Refused(t, admin.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "registered"}}, label), "rule guard")
}

func TestAClassIsKnownInAMomentAndAPolicyCountsAsItIsNow(t *testing.T) {
	newNamespace(t, "moments", personal)
	expect.Accepted(t, admin.Create(t.Context(), newClass("new", "eu-central-1")))
	expect.Eventually(t, func() error { return admin.Create(t.Context(), claim("moments", "data", "new"), client.DryRunAll) })
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}}
	expect.Accepted(t, admin.Patch(t.Context(), policy, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"denied":{"countries":["DE"]}}}`))))
	expect.Eventually(t, func() error {
		if err := admin.Create(t.Context(), claim("moments", "data", "new"), client.DryRunAll); err == nil {
			return fmt.Errorf("still accepted")
		}
		return nil
	})
	expect.Eventually(t, func() error { return admin.Create(t.Context(), claim("moments", "data", "eu-fast"), client.DryRunAll) })
}
