package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/audit"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// pieceSize is how many leaves one piece of an audit has: 64 tiles.
const pieceSize = 64 * tree.Width

const (
	// An audit takes as long as it takes.
	noLimits = `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`

	totals = `SELECT pg_export_snapshot(),
(SELECT count(*) FROM consent.leaves WHERE tenant_id = $1), (SELECT coalesce(max(size), 0) FROM consent.checkpoints WHERE tenant_id = $1),
(SELECT count(*) FROM consent.events WHERE tenant_id = $1), (SELECT count(*) FROM consent.pending WHERE tenant_id = $1),
(SELECT count(*) FROM consent.pending p WHERE p.tenant_id = $1 AND (NOT EXISTS (SELECT FROM consent.events e WHERE e.tenant_id = $1 AND e.event_id = p.event_id)
  OR EXISTS (SELECT FROM consent.leaves l WHERE l.tenant_id = $1 AND l.event_id = p.event_id)))`

	upperTiles = `SELECT level, n, data FROM consent.tiles WHERE tenant_id = $1 AND level > 0`
	pieceTiles = `SELECT n, data FROM consent.tiles WHERE tenant_id = $1 AND level = 0 AND n >= $2 AND n < $3`
	pieceHeads = `SELECT size, note FROM consent.checkpoints WHERE tenant_id = $1 AND (size > $2 OR size = 0 AND $2 = 0) AND size <= $3 ORDER BY size`
	pieceRows  = `SELECT ` + columns + `, l.idx FROM consent.leaves l LEFT JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e ON true
WHERE l.tenant_id = $1 AND l.idx >= $2 AND l.idx < $3 ORDER BY l.idx`

	noticeRows = `SELECT notice, version, lang, body::text, body_sha256, material_sha256, published_at FROM consent.notices WHERE tenant_id = $1`
	// waitingWords are the publications that are not in the log yet.
	waitingWords = `SELECT ` + columns + ` FROM consent.pending p CROSS JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = p.event_id OFFSET 0) AS e
WHERE p.tenant_id = $1 AND e.subject_ref IS NULL AND e.type = 'notice.published'`
	purposeRows = `SELECT purpose, revision, body::text, recorded_at FROM consent.purposes WHERE tenant_id = $1`

	revived = `SELECT p.subject FROM unnest($2::uuid[]) AS p (subject)
CROSS JOIN LATERAL (SELECT wrapped_key, shredded_at FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = p.subject LIMIT 1) AS k
WHERE k.wrapped_key IS NOT NULL OR k.shredded_at IS NULL`

	// A state is that of its event, and no later event of the person says otherwise.
	wrongStates = `
SELECT s.event_id FROM consent.state s LEFT JOIN LATERAL (SELECT * FROM consent.events WHERE tenant_id = $1 AND event_id = s.event_id LIMIT 1) AS e ON true
WHERE s.tenant_id = $1 AND (e.event_id IS NULL
  OR (e.purpose, e.decision, e.valid_until, e.recorded_at, e.notice, e.notice_version, e.notice_lang, e.notice_sha256)
     IS DISTINCT FROM (s.purpose, s.decision, s.valid_until, s.recorded_at, s.notice, s.notice_version, s.notice_lang, s.notice_sha256)
  OR (e.subject_ref IS DISTINCT FROM s.subject_ref AND NOT EXISTS (SELECT FROM consent.subject_links m
      WHERE m.tenant_id = $1 AND m.kind = 'merged' AND m.link = uuid_send(e.subject_ref) AND m.subject_ref = s.subject_ref))
  OR EXISTS (SELECT FROM consent.notices n WHERE n.tenant_id = $1 AND n.notice = s.notice AND n.version = s.notice_version AND n.lang = s.notice_lang
      AND n.material_sha256 IS DISTINCT FROM s.material_sha256)
  OR EXISTS (SELECT FROM consent.events x WHERE x.tenant_id = $1 AND x.subject_ref = s.subject_ref AND x.purpose = s.purpose AND x.decision IS NOT NULL
      AND x.event_id > s.event_id))
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
		gone  int64
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
					piece, gone, err := l.piece(ctx, t, int64(n)*pieceSize, n == count-1, keys)
					if err != nil {
						return err
					}
					select {
					case lines[w] <- result{piece, gone, nil}:
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
		gone += r.gone
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
func (l *Ledger) piece(ctx context.Context, t tx, from int64, last bool, keys []note.Verifier) (piece *audit.Piece, gone int64, err error) {
	to := from + pieceSize
	if last {
		to = 1<<62 - 1
	}
	tiles := map[int64][]byte{}
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
		b.Queue(pieceRows, id(l.Tenant), from, to).Query(func(rows pgx.Rows) (err error) {
			gone, err = leavesInto(rows, piece)
			return err
		})
	})
	if err != nil {
		return nil, 0, err
	}
	return piece.Done(), gone, nil
}

func leavesInto(rows pgx.Rows, piece *audit.Piece) (gone int64, err error) {
	var e consent.Event
	for rows.Next() {
		raw := rows.RawValues()
		if len(raw) != width+1 || len(raw[width]) != 8 {
			return gone, errRow
		}
		index := int64(binary.BigEndian.Uint64(raw[width]))
		if raw[0] == nil {
			piece.Leaf(index, nil)
			gone++
			continue
		}
		if scan(raw, &e) != nil {
			piece.Damaged(index)
			continue
		}
		piece.Leaf(index, &e)
	}
	return gone, rows.Err()
}

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
