package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// page is how many states one sweep looks at.
const page = 20_000

const (
	nextStates = `SELECT subject_ref, purpose, event_id, decision, valid_until FROM consent.state WHERE tenant_id = $1 AND (subject_ref, purpose) > ($2, $3) ORDER BY subject_ref, purpose LIMIT $4`
	stateNow   = `SELECT recorded_at, notice, notice_version, notice_lang, notice_sha256, material_sha256 FROM consent.state WHERE tenant_id = $1 AND subject_ref = $2 AND purpose = $3 AND event_id = $4`
)

// lapsed is a consent whose time has passed.
type lapsed struct {
	subject uuid.UUID
	purpose string
	event   uuid.UUID
}

// Expire appends consent.expired events for consents whose time has passed: it looks at a page of states, and the next call at
// the next one. Nobody has to wait for it: a state carries its ValidUntil, and does not hold after that. It returns how many
// expired.
func (l *Ledger) Expire(ctx context.Context) (int, error) {
	l.expiry.Lock()
	defer l.expiry.Unlock()
	now := l.now()
	var due []lapsed
	var subject, last pgtype.UUID
	seen := 0
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		var found lapsed
		var event pgtype.UUID
		var decision int32
		var until pgtype.Timestamptz
		b.Queue(nextStates, id(l.Tenant), pgtype.UUID{Bytes: l.cursor.subject, Valid: true}, l.cursor.purpose, page).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&subject, &found.purpose, &event, &decision, &until}, func() error {
				seen++
				last = subject
				found.subject, found.event = subject.Bytes, event.Bytes
				if decision == int32(consent.Granted) && until.Valid && !until.Time.After(now) {
					due = append(due, found)
				}
				return nil
			})
			l.cursor = lapsed{subject: last.Bytes, purpose: found.purpose}
			return err
		})
	})
	if err != nil || seen < page {
		l.cursor = lapsed{}
	}
	if err != nil {
		return 0, wrap("expiring consents", err)
	}
	for n, one := range due {
		if err := retry(ctx, func() error { return l.expire(ctx, one, now) }); err != nil {
			return n, wrap("expiring consents", err)
		}
	}
	return len(due), nil
}

// expire appends one event, if the state is still the one that was seen.
func (l *Ledger) expire(ctx context.Context, one lapsed, now time.Time) error {
	var w *writing
	var answer known
	err := l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		if err := l.lock(ctx, t, []pgtype.UUID{id(one.subject)}); err != nil {
			return err
		}
		var given time.Time
		var notice, language pgtype.Text
		var version pgtype.Int4
		var digest, material []byte
		still := false
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(stateNow, id(l.Tenant), id(one.subject), one.purpose, id(one.event)).Query(func(rows pgx.Rows) error {
				_, err := pgx.ForEachRow(rows, []any{&given, &notice, &version, &language, &digest, &material}, func() error { still = true; return nil })
				return err
			})
		})
		if err != nil || !still {
			return err
		}
		act := &consent.Act{Key: "expired " + one.event.String(), Choices: []consent.Choice{{Type: consent.EventExpired, Purpose: one.purpose, Decision: consent.Denied}},
			Notice: consent.NoticeRef{Notice: notice.String, Version: version.Int32, Language: language.String, SHA256: digest, Material: material}}
		w = l.writing(act, consent.Person{}, one.subject)
		at := now
		if !at.After(given) {
			at = given.UTC().Add(step) // the clock of another replica was ahead
		}
		w.write(at, seal.Key{})
		return t.send(ctx, func(b *pgx.Batch) { w.queue(b, &answer) })
	})
	if errors.Is(err, errMoved) {
		return nil // forgotten meanwhile
	}
	if err == nil && answer.mine {
		w.done(seal.Key{})
	}
	return err
}
