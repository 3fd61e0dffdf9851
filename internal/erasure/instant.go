package erasure

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// clockSlack is how far the clock of a store, or of a node, may be behind the operator's before its word is not taken.
const clockSlack = 5 * time.Minute

// clockWords say of a run that a time of it is not the store's.
const clockWords = "the clock of the store is not the operator's, so the times of the run are within what the operator saw"

// instant is when the eraser says something happened, to the second; the pass's own time where it does not say. From the time of a
// commit follow when backups are clear and what is erased again after a restore, so a clock that is wrong is not believed: what
// happened did after the run began, and before now. Where the operator's own clock went back behind the beginning, that is now.
func (t *trial) instant(at time.Time) *metav1.Time {
	last := t.Now
	if at.IsZero() {
		at = last
	}
	if start := t.status.StartedTime; start != nil {
		if last.Before(start.Time) {
			last = start.Time
		}
		at = t.within(at, start.Add(-clockSlack), last)
	}
	return ptr.To(metav1.NewTime(at.UTC().Truncate(time.Second)))
}

// within returns the time between two that is nearest to one, and notes how far away that is.
func (t *trial) within(at, first, last time.Time) time.Time {
	bound := at
	switch {
	case at.Before(first):
		bound = first
	case at.After(last):
		bound = last
	}
	if off := int64(at.Sub(bound) / time.Second); off != 0 {
		t.status.ClockOffSeconds = ptr.To(off)
	}
	return bound
}
