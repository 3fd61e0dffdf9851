package ledger

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// wished tells whether a person has an open wish of the whole of them, or, given purposes, one that names all of these.
func (l *Ledger) wished(subject uuid.UUID, purposes []string) bool {
	for _, w := range l.wishes {
		missing := slices.ContainsFunc(purposes, func(purpose string) bool { return !slices.Contains(w.Purposes, purpose) })
		if w.Subject == subject && (len(purposes) == 0) == (len(w.Purposes) == 0) && !missing {
			return true
		}
	}
	return false
}

// wish keeps what an act asked to have erased, or what it withdrew consent to.
func (l *Ledger) wish(events []consent.Event, purposes []string) {
	if len(purposes) > 0 && !l.wished(events[0].Subject, purposes) {
		l.keep(events[0], purposes)
		return
	}
	for _, e := range events {
		if e.Type == consent.EventErasureAsked {
			l.keep(e, nil)
		}
	}
}

func (l *Ledger) keep(e consent.Event, purposes []string) {
	l.wishes[e.ID] = &consent.Wish{ID: e.ID, Subject: e.Subject, Site: e.Site, AskedAt: e.RecordedAt, Purposes: slices.Clone(purposes)}
}

// Ask records the wish of a person whom the ledger knows.
func (l *Ledger) Ask(_ context.Context, act consent.Act) (consent.Recorded, error) {
	if err := event.CheckAsked(&act); err != nil {
		return consent.Recorded{}, fmt.Errorf("asking for erasure: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, known := l.find(act.Person)
	_, seen := l.idem[once(act)]
	switch {
	case !known:
		return consent.Recorded{}, fmt.Errorf("asking for erasure: %w", l.unknown(act.Person))
	case !seen && l.wished(subject, nil):
		return consent.Recorded{}, fmt.Errorf("asking for erasure: %w", consent.ErrWished)
	}
	return l.record(act, subject)
}

// Wishes returns what nobody has answered.
func (l *Ledger) Wishes(_ context.Context, after uuid.UUID, limit int) ([]consent.Wish, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []consent.Wish
	ids := slices.SortedFunc(maps.Keys(l.wishes), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		if bytes.Compare(id[:], after[:]) <= 0 || len(out) >= limit {
			continue
		}
		w := *l.wishes[id]
		if place, there := l.places[id]; there && len(w.Purposes) == 0 {
			opened, err := l.open(l.events[place : place+1])
			if err != nil {
				return nil, fmt.Errorf("reading wishes: %w", err)
			}
			w.Evidence = opened[0].Evidence
		}
		out = append(out, w)
	}
	return out, nil
}

// Opened records that a request was made of a wish.
func (l *Ledger) Opened(_ context.Context, wish uuid.UUID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, there := l.wishes[wish]
	if !there {
		return fmt.Errorf("opening a wish: %w", consent.ErrUnknown)
	}
	if w.OpenedAt.IsZero() {
		w.OpenedAt = event.Instant(l.clock.Now())
		l.answered(w, consent.EventErasureOpened)
	}
	return nil
}

// Closed records that a wish was answered.
func (l *Ledger) Closed(_ context.Context, wish uuid.UUID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, there := l.wishes[wish]
	if !there {
		return fmt.Errorf("closing a wish: %w", consent.ErrUnknown)
	}
	delete(l.wishes, wish)
	l.answered(w, consent.EventErasureClosed)
	return nil
}

// answered tells how far a wish has come. Of who was forgotten all was told.
func (l *Ledger) answered(w *consent.Wish, kind consent.EventType) {
	if w.Forgotten {
		return
	}
	for _, purpose := range consent.About(w.Purposes) {
		l.house(consent.Event{Type: kind, Subject: w.Subject, Site: w.Site, Purpose: purpose})
	}
}
