package residency

import (
	"slices"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestABindingDeniesWhereAPolicyEnforcesAndNeverBlocksWhereItAudits(t *testing.T) {
	enforcing := policy("eu-only", v1alpha1.PolicyRoleDefault, nil)
	got := Twin(&enforcing, "rempart-system")
	if got.Name != "rempart-claims-eu-only" || !slices.Equal(got.Spec.ValidationActions, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}) ||
		got.Spec.ParamRef.Name != "eu-only" || *got.Spec.ParamRef.ParameterNotFoundAction != admissionregistrationv1.DenyAction {
		t.Errorf("%+v", got)
	}
	auditing := policy("watch", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) { s.Enforcement = v1alpha1.EnforcementAudit })
	got = Twin(&auditing, "rempart-system")
	if slices.Contains(got.Spec.ValidationActions, admissionregistrationv1.Deny) || *got.Spec.ParamRef.ParameterNotFoundAction != admissionregistrationv1.AllowAction {
		t.Errorf("%+v", got)
	}
}

func TestABindingSelectsNoNamespaceThatIsNeverJudged(t *testing.T) {
	byRegisters := func(*v1alpha1.ResidencyPolicySpec) {}
	for name, test := range map[string]struct {
		policy   v1alpha1.ResidencyPolicy
		selected []string
	}{
		"all":       {policy("p", v1alpha1.PolicyRoleDefault, nil), []string{"shop", "lab"}},
		"selected":  {policy("p", v1alpha1.PolicyRoleNamed, selected), []string{"shop", "lab"}}, // the admission policy knows which
		"registers": {policy("p", v1alpha1.PolicyRoleNamed, byRegisters), []string{"shop"}},
	} {
		selector, err := metav1.LabelSelectorAsSelector(Twin(&test.policy, "rempart-system").Spec.MatchResources.NamespaceSelector)
		if err != nil {
			t.Fatal(err)
		}
		for _, ns := range []string{"shop", "lab", "kube-system", "kube-public", "kube-node-lease", "rempart-system"} {
			marked := namespace(ns, "kubernetes.io/metadata.name", ns)
			if ns != "lab" {
				marked.Labels[NamespaceLabel("p")] = "true"
			}
			if got := selector.Matches(labels.Set(marked.Labels)); got != slices.Contains(test.selected, ns) {
				t.Errorf("%s: namespace %s selected: %v", name, ns, got)
			}
		}
	}
}
