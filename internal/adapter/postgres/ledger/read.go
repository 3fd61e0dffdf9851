package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

const (
	statesOf = `
SELECT p.at, s.purpose, s.event_id, s.decision, s.recorded_at, s.valid_until, s.notice, s.notice_version, s.notice_lang, s.notice_sha256, s.material_sha256, e.method
FROM unnest($2::text[], $3::bytea[], $4::int[]) AS p (kind, link, at)
CROSS JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1 AND kind = p.kind AND link = p.link LIMIT 1) AS l
CROSS JOIN LATERAL (SELECT * FROM consent.state WHERE tenant_id = $1 AND subject_ref = l.subject_ref OFFSET 0) AS s
` + methodLateral + `
ORDER BY p.at, s.purpose`

	// methodLateral adds by which act a grant was made: its event says so, and the log proves it.
	methodLateral = `LEFT JOIN LATERAL (SELECT method FROM consent.events WHERE tenant_id = $1 AND event_id = s.event_id AND s.decision = 1 LIMIT 1) AS e ON true`

	// statesReferred is statesOf for people named by references, their own or ones that Link made part of them.
	statesReferred = `
SELECT p.at, s.purpose, s.event_id, s.decision, s.recorded_at, s.valid_until, s.notice, s.notice_version, s.notice_lang, s.notice_sha256, s.material_sha256, e.method
FROM unnest($2::bytea[], $3::int[]) AS p (ref, at)
LEFT JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1 AND kind = 'merged' AND link = p.ref LIMIT 1) AS m ON true
CROSS JOIN LATERAL (SELECT * FROM consent.state WHERE tenant_id = $1 AND subject_ref = coalesce(m.subject_ref, encode(p.ref, 'hex')::uuid) OFFSET 0) AS s
` + methodLateral + `
ORDER BY p.at, s.purpose`

	// theirs are the references of a person: their own, and those that Link made part of it. Kind subject is a reference itself;
	// whoever is known has a link.
	theirs = `
WITH me AS MATERIALIZED (SELECT l.subject_ref FROM unnest($3::bytea[]) AS p (link)
  CROSS JOIN LATERAL ((SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1 AND kind = CASE $2 WHEN 'subject' THEN 'merged' ELSE $2 END AND link = p.link LIMIT 1)
    UNION ALL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1 AND subject_ref = CASE $2 WHEN 'subject' THEN encode(p.link, 'hex')::uuid END LIMIT 1)) AS l LIMIT 1),
theirs AS MATERIALIZED (SELECT subject_ref FROM me UNION
  SELECT encode(l.link, 'hex')::uuid FROM me CROSS JOIN LATERAL (SELECT link, kind FROM consent.subject_links WHERE tenant_id = $1 AND subject_ref = me.subject_ref OFFSET 0) AS l
  WHERE l.kind = 'merged')`

	keyLateral = `LEFT JOIN LATERAL (SELECT kek_id, wrapped_key FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = e.subject_ref LIMIT 1) AS k ON true`

	eventsOf = theirs + `
SELECT ` + columns + `, k.kek_id, k.wrapped_key FROM theirs
CROSS JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND subject_ref = theirs.subject_ref OFFSET 0) AS e
` + keyLateral + ` ORDER BY e.event_id`

	receiptOf = `
SELECT ` + columns + `, k.kek_id, k.wrapped_key FROM consent.events e ` + keyLateral + `
WHERE e.tenant_id = $1 AND e.event_id BETWEEN $2 AND $3 AND e.receipt_id = $2 ORDER BY e.event_id`

	placeOf = `SELECT idx FROM consent.leaves WHERE tenant_id = $1 AND event_id = $2`

	sinceOf = `
SELECT ` + columns + ` FROM consent.leaves l CROSS JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND l.idx > $2 ORDER BY l.idx LIMIT $3`
)

