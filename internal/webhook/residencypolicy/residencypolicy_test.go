package residencypolicy

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
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

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// excepting adds an exception that ends in so many months.
func excepting(months int) func(*v1alpha1.ResidencyPolicySpec) {
	return func(s *v1alpha1.ResidencyPolicySpec) {
		end := metav1.NewTime(now.AddDate(0, months, 0))
		s.Exceptions = []v1alpha1.ResidencyException{{Name: "move", Rule: v1alpha1.ExceptionStorageClass, Namespace: "shop", Mechanism: v1alpha1.MechanismSCC,
			Reference: "SCC 2026-4", Reason: "until the move", ApprovedBy: "data protection officer", ExpiresTime: &end}}
	}
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
		"the first default":                               {policy("eu", "Default", nil), nil, nil, "", ""},
		"a second default":                                {policy("eu2", "Default", nil), nil, []client.Object{policy("eu", "Default", nil)}, "", `"eu" is the Default already`},
		"becoming a second default":                       {policy("eu2", "Default", nil), policy("eu2", "Named", nil), []client.Object{policy("eu", "Default", nil)}, "", "is the Default already"},
		"a named one beside it":                           {policy("eu2", "Named", nil), nil, []client.Object{policy("eu", "Default", nil)}, "", ""},
		"loosened by somebody who may":                    {policy("eu", "Default", audit), policy("eu", "Default", nil), nil, "", ""},
		"loosened by somebody who may not":                {policy("eu", "Default", audit), policy("eu", "Default", nil), nil, exempt, exempt},
		"tightened by anybody":                            {policy("eu", "Default", nil), policy("eu", "Default", audit), nil, exempt, ""},
		"deleted while in use by default":                 {nil, policy("eu", "Default", nil), []client.Object{register}, "", "in use by 1 DataRegister(s), such as shop/crm"},
		"deleted while named":                             {nil, policy("eu", "Named", nil), []client.Object{naming}, "", "in use"},
		"deleted while nobody uses it":                    {nil, policy("eu", "Named", nil), []client.Object{register}, "", ""},
		"deleted by somebody who may not":                 {nil, policy("eu", "Named", nil), nil, exempt, exempt},
		"with an exception":                               {policy("eu", "Named", excepting(6)), nil, nil, "", ""},
		"with an exception, by who may not":               {policy("eu", "Named", excepting(6)), nil, nil, exempt, "exception \"move\" needs the right to " + exempt},
		"an exception added":                              {policy("eu", "Named", excepting(6)), policy("eu", "Named", nil), nil, exempt, exempt},
		"an exception prolonged":                          {policy("eu", "Named", excepting(7)), policy("eu", "Named", excepting(6)), nil, exempt, exempt},
		"an exception prolonged by who may":               {policy("eu", "Named", excepting(7)), policy("eu", "Named", excepting(6)), nil, "", ""},
		"an exception ended":                              {policy("eu", "Named", nil), policy("eu", "Named", excepting(6)), nil, exempt, ""},
		"an exception for more than a year":               {policy("eu", "Named", excepting(13)), nil, nil, "", "more than a year ahead"},
		"a change beside an exception of old":             {policy("eu", "Default", excepting(-2)), policy("eu", "Named", excepting(-2)), nil, exempt, ""},
		"an exception of old that is prolonged":           {policy("eu", "Named", excepting(-1)), policy("eu", "Named", excepting(-2)), nil, "", "has passed"},
		"a default that audits, over the built-in":        {policy("eu", "Default", audit), nil, []client.Object{register}, exempt, "needs the right to " + exempt},
		"a default that audits, by who may":               {policy("eu", "Default", audit), nil, []client.Object{register}, "", ""},
		"a default that audits, over nothing":             {policy("eu", "Default", audit), nil, nil, exempt, ""},
		"a default as strict as the built-in":             {policy("eu", "Default", nil), nil, []client.Object{register}, exempt, ""},
		"a loose one becomes the default":                 {policy("eu", "Default", audit), policy("eu", "Named", audit), []client.Object{register}, exempt, exempt},
		"a loose one beside the default":                  {policy("eu", "Named", audit), nil, []client.Object{register, policy("eu2", "Default", nil)}, exempt, ""},
		"a loose one that a register waits for":           {policy("eu", "Named", audit), nil, []client.Object{naming, policy("eu2", "Default", nil)}, exempt, "which ResidencyPolicy eu2 holds for"},
		"a loose one that a register of an audit awaits":  {policy("eu", "Named", audit), nil, []client.Object{naming, policy("eu2", "Default", audit)}, exempt, ""},
		"a default, where the register names another one": {policy("eu2", "Default", audit), nil, []client.Object{naming, policy("eu", "Named", nil)}, "exempt residencypolicies.gdpr.rempart.dev/eu2", ""},
		"a region against the table": {policy("eu", "Named", func(s *v1alpha1.ResidencyPolicySpec) {
			s.Locations = []v1alpha1.DeclaredLocation{{Provider: "aws", Region: "us-east-1", Country: "FR", Evidence: "x"}}
		}), nil, nil, "", "spec.locations[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(test.world...).Build()
			h := New(harness.Scheme(t), reader, &harness.Rights{Denied: []string{test.denied}}, clocktesting.NewFakePassiveClock(now))
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, "alice", test.object, test.old)), test.refused)
		})
	}
}
