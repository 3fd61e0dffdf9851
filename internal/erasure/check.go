package erasure

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// A run that cannot go on, while one of its Jobs may have committed, asks the ledger: that needs no identifier and writes
// nothing. Who is in it goes on, and the others leave the run as if they had never been in it. Nobody is told that it is not
// known what became of their data as long as somebody can be asked.

// checkEvery is the time between two Jobs that ask the ledger.
const checkEvery = 5 * time.Minute

// lossWait is how long after the commit a lost subject may come back: what was deleted by mistake is made again with the same content.
const lossWait = time.Hour

// mayReturn tells whether it is too early to give up the subject of somebody who is committed.
func (t *trial) mayReturn() bool {
	return t.status.CommittedTime != nil && t.Now.Before(t.status.CommittedTime.Add(lossWait))
}

// checking tells whether the run may only ask the ledger.
func (t *trial) checking() bool { return t.status.CheckTime != nil }

// check begins it. The attempts of before do not count against what is left to do for those whom the ledger has.
func (t *trial) check(reason string) {
	if t.checking() {
		return
	}
	t.status.CheckTime, t.status.CheckReason = ptr.To(metav1.NewTime(t.Now)), reason
	t.status.Turns = ptr.To(valueOf(t.status.Attempts))
}

func (t *trial) checkWords() string {
	return fmt.Sprintf("The run cannot go on (%s), and whether the store committed is asked of its ledger, every five minutes", t.status.CheckReason)
}

// judgeCheck reads what the ledger answered, of which it has nothing or not all.
func (t *trial) judgeCheck(erase task.Outcome) RunVerdict {
	switch {
	case afterLedger[erase.Reason]:
		t.all(v1alpha1.TargetPending, t.leaving(erase))
		return t.end(t.status.CheckReason, "")
	case t.Run.DeletionTimestamp != nil:
		return t.lost(v1alpha1.ReasonCommitUnknown)
	}
	if wait := endedAt(t.Job).Add(checkEvery).Sub(t.Now); wait > 0 {
		return t.busy(v1alpha1.ReasonCheckingLedger, t.checkWords(), wait)
	}
	t.status.Attempts = ptr.To(valueOf(t.status.Attempts) + 1)
	t.status.Turns = ptr.To(valueOf(t.status.Attempts) - 1)
	return t.busy(v1alpha1.ReasonCheckingLedger, t.checkWords(), time.Second)
}

// untouched counts the Jobs, from the first on, that ended before the store could commit anything: a Job that had more than one pod,
// or that was deleted, is not one of them.
func (t *trial) untouched(erase task.Outcome) {
	if attempts := valueOf(t.status.Attempts); erase.Untouched && job.Alone(t.Job) && valueOf(t.status.UntouchedAttempts) == attempts-1 {
		t.status.UntouchedAttempts = ptr.To(attempts)
	}
}

// unsure tells whether a Job of the run may have committed, after an answer that is no success. What cannot be retried was answered
// by an eraser that lived to say that it had not, and that was the only one of its Job; whatever was answered before stays as it was.
func (t *trial) unsure(erase task.Outcome) bool {
	attempts := valueOf(t.status.Attempts)
	if !erase.Reason.Retryable() && job.Alone(t.Job) {
		attempts--
	}
	return !afterLedger[erase.Reason] && valueOf(t.status.UntouchedAttempts) < attempts
}

// leaving is why requests leave a run that was stopped. The eraser only knows that it may not erase.
func (t *trial) leaving(erase task.Outcome) string {
	switch reason := t.status.CheckReason; {
	case !t.checking() || t.status.WithheldTime != nil || erase.Reason != task.Withheld:
		return string(erase.Reason)
	case strings.HasPrefix(reason, "Subject"), reason == v1alpha1.ReasonPurposeChanged: // which is of one of them
		return v1alpha1.ReasonRunStopped
	default:
		return reason
	}
}

// lacking tells whether the next Job cannot be made for want of a request's subject. One that asks the ledger of a store needs none,
// nor one that fetches counts; a ledger of consents has no other names of people than theirs.
func (t *trial) lacking(l Live) bool {
	asks := t.checking() && t.status.CommittedTime == nil && kindOf(t.Run.Spec.Kind) == v1alpha1.TargetStore
	return l.Person.Problem != "" && !asks && t.status.VerifiedTime == nil && !slices.ContainsFunc(t.status.Outcomes, func(o v1alpha1.RunOutcome) bool {
		return o.UID == string(l.UID) && o.Reason == v1alpha1.ReasonSubjectLost
	})
}

// spare goes on without the requests whose subject is lost or changed, and returns why the run ends where nobody is left. Who is
// committed stays, and cannot be verified; that is not asked while their subject may return. A plan changes nothing, and a ledger of consents forgets each name once however often it is
// asked, so there they leave the run. A store is asked first whether it has committed.
func (t *trial) spare() string {
	reason, mounted := t.missingSubject(), t.mounted()
	lost := slices.DeleteFunc(slices.Clone(mounted), func(l Live) bool { return !t.lacking(l) })
	none := len(lost) == len(mounted)
	switch {
	case t.status.CommittedTime != nil:
		t.markLost(lost)
		reason = v1alpha1.ReasonSubjectLost
	case t.Run.Spec.Mode == v1alpha1.RunPlan || kindOf(t.Run.Spec.Kind) == v1alpha1.TargetConsentLedger:
		for _, l := range lost {
			t.status.Outcomes = append(t.status.Outcomes, v1alpha1.RunOutcome{UID: string(l.UID), Result: v1alpha1.TargetPending, Reason: l.Person.Problem})
		}
		t.status.Admitted = ptr.To(int32(len(mounted) - len(lost))) //nolint:gosec // at most 1000
	default:
		t.check(reason)
		return ""
	}
	if none {
		return reason
	}
	return ""
}

// markLost notes committed requests for whom nobody can be looked for.
func (t *trial) markLost(lost []Live) {
	for i := range t.status.Outcomes {
		if slices.ContainsFunc(lost, func(l Live) bool { return string(l.UID) == t.status.Outcomes[i].UID }) {
			t.status.Outcomes[i].Reason = v1alpha1.ReasonSubjectLost
		}
	}
}

// failLost ends them.
func (t *trial) failLost() {
	for i := range t.status.Outcomes {
		if o := &t.status.Outcomes[i]; o.Reason == v1alpha1.ReasonSubjectLost && o.Result != v1alpha1.TargetPending {
			o.Result = v1alpha1.TargetFailed
		}
	}
}
