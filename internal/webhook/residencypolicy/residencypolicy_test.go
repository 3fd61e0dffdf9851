package residencypolicy

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

func policy(name string, role v1alpha1.PolicyRole, change func(*v1alpha1.ResidencyPolicySpec)) *v1alpha1.ResidencyPolicy {
	p := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: "Enforce", Role: role}}
	if change != nil {
		change(&p.Spec)
	}
	return p
}

func TestPoliciesAreJudged(t *testing.T) {
	const exempt = "exempt residencypolicies.gdpr.rempart.dev/eu"
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}}
	naming := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{ResidencyPolicyRef: &v1alpha1.ClusterRef{Name: "eu"}}}
	audit := func(s *v1alpha1.ResidencyPolicySpec) { s.Enforcement = "Audit" }
	for name, test := range map[string]struct {
		object, old *v1alpha1.ResidencyPolicy
		world       []client.Object
		denied      string
		refused     string
	}{
		"the first default":                {policy("eu", "Default", nil), nil, nil, "", ""},
		"a second default":                 {policy("eu2", "Default", nil), nil, []client.Object{policy("eu", "Default", nil)}, "", `"eu" is the Default already`},
		"becoming a second default":        {policy("eu2", "Default", nil), policy("eu2", "Named", nil), []client.Object{policy("eu", "Default", nil)}, "", "is the Default already"},
		"a named one beside it":            {policy("eu2", "Named", nil), nil, []client.Object{policy("eu", "Default", nil)}, "", ""},
		"loosened by somebody who may":     {policy("eu", "Default", audit), policy("eu", "Default", nil), nil, "", ""},
		"loosened by somebody who may not": {policy("eu", "Default", audit), policy("eu", "Default", nil), nil, exempt, exempt},
		"tightened by anybody":             {policy("eu", "Default", nil), policy("eu", "Default", audit), nil, exempt, ""},
		"deleted while in use by default":  {nil, policy("eu", "Default", nil), []client.Object{register}, "", "in use by 1 DataRegister(s), such as shop/crm"},
		"deleted while named":              {nil, policy("eu", "Named", nil), []client.Object{naming}, "", "in use"},
		"deleted while nobody uses it":     {nil, policy("eu", "Named", nil), []client.Object{register}, "", ""},
		"deleted by somebody who may not":  {nil, policy("eu", "Named", nil), nil, exempt, exempt},
		"a region against the table": {policy("eu", "Named", func(s *v1alpha1.ResidencyPolicySpec) {
			s.Locations = []v1alpha1.DeclaredLocation{{Provider: "aws", Region: "us-east-1", Country: "FR", Evidence: "x"}}
		}), nil, nil, "", "spec.locations[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(test.world...).Build()
			h := New(harness.Scheme(t), reader, &harness.Rights{Denied: []string{test.denied}})
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, "alice", test.object, test.old)), test.refused)
		})
	}
}
