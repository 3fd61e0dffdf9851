package erasure_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// off are the ways in which the second store of a register, zeta, leaves it.
var off = map[string]func(w *world){
	"its dataset":  func(w *world) { w.registers[0].Spec.Stores[1].Dataset = nil },
	"the store":    func(w *world) { w.registers[0].Spec.Stores = w.registers[0].Spec.Stores[:1] },
	"its register": func(w *world) { w.registers = nil },
	"its register, which waits for something": func(w *world) {
		w.registers[0].DeletionTimestamp = ptr.To(metav1.NewTime(w.now))
	},
}

// days lets them pass, in which everything works.
func days(w *world, n int) {
	for range n {
		w.now = w.now.Add(24 * time.Hour)
		w.settle()
	}
}

// pair is a world with a request about the whole person, planned in two stores and approved; nothing has begun.
func pair(t *testing.T) *world {
	t.Helper()
	w := twice(t)
	w.requests[0].Spec.Purposes = nil
	return w
}

// TestAStoreThatIsTakenOffAfterTheApprovalIsLeftToAPerson: the request neither waits for ever nor claims to have erased there.
func TestAStoreThatIsTakenOffAfterTheApprovalIsLeftToAPerson(t *testing.T) {
	for what, take := range off {
		w := pair(t)
		w.judge(&w.requests[0])
		erases := 1
		if strings.HasPrefix(what, "its register") {
			erases = 0
		}
		take(w)
		w.settle()
		if ready := meta.FindStatusCondition(w.requests[0].Status.Conditions, v1alpha1.ConditionReady); ready.Reason != v1alpha1.ReasonStoreMissing ||
			!meta.IsStatusConditionTrue(w.requests[0].Status.Conditions, v1alpha1.ConditionStalled) || !strings.Contains(ready.Message, "crm") || w.requests[0].Status.End != "" {
			t.Errorf("%s is off: %+v, end %q", what, ready, w.requests[0].Status.End)
		}
		days(w, 2)
		status := w.requests[0].Status
		zeta := status.Targets[1]
		want := map[int]v1alpha1.ErasureEnd{0: v1alpha1.EndNothingFound, 1: v1alpha1.EndPartlyErased}[erases]
		if status.End != want || w.erased != erases || zeta.Result != v1alpha1.TargetManual || zeta.Reason != v1alpha1.ReasonStoreMissing || zeta.ExecutedTime != nil || len(zeta.Tables) > 0 {
			t.Errorf("%s is off: end %q, %d erasures, %+v", what, status.End, w.erased, zeta)
		}
		if ready := says(w, v1alpha1.ConditionReady); !strings.Contains(ready, "crm/zeta") || !strings.Contains(zeta.Message, "by hand") || erases == 0 && !strings.HasPrefix(ready, "Nothing was erased") {
			t.Errorf("%s is off: %s; %s", what, ready, zeta.Message)
		}
		if w.pass() {
			t.Errorf("%s is off: it does not come to rest", what)
		}
	}
}

// TestAStoreThatComesBackIsErasedUnderItsApproval: what was taken off by mistake is put back.
func TestAStoreThatComesBackIsErasedUnderItsApproval(t *testing.T) {
	for what, take := range off {
		w := pair(t)
		w.judge(&w.requests[0])
		before := *w.registers[0].DeepCopy()
		take(w)
		w.settle()
		w.registers = []v1alpha1.DataRegister{before}
		days(w, 2)
		if status := w.requests[0].Status; status.End != v1alpha1.EndErased || w.erased != 2 || status.Targets[1].MissingTime != nil {
			t.Errorf("%s came back: end %q, %d erasures: %s", what, status.End, w.erased, says(w, v1alpha1.ConditionReady))
		}
	}
}

// TestAStoreThatIsTakenOffBeforeADecisionIsSaid: who decides sees that nothing is erased there, and a request that needs no decision ends.
func TestAStoreThatIsTakenOffBeforeADecisionIsSaid(t *testing.T) {
	for what, take := range off {
		w := pair(t)
		w.requests[0].Spec.Decision = nil
		w.settle()
		was := w.requests[0].Status.PlanDigest
		take(w)
		days(w, 2)
		zeta := w.requests[0].Status.Targets[1]
		if planned := says(w, v1alpha1.ConditionPlanned); zeta.Result != v1alpha1.TargetManual || !strings.Contains(planned, "crm/zeta") || w.requests[0].Status.PlanDigest == "" || w.requests[0].Status.PlanDigest == was {
			t.Errorf("%s is off: %+v: %s", what, zeta, planned)
		}
	}
}

