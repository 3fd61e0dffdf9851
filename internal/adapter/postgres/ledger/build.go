package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/consent"
)

const (
	// insertBuild makes the build the youngest one, whatever the clocks of replicas say.
	insertBuild = `INSERT INTO consent.builds (tenant_id, site, sha256, body, published_at)
SELECT $1::uuid, $2::text, $3::bytea, $4::bytea, greatest($5::timestamptz, max(published_at) + interval '1 microsecond')
FROM consent.builds WHERE tenant_id = $1 AND site = $2 ON CONFLICT DO NOTHING`
	dropBuilds = `DELETE FROM consent.builds WHERE tenant_id = $1 AND site = $2 AND sha256 <> $3 AND sha256 IN (
  SELECT sha256 FROM consent.builds WHERE tenant_id = $1 AND site = $2 AND sha256 <> $3 ORDER BY published_at DESC OFFSET $4)`
	buildOf = `SELECT body FROM consent.builds WHERE tenant_id = $1 AND site = $2 AND sha256 = $3`
)

// queueBuilds keeps the scripts that are published, and lets the oldest go. Scripts that are kept already write nothing.
func (l *Ledger) queueBuilds(b *pgx.Batch, widgets []consent.PublishedWidget) {
	for _, w := range widgets {
		b.Queue(insertBuild, id(l.Tenant), w.Site, w.SHA256, w.Body, instant(l.now()))
		b.Queue(dropBuilds, id(l.Tenant), w.Site, w.SHA256, consent.KeptBuilds-1)
	}
}

// Build returns a script that was published. Whoever can write to the database cannot have another one given out: the bytes
// must be those of the digest.
func (l *Ledger) Build(ctx context.Context, site string, digest []byte) ([]byte, error) {
	var body []byte
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(buildOf, id(l.Tenant), site, digest).Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&body}, func() error { return nil })
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading a build: %w", err)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], digest) {
		return nil, fmt.Errorf("reading a build: %w", consent.ErrUnknown)
	}
	return body, nil
}
