package ledger

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
)

const (
	// wrappedAfter is a page of people's keys, in the order of references.
	wrappedAfter = `SELECT subject_ref, kek_id, wrapped_key FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref > $2 ORDER BY subject_ref LIMIT $3`

	// rewrapKey moves a key that is still as it was read. Whoever is being forgotten, or at it in another way, is passed over and not waited
	// for: the next walk comes by again.
	rewrapKey = `UPDATE consent.subject_keys SET wrapped_key = $3, kek_id = $4 WHERE tenant_id = $1 AND subject_ref = (
  SELECT subject_ref FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = $2 AND kek_id = $5 AND wrapped_key IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED)`

	lockTending = "rempart/consent/keys/"
)

// rewrapPage is how many keys are looked at in one transaction: as many people wait for its commit at most, some hundredths of a second.
const rewrapPage = 500

// tending is how far a walk along people's keys has come. It is kept by nobody: a walk that ends with its process begins anew, and passes
// over what it finds done.
type tending struct {
	mu      sync.Mutex
	walking bool
	after   pgtype.UUID
	counted bool // once: what was put into the database by other means is seen at the next start
}

// Tend does a part of what other keys leave to do, if no other replica is at it: it wraps a page of keys anew, and counts at the end of the
// walk what each old key is needed for. Where no key has taken the place of another there is nothing to do.
func (l *Ledger) Tend(ctx context.Context) (more bool, err error) {
	l.tending.mu.Lock()
	defer l.tending.mu.Unlock()
	if !l.tending.walking {
		uses, err := l.keyUses(ctx)
		if err != nil {
			return false, wrap("looking for old keys", err)
		}
		old := slices.ContainsFunc(uses, func(u keyUse) bool { return !u.Current })
		// While an old key is held, a replica that has no other may still write under it.
		watched := slices.ContainsFunc(uses, func(u keyUse) bool { return !u.Current && (u.Held || u.Needed()) })
		if !old || (l.tending.counted && !watched) {
			return false, nil
		}
		if !l.rewraps(uses) {
			if err := l.countOnce(ctx); err != nil {
				return false, err
			}
			uses, err = l.keyUses(ctx)
			return err == nil && l.rewraps(uses), wrap("looking for old keys", err)
		}
		l.tending.walking, l.tending.after = true, pgtype.UUID{Valid: true}
	}
	next, mine := l.tending.after, false
	err = l.tend(ctx, func(ctx context.Context, t tx) (err error) {
		mine = true
		next, more, err = l.rewrap(ctx, t, l.tending.after)
		return err
	})
	if err != nil {
		return false, wrap("wrapping keys anew", err)
	}
	if l.tending.after = next; more && mine {
		return true, nil
	}
	l.tending.walking = false
	if !mine {
		return false, nil // another replica walks, and counts
	}
	return false, l.countOnce(ctx)
}

// countOnce counts what needs each key, if no other replica is at it.
func (l *Ledger) countOnce(ctx context.Context) error {
	err := l.tend(ctx, l.count)
	l.tending.counted = l.tending.counted || err == nil
	return wrap("counting what needs old keys", err)
}

// rewraps tells whether keys of people are to be wrapped anew: there is an old key that may be needed, and ours is the newest. While pods
// of two keys run side by side the one of before takes nothing back.
func (l *Ledger) rewraps(uses []keyUse) bool {
	old := slices.ContainsFunc(uses, func(u keyUse) bool { return u.Kind == consent.KeyKEK && !u.Current && u.Held && u.Needed() })
	newest := slices.IndexFunc(uses, func(u keyUse) bool { return u.Kind == consent.KeyKEK })
	return old && uses[newest].Current
}

// tend does a part of the work in a transaction of its own, if no other replica is at it.
func (l *Ledger) tend(ctx context.Context, do func(context.Context, tx) error) error {
	return retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			var mine bool
			err := t.send(ctx, func(b *pgx.Batch) {
				b.Queue(tryLock, lockTending+l.Tenant.String()).QueryRow(func(row pgx.Row) error { return row.Scan(&mine) })
			})
			if err != nil || !mine {
				return err
			}
			return do(ctx, t)
		})
	})
}

// wrappedKey is a key of a person as it lies in the database.
type wrappedKey struct {
	subject pgtype.UUID
	kek     string
	key     []byte
}

// rewrap wraps a page of keys anew, and returns where the next one begins. A key that cannot be opened stays as it is: it is said where it
// is needed.
func (l *Ledger) rewrap(ctx context.Context, t tx, after pgtype.UUID) (last pgtype.UUID, more bool, err error) {
	var page []wrappedKey
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(wrappedAfter, id(l.Tenant), after, rewrapPage).Query(func(rows pgx.Rows) error {
			var w wrappedKey
			_, err := pgx.ForEachRow(rows, []any{&w.subject, &w.kek, &w.key}, func() error {
				page = append(page, wrappedKey{w.subject, w.kek, slices.Clone(w.key)})
				return nil
			})
			return err
		})
	})
	if err != nil || len(page) == 0 {
		return after, false, err
	}
	err = t.send(ctx, func(b *pgx.Batch) {
		for _, w := range page {
			if w.key == nil || w.kek == l.KEK.Current() {
				continue
			}
			if key, err := l.KEK.Rewrap(nonce(), w.kek, w.key, l.Tenant, w.subject.Bytes); err == nil {
				b.Queue(rewrapKey, id(l.Tenant), w.subject, key, l.KEK.Current(), w.kek)
			}
		}
	})
	return page[len(page)-1].subject, len(page) == rewrapPage, err
}
