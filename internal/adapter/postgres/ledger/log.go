package ledger

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

const (
	tilesOf  = `SELECT n, data FROM consent.tiles WHERE tenant_id = $1 AND level = $2 AND n >= $3 AND n < $4`
	leavesOf = `SELECT l.idx, e.leaf_hash FROM consent.leaves l CROSS JOIN LATERAL (SELECT leaf_hash FROM consent.events WHERE tenant_id = $1 AND event_id = l.event_id LIMIT 1) AS e
WHERE l.tenant_id = $1 AND l.idx >= $2 AND l.idx < $3 ORDER BY l.idx`
)

// read checks a signed checkpoint of this log. ErrContradicted where none of the log's keys signed it.
func (l *Ledger) read(signed []byte) (consent.Checkpoint, error) {
	head, err := proof.Read(signed, l.keys.verifiers()...)
	if err != nil {
		return consent.Checkpoint{}, fmt.Errorf("%w: %w", consent.ErrContradicted, err)
	}
	return head, nil
}

// Checkpoint is the newest signed note. ErrUnknown until the sequencer has run for the first time, ErrContradicted where no key of the
// log signed it.
func (l *Ledger) Checkpoint(ctx context.Context) (head consent.Checkpoint, err error) {
	err = retry(ctx, func() error {
		return l.inTenant(ctx, l.App, func(b *pgx.Batch) {
			b.Queue(newest, id(l.Tenant)).Query(func(rows pgx.Rows) error {
				found, err := scanHead(rows)
				if err == nil && found == nil {
					return consent.ErrUnknown
				}
				if err == nil {
					head = *found
				}
				return err
			})
		})
	})
	if err == nil {
		var signed consent.Checkpoint
		if signed, err = l.read(head.Note); err != nil && l.learn(ctx) == nil { // another replica has a newer key
			signed, err = l.read(head.Note)
		}
		if err == nil {
			head.Root = signed.Root
		}
	}
	if err != nil {
		return consent.Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	return head, nil
}

// Inclusion proves that an event is in the log of the newest checkpoint.
func (l *Ledger) Inclusion(ctx context.Context, event uuid.UUID) (consent.Inclusion, error) {
	in, err := l.inclusion(ctx, event)
	if err != nil {
		return consent.Inclusion{}, fmt.Errorf("proving an event: %w", err)
	}
	return in, nil
}

func (l *Ledger) inclusion(ctx context.Context, event uuid.UUID) (in consent.Inclusion, err error) {
	index, err := l.place(ctx, event)
	if err != nil {
		return in, err
	}
	if in.Checkpoint, err = l.Checkpoint(ctx); err != nil {
		return in, err
	}
	stored := &reader{ledger: l, ctx: ctx, size: in.Checkpoint.Size}
	path, err := tlog.ProveRecord(in.Checkpoint.Size, index.Int64, stored)
	if err != nil {
		return in, err
	}
	leaf, err := stored.ReadHashes([]int64{tlog.StoredHashIndex(0, index.Int64)})
	if err != nil {
		return in, err
	}
	in.Index, in.Leaf, in.Path = index.Int64, leaf[0][:], proof.Path(path)
	return in, nil
}

// Consistency proves that the log only grew. ErrUnknown where it never had these sizes.
func (l *Ledger) Consistency(ctx context.Context, from, to int64) ([][]byte, error) {
	head, err := l.Checkpoint(ctx)
	if err == nil && (from < 0 || from > to || to > head.Size) {
		err = consent.ErrUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("proving the log: %w", err)
	}
	if from == 0 {
		return nil, nil // every log extends the empty one
	}
	path, err := tlog.ProveTree(to, from, &reader{ledger: l, ctx: ctx, size: head.Size})
	if err != nil {
		return nil, fmt.Errorf("proving the log: %w", err)
	}
	return proof.Path(path), nil
}

// reader reads the hashes of a log of that size for tlog, which takes no context.
type reader struct {
	ledger *Ledger
	ctx    context.Context //nolint:containedctx // lives for one proof; tlog.HashReader has no context
	size   int64
}

// ReadHashes makes reader a tlog.HashReader.
func (r *reader) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	err = retry(r.ctx, func() error {
		return r.ledger.transaction(r.ctx, r.ledger.App, beginWrite, func(t tx) error {
			out = make([]tlog.Hash, len(indexes))
			for i, index := range indexes {
				level, n := tlog.SplitStoredHashIndex(index)
				if out[i], err = r.ledger.node(r.ctx, t, level, n, r.size); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return out, err
}

// node is the hash of a whole subtree, n-th of the level, in a log of that size.
func (l *Ledger) node(ctx context.Context, t tx, level int, n, size int64) (tlog.Hash, error) {
	row, below := level/tree.Height, level%tree.Height
	from, to := n<<below, (n+1)<<below
	hashes, err := l.hashes(ctx, t, row, from, to, size)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tree.Fold(hashes), nil
}

// hashes are those of a row of tiles: of leaves in row 0, of tiles below in others. They lie in one tile.
func (l *Ledger) hashes(ctx context.Context, t tx, row int, from, to, size int64) ([]tlog.Hash, error) {
	tile := from / tree.Width
	if (tile+1)*tree.Width <= size>>(tree.Height*row) {
		hashes, err := l.tile(ctx, t, row, tile)
		if err != nil {
			return nil, err
		}
		return hashes[from%tree.Width:][:to-from], nil
	}
	if row == 0 {
		return l.leaves(ctx, t, from, to)
	}
	return l.tops(ctx, t, row-1, from, to)
}

func (l *Ledger) tile(ctx context.Context, t tx, row int, n int64) ([]tlog.Hash, error) {
	found, err := l.tiles(ctx, t, row, n, n+1)
	if err != nil {
		return nil, err
	}
	return found[n], nil
}

// tiles reads full tiles, from and to (exclusive).
func (l *Ledger) tiles(ctx context.Context, t tx, row int, from, to int64) (map[int64][]tlog.Hash, error) {
	found := make(map[int64][]tlog.Hash, to-from)
	err := t.send(ctx, func(b *pgx.Batch) {
		b.Queue(tilesOf, id(l.Tenant), row, from, to).Query(func(rows pgx.Rows) error {
			var n int64
			var data []byte
			_, err := pgx.ForEachRow(rows, []any{&n, &data}, func() error {
				hashes, err := tree.Hashes(data)
				if err != nil || len(hashes) != tree.Width {
					return fmt.Errorf("tile %d of row %d is damaged: %w", n, row, consent.ErrContradicted)
				}
				found[n] = hashes
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for n := from; n < to; n++ {
		if found[n] == nil {
			return nil, fmt.Errorf("tile %d of row %d is missing: %w", n, row, consent.ErrContradicted)
		}
	}
	return found, nil
}

// leaves reads leaf hashes of the edge, which is in no tile yet.
func (l *Ledger) leaves(ctx context.Context, t tx, from, to int64) (hashes []tlog.Hash, err error) {
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(leavesOf, id(l.Tenant), from, to).Query(func(rows pgx.Rows) error {
			var index pgtype.Int8
			var leaf []byte
			_, err := pgx.ForEachRow(rows, []any{&index, &leaf}, func() error {
				if index.Int64 != from+int64(len(hashes)) || len(leaf) != tlog.HashSize {
					return fmt.Errorf("leaf %d is damaged: %w", index.Int64, consent.ErrContradicted)
				}
				hashes = append(hashes, tlog.Hash(leaf))
				return nil
			})
			return err
		})
	})
	if err == nil && int64(len(hashes)) != to-from {
		err = fmt.Errorf("leaves from %d on are missing: %w", from+int64(len(hashes)), consent.ErrContradicted)
	}
	return hashes, err
}

// tops are the roots of full tiles, from and to (exclusive). They never change, and are kept: the edge of a row takes up to
// 255 of them, of 8 KiB to read each.
func (l *Ledger) tops(ctx context.Context, t tx, row int, from, to int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, to-from)
	first := from
	for ; first < to; first++ {
		top, ok := l.roots.get(row, first)
		if !ok {
			break
		}
		out[first-from] = top
	}
	if first == to {
		return out, nil
	}
	tiles, err := l.tiles(ctx, t, row, first, to)
	if err != nil {
		return nil, err
	}
	for n, hashes := range tiles {
		out[n-from] = tree.Fold(hashes)
		l.roots.put(row, n, out[n-from])
	}
	return out, nil
}

// edge reads the edge of a log of that size.
func (l *Ledger) edge(ctx context.Context, t tx, size int64) (tree.Edge, error) {
	var levels [][]tlog.Hash
	for row, r := range tree.Missing(size) {
		var hashes []tlog.Hash
		var err error
		switch {
		case r[0] == r[1]:
		case row == 0:
			hashes, err = l.leaves(ctx, t, r[0], r[1])
		default:
			hashes, err = l.tops(ctx, t, row-1, r[0], r[1])
		}
		if err != nil {
			return tree.Edge{}, err
		}
		levels = append(levels, hashes)
	}
	return tree.NewEdge(size, levels)
}

// roots remembers the roots of full tiles.
type roots struct {
	mu    sync.Mutex
	known map[[2]int64]tlog.Hash
}

// mostRoots bounds the memory: some 100 bytes each.
const mostRoots = 1 << 16

func (r *roots) get(row int, n int64) (tlog.Hash, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	top, ok := r.known[[2]int64{int64(row), n}]
	return top, ok
}

func (r *roots) put(row int, n int64, top tlog.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= mostRoots {
		r.known = map[[2]int64]tlog.Hash{}
	}
	r.known[[2]int64{int64(row), n}] = top
}
