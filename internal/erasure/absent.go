package erasure

import (
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// judgeAbsent is asked when a Job was begun and is not there: the next pass makes it. A run that is being deleted, or
// whose subjects are gone for good, begins no other Job. One that was there was deleted by somebody, and may have committed, and so may
// one that was about to be made when the operator ended: what follows is another Job, and no answer of that one speaks for it. It takes
// none of the attempts of the run: nothing failed.
func (t *trial) judgeAbsent() RunVerdict {
	switch {
	case siteOf(&t.RunInput) == nil && !t.vanished() && valueOf(t.status.UntouchedAttempts) == valueOf(t.status.Attempts)-1:
		t.all(v1alpha1.TargetPending, v1alpha1.ReasonStoreMissing) // no Job has reached it
		return t.end(v1alpha1.ReasonStoreMissing, "")
	case t.abandoned():
		return t.lost(v1alpha1.ReasonCommitUnknown)
	case t.Lingers:
		return t.unlessLost(t.busy(v1alpha1.ReasonPodEnding, "The Job is not there any more; the next one begins when its pod has ended", queueWait))
	case t.vanished():
		t.status.Attempts, t.status.Turns = ptr.To(valueOf(t.status.Attempts)+1), ptr.To(valueOf(t.status.Turns)+1)
		return t.busy(v1alpha1.ReasonRetrying, "The Job is not there any more, or could not be made; another one is made", queueWait)
	}
	if missing := t.missingSubject(); missing != "" {
		if t.mayReturn() {
			return t.busy(missing, say(missing), pollSecret)
		}
		if reason := t.spare(); reason != "" {
			return t.end(reason, "")
		}
	}
	if t.displaced() {
		t.check(v1alpha1.ReasonPurposeChanged)
	}
	if slices.ContainsFunc(t.unmet(t.status), unread) {
		return t.busy(v1alpha1.ReasonOnLegalHold, "A legal hold is to be read before another Job begins", queueWait)
	}
	if t.Waits {
		return t.busy(v1alpha1.ReasonQueued, "As many runs work as may at once", queueWait)
	}
	t.meet()
	return t.busy(v1alpha1.ReasonStarting, "The Job is being made", time.Second)
}

// vanished tells whether the Job of the present attempt was there, or may have been.
func (t *trial) vanished() bool { return valueOf(t.status.SeenAttempts) >= valueOf(t.status.Attempts) }

// abandoned tells whether no further Job may be begun.
func (t *trial) abandoned() bool {
	return t.Run.DeletionTimestamp != nil || siteOf(&t.RunInput) == nil ||
		t.checking() && !slices.ContainsFunc(t.mounted(), func(l Live) bool { return l.Request != nil && l.Request.DeletionTimestamp == nil })
}

// displaced tells whether another purpose has come to need the store since the run began: nothing is erased any more for a request about
// purposes of which the store may not have committed anything. The ledger is asked whether it had, and the run is over for all.
func (t *trial) displaced() bool {
	if t.Run.Spec.Mode != v1alpha1.RunExecute || t.status.CommittedTime != nil || t.checking() {
		return false
	}
	return slices.ContainsFunc(t.mounted(), func(l Live) bool {
		return l.Request != nil && another(l.Request, t.Register, t.Run) && !committedIn(l.Request, workplace(t.Run))
	})
}

// missingSubject is why the subject of an admitted request cannot be mounted.
func (t *trial) missingSubject() string {
	for _, l := range t.mounted() {
		if t.lacking(l) {
			return l.Person.Problem
		}
	}
	return ""
}
