package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// queued is a wish in its queue.
type queued struct {
	consent.Wish
	way consent.Way
}

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
func (l *Ledger) wish(events []consent.Event, purposes []string, way consent.Way) {
	if len(purposes) > 0 && !l.wished(events[0].Subject, purposes) {
		l.keep(events[0], purposes, consent.ByWithdrawal)
		return
	}
	for _, e := range events {
		if e.Type == consent.EventErasureAsked {
			l.keep(e, nil, way)
		}
	}
}

func (l *Ledger) keep(e consent.Event, purposes []string, way consent.Way) {
	l.wishes[e.ID] = &queued{way: way, Wish: consent.Wish{ID: e.ID, Subject: e.Subject, Site: e.Site, AskedAt: e.RecordedAt, Purposes: slices.Clone(purposes),
		Turn: consent.Turn{At: l.newTurn(), ID: e.ID}}}
}

// newTurn is the time of a turn behind all others.
func (l *Ledger) newTurn() time.Time {
	if now := event.Instant(l.clock.Now()); now.After(l.turn) {
		l.turn = now
	} else {
		l.turn = l.turn.Add(time.Microsecond)
	}
	return l.turn
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
	return l.record(act, subject, consent.ByReceipt)
}

// Wishes returns what nobody has answered of a queue.
func (l *Ledger) Wishes(_ context.Context, queue consent.Queue, after consent.Turn, limit int) ([]consent.Wish, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []consent.Wish
	for _, w := range l.wishes {
		if w.way == queue.Way && w.OpenedAt.IsZero() != queue.Opened && w.Turn.Compare(after) > 0 {
			out = append(out, w.Wish)
		}
	}
	slices.SortFunc(out, func(a, b consent.Wish) int { return a.Turn.Compare(b.Turn) })
	out = out[:min(len(out), max(limit, 0))]
	for i := range out {
		w := &out[i]
		if place, there := l.places[w.ID]; there && len(w.Purposes) == 0 {
			opened, err := l.open(l.events[place : place+1])
			if err != nil {
				return nil, fmt.Errorf("reading wishes: %w", err)
			}
			w.Evidence = opened[0].Evidence
		}
	}
	return out, nil
}

// Later lets all others of their queues go before some wishes.
func (l *Ledger) Later(_ context.Context, wishes []uuid.UUID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.newTurn()
	for _, id := range wishes {
		if w, there := l.wishes[id]; there {
			w.Turn.At = at
		}
	}
	return nil
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
		l.answered(&w.Wish, consent.EventErasureOpened)
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
	l.answered(&w.Wish, consent.EventErasureClosed)
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
