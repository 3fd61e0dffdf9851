package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
)

const (
	countHeld = `
SELECT (SELECT count(*) FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = ANY ($2::uuid[]) AND shredded_at IS NULL),
  (SELECT count(*) FROM consent.subject_links WHERE tenant_id = $1 AND subject_ref = ANY ($2::uuid[]) AND kind <> 'merged'),
  (SELECT count(*) FROM consent.state WHERE tenant_id = $1 AND subject_ref = ANY ($2::uuid[])),
  (SELECT count(*) FROM consent.mailbox_proofs WHERE tenant_id = $1 AND subject_ref = ANY ($2::uuid[])),
  count(*), max(recorded_at)
FROM consent.events WHERE tenant_id = $1 AND subject_ref = ANY ($2::uuid[]) AND type <> 'subject.shredded'`

	findOnce = `
SELECT (SELECT e.subject_ref FROM consent.idem i JOIN consent.events e ON e.tenant_id = i.tenant_id AND e.event_id = i.receipt_id
  WHERE i.tenant_id = $1 AND i.site = '' AND i.key_sha256 = $2 AND e.type = 'subject.shredded')`

	insertOnce = `INSERT INTO consent.idem (tenant_id, site, key_sha256, receipt_id, recorded_at) VALUES ($1, '', $2, $3, $4)`
)

// Shred forgets a person. The second time they are unknown, but to who comes with the same key.
func (l *Ledger) Shred(ctx context.Context, person consent.Person, key string) (consent.Holding, error) {
	var held consent.Holding
	err := retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			found, err := l.forget(ctx, t, person, key)
			if errors.Is(err, consent.ErrUnknown) && held.Subject != uuid.Nil {
				return nil // the answer to the first attempt was lost
			}
			if found.Subject != uuid.Nil {
				held = found
			}
			return err
		})
	})
	if err != nil {
		return consent.Holding{}, fmt.Errorf("forgetting a person: %w", err)
	}
	l.Sequencer.wake()
	return held, nil
}

func (l *Ledger) forget(ctx context.Context, t tx, person consent.Person, key string) (consent.Holding, error) {
	once := sha256.Sum256([]byte(key))
	if key != "" {
		gone, err := l.forgotten(ctx, t, once[:])
		if err != nil || gone.Subject != uuid.Nil {
			return gone, err
		}
	}
	if err := l.sure(ctx, t, person); err != nil {
		return consent.Holding{}, err // somebody could be left who is the same person
	}
	subject, all, err := l.held(ctx, t, person)
	if err != nil {
		return consent.Holding{}, err
	}
	if subject == uuid.Nil {
		return consent.Holding{}, consent.ErrUnknown
	}
	held, err := l.holding(ctx, t, subject, all)
	if err != nil {
		return consent.Holding{}, err
	}
	events, err := l.shred(ctx, t, all)
	if err != nil || key == "" {
		return held, err
	}
	own := events[slices.IndexFunc(events, func(e consent.Event) bool { return e.Subject == subject })]
	return held, t.send(ctx, func(b *pgx.Batch) {
		b.Queue(insertOnce, id(l.Tenant), once[:], id(own.ID), instant(own.RecordedAt))
	})
}

// forgotten is what an earlier Shred with the same key left; the zero Holding where there was none.
func (l *Ledger) forgotten(ctx context.Context, t tx, once []byte) (consent.Holding, error) {
	var subject pgtype.UUID
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(findOnce, id(l.Tenant), once).QueryRow(func(row pgx.Row) error { return row.Scan(&subject) })
	})
	if err != nil || !subject.Valid {
		return consent.Holding{}, err
	}
	gone, err := l.holding(ctx, t, subject.Bytes, []pgtype.UUID{subject})
	gone.Keys, gone.Again = 1, true
	return gone, err
}

// Holding counts what is held of a person.
func (l *Ledger) Holding(ctx context.Context, person consent.Person) (held consent.Holding, err error) {
	err = retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			if err := l.settleAll(ctx, t, person); err != nil {
				return err
			}
			subject, all, err := l.references(ctx, t, person)
			if err != nil {
				return err
			}
			if subject == uuid.Nil {
				return cmp.Or(l.sure(ctx, t, person), consent.ErrUnknown)
			}
			held, err = l.holding(ctx, t, subject, all)
			return err
		})
	})
	if err != nil {
		return consent.Holding{}, fmt.Errorf("counting what is held: %w", err)
	}
	return held, nil
}

func (l *Ledger) holding(ctx context.Context, t tx, subject uuid.UUID, all []pgtype.UUID) (consent.Holding, error) {
	held := consent.Holding{Subject: subject}
	var last pgtype.Timestamptz
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(countHeld, id(l.Tenant), all).QueryRow(func(row pgx.Row) error {
			return row.Scan(&held.Keys, &held.Links, &held.States, &held.Tokens, &held.Events, &last)
		})
	})
	if last.Valid {
		held.Last = last.Time.UTC()
	}
	return held, err
}
