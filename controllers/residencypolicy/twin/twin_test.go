package twin

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestABindingThatSomebodyOpenedIsWrittenAnewAndWhole(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only", UID: "u"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce, Role: v1alpha1.PolicyRoleDefault}}
	r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).Build(), OperatorNamespace: "rempart-system"}
	read := func() *binding {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
		b := &binding{}
		if err := r.Client.Get(t.Context(), client.ObjectKey{Name: "rempart-claims-eu-only"}, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := read()
	if len(b.OwnerReferences) != 1 || b.OwnerReferences[0].UID != "u" {
		t.Errorf("owners %v", b.OwnerReferences)
	}
	b.OwnerReferences = nil
	b.Spec.ValidationActions = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Audit}
	b.Spec.MatchResources.ExcludeResourceRules = []admissionregistrationv1.NamedRuleWithOperations{{ResourceNames: []string{"data"}}}
	if err := r.Client.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b = read()
	if b.Spec.ValidationActions[0] != admissionregistrationv1.Deny || b.Spec.MatchResources.ExcludeResourceRules != nil || len(b.OwnerReferences) != 1 {
		t.Errorf("after a repair %+v", b)
	}
	policy.Spec.Enforcement = v1alpha1.EnforcementAudit
	if b = read(); b.Spec.ValidationActions[0] == admissionregistrationv1.Deny {
		t.Errorf("a policy that audits denies: %+v", b.Spec)
	}
}
