package audit

import (
	"math"
	"slices"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// keys are those of the log, and which of them signed what.
type keys struct {
	origin string
	// texts are the keys, newest first; none where nobody said.
	texts []string
	runs  []run
}

// run is checkpoints one after the other that the same keys signed, of a log with few rotations and many checkpoints.
type run struct {
	newest, oldest int
	// first and last are the sizes of the run's ends, before is that of the checkpoint before the last one, in this run or an
	// earlier one; -1 for none.
	first, before, last int64
}

// Keys tells the audit of which keys the log is, newest first: as proof.Succession puts them in order. Each that took another's
// place must be in the log for it, and from there on only that one signs.
func (a *Audit) Keys(origin string, newestFirst ...string) {
	a.keys.origin, a.keys.texts = origin, newestFirst
}

// signed takes the next checkpoint.
func (k *keys) signed(h head) {
	last := run{newest: slices.Min(h.by), oldest: slices.Max(h.by), first: h.Size, before: -1, last: h.Size}
	if n := len(k.runs); n > 0 {
		last.before = k.runs[n-1].last
		if k.runs[n-1].newest == last.newest && k.runs[n-1].oldest == last.oldest {
			k.runs[n-1].before, k.runs[n-1].last = k.runs[n-1].last, h.Size
			return
		}
	}
	k.runs = append(k.runs, last)
}

// rotated finds checkpoints that were signed by a key at a time when it was not the log's, and rotations that are none of its keys'.
// The first checkpoint that has a rotation in it may still be of the key of before: another replica may have signed it.
func (a *Audit) rotated() {
	if len(a.keys.texts) == 0 {
		return
	}
	at := make([]int64, len(a.keys.texts)-1) // the leaf which says that keys[i] took the place of keys[i+1]
	for i := range at {
		at[i] = math.MaxInt64 // recorded, and not in the log yet
	}
	for _, h := range a.house {
		if h.event.Type != consent.EventKeyRotated {
			continue
		}
		r, err := proof.ReadRotation(a.keys.origin, h.event.EvidenceCiphertext)
		i := slices.Index(a.keys.texts, r.After)
		switch {
		case err != nil, i < 0, i == len(at), a.keys.texts[i+1] != r.Before:
			a.Find("the event at %d says that a key took another's place, and they are not keys of this log one after the other", h.index)
		default:
			at[i] = min(at[i], h.index)
		}
	}
	for i, index := range at {
		for _, run := range a.keys.runs {
			if run.first <= index && run.oldest <= i {
				a.Find("the checkpoint of size %d is of a key that had not taken its place yet", run.first)
			}
			if run.newest > i && run.before > index {
				a.Find("the checkpoint of size %d is of a key whose place another had taken at %d", run.last, index)
			}
		}
	}
}
