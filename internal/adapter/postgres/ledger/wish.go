package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

const (
	// insertWish writes nothing where the person, who is locked, has an open wish of the whole of them.
	insertWish = `INSERT INTO consent.wishes (tenant_id, event_id, subject_ref, asked_at, site, way) SELECT $1, $2, $3, $4, $5, $6
WHERE NOT EXISTS (SELECT FROM consent.wishes WHERE tenant_id = $1 AND subject_ref = $3 AND purposes = '{}') RETURNING event_id`
	// insertWithdrawn writes nothing where the person, who is locked, has an open wish that names all of the purposes.
	insertWithdrawn = `INSERT INTO consent.wishes (tenant_id, event_id, subject_ref, asked_at, site, way, purposes) SELECT $1, $2, $3, $4, $5, $6, $7
WHERE NOT EXISTS (SELECT FROM consent.wishes WHERE tenant_id = $1 AND subject_ref = $3 AND purposes @> $7::text[])`

	// wishesOf has no evidence for a wish whose event was pruned, which is still to be closed, and none of a withdrawal. Each queue is an
	// index of its own, of which the first rows are read: what one costs does not depend on how long it is, or the others are.
	waitingOf = wishesOf + `opened_at IS NULL` + wishesTurn
	openedOf  = wishesOf + `opened_at IS NOT NULL` + wishesTurn
	wishesOf  = `
SELECT w.event_id, w.subject_ref, w.site, w.asked_at, w.opened_at, w.turn, w.purposes, k.shredded_at IS NOT NULL, e.subject_ref, e.evidence_ct, o.kek_id, o.wrapped_key
FROM (SELECT * FROM consent.wishes WHERE tenant_id = $1 AND way = $2 AND (turn, event_id) > ($3, $4) AND `
	wishesTurn = ` ORDER BY turn, event_id LIMIT $5) AS w
LEFT JOIN LATERAL (SELECT shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = w.subject_ref LIMIT 1) AS k ON true
LEFT JOIN LATERAL (SELECT subject_ref, evidence_ct FROM consent.events WHERE tenant_id = $1 AND event_id = w.event_id AND w.purposes = '{}' LIMIT 1) AS e ON true
LEFT JOIN LATERAL (SELECT kek_id, wrapped_key FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = e.subject_ref LIMIT 1) AS o ON true
ORDER BY w.turn, w.event_id`

	// letPass goes by the database's clock, as a new wish does: replicas' may differ.
	letPass = `UPDATE consent.wishes SET turn = now() WHERE tenant_id = $1 AND event_id = ANY($2::uuid[])`

	// openWish and closeWish answer with whose wish it is, whether they were forgotten, and the time of the event that tells it: never
	// before what it is about, though the clock of another replica was ahead.
	openWish = `
WITH w AS (UPDATE consent.wishes SET opened_at = greatest($3::timestamptz, asked_at + interval '1 microsecond')
  WHERE tenant_id = $1 AND event_id = $2 AND opened_at IS NULL RETURNING subject_ref, site, purposes, opened_at AS at)` + whoseWish
	closeWish = `
WITH w AS (DELETE FROM consent.wishes WHERE tenant_id = $1 AND event_id = $2
  RETURNING subject_ref, site, purposes, greatest($3::timestamptz, asked_at + interval '1 microsecond', opened_at + interval '1 microsecond') AS at)` + whoseWish
	whoseWish = `
SELECT w.subject_ref, w.site, w.purposes, w.at, EXISTS (SELECT FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = w.subject_ref AND shredded_at IS NOT NULL) FROM w`
	anyWish = `SELECT EXISTS (SELECT FROM consent.wishes WHERE tenant_id = $1 AND event_id = $2)`
)

// wish keeps what an act asked to have erased, or withdrew consent to, in the act's transaction. ErrWished where the person asks for
// what they have asked for; a withdrawal is never refused. Way is by what the act was done, where it is no withdrawal.
func (l *Ledger) wish(ctx context.Context, t tx, w *writing, way consent.Way) error {
	if purposes := w.act.Erase; len(purposes) > 0 {
		first := &w.events[0]
		return t.send(ctx, func(b *pgx.Batch) {
			b.Queue(insertWithdrawn, id(l.Tenant), id(first.ID), id(w.subject), instant(first.RecordedAt), first.Site, consent.ByWithdrawal, purposes)
		})
	}
	for i := range w.events {
		e := &w.events[i]
		if e.Type != consent.EventErasureAsked {
			continue
		}
		var kept pgtype.UUID
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(insertWish, id(l.Tenant), id(e.ID), id(w.subject), instant(e.RecordedAt), e.Site, way).QueryRow(func(row pgx.Row) error { return row.Scan(&kept) })
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return consent.ErrWished
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Ask records the wish of a person whom the ledger knows. They are locked first, as all are whose wish is written: a person has one.
func (l *Ledger) Ask(ctx context.Context, act consent.Act) (recorded consent.Recorded, err error) {
	if err := event.CheckAsked(&act); err != nil {
		return recorded, fmt.Errorf("asking for erasure: %w", err)
	}
	err = retry(ctx, func() error {
		recorded, err = l.ask(ctx, &act)
		return err
	})
	if err != nil {
		return consent.Recorded{}, fmt.Errorf("asking for erasure: %w", err)
	}
	return recorded, nil
}

func (l *Ledger) ask(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	var w *writing
	var key seal.Key
	var answer known
	err := l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		subject, _, err := l.held(ctx, t, act.Person)
		if err == nil && subject == uuid.Nil {
			err = cmp.Or(l.sure(ctx, t, act.Person), consent.ErrUnknown)
		}
		if err != nil {
			return err
		}
		if w, key, err = l.writeHeld(ctx, t, act, act.Person, subject, &answer); err != nil || answer.seen.Valid || !answer.mine {
			return err
		}
		return l.wish(ctx, t, w, consent.ByReceipt)
	})
	return l.answered(ctx, w, key, answer, err)
}

