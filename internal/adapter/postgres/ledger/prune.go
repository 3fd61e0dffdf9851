package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/audit"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

const (
	fullLeaves = `(SELECT 256 * (coalesce(max(n), -1) + 1) FROM consent.tiles WHERE tenant_id = $1 AND level = 0)`

	// firstYoung is the index of the first event that is not old enough; null where all are.
	firstYoung = `SELECT ` + fullLeaves + `, (SELECT l.idx FROM consent.leaves l
CROSS JOIN LATERAL (SELECT recorded_at FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND e.recorded_at >= $2 ORDER BY l.idx LIMIT 1)`

	// goesBelow tells whether an event would go.
	goesBelow = `SELECT EXISTS (SELECT FROM consent.leaves l
CROSS JOIN LATERAL (SELECT event_id, subject_ref FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND l.idx < $2 AND e.subject_ref IS NOT NULL AND NOT EXISTS (
  SELECT FROM consent.state s WHERE s.tenant_id = $1 AND s.subject_ref = e.subject_ref AND s.event_id = e.event_id AND s.decision = 1 AND (s.valid_until IS NULL OR s.valid_until >= now())))`

	placesOf = `SELECT l.idx FROM unnest($2::uuid[]) AS p (subject)
CROSS JOIN LATERAL (SELECT shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = p.subject LIMIT 1) AS k
CROSS JOIN LATERAL (SELECT event_id, type FROM consent.events WHERE tenant_id = $1 AND subject_ref = p.subject OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT idx FROM consent.leaves WHERE tenant_id = $1 AND event_id = e.event_id LIMIT 1) AS l
WHERE l.idx < ` + fullLeaves + ` AND e.type <> 'subject.shredded' AND k.shredded_at IS NOT NULL ORDER BY 1`

	pruneNow = `SELECT consent.prune($1)`
)

// Prune deletes what is not needed any more: events that were recorded before a time (Before, the zero time for none) and do
// not hold any longer, and all events of people who were forgotten (Subjects). First the log says what goes. Only events
// below the last full tile go, which keeps their hashes: EraseProof says what waits. Returns how many went.
func (l *Ledger) Prune(ctx context.Context, before time.Time, subjects ...uuid.UUID) (gone int64, err error) {
	if l.Config.Prune == nil {
		return 0, errors.New("pruning the ledger: no role for it is configured")
	}
	order, err := l.due(ctx, before, subjects)
	if err != nil || (order.Below == 0 && len(order.Indexes) == 0) {
		return 0, wrap("pruning the ledger", err)
	}
	body := map[string]any{}
	if order.Below > 0 {
		body["below"] = order.Below
	}
	if len(order.Indexes) > 0 {
		indexes := make([]any, len(order.Indexes))
		for i, index := range order.Indexes {
			indexes[i] = index
		}
		body["indexes"] = indexes
	}
	evidence, err := canonical.Marshal(body)
	if err != nil {
		return 0, wrap("pruning the ledger", err)
	}
	told := l.house(consent.Event{Type: consent.EventLedgerPruned, EvidenceCiphertext: evidence})
	if err := l.inTenant(ctx, l.App, func(b *pgx.Batch) { l.queueHouse(b, []consent.Event{told}) }); err != nil {
		return 0, wrap("pruning the ledger", err)
	}
	if err := l.logged(ctx, func(b *pgx.Batch, is *bool) {
		b.Queue(placed, id(l.Tenant), id(told.ID)).QueryRow(func(row pgx.Row) error { return row.Scan(is) })
	}); err != nil {
		return 0, wrap("pruning the ledger", err)
	}
	err = l.transaction(ctx, l.Config.Prune, beginWrite, func(t tx) error {
		return t.send(ctx, func(b *pgx.Batch) {
			b.Queue(noLimits)
			b.Queue(pruneNow, id(told.ID)).QueryRow(func(row pgx.Row) error { return row.Scan(&gone) })
		})
	})
	return gone, wrap("pruning the ledger", err)
}

// Time is what the database's clock says.
func (l *Ledger) Time(ctx context.Context) (at time.Time, err error) {
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error { return row.Scan(&at) })
	})
	return at, wrap("asking the ledger for the time", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// due says what would go.
func (l *Ledger) due(ctx context.Context, before time.Time, subjects []uuid.UUID) (order audit.Pruned, err error) {
	var full int64
	var young pgtype.Int8
	err = l.transaction(ctx, l.App, beginAudit, func(t tx) error {
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(noLimits)
			b.Queue(placesOf, id(l.Tenant), refs(subjects)).Query(func(rows pgx.Rows) (err error) {
				order.Indexes, err = pgx.CollectRows(rows, pgx.RowTo[int64])
				return err
			})
			b.Queue(firstYoung, id(l.Tenant), instant(event.Instant(before))).QueryRow(func(row pgx.Row) error { return row.Scan(&full, &young) })
		})
		if err != nil || before.IsZero() {
			return err
		}
		if order.Below = full; young.Valid {
			order.Below = min(full, young.Int64&^(tree.Width-1))
		}
		var goes bool
		err = t.send(ctx, func(b *pgx.Batch) {
			b.Queue(goesBelow, id(l.Tenant), order.Below).QueryRow(func(row pgx.Row) error { return row.Scan(&goes) })
		})
		if !goes {
			order.Below = 0
		}
		return err
	})
	return order, err
}
