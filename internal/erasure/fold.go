package erasure

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// First and longest wait between two runs of a request at one store.
const (
	firstRetry   = 15 * time.Second
	longestRetry = 5 * time.Minute
)

// Final tells whether a target has a result that no run changes any more.
func Final(result v1alpha1.TargetResult) bool {
	switch result {
	case v1alpha1.TargetErased, v1alpha1.TargetPartlyKept, v1alpha1.TargetNothing, v1alpha1.TargetFailed, v1alpha1.TargetManual:
		return true
	default:
		return false
	}
}

// Serves tells whether a run works for a request at a target.
func Serves(run *v1alpha1.ErasureRun, uid types.UID, target *v1alpha1.ErasureTarget) bool {
	return workplace(run) == placeOf(target) && Lists(run, uid)
}

// Lists tells whether a run works for a request.
func Lists(run *v1alpha1.ErasureRun, uid types.UID) bool {
	return slices.ContainsFunc(run.Spec.Requests, func(r v1alpha1.RunRequest) bool { return r.UID == string(uid) })
}

// Fold counts the ends of runs into the targets of the request with that UID, and returns new targets. A run counts once:
// its epoch is recorded, and older ones are passed over. So folding the same runs again changes nothing. The targets share no
// memory with the runs, which may be those of the cache.
func Fold(targets []v1alpha1.ErasureTarget, uid types.UID, runs []v1alpha1.ErasureRun) []v1alpha1.ErasureTarget {
	folded := make([]v1alpha1.ErasureTarget, len(targets))
	for i := range targets {
		folded[i] = *targets[i].DeepCopy()
		for _, run := range uncounted(&folded[i], uid, runs) {
			count(&folded[i], uid, run)
		}
	}
	if len(folded) == 0 {
		return nil
	}
	return folded
}

// uncounted are the runs that serve a target and whose end is not in it yet, oldest first.
func uncounted(target *v1alpha1.ErasureTarget, uid types.UID, runs []v1alpha1.ErasureRun) []*v1alpha1.ErasureRun {
	var list []*v1alpha1.ErasureRun
	for i := range runs {
		if runs[i].Spec.Mode != v1alpha1.RunReplay && Serves(&runs[i], uid, target) && runs[i].Spec.Epoch > valueOf(target.Epoch) {
			list = append(list, &runs[i])
		}
	}
	slices.SortFunc(list, func(a, b *v1alpha1.ErasureRun) int { return cmp.Compare(a.Spec.Epoch, b.Spec.Epoch) })
	return list
}

func count(target *v1alpha1.ErasureTarget, uid types.UID, run *v1alpha1.ErasureRun) {
	if Final(target.Result) {
		return
	}
	target.RunRef = v1alpha1.ObjectName(run.Name)
	if run.Status.EndedTime == nil {
		return
	}
	target.Epoch = ptr.To(run.Spec.Epoch)
	outcome := outcomeOf(run, uid)
	rows := countedOf(run, outcome)
	if outcome.Result == v1alpha1.TargetNothing && outcome.Reason == "" && counts(run) {
		outcome.Reason = v1alpha1.ReasonCountedWithOthers
	}
	target.Result, target.Reason, target.Message = outcome.Result, outcome.Reason, ""
	switch outcome.Result {
	case v1alpha1.TargetPlanned:
		target.PlanDigest, target.PlannedTime, target.Message = run.Status.PlanDigest, run.Status.EndedTime.DeepCopy(), run.Status.Message
		rows.list(target)
	case v1alpha1.TargetPending:
		again(target, run)
	default:
		target.ExecutedTime, target.VerifiedTime = run.Status.CommittedTime.DeepCopy(), run.Status.VerifiedTime.DeepCopy()
		rows.list(target)
		target.Message = messageOf(run, outcome.Reason)
		target.DeferredBy = nil
		if outcome.Result == v1alpha1.TargetFailed { // of a run that verified others
			target.VerifiedTime = nil
		}
		if outcome.Result == v1alpha1.TargetDeferred {
			target.DeferredBy = holdsOf(run, rows.kept)
		}
		rows.total(target)
	}
}

