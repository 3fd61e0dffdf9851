package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

const (
	insertTenant   = `INSERT INTO consent.tenants (tenant_id, namespace, policy) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	tenantOf       = `SELECT namespace, policy FROM consent.tenants WHERE tenant_id = $1`
	insertPurpose  = `INSERT INTO consent.purposes (tenant_id, purpose, revision, body, recorded_at) VALUES ($1, $2, $3, $4, $5)`
	insertNotice   = `INSERT INTO consent.notices (tenant_id, notice, version, lang, body, body_sha256, material_sha256, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	wordsOf        = `SELECT body::text FROM consent.notices WHERE tenant_id = $1 AND notice = $2 AND version = $3 AND lang = $4`
	noticesOf      = `SELECT version, lang, body::text, body_sha256, material_sha256 FROM consent.notices WHERE tenant_id = $1 AND notice = $2 ORDER BY version, lang`
	revisionsOf    = `SELECT purpose, revision, body::text, recorded_at FROM consent.purposes WHERE tenant_id = $1 AND purpose = ANY ($2) ORDER BY purpose COLLATE "C", revision`
	publishedSoFar = `SELECT ` + columns + ` FROM unnest($2::text[]) AS t (type)
CROSS JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND type = t.type AND subject_ref IS NULL ORDER BY event_id OFFSET 0) AS e ORDER BY e.event_id`
)

// Publish makes a policy part of the ledger: its rows, and an event for each, in one transaction. What the log says was
// published decides what is new. ErrContradicted where the tenant is another policy's, or words would change.
func (l *Ledger) Publish(ctx context.Context, p consent.Publication) error {
	err := retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error { return l.publish(ctx, t, p) })
	})
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

func (l *Ledger) publish(ctx context.Context, t tx, p consent.Publication) error {
	var namespace, policy string
	var before []consent.Event
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(insertTenant, id(l.Tenant), p.Namespace, p.Policy)
		b.Queue(tenantOf, id(l.Tenant)).QueryRow(func(row pgx.Row) error { return row.Scan(&namespace, &policy) })
		b.Queue(publishedSoFar, id(l.Tenant), []string{string(consent.EventNoticePublished), string(consent.EventBuildPublished)}).Query(func(rows pgx.Rows) (err error) {
			before, err = collect(rows, nil)
			return err
		})
	})
	switch {
	case err != nil:
		return err
	case namespace != p.Namespace || policy != p.Policy:
		return consent.ErrContradicted
	}
	same, revisions := map[string]string{}, map[string]int32{}
	for _, e := range before {
		// The highest revision is the last one: events are in the order of clocks, and one of them may have been ahead.
		if key, what := publicationOf(e); e.Notice.Version >= revisions[key] {
			same[key], revisions[key] = what, e.Notice.Version
		}
	}
	news, err := event.Published(p, func(kind event.Kind, name string) (string, int32) {
		key := string(kind) + "\x00" + name
		return same[key], revisions[key]
	})
	if err != nil {
		return err
	}
	return t.send(ctx, func(b *pgx.Batch) {
		l.queueBuilds(b, p.Widgets)
		if len(news) > 0 {
			l.queueNews(b, news)
		}
	})
}

// Words returns the words of a notice. The database keeps what they say and not how they are written, so they are written anew;
// that they are those which were published is for their digest to say.
func (l *Ledger) Words(ctx context.Context, notice consent.NoticeRef) ([]byte, error) {
	var stored string
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(wordsOf, id(l.Tenant), notice.Notice, notice.Version, notice.Language).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&stored}, func() error { return nil })
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading words: %w", err)
	}
	body, err := canonical.Again([]byte(stored))
	if sum := sha256.Sum256(body); err != nil || !bytes.Equal(sum[:], notice.SHA256) {
		return nil, fmt.Errorf("reading words: %w", consent.ErrUnknown)
	}
	return body, nil
}

// Purposes returns the revisions of purposes, each written anew as Words does. The audit tells whether they are those that the log names.
func (l *Ledger) Purposes(ctx context.Context, names []string) ([]consent.Revision, error) {
	var all []consent.Revision
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(revisionsOf, id(l.Tenant), names).Query(func(rows pgx.Rows) error {
			var stored string
			var one consent.Revision
			all = nil
			_, err := pgx.ForEachRow(rows, []any{&one.Purpose, &one.Number, &stored, &one.Since}, func() (err error) {
				one.Body, err = canonical.Again([]byte(stored))
				all = append(all, one)
				return err //nolint:wrapcheck // wrapped below
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading purposes: %w", err)
	}
	return all, nil
}

// Published returns the notices of a name. Words that are not of their digest are nobody's: the audit finds them.
func (l *Ledger) Published(ctx context.Context, notice string) ([]consent.PublishedNotice, error) {
	var all []consent.PublishedNotice
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(noticesOf, id(l.Tenant), notice).Query(func(rows pgx.Rows) error {
			var stored string
			ref := consent.NoticeRef{Notice: notice}
			all = nil
			_, err := pgx.ForEachRow(rows, []any{&ref.Version, &ref.Language, &stored, &ref.SHA256, &ref.Material}, func() error {
				body, err := canonical.Again([]byte(stored))
				if sum := sha256.Sum256(body); err == nil && bytes.Equal(sum[:], ref.SHA256) {
					one := ref
					one.SHA256, one.Material = bytes.Clone(ref.SHA256), bytes.Clone(ref.Material)
					all = append(all, consent.PublishedNotice{NoticeRef: one, Body: body})
				}
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was published: %w", err)
	}
	return all, nil
}

// publicationOf says what an event published: under which key, and what must be the same for a repetition to be one.
func publicationOf(e consent.Event) (key, same string) {
	switch {
	case e.Type == consent.EventBuildPublished:
		name := e.Site + "\x00" + hex.EncodeToString(e.Notice.SHA256)
		return string(event.KindWidget) + "\x00" + name, name
	case e.Purpose != "":
		return string(event.KindPurpose) + "\x00" + e.Purpose, string(e.Notice.SHA256)
	default:
		return string(event.KindNotice) + "\x00" + event.NoticeName(e.Notice), string(e.Notice.SHA256) + string(e.EvidenceCiphertext)
	}
}

func (l *Ledger) queueNews(b *pgx.Batch, news []event.News) {
	events := make([]consent.Event, len(news))
	for i, n := range news {
		events[i] = l.house(n.Event)
		if i > 0 && !events[i].RecordedAt.After(events[i-1].RecordedAt) {
			// What is published together is listed in its order.
			events[i] = l.houseAt(n.Event, events[i-1].RecordedAt.Add(step))
		}
		e := events[i]
		switch n.Kind {
		case event.KindPurpose:
			b.Queue(insertPurpose, id(l.Tenant), n.Name, e.Notice.Version, n.Body, instant(e.RecordedAt))
		case event.KindNotice:
			b.Queue(insertNotice, id(l.Tenant), e.Notice.Notice, e.Notice.Version, e.Notice.Language, n.Body, e.Notice.SHA256, e.EvidenceCiphertext, instant(e.RecordedAt))
		case event.KindWidget:
		}
	}
	l.queueHouse(b, events)
}
