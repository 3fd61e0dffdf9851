package erasure

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// A run of several transactions can stop between two of them: a hold arrives, the schema changes, one person cannot be
// erased. What was committed stands: the run goes on for these requests alone, which are verified and counted as ever. The
// others leave it as if they had never been in it, and are planned again; those that a hold keeps wait for its end.

// stoppedPartly tells whether an erasure ended for good after the store had committed a part of it.
func (t *trial) stoppedPartly(erase task.Outcome) bool {
	return erase.Done > 0 && !erase.Reason.Retryable() && t.status.CommittedTime == nil
}

// part records the requests that are done as committed, and lets the others go. The next Job lists the first alone, so that the
// ledger has all of them and nothing can be erased by it. All of this is one write, so a crash repeats it or finds it done.
func (t *trial) part(erase task.Outcome) RunVerdict {
	served, reason := admitted(t.Run), t.leaving(erase)
	done := min(erase.Done, len(served))
	var outcomes []v1alpha1.RunOutcome
	for _, o := range t.status.Outcomes {
		if o.Result == v1alpha1.TargetPending {
			outcomes = append(outcomes, o)
		}
	}
	for _, r := range served[done:] {
		outcomes = append(outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: v1alpha1.TargetPending, Reason: reason})
	}
	for _, r := range served[:done] {
		outcomes = append(outcomes, v1alpha1.RunOutcome{UID: r.UID, Result: v1alpha1.TargetErased})
	}
	t.status.Outcomes, t.status.Tables = outcomes, nil
	t.status.Admitted, t.status.Counted = ptr.To(int32(done)), ptr.To(int32(0)) //nolint:gosec // at most 1000
	t.status.CommittedTime, t.status.LedgerPosition, t.status.PlanDigest = t.instant(erase.At), ptr.To(erase.Ledger), erase.PlanDigest
	t.status.StopReason, t.status.StoppedRequests = reason, ptr.To(int32(len(served)-done)) //nolint:gosec // at most 1000
	if !t.more(executeAttempts) {
		t.fail(string(task.Interrupted))
		return t.end(string(task.Interrupted), "")
	}
	t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
	return t.busy(v1alpha1.ReasonPartlyCommitted, committedWords(t.status)+"; these are being verified", time.Second)
}

// progressed records how far the run is, as the answer says. What was committed is never fewer than before.
func (t *trial) progressed(erase task.Outcome) {
	done := int32(min(erase.Done, len(admitted(t.Run)))) //nolint:gosec // at most 1000
	if erase.OK {
		done = int32(len(admitted(t.Run))) //nolint:gosec // at most 1000
	}
	if done > valueOf(t.status.ExecutedRequests) {
		t.status.ExecutedRequests, t.status.ExecutedRows = ptr.To(done), ptr.To(max(erase.Rows, valueOf(t.status.ExecutedRows)))
	}
}

// committedSoFar says how far a run is that has not committed all; empty before its first transaction is known.
func (t *trial) committedSoFar() string {
	if valueOf(t.status.ExecutedRequests) == 0 || t.status.CommittedTime != nil {
		return ""
	}
	return fmt.Sprintf("; the erasure of %d of %d requests is committed", valueOf(t.status.ExecutedRequests), valueOf(t.status.Admitted))
}

// committedWords say what a run has committed.
func committedWords(status *v1alpha1.ErasureRunStatus) string {
	stopped := valueOf(status.StoppedRequests)
	if stopped == 0 {
		return "The store committed the erasure"
	}
	return fmt.Sprintf("The store committed the erasure of %d requests before the run was stopped (%s); %d others run again by themselves",
		valueOf(status.Admitted), status.StopReason, stopped)
}

// executedCondition tells what an ended run has committed.
func executedCondition(status *v1alpha1.ErasureRunStatus) metav1.Condition {
	reason := v1alpha1.ReasonExecuted
	if valueOf(status.StoppedRequests) > 0 {
		reason = v1alpha1.ReasonPartlyCommitted
	}
	return condition.True(v1alpha1.ConditionExecuted, reason, committedWords(status))
}

// verifiedWords adds to words what the verifier found beside: second copies of values, and what it may not read.
func verifiedWords(words string, status *v1alpha1.ErasureRunStatus) string {
	if status.Message == "" {
		return words
	}
	return words + "; " + status.Message
}
