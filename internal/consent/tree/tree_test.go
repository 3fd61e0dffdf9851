package tree

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// root is RFC 6962, section 2.1, word by word; it knows nothing of tiles or of tlog.
func root(leaves [][]byte) [sha256.Size]byte {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		left, right := root(leaves[:k]), root(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

func TestTheEdgeHasTheRootOfTheWholeLog(t *testing.T) {
	var (
		edge   Edge
		leaves [][]byte
		tiles  = map[[2]int64][]tlog.Hash{}
	)
	const size = Width*Width + 3*Width + 5
	for i := range int64(size) {
		if i < 300 || i%4093 == 0 || i >= size-3 || i%Width == 0 && i > Width*(Width-2) {
			if edge.Root() != tlog.Hash(root(leaves)) {
				t.Fatalf("another root of %d leaves", i)
			}
			again, err := NewEdge(i, load(t, i, leaves, tiles))
			if err != nil || again.Root() != edge.Root() || again.Size() != i {
				t.Fatalf("the edge of %d leaves is not what its tiles say: %v", i, err)
			}
		}
		leaf := fmt.Append(nil, i)
		leaves = append(leaves, leaf)
		for _, tile := range edge.Append(tlog.RecordHash(leaf)) {
			hashes, err := Hashes(tile.Data)
			if err != nil || len(hashes) != Width {
				t.Fatal(err)
			}
			tiles[[2]int64{int64(tile.Level), tile.N}] = hashes
		}
	}
	if len(tiles) != Width+3+1 {
		t.Errorf("%d tiles", len(tiles))
	}
}

// load reads what Missing asks for.
func load(t *testing.T, size int64, leaves [][]byte, tiles map[[2]int64][]tlog.Hash) (levels [][]tlog.Hash) {
	for level, r := range Missing(size) {
		var hashes []tlog.Hash
		for n := r[0]; n < r[1]; n++ {
			if level == 0 {
				hashes = append(hashes, tlog.RecordHash(leaves[n]))
				continue
			}
			tile, ok := tiles[[2]int64{int64(level - 1), n}]
			if !ok {
				t.Fatalf("no tile %d of level %d", n, level-1)
			}
			hashes = append(hashes, Fold(tile))
		}
		levels = append(levels, hashes)
	}
	return levels
}

func TestACloneGrowsByItself(t *testing.T) {
	var one Edge
	for i := range 255 {
		one.Append(tlog.RecordHash([]byte{byte(i)}))
	}
	before, two := one.Root(), one.Clone()
	if len(two.Append(tlog.RecordHash(nil))) != 1 || one.Root() != before || two.Size() != 256 {
		t.Error("a clone changed the original")
	}
	one.Append(tlog.RecordHash(nil))
	if one.Root() != two.Root() {
		t.Error("a clone is another log")
	}
}

func TestAnEdgeThatDoesNotFitIsRefused(t *testing.T) {
	if _, err := NewEdge(3, [][]tlog.Hash{make([]tlog.Hash, 2)}); err == nil {
		t.Error("a hash is missing")
	}
	if _, err := NewEdge(3, nil); err == nil {
		t.Error("a level is missing")
	}
	if _, err := Hashes(make([]byte, 33)); err == nil {
		t.Error("half a hash")
	}
}
