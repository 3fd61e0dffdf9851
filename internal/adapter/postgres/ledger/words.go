package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/audit"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

const (
	noticeRows = `SELECT notice, version, lang, body::text, body_sha256, material_sha256, published_at FROM consent.notices WHERE tenant_id = $1`
	// waitingWords are the publications that are not in the log yet.
	waitingWords = `SELECT ` + columns + ` FROM consent.pending p CROSS JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = p.event_id OFFSET 0) AS e
WHERE p.tenant_id = $1 AND e.subject_ref IS NULL AND e.type = 'notice.published'`
	purposeRows = `SELECT purpose, revision, body::text, recorded_at FROM consent.purposes WHERE tenant_id = $1`

	revived = `SELECT p.subject FROM unnest($2::uuid[]) AS p (subject)
CROSS JOIN LATERAL (SELECT wrapped_key, shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = p.subject LIMIT 1) AS k
WHERE k.wrapped_key IS NOT NULL OR k.shredded_at IS NULL`
)

// words compares published words with what the log says of them.
func (l *Ledger) words(ctx context.Context, t tx, a *audit.Audit) error {
	type words struct {
		same string
		at   time.Time
	}
	told := map[string]words{}
	var waiting []consent.Event
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(waitingWords, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
			waiting, err = collect(rows, nil)
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, e := range append(a.Published(), waiting...) {
		key, same := publicationOf(e)
		if e.Purpose != "" {
			key = fmt.Sprintf("%s\x00%d", key, e.Notice.Version)
		}
		told[key] = words{same, e.RecordedAt}
	}
	check := func(key string, body []byte, digest, more []byte, at time.Time) {
		again, err := canonical.Again(body)
		sum := sha256.Sum256(again)
		w, ok := told[key]
		if err != nil || !ok || w.same != string(sum[:])+string(more) || !w.at.Equal(at) || (digest != nil && !bytes.Equal(digest, sum[:])) {
			a.Find("published words (%q) are not those of the log", strings.ReplaceAll(key, "\x00", " "))
		}
		delete(told, key)
	}
	err = t.send(ctx, func(b *pgx.Batch) {
		var name, lang, body string
		var version int32
		var digest, material []byte
		var at time.Time
		b.Queue(noticeRows, id(l.Tenant)).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&name, &version, &lang, &body, &digest, &material, &at}, func() error {
				check(string(event.KindNotice)+"\x00"+event.NoticeName(consent.NoticeRef{Notice: name, Version: version, Language: lang}), []byte(body), digest, material, at)
				return nil
			})
			return err
		})
		b.Queue(purposeRows, id(l.Tenant)).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&name, &version, &body, &at}, func() error {
				check(fmt.Sprintf("%s\x00%s\x00%d", event.KindPurpose, name, version), []byte(body), nil, nil, at)
				return nil
			})
			return err
		})
	})
	for key := range told {
		a.Find("published words (%q) are gone", strings.ReplaceAll(key, "\x00", " "))
	}
	return err
}

// revived looks for people who were forgotten and are back.
func (l *Ledger) revived(ctx context.Context, t tx, a *audit.Audit) error {
	return t.send(ctx, func(b *pgx.Batch) {
		for page := range slices.Chunk(a.Shredded(), 10_000) {
			subjects := make([]pgtype.UUID, len(page))
			for i := range page {
				subjects[i] = id(page[i])
			}
			b.Queue(revived, id(l.Tenant), subjects).Query(func(rows pgx.Rows) error {
				var subject pgtype.UUID
				_, err := pgx.ForEachRow(rows, []any{&subject}, func() error {
					a.Find("the key of %s is there, who was forgotten", uuid.UUID(subject.Bytes))
					return nil
				})
				return err
			})
		}
	})
}