// Wishes returns what nobody has answered of a queue.
func (l *Ledger) Wishes(ctx context.Context, queue consent.Queue, after consent.Turn, limit int) (wishes []consent.Wish, err error) {
	err = retry(ctx, func() error {
		wishes, err = l.wishes(ctx, queue, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading wishes: %w", err)
	}
	return wishes, nil
}

// sealed is what opens the evidence of a wish.
type sealed struct {
	event consent.Event
	kek   pgtype.Text
	key   []byte
}

func (l *Ledger) wishes(ctx context.Context, queue consent.Queue, after consent.Turn, limit int) ([]consent.Wish, error) {
	sql := waitingOf
	if queue.Opened {
		sql = openedOf
	}
	var wishes []consent.Wish
	var closed []sealed
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(sql, id(l.Tenant), queue.Way, pgtype.Timestamptz{Time: after.At, Valid: true}, pgtype.UUID{Bytes: after.ID, Valid: true}, max(limit, 0)).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var w consent.Wish
				var c sealed
				var wish, subject, owner pgtype.UUID
				var asked, opened, turn pgtype.Timestamptz
				if err := rows.Scan(&wish, &subject, &w.Site, &asked, &opened, &turn, &w.Purposes, &w.Forgotten, &owner, &c.event.EvidenceCiphertext, &c.kek, &c.key); err != nil {
					return err
				}
				w.ID, w.Subject, w.AskedAt = wish.Bytes, subject.Bytes, asked.Time.UTC()
				w.Turn = consent.Turn{At: turn.Time.UTC(), ID: w.ID}
				if opened.Valid {
					w.OpenedAt = opened.Time.UTC()
				}
				c.event.ID, c.event.Subject = w.ID, owner.Bytes
				wishes, closed = append(wishes, w), append(closed, c)
			}
			return rows.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range wishes {
		c := &closed[i]
		if c.event.Subject == uuid.Nil { // its event was pruned, or is a withdrawal
			continue
		}
		if err := l.open(&c.event, c.kek.String, c.key); err != nil {
			return nil, err
		}
		wishes[i].Evidence = c.event.Evidence
	}
	return wishes, nil
}

// Later lets all others of their queues go before some wishes.
func (l *Ledger) Later(ctx context.Context, wishes []uuid.UUID) error {
	ids := make([]pgtype.UUID, len(wishes))
	for i, wish := range wishes {
		ids[i] = id(wish)
	}
	err := retry(ctx, func() error {
		return l.inTenant(ctx, l.App, func(b *pgx.Batch) { b.Queue(letPass, id(l.Tenant), ids) })
	})
	if err != nil {
		return fmt.Errorf("letting others go before wishes: %w", err)
	}
	return nil
}

// Opened records that a request was made of a wish.
func (l *Ledger) Opened(ctx context.Context, wish uuid.UUID) error {
	return l.answer(ctx, wish, openWish, consent.EventErasureOpened)
}

// Closed records that a wish was answered.
func (l *Ledger) Closed(ctx context.Context, wish uuid.UUID) error {
	return l.answer(ctx, wish, closeWish, consent.EventErasureClosed)
}

func (l *Ledger) answer(ctx context.Context, wish uuid.UUID, sql string, kind consent.EventType) error {
	tried := false
	err := retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			err := l.answerOnce(ctx, t, wish, sql, kind)
			if errors.Is(err, consent.ErrUnknown) && tried {
				return nil // the answer to the first attempt was lost
			}
			tried = tried || err == nil
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("answering a wish: %w", err)
	}
	return nil
}

// answerOnce moves a wish on, and tells so in the log. Of who was forgotten all was told.
func (l *Ledger) answerOnce(ctx context.Context, t tx, wish uuid.UUID, sql string, kind consent.EventType) error {
	var subject pgtype.UUID
	var at pgtype.Timestamptz
	var site string
	var purposes []string
	var forgotten bool
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(sql, id(l.Tenant), id(wish), instant(l.now())).QueryRow(func(row pgx.Row) error { return row.Scan(&subject, &site, &purposes, &at, &forgotten) })
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return l.known(ctx, t, wish)
	}
	if err != nil || forgotten {
		return err
	}
	var told []consent.Event
	for _, purpose := range consent.About(purposes) {
		told = append(told, l.houseAt(consent.Event{Type: kind, Subject: subject.Bytes, Site: site, Purpose: purpose}, at.Time.UTC()))
	}
	return t.send(ctx, func(b *pgx.Batch) { l.queueHouse(b, told) })
}

// known tells whether a wish is open.
func (l *Ledger) known(ctx context.Context, t tx, wish uuid.UUID) error {
	var open bool
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(anyWish, id(l.Tenant), id(wish)).QueryRow(func(row pgx.Row) error { return row.Scan(&open) })
	})
	if err == nil && !open {
		err = consent.ErrUnknown
	}
	return err
}
