package audit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// row is a leaf with its event, nil where it is gone.
type row struct {
	index int64
	event *consent.Event
}

// id names the event, also where it is gone.
func (r row) id() uuid.UUID {
	if r.event == nil {
		return uuid.UUID{0xff, byte(r.index >> 8), byte(r.index)}
	}
	return r.event.ID
}

// world is a ledger in memory, as its tables are.
type world struct {
	rows  []row
	tiles map[int64][]byte
	heads map[int64][]byte
	keys  []note.Verifier
	last  consent.Checkpoint
}

const size = 300

func build(tb testing.TB, seed byte) *world {
	tb.Helper()
	signer, public, err := proof.NewSigner("ledger.example/t", bytes.Repeat([]byte{1}, proof.SeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tiles: map[int64][]byte{}, heads: map[int64][]byte{}}
	if w.keys, err = proof.Keys("ledger.example/t", public); err != nil {
		tb.Fatal(err)
	}
	var edge tree.Edge
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for i := range int64(size) {
		decision := consent.Decision(i % 2)
		e := consent.Event{Tenant: uuid.UUID{9}, ID: event.NewReceipt(at.Add(time.Duration(i)*time.Second), event.Chance{seed}).ID, Subject: uuid.UUID{1, byte(i), byte(i >> 8)},
			Type: consent.EventGiven, Purpose: "conversation", Decision: &decision, RecordedAt: at.Add(time.Duration(i) * time.Second), Site: "shop",
			Notice: consent.NoticeRef{Notice: "shop", Version: 1, Language: "fr", SHA256: bytes.Repeat([]byte{3}, 32)}}
		e.Receipt = e.ID
		e.Leaf = event.Hash(&e)
		w.rows = append(w.rows, row{i, &e})
		for _, tile := range edge.Append(tlog.Hash(e.Leaf)) {
			w.tiles[tile.N] = tile.Data
		}
		if edge.Size()%100 == 0 {
			if w.heads[edge.Size()], err = proof.Sign(edge.Size(), edge.Root(), signer); err != nil {
				tb.Fatal(err)
			}
			w.last, _ = proof.Read(w.heads[edge.Size()], w.keys...)
		}
	}
	return w
}

// clone copies as much as a tampering changes.
func (w *world) clone() *world {
	out := *w
	out.rows, out.tiles, out.heads = slices.Clone(w.rows), map[int64][]byte{}, map[int64][]byte{}
	for i := range out.rows {
		e := *out.rows[i].event
		e.Leaf = slices.Clone(e.Leaf)
		out.rows[i].event = &e
	}
	for n, data := range w.tiles {
		out.tiles[n] = slices.Clone(data)
	}
	for n, signed := range w.heads {
		out.heads[n] = slices.Clone(signed)
	}
	return &out
}

func (w *world) audit(outside ...consent.Checkpoint) error {
	p := NewPiece(0, maps.Clone(w.tiles), w.keys...)
	for size, signed := range w.heads {
		p.Head(size, signed)
	}
	for _, r := range w.rows {
		p.Leaf(r.index, r.id())
	}
	for _, at := range rand.New(rand.NewPCG(uint64(len(w.rows)), 5)).Perm(len(w.rows)) { // in another order than that of the log
		if e := w.rows[at].event; e != nil {
			p.Event(e)
		}
	}
	p.Event(&consent.Event{ID: uuid.UUID{0xfe}}) // of another piece
	a := New(map[[2]int64][]byte{}, outside...)
	a.Add(p.Done())
	return a.Close()
}

// tamper does one thing by lot that changes the ledger, and names it.
func (w *world) tamper(r *rand.Rand) string {
	i, j, what := r.IntN(len(w.rows)), r.IntN(len(w.rows)), r.IntN(19)
	e := w.rows[i].event
	switch what {
	case 0:
		e.Site += "x"
	case 1:
		e.Subject[r.IntN(16)] ^= 1 << r.IntN(8)
	case 2:
		e.RecordedAt = e.RecordedAt.Add(-time.Duration(1+r.IntN(1e6)) * time.Microsecond)
	case 3:
		other := 1 - *e.Decision
		e.Decision = &other
	case 4: // with its hash
		other := 1 - *e.Decision
		e.Decision = &other
		e.Leaf = event.Hash(e)
	case 5:
		e.Leaf[r.IntN(32)] ^= 1 << r.IntN(8)
	case 6:
		e.Tenant[r.IntN(16)] ^= 1 << r.IntN(8)
	case 7:
		w.rows = slices.Delete(w.rows, i, i+1)
	case 8: // and the rest moved up
		w.rows = slices.Delete(w.rows, i, i+1)
		for k := range w.rows {
			w.rows[k].index = int64(k)
		}
	case 9:
		if i == j {
			j = (i + 1) % len(w.rows)
		}
		w.rows[i].event, w.rows[j].event = w.rows[j].event, w.rows[i].event
	case 10:
		w.rows = slices.Insert(w.rows, i, w.rows[j])
		for k := range w.rows {
			w.rows[k].index = int64(k)
		}
	case 11:
		w.rows[i].event = nil
	case 12:
		w.tiles[0][r.IntN(tree.Bytes)] ^= 1 << r.IntN(8)
	case 13:
		delete(w.tiles, 0)
	case 14:
		signed := w.heads[100*int64(1+r.IntN(3))]
		signed[r.IntN(len(signed)-1)] ^= 1 << r.IntN(5)
	case 15:
		delete(w.heads, size)
	case 16: // the end cut off, down to an older checkpoint
		w.rows = w.rows[:100*(1+r.IntN(2))]
		for n := range w.heads {
			if n > int64(len(w.rows)) {
				delete(w.heads, n)
			}
		}
		if len(w.rows) < tree.Width {
			delete(w.tiles, 0)
		}
	case 17:
		w.rows = append(w.rows, row{int64(len(w.rows)), e})
	default:
		e.Type = consent.EventRefused
		e.ValidUntil = e.RecordedAt
		e.Leaf = event.Hash(e)
		if i < tree.Width {
			copy(w.tiles[0][i*tlog.HashSize:], e.Leaf)
		}
	}
	return fmt.Sprintf("kind %d at row %d", what, i)
}

func TestTenThousandTamperingsAreFound(t *testing.T) {
	w := build(t, 1)
	if err := w.audit(w.last); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 10_000 {
		spoilt := w.clone()
		what := spoilt.tamper(r)
		if err := spoilt.audit(w.last); !errors.Is(err, consent.ErrContradicted) {
			t.Fatalf("tampering %d, %s: %v", n, what, err)
		}
	}
}

func TestAnotherLogOfTheSameKeyIsFound(t *testing.T) {
	one, two := build(t, 1), build(t, 2)
	if err := two.audit(); err != nil {
		t.Fatal(err)
	}
	if err := two.audit(one.last); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("a fork: %v", err)
	}
}

func TestWhatIsGoneMustHaveBeenPruned(t *testing.T) {
	w := build(t, 1)
	w.rows[7].event = nil
	if err := w.audit(); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("an event that is gone: %v", err)
	}
	a := &Audit{gone: []int64{7, 9}}
	told := consent.Event{Type: consent.EventLedgerPruned, EvidenceCiphertext: []byte(`{"below":8,"indexes":[9]}`)}
	a.house = []placed{{300, told}}
	if a.pruned(); len(a.found) != 0 {
		t.Error(a.found)
	}
	a.house = []placed{{5, told}} // nobody prunes what comes after
	if a.pruned(); len(a.found) != 2 {
		t.Error(a.found)
	}
}
