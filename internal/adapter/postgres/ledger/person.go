package ledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

const (
	holdPerson = `SELECT subject_ref FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = $2 AND shredded_at IS NULL FOR UPDATE`

	insertLink = `INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id) VALUES ($1, $2, $3, $4, $5)`

	// joinLinks and its like move what belongs to $3 to $2; the role has no right to update these tables.
	joinLinks = `
WITH gone AS (DELETE FROM consent.subject_links WHERE tenant_id = $1 AND subject_ref = $3 RETURNING kind, link, pepper_id)
INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id) SELECT $1, $2, kind, link, pepper_id FROM gone`
	joinTokens = `
WITH gone AS (DELETE FROM consent.mailbox_proofs WHERE tenant_id = $1 AND subject_ref = $3 RETURNING expires_at, spent_at, token_sha256, kind, purpose)
INSERT INTO consent.mailbox_proofs (tenant_id, subject_ref, expires_at, spent_at, token_sha256, kind, purpose) SELECT $1, $2, expires_at, spent_at, token_sha256, kind, purpose FROM gone`
	joinWishes = `
WITH gone AS (DELETE FROM consent.wishes WHERE tenant_id = $1 AND subject_ref = $3 RETURNING event_id, asked_at, opened_at, site, purposes, way, turn)
INSERT INTO consent.wishes (tenant_id, subject_ref, event_id, asked_at, opened_at, site, purposes, way, turn) SELECT $1, $2, event_id, asked_at, opened_at, site, purposes, way, turn FROM gone`
	joinStates = `
WITH gone AS (DELETE FROM consent.state WHERE tenant_id = $1 AND subject_ref = $3 RETURNING *)
INSERT INTO consent.state AS s (tenant_id, subject_ref, event_id, recorded_at, valid_until, notice_version, decision, purpose, notice, notice_lang, notice_sha256, material_sha256)
SELECT $1, $2, event_id, recorded_at, valid_until, notice_version, decision, purpose, notice, notice_lang, notice_sha256, material_sha256 FROM gone ORDER BY purpose
ON CONFLICT (tenant_id, subject_ref, purpose) DO UPDATE SET event_id = excluded.event_id, recorded_at = excluded.recorded_at, valid_until = excluded.valid_until,
  notice_version = excluded.notice_version, decision = excluded.decision, notice = excluded.notice, notice_lang = excluded.notice_lang,
  notice_sha256 = excluded.notice_sha256, material_sha256 = excluded.material_sha256
WHERE s.event_id < excluded.event_id`

	shredKeys   = `UPDATE consent.subject_keys SET wrapped_key = NULL, shredded_at = $3 WHERE tenant_id = $1 AND subject_ref = $2`
	shredLinks  = `DELETE FROM consent.subject_links WHERE tenant_id = $1 AND subject_ref = $2`
	shredStates = `DELETE FROM consent.state WHERE tenant_id = $1 AND subject_ref = $2`
	shredTokens = `DELETE FROM consent.mailbox_proofs WHERE tenant_id = $1 AND subject_ref = $2`
)

// references returns the references of a person, their own first; nil for nobody.
func (l *Ledger) references(ctx context.Context, t tx, person consent.Person) (own uuid.UUID, all []pgtype.UUID, err error) {
	var found pgtype.UUID
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(theirs+` SELECT (SELECT subject_ref FROM me), (SELECT array_agg(subject_ref) FROM theirs)`, id(l.Tenant), person.Kind, l.links(person)).
			QueryRow(func(row pgx.Row) error { return row.Scan(&found, &all) })
	})
	return found.Bytes, all, err
}

// lock keeps all others from people's rows until the transaction ends: acts wait. It fails where one was forgotten.
func (l *Ledger) lock(ctx context.Context, t tx, people []pgtype.UUID) error {
	locked, err := l.alive(ctx, t, people)
	if err == nil && len(locked) != len(people) {
		err = errMoved
	}
	return err
}

// alive locks those of the people who were not forgotten, and returns them. All lock in the order of references, so that nobody
// waits for somebody who waits for them.
func (l *Ledger) alive(ctx context.Context, t tx, people []pgtype.UUID) (locked []pgtype.UUID, err error) {
	sorted := slices.SortedFunc(slices.Values(people), func(a, b pgtype.UUID) int { return bytes.Compare(a.Bytes[:], b.Bytes[:]) })
	err = t.send(ctx, func(b *pgx.Batch) {
		for _, one := range sorted {
			b.Queue(holdPerson, id(l.Tenant), one).Query(func(rows pgx.Rows) error {
				found, err := pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
				locked = append(locked, found...)
				return err
			})
		}
	})
	return locked, err
}

// held finds a person and locks them; a second look sees what was done while the lock was waited for.
func (l *Ledger) held(ctx context.Context, t tx, person consent.Person) (own uuid.UUID, all []pgtype.UUID, err error) {
	if err := l.settleAll(ctx, t, person); err != nil {
		return uuid.Nil, nil, err
	}
	own, all, err = l.references(ctx, t, person)
	if err != nil || own == uuid.Nil {
		return own, all, err
	}
	if err := l.lock(ctx, t, all); err != nil {
		return own, nil, err
	}
	again, now, err := l.references(ctx, t, person)
	if err == nil && (again != own || len(now) != len(all)) {
		err = errMoved
	}
	return own, all, err
}

