package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/audit"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// pieceSize is how many leaves one piece of an audit has: 64 tiles.
const pieceSize = 64 * tree.Width

const (
	// An audit takes as long as it takes.
	noLimits = `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`

	totals = `SELECT pg_export_snapshot(),
(SELECT count(*) FROM consent.leaves WHERE tenant_id = $1), ` + signedSize + `,
(SELECT count(*) FROM consent.events WHERE tenant_id = $1), (SELECT count(*) FROM consent.pending WHERE tenant_id = $1),
(SELECT count(*) FROM consent.pending p WHERE p.tenant_id = $1 AND (NOT EXISTS (SELECT FROM consent.events e WHERE e.tenant_id = $1 AND e.event_id = p.event_id)
  OR EXISTS (SELECT FROM consent.leaves l WHERE l.tenant_id = $1 AND l.event_id = p.event_id)))`

	upperTiles = `SELECT level, n, data FROM consent.tiles WHERE tenant_id = $1 AND level > 0`
	pieceTiles = `SELECT n, data FROM consent.tiles WHERE tenant_id = $1 AND level = 0 AND n >= $2 AND n < $3`
	pieceHeads = `SELECT size, note FROM consent.checkpoints WHERE tenant_id = $1 AND (size > $2 OR size = 0 AND $2 = 0) AND size <= $3
UNION ALL SELECT size, note FROM consent.heads WHERE tenant_id = $1 AND (size > $2 OR size = 0 AND $2 = 0) AND size <= $3`
	pieceLeaves = `SELECT idx, event_id FROM consent.leaves WHERE tenant_id = $1 AND idx >= $2 AND idx < $3 ORDER BY idx`
	// pieceEvents are those of a piece, and others that were recorded at the same time: one walk along the index, where a look-up for
	// each leaf would take four times as long.
	pieceEvents = `SELECT ` + columns + ` FROM consent.events e WHERE e.tenant_id = $1 AND e.event_id BETWEEN $2 AND $3`

	// wholeTables lets tables meet by hashing them, whatever the planner knows of them: in an audit all of their rows do.
	wholeTables = `SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('work_mem', '32MB', true),
set_config('max_parallel_workers_per_gather', '0', true)`

	// A state is that of its event, and no later event of the person says otherwise; and it means what its notice means. Nearly all are
	// seen to be right by tables that are read once: one row for each state, that of its event. What is left, people who were joined with
	// others or a state that is wrong, is looked at one by one.
	wrongStates = `
WITH odd AS MATERIALIZED (SELECT s.* FROM (SELECT notice, notice_version, notice_lang, material_sha256 FROM consent.state WHERE tenant_id = $1 GROUP BY 1, 2, 3, 4) AS s
  JOIN consent.notices n ON n.tenant_id = $1 AND n.notice = s.notice AND n.version = s.notice_version AND n.lang = s.notice_lang AND n.material_sha256 IS DISTINCT FROM s.material_sha256),
doubtful AS MATERIALIZED (SELECT s.* FROM consent.state s
  LEFT JOIN consent.events e ON e.tenant_id = $1 AND e.subject_ref = s.subject_ref AND e.purpose = s.purpose AND e.decision IS NOT NULL AND e.event_id >= s.event_id
  WHERE s.tenant_id = $1 AND (e.event_id, e.decision, e.valid_until, e.recorded_at, e.notice, e.notice_version, e.notice_lang, e.notice_sha256)
    IS DISTINCT FROM (s.event_id, s.decision, s.valid_until, s.recorded_at, s.notice, s.notice_version, s.notice_lang, s.notice_sha256)
  UNION ALL SELECT s.* FROM odd o JOIN consent.state s ON s.tenant_id = $1 AND s.notice = o.notice AND s.notice_version = o.notice_version AND s.notice_lang = o.notice_lang
    AND s.material_sha256 IS NOT DISTINCT FROM o.material_sha256)
SELECT DISTINCT s.event_id FROM doubtful s LEFT JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = s.event_id LIMIT 1) AS e ON true
WHERE e.event_id IS NULL
  OR (e.purpose, e.decision, e.valid_until, e.recorded_at, e.notice, e.notice_version, e.notice_lang, e.notice_sha256)
     IS DISTINCT FROM (s.purpose, s.decision, s.valid_until, s.recorded_at, s.notice, s.notice_version, s.notice_lang, s.notice_sha256)
  OR (e.subject_ref IS DISTINCT FROM s.subject_ref AND NOT EXISTS (SELECT FROM consent.subject_links m
      WHERE m.tenant_id = $1 AND m.kind = 'merged' AND m.link = uuid_send(e.subject_ref) AND m.subject_ref = s.subject_ref))
  OR EXISTS (SELECT FROM consent.notices n WHERE n.tenant_id = $1 AND n.notice = s.notice AND n.version = s.notice_version AND n.lang = s.notice_lang
      AND n.material_sha256 IS DISTINCT FROM s.material_sha256)
  OR EXISTS (SELECT FROM consent.events x WHERE x.tenant_id = $1 AND x.subject_ref = s.subject_ref AND x.purpose = s.purpose AND x.decision IS NOT NULL
      AND x.event_id > s.event_id)
LIMIT 20`
)

