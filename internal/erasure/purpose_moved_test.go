package erasure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// later lets hours pass, in which everything works.
func later(w *world) {
	for range 20 {
		w.now = w.now.Add(10 * time.Minute)
		w.settle()
	}
}

// orders gives the register an activity that needs a store for something else.
func orders(w *world, store v1alpha1.PartName) {
	spec := &w.registers[0].Spec
	spec.Activities = append(spec.Activities, uses("orders", store, v1alpha1.Purpose{Name: "orders", LegalBasis: v1alpha1.BasisContract}, "carrier"))
}

// TestAPlannedStoreThatNoPurposeNeedsAnyMoreIsErased: after a withdrawal the activity is changed or taken off the register, and what
// nobody needs is to go all the more.
func TestAPlannedStoreThatNoPurposeNeedsAnyMoreIsErased(t *testing.T) {
	for what, change := range map[string]func(spec *v1alpha1.DataRegisterSpec){
		"the activity uses another store": func(spec *v1alpha1.DataRegisterSpec) { spec.Activities[0].Stores = []v1alpha1.PartName{"billing"} },
		"the activity has gone":           func(spec *v1alpha1.DataRegisterSpec) { spec.Activities = spec.Activities[1:] },
	} {
		w := news(t)
		change(&w.registers[0].Spec)
		acts(t, w, "approve r1")
		later(w)
		if status := w.requests[0].Status; w.erased != 1 || status.End != v1alpha1.EndErased || len(w.runs) > 2 {
			t.Errorf("%s: %d erasures, %d runs, end %q: %s", what, w.erased, len(w.runs), status.End, accepted(w))
		}
	}
}

