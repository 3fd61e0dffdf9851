package admission

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
	"github.com/rempart-dev/rempart/test/expect"
)

const groupName = "gdpr.rempart.dev"

func podSpec(class string) corev1.PodSpec {
	wish := claim("", "", class).Spec
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}, Volumes: []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{
		Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: wish}}}}}}
}

func template(spec corev1.PodSpec) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "x"}}, Spec: spec}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func TestStorageAbroadIsRefusedFromTheMomentThatTheRegisterIsThere(t *testing.T) {
	newNamespace(t, "shop", nil)
	newNamespace(t, "free", nil)
	expect.Accepted(t, admin.Create(t.Context(), claim("shop", "older", "us-fast")))
	expect.Refused(t, admin.Create(t.Context(), newRegister("shop", "abroad", managedIn("us-fast"))), `store "main"`, `class "us-fast" provisions in aws us-east-1 (US, AdequatePartial)`, `Use "eu-fast"`)
	if err := admin.Create(t.Context(), newRegister("shop", "crm", managedIn("eu-fast"))); err != nil {
		t.Fatal(err)
	}
	guarded(t, "shop", "true") // with the register, but for the API server's own cache, which hears of the label a moment later
	expect.Refused(t, admin.Create(t.Context(), claim("shop", "data", "us-fast")), "ResidencyPolicy eu-only, rule storage-class", "us-east-1", "US", "AdequatePartial", `Use "eu-fast"`)
	expect.Refused(t, admin.Create(t.Context(), claim("shop", "data", "mystery")), "example.com/unknown")
	expect.Refused(t, admin.Create(t.Context(), claim("shop", "data", "absent")), "does not exist")
	annotated := claim("shop", "annotated", "eu-fast")
	annotated.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "us-fast"}
	expect.Refused(t, admin.Create(t.Context(), annotated), "us-east-1")
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}
	expect.Refused(t, admin.Create(t.Context(), &corev1.Pod{ObjectMeta: meta("shop", "p"), Spec: podSpec("us-fast")}), "us-east-1")
	expect.Refused(t, admin.Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta("shop", "d"), Spec: appsv1.DeploymentSpec{Selector: selector, Template: template(podSpec("us-fast"))}}), "us-east-1")
	plain := podSpec("eu-fast")
	plain.Volumes = nil
	expect.Refused(t, admin.Create(t.Context(), &appsv1.StatefulSet{ObjectMeta: meta("shop", "s"), Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template(plain),
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*claim("", "data", "us-fast")}}}), "us-east-1")

	expect.Accepted(t, admin.Create(t.Context(), claim("shop", "data", "eu-fast")))
	expect.Accepted(t, admin.Create(t.Context(), claim("free", "data", "us-fast")))
	older := &corev1.PersistentVolumeClaim{}
	expect.Accepted(t, admin.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "older"}, older))
	older.Labels = map[string]string{"a": "b"}
	expect.Accepted(t, admin.Update(t.Context(), older))
	older.Annotations = map[string]string{corev1.BetaStorageClassAnnotation: "mystery"}
	expect.Refused(t, admin.Status().Update(t.Context(), older.DeepCopy()), "mystery")
	expect.Accepted(t, admin.Delete(t.Context(), older))
}

func TestAuditedNamespacesOnlyWarn(t *testing.T) {
	newNamespace(t, "lab", map[string]string{"data": "maybe"})
	guarded(t, "lab", "audit")
	expect.Accepted(t, admin.Create(t.Context(), claim("lab", "data", "us-fast")))
}