// Audit compares the whole ledger with its log: every leaf with its row, the tree with every checkpoint, published words with
// their digests, the projection with its events, and the log with a checkpoint that lies outside of the database (the zero one
// for none). What it finds is an *audit.Contradiction, an ErrContradicted. It sees one snapshot, reads it once, on as many
// connections as there are cores, and holds some megabytes whatever the ledger's size.
func (l *Ledger) Audit(ctx context.Context, outside consent.Checkpoint) error {
	var heads []consent.Checkpoint
	if outside.Note != nil || outside.Size > 0 {
		head, err := l.read(outside.Note)
		if err != nil && l.learn(ctx) == nil {
			head, err = l.read(outside.Note)
		}
		if err != nil {
			return fmt.Errorf("auditing the ledger: the checkpoint that lies outside: %w", err)
		}
		heads = append(heads, head)
	}
	err := l.apart(ctx, beginAudit, func(t tx) error { return l.audit(ctx, t, heads) })
	if err != nil {
		return fmt.Errorf("auditing the ledger: %w", err)
	}
	return nil
}

func (l *Ledger) audit(ctx context.Context, t tx, outside []consent.Checkpoint) error {
	var snapshot string
	var leaves, signed, events, pending, stray int64
	var statements [][]byte
	upper := map[[2]int64][]byte{}
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(noLimits)
		b.Queue(totals, id(l.Tenant)).QueryRow(func(row pgx.Row) error { return row.Scan(&snapshot, &leaves, &signed, &events, &pending, &stray) })
		b.Queue(rotations, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
			statements, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
			return err
		})
		b.Queue(upperTiles, id(l.Tenant)).Query(func(rows pgx.Rows) error {
			var row, n int64
			var data []byte
			_, err := pgx.ForEachRow(rows, []any{&row, &n, &data}, func() error { upper[[2]int64{row, n}] = slices.Clone(data); return nil })
			return err
		})
	})
	if err != nil {
		return err
	}
	a := audit.New(upper, outside...)
	keys := proof.Succession(l.Signer.Name(), l.Public, statements...) // as of the snapshot
	verifiers, err := proof.Keys(l.Signer.Name(), keys...)
	if err != nil {
		return err
	}
	a.Keys(l.Signer.Name(), keys...)
	if !snapshotName.MatchString(snapshot) {
		return errors.New("the name of the snapshot is not one")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wrong := l.statesAside(ctx, snapshot)
	gone, err := l.pieces(ctx, snapshot, max(leaves, signed), verifiers, a)
	if err != nil {
		return err
	}
	if stray > 0 || events+gone != leaves+pending {
		a.Find("%d events are there, %d of the log are gone, and log and queue have %d and %d", events, gone, leaves, pending)
	}
	if err := l.words(ctx, t, a); err != nil {
		return err
	}
	if err := l.revived(ctx, t, a); err != nil {
		return err
	}
	states := <-wrong
	for _, event := range states.events {
		a.Find("the state of event %s is not that of the events", uuid.UUID(event.Bytes))
	}
	if states.err != nil {
		return states.err
	}
	return a.Close()
}

// inSnapshot runs do in a transaction that sees what the audit's first one sees.
func (l *Ledger) inSnapshot(ctx context.Context, name string, do func(tx) error) error {
	return l.apart(ctx, []string{beginAudit[0], "SET TRANSACTION SNAPSHOT '" + name + "'"}, func(t tx) error {
		if err := t.send(ctx, func(b *pgx.Batch) { b.Queue(noLimits) }); err != nil {
			return err
		}
		return do(t)
	})
}

// wrong are events whose states are not theirs.
type wrong struct {
	events []pgtype.UUID
	err    error
}

// statesAside compares the projection with the events, beside the pieces: it is the database's work alone.
func (l *Ledger) statesAside(ctx context.Context, snapshot string) <-chan wrong {
	out := make(chan wrong, 1)
	go func() {
		var found wrong
		found.err = l.inSnapshot(ctx, snapshot, func(t tx) error {
			return t.send(ctx, func(b *pgx.Batch) {
				b.Queue(wholeTables)
				b.Queue(wrongStates, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
					found.events, err = pgx.CollectRows(rows, pgx.RowTo[pgtype.UUID])
					return err
				})
			})
		})
		out <- found
	}()
	return out
}