// States returns the last decisions of people, by purpose, in one round trip, which questions about few people share with others that
// come at the same time. Whether a consent still holds is for who asks: its ValidUntil may have passed.
func (l *Ledger) States(ctx context.Context, people []consent.Person) (states [][]consent.State, err error) {
	err = retry(ctx, func() error {
		if len(people) <= few {
			states, err = l.questions.ask(ctx, people)
		} else {
			states, err = l.statesOf(ctx, people)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading states: %w", err)
	}
	return states, nil
}

// few is how many people a question may be about that is put together with others.
const few = 16

// statesTogether answers several questions at once.
func (l *Ledger) statesTogether(ctx context.Context, group [][]consent.Person) ([][][]consent.State, error) {
	states, err := l.statesOf(ctx, slices.Concat(group...))
	if err != nil {
		return nil, err
	}
	answers := make([][][]consent.State, len(group))
	for i, people := range group {
		answers[i], states = states[:len(people):len(people)], states[len(people):]
	}
	return answers, nil
}

// statesOf reads again where a name was found by an older form, once it has the newest.
func (l *Ledger) statesOf(ctx context.Context, people []consent.Person) ([][]consent.State, error) {
	states, aged, err := l.statesNow(ctx, people)
	if err != nil || !aged {
		return states, err
	}
	if err := l.settled(ctx, people...); err != nil {
		return nil, err
	}
	states, _, err = l.statesNow(ctx, people)
	return states, err
}

// statesNow tells too whether a name is known by an older form.
func (l *Ledger) statesNow(ctx context.Context, people []consent.Person) (out [][]consent.State, aged bool, err error) {
	var kinds, olderKinds []string
	var older [][]byte
	var links, referred [][]byte
	var at, referredAt []int32
	for i, person := range people {
		if person == (consent.Person{}) {
			continue
		}
		if person.Kind == consent.KindSubject {
			for _, reference := range l.links(person) {
				referred, referredAt = append(referred, reference), append(referredAt, int32(i))
			}
			continue
		}
		for number, link := range l.links(person) {
			kinds, links, at = append(kinds, person.Kind), append(links, link), append(at, int32(i))
			if number > 0 {
				olderKinds, older = append(olderKinds, person.Kind), append(older, link)
			}
		}
	}
	out = make([][]consent.State, len(people))
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		if len(links) > 0 || len(referred) == 0 {
			b.Queue(statesOf, id(l.Tenant), kinds, links, at).Query(func(rows pgx.Rows) error { return collectStates(rows, out) })
		}
		if len(referred) > 0 {
			b.Queue(statesReferred, id(l.Tenant), referred, referredAt).Query(func(rows pgx.Rows) error { return collectStates(rows, out) })
		}
		if len(older) > 0 {
			b.Queue(anyOlder, id(l.Tenant), olderKinds, older).QueryRow(func(row pgx.Row) error { return row.Scan(&aged) })
		}
	})
	return out, aged, err
}

func collectStates(rows pgx.Rows, into [][]consent.State) error {
	var (
		at, decision             int32
		s                        consent.State
		event                    pgtype.UUID
		recorded, until          pgtype.Timestamptz
		notice, language, method pgtype.Text
		version                  pgtype.Int4
		digest, material         []byte
	)
	_, err := pgx.ForEachRow(rows, []any{&at, &s.Purpose, &event, &decision, &recorded, &until, &notice, &version, &language, &digest, &material, &method}, func() error {
		s.Event, s.Decision, s.Method, s.RecordedAt, s.ValidUntil = event.Bytes, consent.Decision(decision), consent.Method(method.String), recorded.Time.UTC(), until.Time
		if until.Valid {
			s.ValidUntil = until.Time.UTC()
		}
		s.Notice = consent.NoticeRef{Notice: notice.String, Version: version.Int32, Language: language.String, SHA256: slices.Clone(digest), Material: slices.Clone(material)}
		into[at] = append(into[at], s)
		return nil
	})
	return err
}

// Events returns what was recorded of a person, evidence opened.
func (l *Ledger) Events(ctx context.Context, person consent.Person) ([]consent.Event, error) {
	if err := l.settled(ctx, person); err != nil {
		return nil, wrap("reading events", err)
	}
	events, err := l.opened(ctx, eventsOf, id(l.Tenant), person.Kind, l.links(person))
	if err == nil && len(events) == 0 {
		// A person may be known and have no event: a token was mailed, or the old ones are pruned.
		err = l.find(ctx, person)
	}
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return events, nil
}

