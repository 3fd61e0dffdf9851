package erasure_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
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
		"one with another": {[]string{"orders"}, 0, "other purposes need it: Store main of register crm", "No store holds data for the withdrawn purposes alone, so none was searched"},
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

// news is a register whose newsletter has a store and a recipient, beside an activity with its own store and recipient, and a request
// about the newsletter alone.
func news(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	spec := &w.registers[0].Spec
	billing := spec.Stores[0]
	billing.Name = "billing"
	spec.Stores = append(spec.Stores, billing)
	spec.Activities = []v1alpha1.ProcessingActivity{
		uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer"),
		uses("billing", "billing", v1alpha1.Purpose{Name: "invoices", LegalBasis: v1alpha1.BasisLegalObligation}, "accountant"),
	}
	acts(t, w, "secret p1 email=ada@example.org")
	r := w.request(t, strings.Fields("r1 p1 2026-03-05T08:00:00Z"))
	r.Spec.Purposes, r.Spec.Ground = []v1alpha1.PartName{"newsletter"}, v1alpha1.GroundPointB
	w.requests = append(w.requests, r)
	w.settle()
	return w
}

// uses is an activity with one of everything.
func uses(name, store v1alpha1.PartName, purpose v1alpha1.Purpose, recipient v1alpha1.PartName) v1alpha1.ProcessingActivity {
	return v1alpha1.ProcessingActivity{Name: name, Stores: []v1alpha1.PartName{store}, Purposes: []v1alpha1.Purpose{purpose},
		Recipients: []v1alpha1.Recipient{{Name: recipient, Kind: v1alpha1.RecipientProcessor, ContactChannel: "mail"}}}
}

// TestRecipientsOfOtherActivitiesAreNotTold: who keeps records for another purpose is not asked to destroy them (Article 19).
func TestRecipientsOfOtherActivitiesAreNotTold(t *testing.T) {
	w := news(t)
	acts(t, w, "approve r1")
	status := w.requests[0].Status
	if status.End != v1alpha1.EndErased || len(status.Recipients) != 1 || status.Recipients[0].Name != "mailer" {
		t.Errorf("end %s, recipients %+v", status.End, status.Recipients)
	}
}

// TestAStoreThatAnotherPurposeNeedsByThenIsLeft: the register of the day of the erasure counts, not that of the plan.
func TestAStoreThatAnotherPurposeNeedsByThenIsLeft(t *testing.T) {
	w := news(t)
	if w.requests[0].Status.PlanDigest == "" {
		t.Fatal("there is no plan")
	}
	spec := &w.registers[0].Spec
	spec.Activities = append(spec.Activities, uses("orders", "main", v1alpha1.Purpose{Name: "orders", LegalBasis: v1alpha1.BasisContract}, "carrier"))
	acts(t, w, "approve r1")
	status := w.requests[0].Status
	if w.erased != 0 || status.End != v1alpha1.EndNothingFound || !strings.Contains(accepted(w), "other purposes need it: Store main of register crm") {
		t.Errorf("%d erasures, end %s, targets %+v: %s", w.erased, status.End, status.Targets, accepted(w))
	}
}

// TestARunAsksThePurposesAgain: between the last look at a request and the Job the register can change.
func TestARunAsksThePurposesAgain(t *testing.T) {
	w := news(t)
	register := w.registers[0].DeepCopy()
	run := v1alpha1.ErasureRun{Spec: v1alpha1.ErasureRunSpec{Mode: v1alpha1.RunExecute, RegisterRef: v1alpha1.LocalRef{Name: "crm"}, Store: "main", Epoch: 1 << 62, PlanDigest: w.digest}}
	request := w.requests[0].DeepCopy()
	request.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	request.Status.ApprovedPlanDigest = request.Status.PlanDigest
	live := erasure.Live{UID: request.UID, Request: request}
	if reason := erasure.Admit(&run, live, register, nil, nil); reason != "" {
		t.Fatalf("refused for %s", reason)
	}
	register.Spec.Activities[1].Stores = append(register.Spec.Activities[1].Stores, "main")
	if reason := erasure.Admit(&run, live, register, nil, nil); reason != v1alpha1.ReasonPurposeChanged {
		t.Errorf("%q", reason)
	}
}

func TestAMisspeltPurposeEndsNothing(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org")
	w.registers[0].Spec.Activities = []v1alpha1.ProcessingActivity{uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer")}
	r := w.request(t, strings.Fields("r1 p1 2026-03-05T08:00:00Z"))
	r.Spec.Purposes = []v1alpha1.PartName{"newsleter"}
	w.requests = append(w.requests, r)
	w.settle()
	if end, words := w.requests[0].Status.End, accepted(w); end != "" || !strings.Contains(words, "newsleter") || w.secrets["p1"] == nil {
		t.Errorf("end %q: %s", end, words)
	}
}
