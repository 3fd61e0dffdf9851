package judge

import (
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

func TestOnlyAnActThatCanBeConsentKeepsWhatItWasGivenTo(t *testing.T) {
	purposes := map[string]v1alpha1.ConsentPurpose{
		"asked":    {LegalBasis: v1alpha1.BasisConsent, Necessity: v1alpha1.NecessityRequestedService},
		"optional": {LegalBasis: v1alpha1.BasisConsent, Necessity: v1alpha1.NecessityOptional},
		"explicit": {LegalBasis: v1alpha1.BasisContract, ConsentKind: v1alpha1.ConsentExplicit, Necessity: v1alpha1.NecessityRequestedService},
		"contract": {LegalBasis: v1alpha1.BasisContract, Necessity: v1alpha1.NecessityRequestedService},
	}
	for method, want := range map[consent.Method]string{
		consent.MethodMessage: "contract gone", consent.MethodTriggerButton: "contract gone", consent.MethodAssertedBySite: "contract gone", consent.MethodAPI: "contract gone", "": "contract gone",
		consent.MethodButton:   "optional contract gone",
		consent.MethodCheckbox: "asked optional explicit contract gone", consent.MethodDoubleOptIn: "asked optional explicit contract gone",
	} {
		var states []consent.State
		for _, purpose := range []string{"asked", "optional", "explicit", "contract", "gone"} {
			states = append(states, consent.State{Purpose: purpose, Decision: consent.Granted, Method: method, Notice: consent.NoticeRef{Version: 1, Material: []byte{1}}})
		}
		got := ""
		for i, state := range Weigh(purposes, states) {
			if !state.Void {
				got += " " + state.Purpose
			}
			if state.Decision != consent.Granted || state.Notice.Version != 1 || state.Notice.Material == nil {
				t.Errorf("%s: %+v", method, state)
			}
			if states[i].Void {
				t.Errorf("%s: what others read was changed", method)
			}
		}
		if got != " "+want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	denied := []consent.State{{Purpose: "asked", Notice: consent.NoticeRef{Material: []byte{1}}}}
	if Weigh(purposes, denied)[0].Void {
		t.Error("a denial was weighed")
	}
}
