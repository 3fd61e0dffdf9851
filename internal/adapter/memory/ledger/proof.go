package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// References returns the references under which events name a person.
func (l *Ledger) References(_ context.Context, person consent.Person) ([]uuid.UUID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject, ok := l.find(person)
	if !ok {
		return nil, fmt.Errorf("reading references: %w", l.unknown(person))
	}
	return append([]uuid.UUID{subject}, l.merged[subject]...), nil
}

// Proof counts what EraseProof would remove, and what must wait for a full tile, as if it had some.
func (l *Ledger) Proof(_ context.Context, subjects ...uuid.UUID) (consent.Proof, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone, waiting := l.proof(subjects)
	return proofOf(gone, waiting), nil
}

// proof are the places of people's events: those that can go, and those that wait.
func (l *Ledger) proof(subjects []uuid.UUID) (gone, waiting []int64) {
	full := int64(len(l.events)) / tree.Width * tree.Width
	for i, e := range l.events {
		switch index := int64(i); {
		case e.Type == "" || e.Type == consent.EventSubjectShredded || !slices.Contains(subjects, e.Subject):
		case index < full:
			gone = append(gone, index)
		default:
			waiting = append(waiting, index)
		}
	}
	return gone, waiting
}

func proofOf(gone, waiting []int64) consent.Proof {
	p := consent.Proof{Erased: int64(len(gone)), Waiting: int64(len(waiting))}
	if len(waiting) > 0 {
		p.Until = slices.Max(waiting)/tree.Width*tree.Width + tree.Width
	}
	return p
}

// EraseProof removes the events of people who were forgotten; an event of the log says which, first. What was one keeps its place, its
// identifier and its hash.
func (l *Ledger) EraseProof(_ context.Context, subjects ...uuid.UUID) (consent.Proof, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone, waiting := l.proof(slices.DeleteFunc(slices.Clone(subjects), func(s uuid.UUID) bool { _, alive := l.keys[s]; return alive }))
	if len(gone) == 0 {
		return proofOf(gone, waiting), nil
	}
	indexes := make([]any, len(gone))
	for i, index := range gone {
		indexes[i] = index
	}
	evidence, err := canonical.Marshal(map[string]any{"indexes": indexes})
	if err != nil {
		return consent.Proof{}, fmt.Errorf("erasing proof: %w", err)
	}
	l.house(consent.Event{Type: consent.EventLedgerPruned, EvidenceCiphertext: evidence})
	for _, index := range gone {
		l.events[index] = consent.Event{ID: l.events[index].ID, Leaf: l.events[index].Leaf}
	}
	return proofOf(gone, waiting), nil
}
