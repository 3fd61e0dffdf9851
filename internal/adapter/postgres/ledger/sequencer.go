package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// Sequencer puts what was recorded into the log: leaves, tiles, and a signed checkpoint that covers them, in one transaction.
// Of all replicas one at a time does so, by an advisory lock that ends with the transaction. Events are taken from a queue and
// not by their time: one that commits late is not passed over.
type Sequencer struct {
	ledger *Ledger

	mu sync.Mutex
	// edge is of the newest checkpoint that this replica has read or written, if ready.
	edge  tree.Edge
	ready bool
	// seen is the size of the largest log that this replica has signed or checked.
	seen int64
	// outside is the checkpoint that the log must continue, until that was checked.
	outside *consent.Checkpoint
	// behind tells that the log was shorter than it was, and who was forgotten was forgotten again.
	behind bool
	// stranger tells that what lies outside is no checkpoint of this log.
	stranger bool
	// cosign signs too until a rotation is in the log: the key before this one.
	cosign note.Signer
	// waits receives when something was recorded here that is not in the log yet.
	waits chan struct{}
}

// soon is the time from one head of the log to the next, however much is recorded: an event waits that long and no longer.
const soon = 250 * time.Millisecond

// batch is how many events one checkpoint adds at most.
const batch = 8192

const (
	tryLock = `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))`
	newest  = `(SELECT size, note, recorded_at FROM consent.checkpoints WHERE tenant_id = $1 ORDER BY size DESC LIMIT 1)
UNION ALL SELECT size, note, recorded_at FROM consent.heads WHERE tenant_id = $1 ORDER BY size DESC LIMIT 1`
	ahead       = `SELECT EXISTS (SELECT FROM consent.heads WHERE tenant_id = $1)`
	takePending = `
WITH gone AS (DELETE FROM consent.pending WHERE tenant_id = $1 AND event_id <=
  (SELECT event_id FROM (SELECT event_id FROM consent.pending WHERE tenant_id = $1 ORDER BY event_id LIMIT $2) AS first ORDER BY event_id DESC LIMIT 1) RETURNING event_id)
SELECT gone.event_id, e.leaf_hash FROM gone LEFT JOIN LATERAL (SELECT leaf_hash FROM consent.events WHERE tenant_id = $1 AND event_id = gone.event_id LIMIT 1) AS e ON true
ORDER BY gone.event_id`
	insertLeaves     = `INSERT INTO consent.leaves (tenant_id, idx, event_id) SELECT $1, $2 + at - 1, id FROM unnest($3::uuid[]) WITH ORDINALITY AS e (id, at)`
	insertTile       = `INSERT INTO consent.tiles (tenant_id, level, n, data) VALUES ($1, $2, $3, $4)`
	insertCheckpoint = `INSERT INTO consent.checkpoints (tenant_id, size, note, recorded_at) VALUES ($1, $2, $3, $4)`
	// putHead is of a head that is no checkpoint yet, keepHead makes it one, and dropHead is for who has a newer checkpoint.
	putHead = `INSERT INTO consent.heads (tenant_id, size, note, recorded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id) DO UPDATE SET size = excluded.size, note = excluded.note, recorded_at = excluded.recorded_at`
	keepHead = `WITH head AS (DELETE FROM consent.heads WHERE tenant_id = $1 RETURNING tenant_id, size, note, recorded_at)
INSERT INTO consent.checkpoints (tenant_id, size, note, recorded_at) SELECT tenant_id, size, note, recorded_at FROM head
WHERE NOT EXISTS (SELECT FROM consent.checkpoints c WHERE c.tenant_id = $1 AND c.size >= head.size)`
	dropHead  = `DELETE FROM consent.heads WHERE tenant_id = $1`
	sweepIdem = `DELETE FROM consent.idem WHERE ctid = ANY (ARRAY(SELECT ctid FROM consent.idem WHERE tenant_id = $1 AND recorded_at < $2 LIMIT $3))`
)

// keepIdem is how long an act is recognised by its key.
const keepIdem = 30 * 24 * time.Hour

