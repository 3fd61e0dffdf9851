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

func (l *Ledger) wished(subject uuid.UUID) bool {
	for _, w := range l.wishes {
		if w.Subject == subject {
			return true
		}
	}
	return false
}

// wish keeps what an act asked to have erased.
func (l *Ledger) wish(events []consent.Event) {
	for _, e := range events {
		if e.Type == consent.EventErasureAsked {
			l.wishes[e.ID] = &consent.Wish{ID: e.ID, Subject: e.Subject, Site: e.Site, AskedAt: e.RecordedAt}
		}
	}
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
		if place, there := l.places[id]; there {
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
	if !w.Forgotten {
		l.house(consent.Event{Type: kind, Subject: w.Subject, Site: w.Site})
	}
}
