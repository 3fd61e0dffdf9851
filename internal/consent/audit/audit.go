// Package audit finds whether a ledger is what its signed log says: every leaf is recomputed from its row, the rows are put
// together to the tree anew, and every checkpoint that was ever signed must be of that tree. It is pure, and keeps no rows: what
// reads the ledger feeds it piece by piece, pieces in parallel.
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// most is how many findings are kept; more say nothing new.
const most = 20

// Contradiction is what an audit found. It names places and identifiers of events, which say nothing of people.
type Contradiction struct{ Found []string }

// Error lists what was found.
func (c *Contradiction) Error() string {
	return fmt.Sprintf("the ledger and its log disagree: %s", strings.Join(c.Found, "; "))
}

// Unwrap makes it a consent.ErrContradicted.
func (*Contradiction) Unwrap() error { return consent.ErrContradicted }

// Piece is a run of leaves that is checked by itself. From is a multiple of tree.Width.
type Piece struct {
	From  int64
	keys  []note.Verifier
	tiles map[int64][]byte

	leaves []tlog.Hash
	// awaited are the places, from the first on, of leaves whose events were not read yet.
	awaited  map[uuid.UUID]int
	heads    []head
	house    []placed
	shredded []uuid.UUID
	gone     []int64
	found    []string
}

// head is a checkpoint, and which of the keys signed it.
type head struct {
	consent.Checkpoint
	by []int
}

type placed struct {
	index int64
	event consent.Event
}

// NewPiece begins a piece. Tiles are the full ones of row 0 that lie in it, by their number; keys are those that may have
// signed checkpoints, newest first.
func NewPiece(from int64, tiles map[int64][]byte, keys ...note.Verifier) *Piece {
	return &Piece{From: from, tiles: tiles, keys: keys, awaited: map[uuid.UUID]int{}}
}

// Leaf takes the next leaf: its index, and which event it is of. Its event follows, by Event; it is gone where none does.
func (p *Piece) Leaf(index int64, of uuid.UUID) {
	if want := p.From + int64(len(p.leaves)); index != want {
		p.find("leaf %d is missing or there twice", want)
	}
	if _, twice := p.awaited[of]; twice {
		p.find("event %s is in the log twice", of)
	}
	p.awaited[of] = len(p.leaves)
	p.leaves = append(p.leaves, p.kept(p.From+int64(len(p.leaves))))
}

// Awaits tells whether a leaf of the piece is of an event that was not read yet.
func (p *Piece) Awaits(id uuid.UUID) bool {
	_, awaited := p.awaited[id]
	return awaited
}

// Event takes the event of one of the leaves, in any order, and passes over those of others. The event is read and not kept, but for
// what is about nobody.
func (p *Piece) Event(e *consent.Event) {
	place, index, ok := p.take(e.ID)
	if !ok {
		return
	}
	hash := event.Hash(e)
	if !bytes.Equal(hash, e.Leaf) {
		p.find("event %s at %d is not as it was recorded", e.ID, index)
	}
	p.leaves[place] = tlog.Hash(hash)
	switch {
	case e.Subject == uuid.Nil:
		kept := *e // the rest of the row may be written over
		kept.Notice.SHA256, kept.EvidenceCiphertext = slices.Clone(e.Notice.SHA256), slices.Clone(e.EvidenceCiphertext)
		p.house = append(p.house, placed{index, kept})
	case e.Type == consent.EventSubjectShredded:
		p.shredded = append(p.shredded, e.Subject)
	}
}

// Damaged is Event for a row that is none that a ledger writes.
func (p *Piece) Damaged(id uuid.UUID) {
	if _, index, ok := p.take(id); ok {
		p.find("the row of the event at %d is damaged", index)
	}
}

func (p *Piece) take(id uuid.UUID) (place int, index int64, ok bool) {
	place, ok = p.awaited[id]
	delete(p.awaited, id)
	return place, p.From + int64(place), ok
}