// Run puts events into the log until the context ends: those that this replica recorded at once, but not more often than soon, and all that
// wait each interval, when it keeps a checkpoint. Failures are told and tried again at the next one.
func (s *Sequencer) Run(ctx context.Context, told func(error)) {
	ticker := s.ledger.Clock.NewTicker(s.ledger.Interval)
	defer ticker.Stop()
	sweep := s.ledger.Clock.NewTicker(time.Minute)
	defer sweep.Stop()
	var rest <-chan time.Time
	for {
		var err error
		waits := s.waits
		if rest != nil {
			waits = nil // who comes meanwhile is signed for at its end
		}
		select {
		case <-ctx.Done():
			return
		case <-rest:
			rest = nil
		case <-waits:
			s.hurry(ctx)
			rest = s.ledger.Clock.After(soon)
		case <-ticker.C():
			_, err = s.Step(ctx)
		case <-sweep.C():
			err = s.ledger.Sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			told(err)
		}
	}
}

// wake says that something waits for the log. It never waits itself.
func (s *Sequencer) wake() {
	select {
	case s.waits <- struct{}{}:
	default:
	}
}

// hurry puts what waits into the log and signs a head, which is no checkpoint yet. It is tried again soon where it failed, where another
// replica was at it, and where more waits; a log that is not signed on is for the next interval's Step to tell of, as is every failure.
func (s *Sequencer) hurry(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.step(ctx, false)
	if n == batch || err != nil && !errors.Is(err, consent.ErrContradicted) {
		s.wake()
	}
}

// errBusy means that another replica is at it.
var errBusy = errors.New("another replica puts events into the log")

// Step puts all that waits into the log, keeps a checkpoint of it, and returns how many events that was: none where another replica is at it.
// ErrContradicted where the log is not the one that the last checkpoint signed, or is shorter than it was: it is not signed on.
func (s *Sequencer) Step(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for {
		n, err := s.step(ctx, true)
		total += n
		if errors.Is(err, errBusy) {
			return total, nil
		}
		if errors.Is(err, errShorter) && !s.behind {
			s.behind = s.ledger.forgetAgain(ctx) == nil
		}
		if err != nil {
			return total, fmt.Errorf("sequencing the log: %w", err)
		}
		if n < batch {
			return total, nil
		}
	}
}

// step puts a batch of events into the log. What it signs is kept as a checkpoint, or replaces the head of before.
func (s *Sequencer) step(ctx context.Context, keep bool) (n int, err error) {
	l := s.ledger
	next, full := s.edge, s.edge.Size()/tree.Width
	err = l.transaction(ctx, l.Seq, beginWrite, func(t tx) error {
		var mine, unkept bool
		var head *consent.Checkpoint
		var statements [][]byte
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(tryLock, "rempart/consent/"+l.Tenant.String()).QueryRow(func(row pgx.Row) error { return row.Scan(&mine) })
			b.Queue(newest, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
				head, err = scanHead(rows)
				return err
			})
			b.Queue(ahead, id(l.Tenant)).QueryRow(func(row pgx.Row) error { return row.Scan(&unkept) })
			b.Queue(rotations, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
				statements, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
				return err
			})
		})
		if err == nil && !mine {
			err = errBusy
		}
		if err != nil {
			return err
		}
		if err := l.keys.learn(l, statements); err != nil || l.keys.newest() != l.Public {
			return err // where another key has taken the place of ours, who has that one goes on
		}
		if err := s.load(ctx, t, head); err != nil {
			return err
		}
		ids, leaves, err := s.take(ctx, t)
		switch {
		case err != nil:
			return err
		case len(ids) > 0 || head == nil:
			next = s.edge.Clone()
			n = len(ids)
			return s.extend(ctx, t, &next, ids, leaves, keep)
		case keep && unkept:
			return t.send(ctx, func(b *pgx.Batch) { b.Queue(keepHead, id(l.Tenant)) })
		}
		return nil
	})
	if errors.Is(err, errBusy) {
		return 0, err
	}
	if err != nil {
		s.ready = false // the answer to a commit may be lost: what was committed is read again
		return 0, err
	}
	if n > 0 {
		s.edge, s.seen = next, next.Size()
		if next.Size()/tree.Width > full {
			l.remind()
		}
	}
	if n > 0 && n < batch { // all that waited is in the log, and so is what said that this key signs
		s.cosign = nil
	}
	return n, nil
}

func scanHead(rows pgx.Rows) (head *consent.Checkpoint, err error) {
	var size int64
	var signed string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&size, &signed, &at}, func() error {
		head = &consent.Checkpoint{Size: size, Note: []byte(signed), Time: at.UTC()}
		return nil
	})
	return head, err
}