// Link lets two names stand for one person. ErrUnknown where the first is of nobody.
func (l *Ledger) Link(ctx context.Context, known, other consent.Person) error {
	err := retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error { return l.link(ctx, t, known, other) })
	})
	if err != nil {
		return fmt.Errorf("linking a person: %w", err)
	}
	return nil
}

func (l *Ledger) link(ctx context.Context, t tx, known, other consent.Person) error {
	if known == (consent.Person{}) || other == (consent.Person{}) || other.Kind == consent.KindSubject {
		return consent.ErrUnknown
	}
	if err := l.settleAll(ctx, t, known, other); err != nil {
		return err
	}
	subject, _, err := l.references(ctx, t, known)
	if err != nil {
		return err
	}
	joined, _, err := l.references(ctx, t, other)
	switch {
	case err != nil:
		return err
	case subject == uuid.Nil:
		return cmp.Or(l.sure(ctx, t, known), consent.ErrUnknown)
	case subject == joined:
		return nil
	case joined == uuid.Nil:
		if err := l.lock(ctx, t, []pgtype.UUID{id(subject)}); err != nil {
			return err
		}
		return t.send(ctx, func(b *pgx.Batch) {
			b.Queue(insertLink, id(l.Tenant), id(subject), other.Kind, event.Link(l.peppers[0].key, other), l.peppers[0].id)
		})
	}
	if err := l.lock(ctx, t, []pgtype.UUID{id(subject), id(joined)}); err != nil {
		return err
	}
	// What was read before the lock is read again under it.
	first, _, err := l.references(ctx, t, known)
	if err != nil {
		return err
	}
	second, _, err := l.references(ctx, t, other)
	if err == nil && (first != subject || second != joined) {
		err = errMoved
	}
	if err != nil {
		return err
	}
	return l.join(ctx, t, subject, joined)
}

// join makes one person of two who are locked.
func (l *Ledger) join(ctx context.Context, t tx, subject, joined uuid.UUID) error {
	return t.send(ctx, func(b *pgx.Batch) {
		for _, sql := range []string{joinStates, joinTokens, joinWishes, joinLinks} {
			b.Queue(sql, id(l.Tenant), id(subject), id(joined))
		}
		b.Queue(insertLink, id(l.Tenant), id(subject), "merged", joined[:], "")
		b.Queue(notify, l.channel(), "s"+subject.String())
		b.Queue(notify, l.channel(), "s"+joined.String())
	})
}

// shred forgets people, and returns the events that say so.
func (l *Ledger) shred(ctx context.Context, t tx, subjects []pgtype.UUID) ([]consent.Event, error) {
	events := make([]consent.Event, len(subjects))
	for i, subject := range subjects {
		events[i] = l.house(consent.Event{Type: consent.EventSubjectShredded, Subject: subject.Bytes})
	}
	return events, t.send(ctx, func(b *pgx.Batch) {
		l.queueHouse(b, events)
		for _, subject := range subjects {
			b.Queue(shredKeys, id(l.Tenant), subject, instant(events[0].RecordedAt))
			for _, sql := range []string{shredLinks, shredStates, shredTokens} {
				b.Queue(sql, id(l.Tenant), subject)
			}
			b.Queue(notify, l.channel(), "s"+uuid.UUID(subject.Bytes).String())
		}
	})
}

// house completes an event that no act caused.
func (l *Ledger) house(e consent.Event) consent.Event { return l.houseAt(e, l.now()) }

// step is the shortest time between two instants of the ledger.
const step = time.Microsecond

func (l *Ledger) houseAt(e consent.Event, at time.Time) consent.Event {
	receipt := event.NewReceipt(at, lot())
	e.Tenant, e.ID, e.Receipt, e.RecordedAt = l.Tenant, receipt.ID, receipt.ID, receipt.At
	e.Leaf = event.Hash(&e)
	return e
}

// queueHouse writes such events.
func (l *Ledger) queueHouse(b *pgx.Batch, events []consent.Event) {
	n := len(events)
	ids, subjects, at, versions := make([]pgtype.UUID, n), make([]pgtype.UUID, n), make([]pgtype.Timestamptz, n), make([]pgtype.Int4, n)
	types, purposes, notices, languages, sites := make([]string, n), make([]pgtype.Text, n), make([]pgtype.Text, n), make([]pgtype.Text, n), make([]pgtype.Text, n)
	digests, evidence, leaves := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i := range events {
		e := &events[i]
		ids[i], subjects[i], at[i], versions[i] = id(e.ID), id(e.Subject), instant(e.RecordedAt), version(e.Notice.Version)
		types[i], purposes[i], notices[i], languages[i], sites[i] = string(e.Type), text(e.Purpose), text(e.Notice.Notice), text(e.Notice.Language), text(e.Site)
		digests[i], evidence[i], leaves[i] = octets(e.Notice.SHA256), octets(e.EvidenceCiphertext), e.Leaf
	}
	b.Queue(insertEvents, id(l.Tenant), ids, subjects, at, versions, types, purposes, notices, languages, digests, sites, evidence, leaves)
}