// find fails with ErrUnknown where nobody has the name.
func (l *Ledger) find(ctx context.Context, person consent.Person) error {
	return retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			subject, _, err := l.references(ctx, t, person)
			if err == nil && subject == uuid.Nil {
				err = cmp.Or(l.sure(ctx, t, person), consent.ErrUnknown)
			}
			return err
		})
	})
}

// Receipt returns the events of a receipt, evidence opened.
func (l *Ledger) Receipt(ctx context.Context, receipt uuid.UUID) ([]consent.Event, error) {
	events, err := l.opened(ctx, receiptOf, id(l.Tenant), id(receipt), id(event.Last(receipt)))
	if err == nil && len(events) == 0 {
		err = consent.ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("reading a receipt: %w", err)
	}
	return events, nil
}

// Storage returns what a person decided last about storage on their device. It opens no evidence: a decision is taken back also where
// that cannot be read. It fails as Events does.
func (l *Ledger) Storage(ctx context.Context, person consent.Person) (consent.State, error) {
	if err := l.settled(ctx, person); err != nil {
		return consent.State{}, wrap("reading events", err)
	}
	var events []consent.Event
	err := retry(ctx, func() (err error) {
		events, _, _, err = l.closed(ctx, eventsOf, id(l.Tenant), person.Kind, l.links(person))
		return err
	})
	if err == nil && len(events) == 0 {
		err = l.find(ctx, person)
	}
	return consent.LastStorage(events), wrap("reading events", err)
}

// closed reads events that are followed by the key of whom they are about.
func (l *Ledger) closed(ctx context.Context, sql string, args ...any) (events []consent.Event, keks []string, keys [][]byte, err error) {
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
			events, err = collect(rows, func(_ int, rest [][]byte) error {
				keks, keys = append(keks, string(rest[0])), append(keys, slices.Clone(rest[1]))
				return nil
			})
			return err
		})
	})
	return events, keks, keys, err
}

// opened reads such events and opens their evidence.
func (l *Ledger) opened(ctx context.Context, sql string, args ...any) (events []consent.Event, err error) {
	err = retry(ctx, func() error {
		var keks []string
		var keys [][]byte
		if events, keks, keys, err = l.closed(ctx, sql, args...); err != nil {
			return err
		}
		for i := range events {
			if err := l.open(&events[i], keks[i], keys[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return events, err
}

// open shows an event's evidence, where the key is there. What is about nobody is not hidden.
func (l *Ledger) open(e *consent.Event, kek string, wrapped []byte) error {
	switch {
	case e.Subject == uuid.Nil:
		e.Evidence = e.EvidenceCiphertext
	case wrapped == nil || e.EvidenceCiphertext == nil:
	default:
		key, err := l.KEK.Open(kek, wrapped, l.Tenant, e.Subject)
		if errors.Is(err, seal.ErrKey) {
			return consent.ErrKeyMissing
		}
		if err == nil {
			e.Evidence, err = key.Open(e.EvidenceCiphertext, l.Tenant, e.ID)
		}
		if err != nil {
			return fmt.Errorf("opening evidence: %w", seal.ErrSealed)
		}
	}
	return nil
}

// Since returns events in the order of the log: what a checkpoint does not cover yet is not listed, so that no event is
// passed over by a reader who goes on after the last one.
func (l *Ledger) Since(ctx context.Context, after uuid.UUID, limit int) (events []consent.Event, err error) {
	from := pgtype.Int8{Int64: -1, Valid: true}
	if after != uuid.Nil {
		if from, err = l.place(ctx, after); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
	}
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(sinceOf, id(l.Tenant), from.Int64, max(limit, 0)).Query(func(rows pgx.Rows) (err error) {
			events, err = collect(rows, nil)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return events, nil
}

// place is the index of an event in the log.
func (l *Ledger) place(ctx context.Context, event uuid.UUID) (index pgtype.Int8, err error) {
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(`SELECT (`+placeOf+`)`, id(l.Tenant), id(event)).QueryRow(func(row pgx.Row) error { return row.Scan(&index) })
	})
	if err == nil && !index.Valid {
		err = consent.ErrUnknown
	}
	return index, err
}