// load makes sure that the edge is that of the newest checkpoint, and that the checkpoint is ours.
func (s *Sequencer) load(ctx context.Context, t tx, head *consent.Checkpoint) error {
	size := int64(0)
	if head != nil {
		size = head.Size
	}
	if s.stranger {
		return fmt.Errorf("the checkpoint that lies outside is not of this log: %w", consent.ErrContradicted)
	}
	if size < s.seen {
		return errShorter
	}
	if s.ready && s.edge.Size() == size {
		return nil
	}
	edge, err := s.ledger.edge(ctx, t, size)
	if err != nil {
		return err
	}
	if head != nil {
		signed, err := s.ledger.read(head.Note)
		if err != nil || signed.Size != size || edge.Root() != tlog.Hash(signed.Root) {
			return fmt.Errorf("the last checkpoint is not of this log: %w", consent.ErrContradicted)
		}
	}
	if err := s.continues(ctx, size); err != nil {
		return err
	}
	s.edge, s.ready, s.seen, s.behind = edge, true, size, false
	return nil
}

// errShorter means that an older copy was put back.
var errShorter = fmt.Errorf("the log is shorter than it was: an older copy was put back: %w", consent.ErrContradicted)

// follow takes the checkpoint that lies outside.
func (s *Sequencer) follow(signed []byte) {
	if len(signed) == 0 {
		return
	}
	head, err := s.ledger.read(signed)
	if err != nil {
		s.stranger = true
		return
	}
	s.seen, s.outside = head.Size, &head
}

// continues checks that a log of that size extends the checkpoint that lies outside.
func (s *Sequencer) continues(ctx context.Context, size int64) error {
	if s.outside == nil || s.outside.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(s.outside.Size, &reader{ledger: s.ledger, ctx: ctx, size: size})
	if err != nil {
		return err
	}
	if root != tlog.Hash(s.outside.Root) {
		return fmt.Errorf("the log does not continue the checkpoint that lies outside: %w", consent.ErrContradicted)
	}
	s.outside = nil
	return nil
}

// take removes events from the queue.
func (s *Sequencer) take(ctx context.Context, t tx) (ids []pgtype.UUID, leaves []tlog.Hash, err error) {
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(takePending, id(s.ledger.Tenant), batch).Query(func(rows pgx.Rows) error {
			var event pgtype.UUID
			var leaf []byte
			_, err := pgx.ForEachRow(rows, []any{&event, &leaf}, func() error {
				if len(leaf) != tlog.HashSize {
					return fmt.Errorf("an event in the queue is gone: %w", consent.ErrContradicted)
				}
				ids, leaves = append(ids, event), append(leaves, tlog.Hash(leaf))
				return nil
			})
			return err
		})
	})
	return ids, leaves, err
}

// extend writes leaves, full tiles and the signed head, as a checkpoint where it is to be kept.
func (s *Sequencer) extend(ctx context.Context, t tx, edge *tree.Edge, ids []pgtype.UUID, leaves []tlog.Hash, keep bool) error {
	l, from := s.ledger, edge.Size()
	var tiles []tree.Tile
	for _, leaf := range leaves {
		tiles = append(tiles, edge.Append(leaf)...)
	}
	signers := []note.Signer{l.Signer}
	if s.cosign != nil {
		signers = append(signers, s.cosign)
	}
	signed, err := proof.Sign(edge.Size(), edge.Root(), signers...)
	if err != nil {
		return err
	}
	return t.send(ctx, func(b *pgx.Batch) {
		b.Queue(insertLeaves, id(l.Tenant), from, ids)
		for _, tile := range tiles {
			b.Queue(insertTile, id(l.Tenant), tile.Level, tile.N, tile.Data)
		}
		put := putHead
		if keep {
			b.Queue(dropHead, id(l.Tenant))
			put = insertCheckpoint
		}
		b.Queue(put, id(l.Tenant), edge.Size(), string(signed), instant(l.now()))
		b.Queue(notify, l.channel(), fmt.Sprintf("i%d-%d", from, edge.Size()))
	})
}

// Sweep removes what is kept for a time only, keys of acts, and records which consents have expired.
func (l *Ledger) Sweep(ctx context.Context) error {
	err := l.inTenant(ctx, l.Seq, func(b *pgx.Batch) {
		b.Queue(sweepIdem, id(l.Tenant), instant(l.now().Add(-keepIdem)), batch)
	})
	if err == nil {
		_, err = l.Expire(ctx)
	}
	return wrap("sweeping the ledger", err)
}