var snapshotName = regexp.MustCompile(`^[0-9A-F-]{1,64}$`)

// pieces reads the log in pieces, several at once, and gives them to the audit in order. It returns how many events are gone.
func (l *Ledger) pieces(ctx context.Context, snapshot string, size int64, keys []note.Verifier, a *audit.Audit) (gone int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	count := int(size/pieceSize) + 1
	workers := min(count, runtime.GOMAXPROCS(0))
	type result struct {
		piece *audit.Piece
		err   error
	}
	// A worker takes every workers-th piece, and waits until its last one was taken: so no more than these are in memory.
	lines := make([]chan result, workers)
	for w := range workers {
		lines[w] = make(chan result)
		go func() {
			defer close(lines[w])
			err := l.inSnapshot(ctx, snapshot, func(t tx) error {
				for n := w; n < count; n += workers {
					piece, err := l.piece(ctx, t, int64(n)*pieceSize, n == count-1, keys)
					if err != nil {
						return err
					}
					select {
					case lines[w] <- result{piece, nil}:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			})
			if err != nil {
				select {
				case lines[w] <- result{err: err}:
				case <-ctx.Done():
				}
			}
		}()
	}
	for n := range count {
		r, ok := <-lines[n%workers]
		if !ok {
			return 0, ctx.Err()
		}
		if r.err != nil {
			return 0, r.err
		}
		a.Add(r.piece)
		gone += r.piece.Gone()
	}
	return gone, nil
}

// apart runs do in a transaction on a connection of its own: an audit is long, and the pool's are for acts.
func (l *Ledger) apart(ctx context.Context, begin []string, do func(tx) error) error {
	conn, err := pgx.ConnectConfig(ctx, l.App.Config().ConnConfig)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return l.over(ctx, conn, begin, do)
}

// piece reads and checks a run of leaves. The last one reads to the end, so that no leaf beyond it is passed over.
func (l *Ledger) piece(ctx context.Context, t tx, from int64, end bool, keys []note.Verifier) (piece *audit.Piece, err error) {
	to := from + pieceSize
	if end {
		to = 1<<62 - 1
	}
	tiles := map[int64][]byte{}
	var first, last uuid.UUID
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(pieceTiles, id(l.Tenant), from/tree.Width, to/tree.Width).Query(func(rows pgx.Rows) error {
			var n int64
			var data []byte
			_, err := pgx.ForEachRow(rows, []any{&n, &data}, func() error { tiles[n] = slices.Clone(data); return nil })
			piece = audit.NewPiece(from, tiles, keys...)
			return err
		})
		b.Queue(pieceHeads, id(l.Tenant), from, to).Query(func(rows pgx.Rows) error {
			var size int64
			var signed string
			_, err := pgx.ForEachRow(rows, []any{&size, &signed}, func() error { piece.Head(size, []byte(signed)); return nil })
			return err
		})
		b.Queue(pieceLeaves, id(l.Tenant), from, to).Query(func(rows pgx.Rows) (err error) {
			first, last, err = leavesInto(rows, piece)
			return err
		})
	})
	if err == nil && first != uuid.Nil {
		err = t.send(ctx, func(b *pgx.Batch) {
			b.Queue(pieceEvents, id(l.Tenant), id(first), id(last)).Query(func(rows pgx.Rows) error { return eventsInto(rows, piece) })
		})
	}
	if err != nil {
		return nil, err
	}
	return piece.Done(), nil
}

// leavesInto reads leaves, and returns between which identifiers their events lie.
func leavesInto(rows pgx.Rows, piece *audit.Piece) (first, last uuid.UUID, err error) {
	for rows.Next() {
		raw := rows.RawValues()
		if len(raw) != 2 || len(raw[0]) != 8 || len(raw[1]) != len(uuid.Nil) {
			return first, last, errRow
		}
		of := uuid.UUID(raw[1])
		piece.Leaf(int64(binary.BigEndian.Uint64(raw[0])), of)
		if first == uuid.Nil || bytes.Compare(of[:], first[:]) < 0 {
			first = of
		}
		if bytes.Compare(of[:], last[:]) > 0 {
			last = of
		}
	}
	return first, last, rows.Err()
}

func eventsInto(rows pgx.Rows, piece *audit.Piece) error {
	var e consent.Event
	for rows.Next() {
		raw := rows.RawValues()
		if len(raw) != width || len(raw[1]) != len(uuid.Nil) {
			return errRow
		}
		of := uuid.UUID(raw[1])
		switch {
		case !piece.Awaits(of):
		case scan(raw, &e) != nil:
			piece.Damaged(of)
		default:
			piece.Event(&e)
		}
	}
	return rows.Err()
}
