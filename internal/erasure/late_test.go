package erasure_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// played is a world after so many acts.
func played(t *testing.T, acts ...string) *world {
	t.Helper()
	w := newWorld()
	for _, act := range append([]string{"officer Europe/Paris FR", "register crm", "secret anna email=anna@example.eu", "request r1 anna 2026-03-02T09:30:00Z"}, acts...) {
		w.act(t, strings.Fields(act))
		w.settle()
	}
	return w
}

func accepted(w *world) string {
	return meta.FindStatusCondition(w.requests[0].Status.Conditions, v1alpha1.ConditionAccepted).Message
}

func TestWhatCameAfterTheDecisionIsSaidNotToBeCovered(t *testing.T) {
	before := played(t, "consents chat crm", "serves chat")
	if len(before.requests[0].Status.Targets) != 2 || strings.Contains(accepted(before), "not covered") {
		t.Errorf("%+v", before.requests[0].Status)
	}
	after := played(t, "jobs hang", "approve r1", "consents chat crm", "serves chat")
	if got := accepted(after); len(after.requests[0].Status.Targets) != 1 || !strings.Contains(got, "not covered, for it came after the decision: Consent ledger chat of register crm; make another request") {
		t.Errorf("%s %+v", got, after.requests[0].Status.Targets)
	}
	silent := played(t, "jobs hang", "approve r1", "consents chat crm")
	if got := accepted(silent); strings.Contains(got, "not covered") {
		t.Errorf("nobody is in a ledger that was never there: %s", got)
	}
	acts := []string{"jobs hang", "approve r1"}
	for i := range 8 {
		acts = append(acts, fmt.Sprintf("register r%d", i))
	}
	if got := accepted(played(t, acts...)); !strings.Contains(got, "Store main of register r4 and 3 more") {
		t.Error(got)
	}
}

// TestAnApprovalIsOfThePlanThatWasSeen: a plan that no longer covers all is not there to be approved.
func TestAnApprovalIsOfThePlanThatWasSeen(t *testing.T) {
	w := played(t)
	seen := w.requests[0].Status.PlanDigest
	w.act(t, strings.Fields("consents chat crm"))
	w.act(t, strings.Fields("serves chat"))
	w.judge(&w.requests[0])
	if w.requests[0].Status.PlanDigest != "" {
		t.Error("the plan of before can be approved")
	}
	w.settle()
	if now := w.requests[0].Status.PlanDigest; now == "" || now == seen {
		t.Errorf("%q follows %q", now, seen)
	}
}

func TestMoreThanCanBeFollowedIsNotAddedAndSaid(t *testing.T) {
	var acts []string
	for i := range 64 {
		acts = append(acts, fmt.Sprintf("register r%d", i))
	}
	w := played(t, acts...)
	if got := accepted(w); len(w.requests[0].Status.Targets) != 64 || !strings.Contains(got, "not covered, for a request follows 64 stores at most: Store main of register ") {
		t.Errorf("%d targets: %s", len(w.requests[0].Status.Targets), got)
	}
}

// TestAStoreWithoutADatasetThatComesLateIsForAPerson: another request would not search it either.
func TestAStoreWithoutADatasetThatComesLateIsForAPerson(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z")
	w.requests[0].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	spec := &w.registers[0].Spec
	spec.Stores = append(spec.Stores, v1alpha1.DataStore{Name: "archive"})
	w.judge(&w.requests[0])
	if words := accepted(w); !strings.Contains(words, "without a dataset no request searches it: Store archive of register crm; give it one and make another request, or erase the person there by hand") || strings.Contains(words, "; make another request for it") {
		t.Error(words)
	}
	full := spec.Stores[0]
	full.Name = "orders"
	spec.Stores = append(spec.Stores, full)
	w.judge(&w.requests[0])
	if words := accepted(w); !strings.Contains(words, "Store orders of register crm; make another request for it; not covered") || !strings.Contains(words, "by hand") {
		t.Error(words)
	}
}
