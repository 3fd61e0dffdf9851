package e2e

import (
	"testing"

	"github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// enforcing waits until the demo's policy says that every layer is in place.
func enforcing(t *testing.T) {
	t.Helper()
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, policy)
		condition := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionEnforcing)
		g.Expect(condition).NotTo(gomega.BeNil())
		g.Expect(condition.Reason).To(gomega.Equal(v1alpha1.ReasonEnforced), condition.Message)
	})
}

func TestGuardsThatAreDeletedComeBack(t *testing.T) {
	enforcing(t)
	for _, guard := range []client.Object{
		&admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "rempart-claims"}},
		&admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "rempart-claims-eu-only"}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-validating"}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "rempart-mutating"}},
		&corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "rempart-residency"}},
	} {
		eventually(t, func(g gomega.Gomega) { get(t.Context(), g, guard) })
		was := guard.GetUID()
		if err := admin.Delete(t.Context(), guard); err != nil {
			t.Fatal(err)
		}
		eventually(t, func(g gomega.Gomega) {
			get(t.Context(), g, guard)
			g.Expect(guard.GetUID()).NotTo(gomega.Equal(was))
		})
	}
	enforcing(t)
	operatorServes(t)
	eventually(t, func(g gomega.Gomega) { // the API server's own caches hear of what came back with a delay
		err := admin.Create(t.Context(), claim(demoNamespace, "us-fast"), client.DryRunAll)
		g.Expect(apierrors.IsForbidden(err)).To(gomega.BeTrue(), "want a refusal, have %v", err)
	})
}

func TestAQuotaThatIsRaisedIsLowered(t *testing.T) {
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: demoNamespace, Name: "rempart-residency"}}
	raised := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"hard":{"us-fast.storageclass.storage.k8s.io/requests.storage":"1Gi"}}}`))
	if err := admin.Patch(t.Context(), quota, raised); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		get(t.Context(), g, quota)
		for _, class := range []string{"us-fast", "london-ssd", "mystery"} {
			amount, found := quota.Status.Hard[corev1.ResourceName(class+".storageclass.storage.k8s.io/requests.storage")]
			g.Expect(found && amount.IsZero()).To(gomega.BeTrue(), "%s: %v", class, quota.Status.Hard)
		}
	})
}

func TestNodesCarryTheirCountry(t *testing.T) {
	nodes := &corev1.NodeList{}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(admin.List(t.Context(), nodes)).To(gomega.Succeed())
		countries := map[string]string{}
		for _, node := range nodes.Items {
			countries[node.Labels[corev1.LabelTopologyRegion]] = node.Labels["rempart.node-restriction.kubernetes.io/country"] + " " + node.Labels["rempart.node-restriction.kubernetes.io/policy.eu-only"]
		}
		g.Expect(countries).To(gomega.HaveKeyWithValue("eu-west-3", "FR Allowed"))
		g.Expect(countries).NotTo(gomega.HaveKeyWithValue("us-east-1", gomega.ContainSubstring("Allowed")))
	})
}
