package residency

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestEachPolicyThatHoldsInANamespaceMarksIt(t *testing.T) {
	in := world()
	in.Policies = []v1alpha1.ResidencyPolicy{policy("eu-only", v1alpha1.PolicyRoleDefault, selected),
		policy("watch", v1alpha1.PolicyRoleNamed, func(s *v1alpha1.ResidencyPolicySpec) { selected(s); s.Enforcement = v1alpha1.EnforcementAudit })}
	in.Registers = []Register{{Namespace: "shop", Name: "crm"}}
	s := Build(in)
	for namespace, want := range map[string]map[string]string{
		"shop":        {LabelGuarded: GuardedEnforce, NamespaceLabel("eu-only"): "true"},
		"lab":         {LabelGuarded: GuardedEnforce, NamespaceLabel("eu-only"): "true", NamespaceLabel("watch"): "true"},
		"kube-system": {},
	} {
		if diff := cmp.Diff(want, s.GuardOf(namespace).Marks()); diff != "" {
			t.Errorf("%s: %s", namespace, diff)
		}
	}
	in.Policies = nil
	if diff := cmp.Diff(map[string]string{LabelGuarded: GuardedEnforce}, Build(in).GuardOf("shop").Marks()); diff != "" {
		t.Errorf("the built-in policy has no name to mark with: %s", diff)
	}
}

func TestMarksAreJoinedByTheStronger(t *testing.T) {
	one, two := NamespaceLabel("one"), NamespaceLabel("two")
	for name, test := range map[string]struct{ has, wants, joined map[string]string }{
		"new":       {map[string]string{}, map[string]string{LabelGuarded: "true", one: "true"}, map[string]string{LabelGuarded: "true", one: "true"}},
		"weaker":    {map[string]string{LabelGuarded: "all", one: "true"}, map[string]string{LabelGuarded: "audit", two: "true"}, map[string]string{LabelGuarded: "all", one: "true", two: "true"}},
		"stronger":  {map[string]string{LabelGuarded: "audit"}, map[string]string{LabelGuarded: "all"}, map[string]string{LabelGuarded: "all"}},
		"forged":    {map[string]string{LabelGuarded: "no", one: "no"}, map[string]string{LabelGuarded: "audit", one: "true"}, map[string]string{LabelGuarded: "audit", one: "true"}},
		"no reason": {map[string]string{one: "true"}, map[string]string{}, map[string]string{one: "true"}},
	} {
		if diff := cmp.Diff(test.joined, Stronger(test.has, test.wants)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got := MarksOf(map[string]string{"team": "a", LabelGuarded: "", one: "true", "gdpr.rempart.dev/other": "x"})
	if diff := cmp.Diff(map[string]string{one: "true"}, got); diff != "" {
		t.Error(diff)
	}
}
