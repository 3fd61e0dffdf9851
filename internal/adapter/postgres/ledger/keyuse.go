package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
)

const (
	// adoptKey notes a key before anything is written under it. One whose place another has taken, and which comes back, is the newest again.
	adoptKey = `INSERT INTO consent.keys AS k (tenant_id, kind, key_id, adopted_at) VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (tenant_id, kind, key_id) DO UPDATE SET needed_by = nullif(k.needed_by, 0), adopted_at = CASE
  WHEN EXISTS (SELECT FROM consent.keys o WHERE o.tenant_id = $1 AND o.kind = $2 AND o.adopted_at > k.adopted_at) THEN excluded.adopted_at ELSE k.adopted_at END`

	keysUsed = `SELECT kind, key_id, needed_by, adopted_at FROM consent.keys WHERE tenant_id = $1`

	// lostPepper tells whether names may be hidden under a pepper that is not among $2.
	lostPepper = `SELECT EXISTS (SELECT FROM consent.keys WHERE tenant_id = $1 AND kind = 'pepper' AND needed_by IS DISTINCT FROM 0 AND key_id <> ALL ($2::text[]))`

	// countKeys reads both tables whole, which a walk along their keys would take longer for. What was joined is under no pepper.
	readWhole = `SELECT set_config('statement_timeout', '0', true), set_config('enable_seqscan', 'on', true)`
	countKeys = `SELECT 'kek', kek_id, count(*) FROM consent.subject_keys WHERE tenant_id = $1 AND wrapped_key IS NOT NULL GROUP BY 2
UNION ALL SELECT 'pepper', pepper_id, count(*) FROM consent.subject_links WHERE tenant_id = $1 AND kind <> 'merged' GROUP BY 2`

	// keepCounts writes counts down, for keys too that nobody noted: their rows were put into the database by other means. That nothing needs
	// a key is not said of the newest one, nor of $5: they are written under.
	keepCounts = `
WITH counted AS MATERIALIZED (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[]) AS c (kind, key_id, needed_by)),
put AS (INSERT INTO consent.keys AS k (tenant_id, kind, key_id, adopted_at, counted_at, needed_by) SELECT $1, kind, key_id, to_timestamp(0), now(), needed_by FROM counted
  ON CONFLICT (tenant_id, kind, key_id) DO UPDATE SET counted_at = excluded.counted_at, needed_by = excluded.needed_by)
UPDATE consent.keys k SET counted_at = now(), needed_by = 0 WHERE k.tenant_id = $1 AND k.key_id <> ALL ($5::text[])
  AND EXISTS (SELECT FROM consent.keys o WHERE o.tenant_id = $1 AND o.kind = k.kind AND o.adopted_at > k.adopted_at)
  AND NOT EXISTS (SELECT FROM counted c WHERE c.kind = k.kind AND c.key_id = k.key_id)`
)

// adopt notes the keys under which this process writes.
func (l *Ledger) adopt(ctx context.Context) error {
	return retry(ctx, func() error {
		return l.inTenant(ctx, l.App, func(b *pgx.Batch) {
			b.Queue(adoptKey, id(l.Tenant), string(consent.KeyKEK), l.KEK.Current())
			b.Queue(adoptKey, id(l.Tenant), string(consent.KeyPepper), l.peppers[0].id)
		})
	})
}

// pepperIDs names all peppers that are held, newest first.
func (l *Ledger) pepperIDs() []string {
	ids := make([]string, len(l.peppers))
	for i, p := range l.peppers {
		ids[i] = p.id
	}
	return ids
}

// keyUse is what the database says of a key.
type keyUse struct {
	consent.KeyUse
	adopted time.Time
}

// KeyUses returns the keys that were ever written under, and those that are held.
func (l *Ledger) KeyUses(ctx context.Context) ([]consent.KeyUse, error) {
	found, err := l.keyUses(ctx)
	if err != nil {
		return nil, wrap("reading which keys are needed", err)
	}
	uses := make([]consent.KeyUse, len(found))
	for i, use := range found {
		uses[i] = use.KeyUse
	}
	return uses, nil
}

func (l *Ledger) keyUses(ctx context.Context) (uses []keyUse, err error) {
	err = retry(ctx, func() error {
		uses = nil
		return l.inTenant(ctx, l.App, func(b *pgx.Batch) {
			b.Queue(keysUsed, id(l.Tenant)).Query(func(rows pgx.Rows) error {
				var kind, key string
				var needed pgtype.Int8
				var adopted time.Time
				_, err := pgx.ForEachRow(rows, []any{&kind, &key, &needed, &adopted}, func() error {
					uses = append(uses, keyUse{l.use(consent.KeyKind(kind), key, needed), adopted})
					return nil
				})
				return err
			})
		})
	})
	if err != nil {
		return nil, err
	}
	none := pgtype.Int8{Valid: true} // what was never adopted has no rows
	for kind, held := range map[consent.KeyKind][]string{consent.KeyKEK: l.KEK.IDs(), consent.KeyPepper: l.pepperIDs()} {
		for _, key := range held {
			if !slices.ContainsFunc(uses, func(u keyUse) bool { return u.Kind == kind && u.ID == key }) {
				uses = append(uses, keyUse{KeyUse: l.use(kind, key, none)})
			}
		}
	}
	slices.SortFunc(uses, func(a, b keyUse) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), b.adopted.Compare(a.adopted), cmp.Compare(a.ID, b.ID))
	})
	return uses, nil
}

// use completes what is known of a key by what this process has.
func (l *Ledger) use(kind consent.KeyKind, key string, needed pgtype.Int8) consent.KeyUse {
	use := consent.KeyUse{Kind: kind, ID: key}
	if needed.Valid {
		use.Rows = &needed.Int64
	}
	if kind == consent.KeyKEK {
		use.Current, use.Held = key == l.KEK.Current(), l.KEK.Has(key)
	} else {
		use.Current, use.Held = key == l.peppers[0].id, slices.Contains(l.pepperIDs(), key)
	}
	return use
}

// sure fails with ErrKeyMissing where a person who is not found by a name may be known under a pepper that is not here.
func (l *Ledger) sure(ctx context.Context, t tx, person consent.Person) error {
	if person.Kind == consent.KindSubject {
		return nil
	}
	var lost bool
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(lostPepper, id(l.Tenant), l.pepperIDs()).QueryRow(func(row pgx.Row) error { return row.Scan(&lost) })
	})
	if err == nil && lost {
		err = consent.ErrKeyMissing
	}
	return err
}

// count writes down how many rows need each key.
func (l *Ledger) count(ctx context.Context, t tx) error {
	var kinds, keys []string
	var counts []int64
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(readWhole)
		b.Queue(countKeys, id(l.Tenant)).Query(func(rows pgx.Rows) error {
			var kind, key string
			var n int64
			_, err := pgx.ForEachRow(rows, []any{&kind, &key, &n}, func() error {
				kinds, keys, counts = append(kinds, kind), append(keys, key), append(counts, n)
				return nil
			})
			return err
		})
	})
	if err != nil {
		return err
	}
	return t.send(ctx, func(b *pgx.Batch) {
		b.Queue(keepCounts, id(l.Tenant), kinds, keys, counts, []string{l.KEK.Current(), l.peppers[0].id})
	})
}