// Gone is how many leaves have no event.
func (p *Piece) Gone() int64 { return int64(len(p.gone)) }

// kept is the hash of a leaf whose event was pruned: its tile has it.
func (p *Piece) kept(index int64) tlog.Hash {
	if data := p.tiles[index/tree.Width]; len(data) == tree.Bytes {
		return tlog.Hash(data[index%tree.Width*tlog.HashSize:])
	}
	return tlog.Hash{}
}

// Head takes a signed checkpoint whose size ends in the piece.
func (p *Piece) Head(size int64, signed []byte) {
	checkpoint, by, err := proof.ReadBy(signed, p.keys...)
	if err != nil || checkpoint.Size != size {
		p.find("the checkpoint of size %d is not signed by a key of this log, or is of another size", size)
		return
	}
	p.heads = append(p.heads, head{checkpoint, by})
}

// Done ends the piece, and checks its tiles against its leaves.
func (p *Piece) Done() *Piece {
	for _, place := range p.awaited {
		p.gone = append(p.gone, p.From+int64(place))
	}
	slices.Sort(p.gone)
	slices.SortFunc(p.house, func(a, b placed) int { return int(a.index - b.index) })
	for n := p.From / tree.Width; (n+1)*tree.Width <= p.From+int64(len(p.leaves)); n++ {
		data, ok := p.tiles[n]
		if !ok {
			p.find("tile %d of row 0 is missing", n)
			continue
		}
		var space [tree.Bytes]byte
		for i, leaf := range p.leaves[n*tree.Width-p.From:][:tree.Width] {
			copy(space[i*tlog.HashSize:], leaf[:])
		}
		if !bytes.Equal(space[:], data) {
			p.find("tile %d of row 0 is not of its leaves", n)
		}
		delete(p.tiles, n)
	}
	for n := range p.tiles {
		p.find("tile %d of row 0 is of leaves that are not there", n)
	}
	slices.SortFunc(p.heads, func(a, b head) int { return int(a.Size - b.Size) })
	return p
}

func (p *Piece) find(format string, args ...any) {
	if len(p.found) < most {
		p.found = append(p.found, fmt.Sprintf(format, args...))
	}
}

// Audit puts pieces together, in order.
type Audit struct {
	edge  tree.Edge
	heads []consent.Checkpoint // outside ones, by size
	upper map[[2]int64][]byte
	// last is the size of the greatest checkpoint.
	last     int64
	keys     keys
	house    []placed
	shredded []uuid.UUID
	gone     []int64
	found    []string
}

// New begins an audit. Outside are checkpoints that lie elsewhere, whose signatures were checked: the log must extend them.
// Upper are the full tiles above row 0, by row and number.
func New(upper map[[2]int64][]byte, outside ...consent.Checkpoint) *Audit {
	a := &Audit{upper: upper, heads: slices.Clone(outside)}
	slices.SortFunc(a.heads, func(x, y consent.Checkpoint) int { return int(x.Size - y.Size) })
	a.outside(tlog.Hash(a.edge.Root()))
	return a
}

// Find adds a finding of the caller's.
func (a *Audit) Find(format string, args ...any) {
	if len(a.found) < most {
		a.found = append(a.found, fmt.Sprintf(format, args...))
	}
}

