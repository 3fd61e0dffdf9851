package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

func TestOnlyAWithdrawalAsksForErasure(t *testing.T) {
	erasing := func(name v1alpha1.PartName) v1alpha1.ConsentPurpose {
		return v1alpha1.ConsentPurpose{Name: name, OnWithdrawal: v1alpha1.WithdrawalStopAndErase}
	}
	spec := &v1alpha1.ConsentPolicySpec{Purposes: []v1alpha1.ConsentPurpose{erasing("mail"), {Name: "stats", OnWithdrawal: v1alpha1.WithdrawalStop}, erasing("profile")}}
	event := func(kind consent.EventType, purpose string, decision consent.Decision) consent.Choice {
		return consent.Choice{Type: kind, Purpose: purpose, Decision: decision}
	}
	was := func(decision consent.Decision, purposes ...string) (states []consent.State) {
		for _, purpose := range purposes {
			states = append(states, consent.State{Purpose: purpose, Decision: decision})
		}
		return states
	}
	withdrawn := func(purpose string) consent.Choice {
		return event(consent.EventWithdrawn, purpose, consent.Denied)
	}
	for name, test := range map[string]struct {
		before []consent.State
		events []consent.Choice
		want   []string
	}{
		"withdrawn":                     {was(consent.Granted, "mail", "profile"), []consent.Choice{withdrawn("mail")}, []string{"mail"}},
		"with Stop":                     {was(consent.Granted, "stats"), []consent.Choice{withdrawn("stats")}, nil},
		"no purpose of the policy":      {was(consent.Granted, "old"), []consent.Choice{withdrawn("old")}, nil},
		"refused":                       {nil, []consent.Choice{event(consent.EventRefused, "mail", consent.Denied)}, nil},
		"expired":                       {was(consent.Granted, "mail"), []consent.Choice{event(consent.EventExpired, "mail", consent.Denied)}, nil},
		"the last of two":               {was(consent.Denied, "mail"), []consent.Choice{withdrawn("profile")}, []string{"mail", "profile"}},
		"one ends while another comes":  {was(consent.Denied, "mail"), []consent.Choice{withdrawn("profile"), event(consent.EventGiven, "mail", consent.Granted)}, []string{"profile"}},
		"withdrawn before, and nothing": {was(consent.Denied, "mail"), nil, nil},
	} {
		if diff := cmp.Diff(test.want, Erasures(spec, test.before, test.events)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
