package erasure_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// acted plays acts, each until all is at rest.
func acted(t *testing.T, acts ...string) *world {
	t.Helper()
	w := newWorld()
	for _, act := range acts {
		w.act(t, strings.Fields(act))
		w.settle()
	}
	return w
}

// opening is an officer in Paris, a register with three recipients, and a person; received is when they ask.
func opening(received string, more ...string) []string {
	return append([]string{"officer Europe/Paris FR", "register crm", "secret anna email=anna@example.eu", "at " + received, "request r1 anna " + received}, more...)
}

func conditionOf(w *world, kind string) string {
	c := meta.FindStatusCondition(w.requests[0].Status.Conditions, kind)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason
}

// The rows of deadline_behaviour_tests.csv that are about a request of erasure, by their id. X04 and X05 are rules of the schema and
// stand beside its other tests, in internal/webhook/erasurerequest; the rows about breaches in internal/breach; the arithmetic of
// X01, X02 and X07 in internal/law/deadline.

func TestX01AnExtensionToldOnTheDayBeforeTheLimitIsValid(t *testing.T) {
	w := acted(t, opening("2026-01-31T10:00:00Z", "at 2026-03-01T12:00:00Z", "extend r1 2026-03-01T12:00:00Z")...)
	if s := w.requests[0].Status; s.LegalDueTime.UTC().Format("2006-01-02 15:04") != "2026-04-30 22:00" || conditionOf(w, v1alpha1.ConditionOverdue) != "" {
		t.Errorf("limit %s, overdue %s", s.LegalDueTime, conditionOf(w, v1alpha1.ConditionOverdue))
	}
}

func TestX02AnExtensionToldOnTheDayAfterTheLimitIsInvalid(t *testing.T) {
	w := acted(t, opening("2026-01-31T10:00:00Z", "at 2026-03-03T12:00:00Z", "extend r1 2026-03-03T12:00:00Z")...)
	s := w.requests[0].Status
	if s.LegalDueTime.UTC().Format("2006-01-02 15:04") != "2026-03-02 23:00" || conditionOf(w, v1alpha1.ConditionOverdue) != "True/DueTimePassed" ||
		!strings.Contains(accepted(w), "the extension counts for nothing") {
		t.Errorf("limit %s, overdue %s, %s", s.LegalDueTime, conditionOf(w, v1alpha1.ConditionOverdue), accepted(w))
	}
}

func TestX07AQuestionAfterThreeWeeksSuspendsNothing(t *testing.T) {
	w := acted(t, opening("2026-03-05T10:00:00Z", "at 2026-03-26T10:00:00Z", "ask r1 2026-03-26T10:00:00Z")...)
	if s := w.requests[0].Status; s.DueTime == nil || s.DueTime.UTC().Format("2006-01-02") != "2026-04-05" || len(s.DueHistory) != 0 {
		t.Errorf("due %s, moved %v", s.DueTime, s.DueHistory)
	}
	w.act(t, strings.Fields("at 2026-04-06T10:00:00Z"))
	w.settle()
	if conditionOf(w, v1alpha1.ConditionOverdue) != "True/DueTimePassed" {
		t.Error("a late question hides that the answer is late")
	}
}

