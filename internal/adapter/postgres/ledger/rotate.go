package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// Rotate says in the log that Signer has taken the place of the key before it: a key.rotated event whose evidence both keys
// have signed, and a next checkpoint that both sign. Public has the texts of both, that of Signer first. Twice is once.
func (l *Ledger) Rotate(ctx context.Context, before note.Signer) error {
	statement, err := proof.Rotation(before, l.Signer, l.Public[0])
	if err != nil {
		return wrap("rotating the log's key", err)
	}
	done := false
	rotated := l.house(consent.Event{Type: consent.EventKeyRotated, EvidenceCiphertext: statement})
	err = l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(publishedSoFar, id(l.Tenant), []string{string(consent.EventKeyRotated)}).Query(func(rows pgx.Rows) error {
				events, err := collect(rows, nil)
				for _, e := range events {
					done = done || string(e.EvidenceCiphertext) == string(statement) // signatures of Ed25519 are always the same
				}
				return err
			})
		})
		if err != nil || done {
			return err
		}
		return t.send(ctx, func(b *pgx.Batch) { l.queueHouse(b, []consent.Event{rotated}) })
	})
	if err != nil || done {
		return wrap("rotating the log's key", err)
	}
	l.Sequencer.mu.Lock()
	l.Sequencer.cosign = before
	l.Sequencer.mu.Unlock()
	_, err = l.Sequencer.Step(ctx)
	return wrap("rotating the log's key", err)
}