// counts tells whether a run counted rows for any of its requests.
func counts(run *v1alpha1.ErasureRun) bool {
	return slices.ContainsFunc(run.Status.Outcomes, func(o v1alpha1.RunOutcome) bool {
		return slices.ContainsFunc(o.Rows, func(n int64) bool { return n > 0 })
	})
}

// holdsOf are the names of the holds that kept rows, sorted, each once; those that the run knew where the counts did not come.
func holdsOf(run *v1alpha1.ErasureRun, kept []v1alpha1.KeptRows) []v1alpha1.ObjectName {
	var names []v1alpha1.ObjectName
	for _, k := range kept {
		if k.HoldRef != "" {
			names = append(names, k.HoldRef)
		}
	}
	if len(names) == 0 {
		for _, h := range run.Status.Holds {
			names = append(names, h.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), maxHeldBy)]
}

// again sends a target back to its plan, later each time. The digest of the plan of before stays until there is another: an approval is
// of the others too, whatever becomes of this one.
func again(target *v1alpha1.ErasureTarget, run *v1alpha1.ErasureRun) {
	target.Message = messageOf(run, target.Reason)
	target.PlannedTime, target.Tables, target.Kept, target.TablesOmitted, target.KeptOmitted = nil, nil, nil, nil, nil
	target.Attempts = ptr.To(valueOf(target.Attempts) + 1)
	target.RetryTime = ptr.To(metav1.NewTime(run.Status.EndedTime.Add(backoff(*target.Attempts, firstRetry))))
	if target.Reason == v1alpha1.ReasonNoRoom { // nothing failed: the next run may begin at once
		target.Reason, target.Message, target.RetryTime = "", "", nil
	}
}

// backoff doubles from first to longestRetry.
func backoff(attempts int32, first time.Duration) time.Duration {
	wait := first
	for i := int32(1); i < attempts && wait < longestRetry; i++ {
		wait *= 2
	}
	return min(wait, longestRetry)
}

// outcomeOf returns what an ended run says of a request. A run that says nothing did nothing for it.
func outcomeOf(run *v1alpha1.ErasureRun, uid types.UID) v1alpha1.RunOutcome {
	for i := range run.Status.Outcomes {
		if run.Status.Outcomes[i].UID == string(uid) {
			return *run.Status.Outcomes[i].DeepCopy()
		}
	}
	return v1alpha1.RunOutcome{UID: string(uid), Result: v1alpha1.TargetPending, Reason: run.Status.Reason}
}

// messageOf returns the run's words where the reason is the run's, else the reason's own. A run that went well has no
// reason, and words about what the verifier could not see.
func messageOf(run *v1alpha1.ErasureRun, reason string) string {
	if reason == run.Status.Reason && run.Status.Message != "" {
		return run.Status.Message
	}
	if reason == v1alpha1.ReasonCountedWithOthers && run.Status.Message != "" { // both fit: task.MaxMessage leaves room
		return say(reason) + ". " + run.Status.Message
	}
	return say(reason)
}

// list writes the rows by table. What was to be tried again was.
func (c *counted) list(target *v1alpha1.ErasureTarget) {
	target.Tables, target.Kept, target.RetryTime = c.tables, c.kept, nil
	target.TablesOmitted, target.KeptOmitted = c.tablesOmitted, c.keptOmitted
}

// total writes the rows per action. What an execution before a hold's end did is counted on.
func (c *counted) total(target *v1alpha1.ErasureTarget) {
	target.RowsDeleted = ptr.To(valueOf(target.RowsDeleted) + c.sums[v1alpha1.EraseDeleteRows])
	target.RowsMasked = ptr.To(valueOf(target.RowsMasked) + c.sums[v1alpha1.EraseMaskColumns])
	target.RowsDetached = ptr.To(valueOf(target.RowsDetached) + c.sums[v1alpha1.EraseDetach])
	target.RowsKept = ptr.To(c.sums[v1alpha1.EraseKeep])
}
