package erasure_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestARequestAboutPurposesLeavesWhatOthersNeed: consent to one purpose says nothing of the ground that another has.
func TestARequestAboutPurposesLeavesWhatOthersNeed(t *testing.T) {
	for name, test := range map[string]struct {
		also    []string // purposes for which the store is needed too
		targets int
		says    string
		end     string
	}{
		"its own store":    {nil, 1, "", ""},
		"one with another": {[]string{"orders"}, 0, "other purposes need it too: Store main of register crm", "No store holds data for the withdrawn purposes alone, so none was searched"},
	} {
		w := newWorld()
		for _, act := range []string{"officer Europe/Paris FR", "register crm", "consents chat crm", "serves chat", "secret anna email=anna@example.eu"} {
			w.act(t, strings.Fields(act))
		}
		activity := func(purpose string) v1alpha1.ProcessingActivity {
			return v1alpha1.ProcessingActivity{Name: v1alpha1.PartName(purpose), Purposes: []v1alpha1.Purpose{{Name: v1alpha1.PartName(purpose)}}, Stores: []v1alpha1.PartName{"main"}}
		}
		register := &w.registers[0]
		register.Spec.Activities = []v1alpha1.ProcessingActivity{activity("newsletter")}
		for _, purpose := range test.also {
			register.Spec.Activities = append(register.Spec.Activities, activity(purpose))
		}
		stores := len(register.Spec.Stores)
		w.act(t, strings.Fields("request r1 anna 2026-03-02T09:30:00Z"))
		w.requests[0].Spec.Purposes = []v1alpha1.PartName{"newsletter"}
		w.settle()
		status := w.requests[0].Status
		if len(status.Targets) != test.targets || len(w.registers[0].Spec.Stores) != stores || !strings.Contains(accepted(w), test.says) || (test.says == "") == strings.Contains(accepted(w), "not covered") {
			t.Errorf("%s: %+v\n%s", name, status.Targets, accepted(w))
		}
		if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); (test.end != "") != (status.End == v1alpha1.EndNothingFound) || !strings.Contains(ready.Message, test.end) {
			t.Errorf("%s: %s %s", name, status.End, ready.Message)
		}
		for _, target := range status.Targets {
			if target.Kind == v1alpha1.TargetConsentLedger {
				t.Errorf("%s: the proof of other consents is touched", name)
			}
		}
	}
}