// TestAPartThatAHoldDeferredIsNotForgottenWithItsStore: what was erased before stays told, and what was held is left to a person.
func TestAPartThatAHoldDeferredIsNotForgottenWithItsStore(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm mailer=mail", "secret p1 email=ada@example.org", "store deletes 3 keeps 0",
		"hold tax 2026-12-31 table=orders", "request r1 p1 2026-03-05T08:00:00Z Automatic")
	w.registers[0].Spec.Stores[0].Dataset = nil
	days(w, 3)
	if status := w.requests[0].Status; status.End != "" || says(w, v1alpha1.ConditionReady) == "" || status.Targets[0].Result != v1alpha1.TargetDeferred {
		t.Errorf("the hold is in force: %q, %+v", status.End, status.Targets[0])
	}
	acts(t, w, "forget tax")
	days(w, 2)
	status := w.requests[0].Status
	if status.End != v1alpha1.EndPartlyErased || status.Targets[0].Result != v1alpha1.TargetManual || *status.Targets[0].RowsDeleted != 3 || len(w.messages) != 1 ||
		!slices.ContainsFunc(status.Recipients, func(r v1alpha1.InformedRecipient) bool { return r.Result == v1alpha1.RecipientInformed }) {
		t.Errorf("end %q, %+v, %d messages", status.End, status.Targets[0], len(w.messages))
	}
}

// TestAHoldKeepsAStoreThatLeftFromBeingLeftToAPerson: to erase by hand what a hold keeps is what nobody may do.
func TestAHoldKeepsAStoreThatLeftFromBeingLeftToAPerson(t *testing.T) {
	w := pair(t)
	w.judge(&w.requests[0])
	off["its dataset"](w)
	w.settle()
	acts(t, w, "hold tax 2026-12-31 register=crm")
	days(w, 3)
	status := w.requests[0].Status
	zeta := status.Targets[1]
	if status.End != "" || zeta.Result == v1alpha1.TargetManual || zeta.MissingTime != nil || len(zeta.HeldBy) == 0 || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady).Reason != v1alpha1.ReasonOnLegalHold {
		t.Errorf("end %q, %+v, %s", status.End, zeta, says(w, v1alpha1.ConditionReady))
	}
	if w.pass() {
		t.Error("it does not come to rest")
	}
}

// TestARunThatReachedNothingIsUndoneWithItsStore: every Job of it ended before the store could commit, so nobody need doubt that.
func TestARunThatReachedNothingIsUndoneWithItsStore(t *testing.T) {
	w := pair(t)
	w.fails[task.Erase] = task.Unreachable
	take := off["its dataset"]
	w.judge(&w.requests[0])
	w.dispatch(&w.registers[0])
	for range 4 {
		for i := range w.runs {
			w.follow(&w.runs[i])
		}
	}
	take(w)
	acts(t, w, "store erase works")
	days(w, 2)
	if status := w.requests[0].Status; status.End != v1alpha1.EndPartlyErased || status.Targets[1].Result != v1alpha1.TargetManual || w.erased != 1 {
		t.Errorf("end %q, %d erasures, %+v: %s", status.End, w.erased, status.Targets[1], says(w, v1alpha1.ConditionReady))
	}
}

// TestAStoreThatFailsAndIsTakenOffHoldsUpNoOther: it was switched off, and then nobody needed its dataset any more.
func TestAStoreThatFailsAndIsTakenOffHoldsUpNoOther(t *testing.T) {
	w := pair(t)
	acts(t, w, "store erase fails Unreachable")
	off["its dataset"](w)
	acts(t, w, "store erase works")
	days(w, 3)
	if status := w.requests[0].Status; status.End != v1alpha1.EndPartlyErased || status.Targets[1].Result != v1alpha1.TargetManual || w.erased != 1 {
		t.Errorf("end %q, %d erasures, %+v: %s", status.End, w.erased, status.Targets[1], says(w, v1alpha1.ConditionReady))
	}
}