// Add takes the next piece.
func (a *Audit) Add(p *Piece) {
	for _, found := range p.found {
		a.Find("%s", found)
	}
	if p.From != a.edge.Size() {
		a.Find("leaves from %d on are missing", a.edge.Size())
	}
	heads := p.heads
	for len(heads) > 0 && heads[0].Size == a.edge.Size() { // of the empty log
		a.compare(heads[0].Checkpoint, a.edge.Root(), "the checkpoint")
		a.keys.signed(heads[0])
		heads = heads[1:]
	}
	for _, leaf := range p.leaves {
		for _, tile := range a.edge.Append(leaf) {
			a.tile(tile)
		}
		due := len(heads) > 0 && heads[0].Size == a.edge.Size()
		if !due && (len(a.heads) == 0 || a.heads[0].Size != a.edge.Size()) {
			continue
		}
		root := a.edge.Root()
		for len(heads) > 0 && heads[0].Size == a.edge.Size() {
			a.compare(heads[0].Checkpoint, root, "the checkpoint")
			a.keys.signed(heads[0])
			a.last, heads = heads[0].Size, heads[1:]
		}
		a.outside(root)
	}
	for _, head := range heads {
		a.Find("the checkpoint of size %d signs leaves that are not there", head.Size)
	}
	a.house, a.shredded, a.gone = append(a.house, p.house...), append(a.shredded, p.shredded...), append(a.gone, p.gone...)
}

func (a *Audit) outside(root tlog.Hash) {
	for len(a.heads) > 0 && a.heads[0].Size == a.edge.Size() {
		a.compare(a.heads[0], root, "the checkpoint that lies outside")
		a.heads = a.heads[1:]
	}
}

func (a *Audit) compare(head consent.Checkpoint, root tlog.Hash, what string) {
	if !bytes.Equal(head.Root, root[:]) {
		a.Find("%s of size %d is of another log", what, head.Size)
	}
}

// tile compares a tile above row 0. Row 0 was compared in its piece.
func (a *Audit) tile(t tree.Tile) {
	if t.Level == 0 {
		return
	}
	place := [2]int64{int64(t.Level), t.N}
	if data, ok := a.upper[place]; !ok || !bytes.Equal(data, t.Data) {
		a.Find("tile %d of row %d is missing, or is not of the tiles below", t.N, t.Level)
	}
	delete(a.upper, place)
}

// Shredded are the references of whom the log says that they were forgotten.
func (a *Audit) Shredded() []uuid.UUID { return a.shredded }

// Size is how many leaves there are.
func (a *Audit) Size() int64 { return a.edge.Size() }

// Published are the events of publications, in order.
func (a *Audit) Published() []consent.Event {
	var out []consent.Event
	for _, h := range a.house {
		if h.event.Type == consent.EventNoticePublished {
			out = append(out, h.event)
		}
	}
	return out
}

// Pruned is the evidence of a ledger.pruned event: events below an index, or those at some.
type Pruned struct {
	Below   int64   `json:"below,omitempty"`
	Indexes []int64 `json:"indexes,omitempty"`
}

// Close ends the audit: a *Contradiction, or nil.
func (a *Audit) Close() error {
	if a.last != a.edge.Size() {
		a.Find("the last checkpoint is of %d leaves, and there are %d", a.last, a.edge.Size())
	}
	for _, head := range a.heads {
		a.Find("the checkpoint that lies outside is of %d leaves, and there are %d: an older copy was put back, or the end was cut off", head.Size, a.edge.Size())
	}
	for place := range a.upper {
		a.Find("tile %d of row %d is of leaves that are not there", place[1], place[0])
	}
	a.pruned()
	a.rotated()
	if len(a.found) == 0 {
		return nil
	}
	return &Contradiction{a.found}
}

// pruned finds events that are gone and of which the log does not say that they were pruned.
func (a *Audit) pruned() {
	var below int64
	told := map[int64]bool{}
	for _, h := range a.house {
		if h.event.Type != consent.EventLedgerPruned {
			continue
		}
		var pruned Pruned
		if json.Unmarshal(h.event.EvidenceCiphertext, &pruned) != nil {
			a.Find("the event at %d does not say what was pruned", h.index)
			continue
		}
		below = max(below, min(pruned.Below, h.index)) // nobody prunes what comes after
		for _, index := range pruned.Indexes {
			told[index] = index < h.index
		}
	}
	for _, index := range a.gone {
		if index >= below && !told[index] {
			a.Find("the event at %d is gone, and the log does not say that it was pruned", index)
		}
	}
}