func TestTheLabelOfAGuardedNamespaceStays(t *testing.T) {
	newNamespace(t, "kept", map[string]string{"data": "personal"})
	guarded(t, "kept", "true")
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, patch := range []string{`{"metadata":{"labels":{"gdpr.rempart.dev/guarded":null}}}`, `{"metadata":{"labels":{"gdpr.rempart.dev/guarded":"audit"}}}`, `{"metadata":{"labels":null}}`} {
		for _, subresource := range [][]string{nil, {"status"}} {
			_, err := clientset.CoreV1().Namespaces().Patch(t.Context(), "kept", types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresource...)
			expect.Refused(t, err, "rule guard")
		}
	}
	expect.Refused(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the operator may label it meanwhile
		namespace, err := clientset.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{})
		if err != nil {
			return err
		}
		namespace.Labels = nil
		_, err = clientset.CoreV1().Namespaces().Finalize(t.Context(), namespace, metav1.UpdateOptions{})
		return err
	}), "rule guard")
	_, err = clientset.CoreV1().Namespaces().Patch(t.Context(), "kept", types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"a"}}}`), metav1.PatchOptions{})
	expect.Accepted(t, err)
}

func TestInternalKindsAndStatusBelongToTheOperator(t *testing.T) {
	newNamespace(t, "inner", nil)
	run := newRun("inner")
	expect.Refused(t, admin.Create(t.Context(), run), "internal kind", "ErasureRequest")
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}}
	expect.Refused(t, admin.Status().Patch(t.Context(), policy, patch(`{"status":{"dataVersion":"forged"}}`)), "rule status")
}

func TestTheSamplesAreAdmittedAsKubectlAppliesThem(t *testing.T) {
	folder := filepath.Join(apiserver.Root(), "config", "samples")
	list, err := documents(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	names, found, err := unstructured.NestedStringSlice(list[0].Object, "resources")
	if err != nil || !found || len(names) == 0 {
		t.Fatalf("the list of samples names none: %v", err)
	}
	for _, name := range names {
		samples, err := documents(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range samples {
			expect.Accepted(t, admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(sample), client.DryRunAll, client.FieldOwner("sample"), client.ForceOwnership))
		}
	}
}

func TestASecondDefaultPolicyIsRefused(t *testing.T) {
	second := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "second"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: "Default"}}
	expect.Refused(t, admin.Create(t.Context(), second), `"eu-only" is the Default already`)
}

func TestOneStoreHasOneRegister(t *testing.T) {
	newNamespace(t, "twice", nil)
	connected := func(host string) v1alpha1.DataStore {
		return v1alpha1.DataStore{Name: "main", Engine: "PostgreSQL", External: &v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"}, Connection: &v1alpha1.StoreConnection{
			Host: host, Database: "app", TLS: v1alpha1.ConnectionTLS{Mode: "Require"}, EraserSecretRef: v1alpha1.SecretRef{Name: "e"}, VerifierSecretRef: v1alpha1.SecretRef{Name: "v"}}}
	}
	expect.Accepted(t, admin.Create(t.Context(), newRegister("twice", "one", connected("db.example.com"))))
	expect.Eventually(t, func() error { // the news of the first one comes to the operator's cache
		if err := admin.Create(t.Context(), newRegister("twice", "two", connected("DB.EXAMPLE.COM")), client.DryRunAll); err == nil {
			return errors.New("admitted")
		}
		return nil
	})
	expect.Refused(t, admin.Create(t.Context(), newRegister("twice", "two", connected("DB.EXAMPLE.COM"))), `claimed by DataRegister "one"`)
}

func newRequest(namespace, name string) *v1alpha1.ErasureRequest {
	received := metav1.NewTime(time.Now().Add(-time.Hour))
	return &v1alpha1.ErasureRequest{ObjectMeta: meta(namespace, name), Spec: v1alpha1.ErasureRequestSpec{RequestID: name, ReceivedTime: &received,
		Subject: v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "subject"}}}}
}

func TestErasureNeedsTheRightsOfTheUser(t *testing.T) {
	newNamespace(t, "people", nil)
	requests := rbacv1.PolicyRule{APIGroups: []string{groupName}, Resources: []string{"erasurerequests"}, Verbs: []string{"get", "create", "update"}}
	secrets := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"subject"}, Verbs: []string{"get", "delete"}}
	approve := rbacv1.PolicyRule{APIGroups: []string{groupName}, Resources: []string{"erasurerequests"}, Verbs: []string{"approve"}}
	stranger := as(t, "stranger", "people", requests)
	expect.Refused(t, stranger.Create(t.Context(), newRequest("people", "r1")), "get secrets/subject", "delete secrets/subject")
	clerk := as(t, "clerk", "people", requests, secrets)
	marked := newRequest("people", "r1")
	marked.Annotations = map[string]string{"who": "alice@example.com"}
	expect.Refused(t, clerk.Create(t.Context(), marked), "metadata.annotations[who] holds what looks like an e-mail address")
	request := newRequest("people", "r1")
	expect.Accepted(t, clerk.Create(t.Context(), request))
	request.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: "Approved", PlanDigest: "sha256:" + strings.Repeat("0", 64)}
	expect.Refused(t, clerk.Update(t.Context(), request.DeepCopy()), "approve erasurerequests.gdpr.rempart.dev/r1")
	officer := as(t, "officer", "people", requests, approve)
	expect.Accepted(t, officer.Update(t.Context(), request))
}

func TestDecisionsOnABreachAreStampedAndTheRecordStays(t *testing.T) {
	newNamespace(t, "breach", nil)
	seen := metav1.NewTime(time.Now().Add(-2 * time.Hour))
	incident := &v1alpha1.BreachIncident{ObjectMeta: meta("breach", "b1"), Spec: v1alpha1.BreachIncidentSpec{OfficerRef: v1alpha1.ClusterRef{Name: "officer"}, Role: "Controller",
		Verdict: "Confirmed", DetectedTime: &seen, AwareTime: &seen, DecisionStamp: &v1alpha1.DecisionStamp{By: "mallory"}}}
	future := incident.DeepCopy()
	later := metav1.NewTime(time.Now().Add(time.Hour))
	future.Spec.AwareTime = &later
	expect.Refused(t, admin.Create(t.Context(), future), "future")
	expect.Accepted(t, admin.Create(t.Context(), incident))
	if stamp := incident.Spec.DecisionStamp; stamp == nil || stamp.By == "mallory" || stamp.Time == nil {
		t.Errorf("stamp %+v", stamp)
	}
	expect.Refused(t, admin.Delete(t.Context(), incident), "stays in the record")
}
