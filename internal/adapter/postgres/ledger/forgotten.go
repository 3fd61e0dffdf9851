package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

const (
	// shreddedIn are people of whom the log says, in rows from one on, that they were forgotten.
	shreddedIn = `SELECT l.idx, e.subject_ref FROM consent.leaves l
CROSS JOIN LATERAL (SELECT subject_ref, type FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND l.idx >= $2 AND l.idx < $3 AND e.type = 'subject.shredded' ORDER BY l.idx LIMIT $4`

	// signedSize is that of the newest signed head.
	signedSize = `coalesce(greatest((SELECT max(size) FROM consent.checkpoints WHERE tenant_id = $1), (SELECT size FROM consent.heads WHERE tenant_id = $1)), 0)`
	sizeOf     = `SELECT ` + signedSize

	// aliveAfter are people whose keys are there, a page of them.
	aliveAfter = `SELECT subject_ref FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref > $2 AND shredded_at IS NULL ORDER BY subject_ref LIMIT $3`
)

// Pages of Forgotten: rows of the log that are looked at, and marks that are answered.
const (
	forgottenRows  = 1 << 16
	forgottenMarks = 2000
)

// Forgotten returns marks of people who were forgotten, as events of the log say that are in a signed checkpoint. What is not in the log
// yet comes with a later one, and an event that commits late has a later place: none is passed over.
func (l *Ledger) Forgotten(ctx context.Context, from int64) (marks []consent.Mark, to int64, err error) {
	err = retry(ctx, func() error {
		marks, to = nil, from
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			var size int64
			err := t.send(ctx, func(b *pgx.Batch) {
				b.Queue(sizeOf, id(l.Tenant)).QueryRow(func(row pgx.Row) error { return row.Scan(&size) })
			})
			end := min(from+forgottenRows, size)
			if err != nil || end <= from {
				return err
			}
			to = end
			return t.send(ctx, func(b *pgx.Batch) {
				b.Queue(shreddedIn, id(l.Tenant), from, end, forgottenMarks).Query(func(rows pgx.Rows) error {
					var index int64
					var subject pgtype.UUID
					_, err := pgx.ForEachRow(rows, []any{&index, &subject}, func() error {
						if marks = append(marks, event.MarkOf(l.peppers[0].key, subject.Bytes)); len(marks) == forgottenMarks {
							to = index + 1
						}
						return nil
					})
					return err
				})
			})
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading who was forgotten: %w", err)
	}
	return marks, to, nil
}

// forgetAgain shreds whom a mark outside names and the database still knows: it was restored from a copy of before. A mark names nobody, so
// each person whom the ledger knows is compared.
func (l *Ledger) forgetAgain(ctx context.Context) error {
	if l.Marks == nil {
		return nil
	}
	list, err := l.Marks()
	if err != nil || len(list) == 0 {
		return wrap("reading who was forgotten", err)
	}
	marks := make(map[consent.Mark]struct{}, len(list))
	for _, mark := range list {
		marks[mark] = struct{}{}
	}
	for last := (pgtype.UUID{Valid: true}); ; {
		var page []pgtype.UUID
		err := retry(ctx, func() error {
			return l.inTenant(ctx, l.App, func(b *pgx.Batch) {
				b.Queue(aliveAfter, id(l.Tenant), last, leftPage).Query(func(rows pgx.Rows) (err error) {
					page, err = pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
					return err
				})
			})
		})
		if err != nil || len(page) == 0 {
			return wrap("forgetting again", err)
		}
		last = page[len(page)-1]
		back := slices.DeleteFunc(page, func(one pgtype.UUID) bool { return !l.marked(marks, one) })
		for some := range slices.Chunk(back, 1000) {
			if err := l.shredAlive(ctx, some); err != nil {
				return wrap("forgetting again", err)
			}
		}
	}
}

// marked tells whether one of the marks is of a person, under any of the peppers.
func (l *Ledger) marked(marks map[consent.Mark]struct{}, subject pgtype.UUID) bool {
	return slices.ContainsFunc(l.peppers, func(p pepper) bool {
		_, is := marks[event.MarkOf(p.key, subject.Bytes)]
		return is
	})
}

// shredAlive shreds those of the people who are still known.
func (l *Ledger) shredAlive(ctx context.Context, subjects []pgtype.UUID) error {
	return retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			alive, err := l.alive(ctx, t, subjects)
			if err != nil || len(alive) == 0 {
				return err
			}
			_, err = l.shred(ctx, t, alive)
			return err
		})
	})
}