// TestX16InvoicesByLawAndANewsletterOnConsentAreSplit: one store keeps invoices for the law, another holds what consent alone gave.
func TestX16InvoicesByLawAndANewsletterOnConsentAreSplit(t *testing.T) {
	w := acted(t, "officer Europe/Paris FR", "register crm", "secret anna email=anna@example.eu")
	register := &w.registers[0]
	letters := *register.Spec.Stores[0].DeepCopy()
	letters.Name, letters.Dataset.Tables = "letters", letters.Dataset.Tables[:1]
	register.Spec.Stores = append(register.Spec.Stores, letters)
	register.Spec.Activities = []v1alpha1.ProcessingActivity{
		{Name: "invoices", Stores: []v1alpha1.PartName{"main"}, Purposes: []v1alpha1.Purpose{{Name: "accounts", LegalBasis: v1alpha1.BasisLegalObligation, LegalReference: "Code de commerce, L123-22"}}},
		{Name: "newsletter", Stores: []v1alpha1.PartName{"letters"}, Purposes: []v1alpha1.Purpose{{Name: "news", LegalBasis: v1alpha1.BasisConsent}}}}
	w.rows = []int64{1, 2} // the stores delete one row and keep two by law
	w.act(t, strings.Fields("request r1 anna 2026-03-05T08:00:00Z"))
	w.requests[0].Spec.Ground = v1alpha1.GroundPointB
	w.settle()
	s := &w.requests[0].Status
	if len(s.Findings) != 1 || s.Findings[0].Rule != "A17-03" || s.Findings[0].Severity != v1alpha1.SeverityInfo || s.Findings[0].Subject != "crm/activity/invoices" {
		t.Errorf("%+v", s.Findings)
	}
	planned := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPlanned)
	if !strings.Contains(planned.Message, "(Article 17(3)(b)), see status.findings: crm/activity/invoices") {
		t.Error(planned.Message)
	}
	w.act(t, strings.Fields("approve r1"))
	w.settle()
	if w.erased != 2 {
		t.Errorf("%d of two stores erased", w.erased)
	}
	for _, target := range w.requests[0].Status.Targets {
		if ptr.Deref(target.RowsDeleted, 0) != 1 {
			t.Errorf("%s deleted %d rows", target.Store, ptr.Deref(target.RowsDeleted, 0))
		}
		if target.Store == "main" && (len(target.Kept) != 1 || target.Kept[0].Article != "17(3)(b)" || target.Kept[0].UntilOn == "") {
			t.Errorf("%s keeps %+v", target.Store, target.Kept)
		}
	}
	if w.requests[0].Status.End != v1alpha1.EndPartlyErased {
		t.Errorf("it ended as %s", w.requests[0].Status.End)
	}

	bare := acted(t, "officer Europe/Paris FR", "register crm", "secret anna email=anna@example.eu")
	register = &bare.registers[0]
	register.Spec.Stores[0].Dataset.Tables = register.Spec.Stores[0].Dataset.Tables[:1] // nothing keeps the invoices
	register.Spec.Activities = []v1alpha1.ProcessingActivity{{Name: "invoices", Stores: []v1alpha1.PartName{"main"}, Purposes: []v1alpha1.Purpose{{Name: "accounts", LegalBasis: v1alpha1.BasisLegalObligation, LegalReference: "L"}}}}
	bare.act(t, strings.Fields("request r1 anna 2026-03-05T08:00:00Z"))
	bare.settle()
	if f := bare.requests[0].Status.Findings; len(f) != 1 || f[0].Severity != v1alpha1.SeverityWarning || !strings.Contains(accepted(bare), "to read before a decision, in status.findings: 1") {
		t.Errorf("%+v %s", f, accepted(bare))
	}
}

// TestX17AnErasureOfWhichNoRecipientWasToldIsIncomplete until each was, or it is written why not.
func TestX17AnErasureOfWhichNoRecipientWasToldIsIncomplete(t *testing.T) {
	w := acted(t, "officer Europe/Paris FR", "register crm one=mail two=mail three=", "post waits", "secret anna email=anna@example.eu", "request r1 anna 2026-03-05T08:00:00Z", "approve r1")
	if conditionOf(w, v1alpha1.ConditionVerified) != "True/Verified" || conditionOf(w, v1alpha1.ConditionReady) != "False/Informing" || w.requests[0].Status.End != "" {
		t.Fatal(describe(&w.requests[0]))
	}
	w.act(t, strings.Fields("post delivers"))
	w.settle()
	if conditionOf(w, v1alpha1.ConditionReady) != "False/NoChannel" {
		t.Error(describe(&w.requests[0]))
	}
	w.act(t, strings.Fields("reach three because:unknown-since-2019"))
	w.settle()
	if conditionOf(w, v1alpha1.ConditionReady) != "True/Erased" || conditionOf(w, v1alpha1.ConditionRecipientsInformed) != "True/SomeImpossible" {
		t.Error(describe(&w.requests[0]))
	}
}

// The gravest of many findings is the last that is found: it stands first, and what has no room is counted.
func TestTheGravestFindingsStandInTheStatusAndTheOthersAreCounted(t *testing.T) {
	w := acted(t, "officer Europe/Paris FR", "register crm", "secret anna email=anna@example.eu")
	register := &w.registers[0]
	letters := *register.Spec.Stores[0].DeepCopy()
	letters.Name, letters.Dataset.Tables = "letters", letters.Dataset.Tables[:1] // nothing keeps what is in it
	register.Spec.Stores = append(register.Spec.Stores, letters)
	for i := range 71 {
		a := v1alpha1.ProcessingActivity{Name: v1alpha1.PartName(fmt.Sprintf("a%02d", i)), Stores: []v1alpha1.PartName{"main"}, Purposes: []v1alpha1.Purpose{{Name: "p", LegalBasis: v1alpha1.BasisLegalObligation, LegalReference: "L"}}}
		if i == 70 {
			a.Stores[0] = "letters"
		}
		register.Spec.Activities = append(register.Spec.Activities, a)
	}
	w.act(t, strings.Fields("request r1 anna 2026-03-05T08:00:00Z"))
	w.settle()
	found := w.requests[0].Status.Findings
	if len(found) != 64 || found[0].Subject != "crm/activity/a70" || found[0].Severity != v1alpha1.SeverityWarning || found[1].Subject != "crm/activity/a00" {
		t.Fatalf("%d findings: %+v", len(found), found[:min(2, len(found))])
	}
	if !strings.Contains(accepted(w), "in status.findings: 1; status.findings has the gravest 64 and leaves out 7") {
		t.Error(accepted(w))
	}
}
