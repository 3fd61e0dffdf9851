package ledger

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

const (
	// proofOf counts the events of people: those below the last full tile, the others, and the last place of them; null where one of
	// them has none yet.
	proofOf = `SELECT ` + fullLeaves + `, count(*) FILTER (WHERE l.idx < ` + fullLeaves + `), count(*) FILTER (WHERE l.idx IS NULL OR l.idx >= ` + fullLeaves + `),
  coalesce(max(l.idx), -1), count(*) FILTER (WHERE l.idx IS NULL)
FROM unnest($2::uuid[]) AS p (subject)
CROSS JOIN LATERAL (SELECT event_id, type FROM consent.events WHERE tenant_id = $1 AND subject_ref = p.subject OFFSET 0) AS e
LEFT JOIN LATERAL (SELECT idx FROM consent.leaves WHERE tenant_id = $1 AND event_id = e.event_id LIMIT 1) AS l ON true
WHERE e.type <> 'subject.shredded'`

	placed = `SELECT EXISTS (SELECT FROM consent.leaves WHERE tenant_id = $1 AND event_id = $2)`

	// leftOf are people, a page of them, and whether they were forgotten and events of theirs are left.
	leftOf = `SELECT k.subject_ref, k.shredded_at IS NOT NULL AND EXISTS (SELECT FROM consent.events e WHERE e.tenant_id = $1 AND e.subject_ref = k.subject_ref AND e.type <> 'subject.shredded')
FROM (SELECT subject_ref, shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref > $2 ORDER BY subject_ref LIMIT $3) AS k ORDER BY 1`

	// leftIn are people who were forgotten, and of whom events are in rows from one on.
	leftIn = `SELECT DISTINCT e.subject_ref FROM consent.leaves l
CROSS JOIN LATERAL (SELECT subject_ref, type FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
CROSS JOIN LATERAL (SELECT shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = e.subject_ref LIMIT 1) AS k
WHERE l.tenant_id = $1 AND l.idx >= $2 AND l.idx < $3 AND e.type <> 'subject.shredded' AND k.shredded_at IS NOT NULL`
	countFull = `SELECT ` + fullLeaves
)

// References returns the references under which events name a person.
func (l *Ledger) References(ctx context.Context, person consent.Person) (out []uuid.UUID, err error) {
	err = retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			if err := l.settleAll(ctx, t, person); err != nil {
				return err
			}
			own, all, err := l.references(ctx, t, person)
			if err == nil && own == uuid.Nil {
				err = cmp.Or(l.sure(ctx, t, person), consent.ErrUnknown)
			}
			out = []uuid.UUID{own}
			for _, one := range all {
				if one.Bytes != own {
					out = append(out, one.Bytes)
				}
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading references: %w", err)
	}
	return out, nil
}

// Proof counts what EraseProof would remove, and what must wait for a full tile.
func (l *Ledger) Proof(ctx context.Context, subjects ...uuid.UUID) (consent.Proof, error) {
	p, err := l.proof(ctx, subjects)
	return p, wrap("counting proof", err)
}

func (l *Ledger) proof(ctx context.Context, subjects []uuid.UUID) (p consent.Proof, err error) {
	var full, last, pending int64
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(proofOf, id(l.Tenant), refs(subjects)).QueryRow(func(row pgx.Row) error { return row.Scan(&full, &p.Erased, &p.Waiting, &last, &pending) })
	})
	if p.Waiting > 0 {
		p.Until = max(last, full)/tree.Width*tree.Width + tree.Width
	}
	return p, err
}

func refs(subjects []uuid.UUID) []pgtype.UUID {
	out := make([]pgtype.UUID, len(subjects))
	for i, subject := range subjects {
		out[i] = id(subject)
	}
	return out
}

// EraseProof removes the events of people who were forgotten: at once, what is below the last full tile; who calls again when Due
// receives finds the rest. What a failure leaves is found then too.
func (l *Ledger) EraseProof(ctx context.Context, subjects ...uuid.UUID) (consent.Proof, error) {
	p, err := l.eraseProof(ctx, subjects)
	if err != nil {
		l.swept.Store(-1)
		l.remind()
	}
	return p, wrap("erasing proof", err)
}

func (l *Ledger) eraseProof(ctx context.Context, subjects []uuid.UUID) (p consent.Proof, err error) {
	err = l.logged(ctx, func(b *pgx.Batch, is *bool) {
		b.Queue(proofOf, id(l.Tenant), refs(subjects)).QueryRow(func(row pgx.Row) error {
			var pending, other int64
			err := row.Scan(&other, &other, &other, &other, &pending)
			*is = pending == 0
			return err
		})
	})
	if err != nil {
		return p, err
	}
	gone, err := l.Prune(ctx, time.Time{}, subjects...)
	if err != nil {
		return p, err
	}
	p, err = l.proof(ctx, subjects)
	p.Waiting, p.Erased = p.Waiting+p.Erased, gone // what the pruning did not take waits, whatever the reason
	return p, err
}

// turn is how long to wait for another replica that is putting events into the log.
const turn = 20 * time.Millisecond

// logged puts events into the log until it has what is asked for: another replica may be at it.
func (l *Ledger) logged(ctx context.Context, ask func(b *pgx.Batch, is *bool)) error {
	for {
		var is bool
		if err := l.inTenant(ctx, l.App, func(b *pgx.Batch) { ask(b, &is) }); err != nil || is {
			return err
		}
		n, err := l.Sequencer.Step(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		timer := time.NewTimer(turn)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// Due receives when a tile of the log is full, or when an erasure of proof has failed: events that waited may go now.
func (l *Ledger) Due() <-chan struct{} { return l.reminder }

func (l *Ledger) remind() {
	select {
	case l.reminder <- struct{}{}:
	default:
	}
}

// leftPage is how many people are looked at in one go, and how many rows.
const leftPage = 10_000

// Left are people who were forgotten and of whom events are left which may be able to go: of all people where that is asked for, or was
// not done before; else of those whose events are in tiles that are full since the last time.
func (l *Ledger) Left(ctx context.Context, everybody bool) (subjects []uuid.UUID, err error) {
	var full int64
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(countFull, id(l.Tenant)).QueryRow(func(row pgx.Row) error { return row.Scan(&full) })
	})
	from := l.swept.Load()
	switch {
	case err != nil:
	case everybody || from < 0:
		subjects, err = l.leftOfAll(ctx)
	default:
		for ; from < full && err == nil; from += leftPage {
			err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
				b.Queue(leftIn, id(l.Tenant), from, min(from+leftPage, full)).Query(func(rows pgx.Rows) error {
					found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
					subjects = append(subjects, found...)
					return err
				})
			})
		}
	}
	if err != nil {
		return nil, wrap("looking for proof of who was forgotten", err)
	}
	l.swept.Store(full)
	return subjects, nil
}

func (l *Ledger) leftOfAll(ctx context.Context) (subjects []uuid.UUID, err error) {
	for last := (pgtype.UUID{Valid: true}); ; {
		n := 0
		err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
			b.Queue(leftOf, id(l.Tenant), last, leftPage).Query(func(rows pgx.Rows) error {
				var left bool
				_, err := pgx.ForEachRow(rows, []any{&last, &left}, func() error {
					if n++; left {
						subjects = append(subjects, last.Bytes)
					}
					return nil
				})
				return err
			})
		})
		if err != nil || n < leftPage {
			return subjects, err
		}
	}
}
