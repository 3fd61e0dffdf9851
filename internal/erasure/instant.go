package erasure

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// clockSlack is how far the clock of a store, or of a node, may be behind the operator's or ahead of it before it is called wrong.
const clockSlack = 5 * time.Minute

// clockWords say of a run that a time of it is not the store's.
const clockWords = "the clock of the store is not the operator's, so the times of the run are within what the operator saw"

// started is when the run's Job was made: the pass that sees it first may come long after, when the operator was not there.
func (t *trial) started() *metav1.Time {
	at := t.Now
	if t.Job != nil && !t.Job.CreationTimestamp.IsZero() && t.Job.CreationTimestamp.Time.Before(at) {
		at = t.Job.CreationTimestamp.Time
	}
	return ptr.To(metav1.NewTime(at))
}

// instant is when the eraser says something happened, to the second; the pass's own time where it does not say. From the time of a
// commit follow when backups are clear and what is erased again after a restore, so a clock that is wrong is not believed: what
// happened did after the run began, or at most the slack before, and before now. Where the operator's own clock went back behind the beginning, that is now.
func (t *trial) instant(at time.Time) *metav1.Time {
	last := t.Now
	if at.IsZero() {
		at = last
	}
	if start := t.status.StartedTime; start != nil {
		if last.Before(start.Time) {
			last = start.Time
		}
		at = t.within(at, start.Time, last)
	}
	return ptr.To(metav1.NewTime(at.UTC().Truncate(time.Second)))
}

// within returns the time from the slack before one to another that is nearest to a third. It notes how far that is from the two, where
// it is more than the slack, which is no fault of a clock.
func (t *trial) within(at, first, last time.Time) time.Time {
	off := time.Duration(0)
	switch {
	case at.Before(first):
		off = at.Sub(first)
	case at.After(last):
		off = at.Sub(last)
	}
	if off.Abs() > clockSlack {
		t.status.ClockOffSeconds = ptr.To(int64(off / time.Second))
	}
	return at.Add(-max(off, 0) - min(off+clockSlack, 0))
}