// TestWhatWasBegunIsFinished: what another purpose needs since then is no reason to leave a part of an erasure.
func TestWhatWasBegunIsFinished(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	w.registers[0].Spec.Activities = []v1alpha1.ProcessingActivity{uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer")}
	acts(t, w, "secret p1 email=ada@example.org", "store deletes 3 keeps 1", "hold tax 2026-12-31 table=orders")
	r := w.request(t, strings.Fields("r1 p1 2026-03-05T08:00:00Z Automatic"))
	r.Spec.Purposes = []v1alpha1.PartName{"newsletter"}
	w.requests = append(w.requests, r)
	w.settle()
	orders(w, "main")
	w.settle()
	acts(t, w, "forget tax")
	later(w)
	if status := w.requests[0].Status; status.End == "" || len(status.Targets) != 1 || len(w.runs) > 4 {
		t.Errorf("%d runs, end %q, targets %+v: %s", len(w.runs), status.End, status.Targets, accepted(w))
	}
}

// twice is a world in which a newsletter uses two stores, and a request about it is planned in both and approved.
func twice(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	spec := &w.registers[0].Spec
	second := spec.Stores[0]
	second.Name = "zeta"
	spec.Stores = append(spec.Stores, second)
	activity := uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer")
	activity.Stores = []v1alpha1.PartName{"main", "zeta"}
	spec.Activities = []v1alpha1.ProcessingActivity{activity}
	acts(t, w, "secret p1 email=ada@example.org")
	r := w.request(t, strings.Fields("r1 p1 2026-03-05T08:00:00Z"))
	r.Spec.Purposes = []v1alpha1.PartName{"newsletter"}
	w.requests = append(w.requests, r)
	w.settle()
	w.requests[0].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	return w
}

// TestAnApprovalCoversWhatIsLeftOfItsPlan: one store was erased when another purpose came to need the second.
func TestAnApprovalCoversWhatIsLeftOfItsPlan(t *testing.T) {
	w := twice(t)
	for range 50 { // the other run has not begun
		w.judge(&w.requests[0])
		w.dispatch(&w.registers[0])
		for k := range w.runs {
			if w.runs[k].Spec.Store == "main" {
				w.follow(&w.runs[k])
			}
		}
	}
	orders(w, "zeta")
	later(w)
	if status := w.requests[0].Status; w.erased != 1 || status.End != v1alpha1.EndErased || status.ApprovedPlanDigest != status.PlanDigest {
		t.Errorf("%d erasures, end %q, targets %+v: %s", w.erased, status.End, status.Targets, says(w, v1alpha1.ConditionReady))
	}
}

// TestARunThatDidNothingIsNotBegun: it failed before the store was changed, and the next one asks the register again.
func TestARunThatDidNothingIsNotBegun(t *testing.T) {
	w := news(t)
	acts(t, w, "store erase fails RoleTooStrong")
	w.requests[0].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
	for range 15 {
		w.now = w.now.Add(time.Minute)
		w.pass()
	}
	orders(w, "main")
	acts(t, w, "store erase works")
	later(w)
	if status := w.requests[0].Status; w.erased != 0 || status.End != v1alpha1.EndNothingFound {
		t.Errorf("%d erasures, %d runs, end %q: %s", w.erased, len(w.runs), status.End, accepted(w))
	}
}

// TestWhoIsRefusedByARunIsNotServedByIt: a run commits for others, and lists the one whom it refused too.
func TestWhoIsRefusedByARunIsNotServedByIt(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	spec := &w.registers[0].Spec
	spec.Activities = []v1alpha1.ProcessingActivity{uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer")}
	acts(t, w, "secret p1 email=ada@example.org", "secret p2 email=bob@example.org")
	for i, n := range []string{"r1", "r2"} {
		r := w.request(t, []string{n, []string{"p1", "p2"}[i], "2026-03-05T08:00:00Z"})
		if i == 0 {
			r.Spec.Purposes = []v1alpha1.PartName{"newsletter"}
		}
		w.requests = append(w.requests, r)
	}
	w.settle()
	for i := range w.requests {
		w.requests[i].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
		w.judge(&w.requests[i])
	}
	w.dispatch(&w.registers[0])
	orders(w, "main")
	for range 4 {
		for i := range w.runs {
			w.follow(&w.runs[i])
		}
	}
	later(w)
	if status := w.requests[0].Status; status.End != v1alpha1.EndNothingFound || len(w.runs) > 6 || w.requests[1].Status.End != v1alpha1.EndErased {
		t.Errorf("%d runs, end %q, other %q: %s", len(w.runs), status.End, w.requests[1].Status.End, accepted(w))
	}
}

// TestAnApprovalHoldsWhereARunIsRefusedFirst: the run is the first to see the register, and its refusal takes the plan of the store along.
func TestAnApprovalHoldsWhereARunIsRefusedFirst(t *testing.T) {
	w := twice(t)
	w.judge(&w.requests[0])
	w.dispatch(&w.registers[0])
	orders(w, "zeta")
	for range 4 {
		for i := range w.runs {
			w.follow(&w.runs[i])
		}
	}
	later(w)
	if status := w.requests[0].Status; w.erased != 1 || status.End != v1alpha1.EndErased {
		t.Errorf("%d erasures, end %q, targets %+v: %s", w.erased, status.End, status.Targets, says(w, v1alpha1.ConditionReady))
	}
}

// TestARetryAsksAgainWhoNeedsTheStore: a run that goes on after a Job that failed is no reason to erase what another purpose has come to
// need meanwhile. What a Job had committed by then stays, and is verified.
func TestARetryAsksAgainWhoNeedsTheStore(t *testing.T) {
	for what, test := range map[string]struct {
		fails     string // of the first Job
		committed bool   // although it could not say so
		erased    int
		end       v1alpha1.ErasureEnd
	}{
		"a Job that never reached the store":      {"Unreachable", false, 0, v1alpha1.EndNothingFound},
		"a Job that may have committed":           {"Interrupted", false, 0, v1alpha1.EndNothingFound},
		"a Job that had committed and was killed": {"Interrupted", true, 1, v1alpha1.EndErased},
	} {
		w := news(t)
		acts(t, w, "store erase fails "+test.fails)
		w.requests[0].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
		w.judge(&w.requests[0])
		w.dispatch(&w.registers[0])
		run := &w.runs[len(w.runs)-1]
		for range 3 {
			w.follow(run)
		}
		if test.committed {
			w.commit(run, w.jobs[erasure.JobName(run, 1)], 1)
		}
		orders(w, "main")
		delete(w.fails, task.Erase)
		later(w)
		if status := w.requests[0].Status; w.erased != test.erased || status.End != test.end || len(w.runs) > 2 {
			t.Errorf("%s: %d erasures, %d runs, end %q, targets %+v: %s", what, w.erased, len(w.runs), status.End, status.Targets, says(w, v1alpha1.ConditionReady))
		}
		if w.pass() {
			t.Errorf("%s: it does not come to rest", what)
		}
	}
}

// TestWhoElseIsInARunIsErasedByTheNext: the run is stopped for one of its requests, and the other is whole.
func TestWhoElseIsInARunIsErasedByTheNext(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	w.registers[0].Spec.Activities = []v1alpha1.ProcessingActivity{uses("news", "main", v1alpha1.Purpose{Name: "newsletter", LegalBasis: v1alpha1.BasisConsent}, "mailer")}
	acts(t, w, "secret p1 email=ada@example.org", "secret p2 email=bob@example.org", "store erase fails Unreachable")
	for i, n := range []string{"r1", "r2"} {
		r := w.request(t, []string{n, []string{"p1", "p2"}[i], "2026-03-05T08:00:00Z"})
		if i == 0 {
			r.Spec.Purposes = []v1alpha1.PartName{"newsletter"}
		}
		w.requests = append(w.requests, r)
	}
	w.settle()
	for i := range w.requests {
		w.requests[i].Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
		w.judge(&w.requests[i])
	}
	w.dispatch(&w.registers[0])
	for range 3 {
		w.follow(&w.runs[len(w.runs)-1])
	}
	orders(w, "main")
	delete(w.fails, task.Erase)
	later(w)
	one, other := &w.requests[0], &w.requests[1]
	if w.gone[string(one.UID)] != 0 || w.gone[string(other.UID)] != 1 || one.Status.End != v1alpha1.EndNothingFound || other.Status.End != v1alpha1.EndErased {
		t.Errorf("erased %v, ends %q and %q", w.gone, one.Status.End, other.Status.End)
	}
}
