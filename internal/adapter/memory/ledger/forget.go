package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// Shred forgets a person, once per key.
func (l *Ledger) Shred(_ context.Context, person consent.Person, key string) (consent.Holding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	once := once(consent.Act{Key: key})
	if receipt, seen := l.idem[once]; seen && key != "" {
		gone := l.count(l.ofReceipt(receipt)[0].Subject)
		gone.Keys, gone.Again = 1, true
		return gone, nil
	}
	subject, ok := l.find(person)
	if err := l.unknown(person); !ok || errors.Is(err, consent.ErrKeyMissing) { // somebody could be left who is the same person
		return consent.Holding{}, fmt.Errorf("forgetting a person: %w", err)
	}
	held := l.count(subject)
	for _, one := range append([]uuid.UUID{subject}, l.merged[subject]...) {
		delete(l.keys, one)
		l.house(consent.Event{Type: consent.EventSubjectShredded, Subject: one})
		if one == subject && key != "" {
			l.idem[once] = l.events[len(l.events)-1].Receipt
		}
	}
	for form, of := range l.links {
		if of.subject == subject {
			delete(l.links, form)
		}
	}
	for hash, t := range l.tokens {
		if t.Subject == subject {
			delete(l.tokens, hash)
		}
	}
	for _, w := range l.wishes {
		w.Forgotten = w.Forgotten || w.Subject == subject
	}
	delete(l.states, subject)
	delete(l.merged, subject)
	l.tell(consent.Change{Subject: subject})
	return held, nil
}

// Holding counts what is held of a person.
func (l *Ledger) Holding(_ context.Context, person consent.Person) (consent.Holding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, ok := l.find(person)
	if !ok {
		return consent.Holding{}, fmt.Errorf("counting what is held: %w", l.unknown(person))
	}
	return l.count(subject), nil
}

func (l *Ledger) count(subject uuid.UUID) consent.Holding {
	held := consent.Holding{Subject: subject, States: int64(len(l.states[subject]))}
	mine := append([]uuid.UUID{subject}, l.merged[subject]...)
	for _, one := range mine {
		if _, there := l.keys[one]; there {
			held.Keys++
		}
	}
	for _, of := range l.links {
		if of.subject == subject {
			held.Links++
		}
	}
	for _, t := range l.tokens {
		if t.Subject == subject {
			held.Tokens++
		}
	}
	for _, e := range l.events {
		if slices.Contains(mine, e.Subject) && e.Type != consent.EventSubjectShredded {
			held.Events, held.Last = held.Events+1, e.RecordedAt
		}
	}
	return held
}
