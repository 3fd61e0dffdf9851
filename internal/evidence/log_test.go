package evidence_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/evidence"
)

// grown is a log of n leaves with its checkpoint, and its stored hashes.
type grown struct {
	leaves []string
	stored []tlog.Hash
}

func (g *grown) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = g.stored[index]
	}
	return found, nil
}

func leafOf(i int) evidence.Leaf {
	sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
	return evidence.Leaf{Kind: evidence.LeafErasure, UID: fmt.Sprintf("u%d", i), Digest: "sha256:" + hex.EncodeToString(sum[:])}
}

func grow(n int) *grown {
	g := &grown{}
	for i := range n {
		g.stored = append(g.stored, must(evidence.Grow(int64(i), leafOf(i), g))...)
		g.leaves = append(g.leaves, leafOf(i).String()+"\n")
	}
	return g
}

func (g *grown) checkpoint(size int) (evidence.Checkpoint, []byte) {
	c := must(evidence.CheckpointOf(int64(size), g))
	return c, must(c.Sign(keyOf(7)))
}

func (g *grown) text() []byte { return []byte(strings.Join(g.leaves, "")) }

func TestEachStoredHashIsKnownByTheLeafThatBroughtIt(t *testing.T) {
	next := int64(0)
	for leaf := range int64(300) {
		for place := range int(tlog.StoredHashCount(leaf+1) - tlog.StoredHashCount(leaf)) {
			if gotLeaf, gotPlace := evidence.Bringer(next); gotLeaf != leaf || gotPlace != place {
				t.Fatalf("hash %d: leaf %d place %d, want %d and %d", next, gotLeaf, gotPlace, leaf, place)
			}
			next++
		}
	}
}

func TestEveryLeafIsProvenAndNoOther(t *testing.T) {
	public := keyOf(7).Public()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 80).Draw(t, "size")
		g := grow(size)
		index := rapid.IntRange(0, size-1).Draw(t, "index")
		head, signed := g.checkpoint(size)
		proof := must(evidence.Prove(int64(index), head, signed, g))
		if got, err := evidence.ReadProof(proof, leafOf(index), public); err != nil || got.Index != int64(index) || got.Checkpoint != head {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := evidence.ReadProof(proof, leafOf(index+1), public); !errors.Is(err, evidence.ErrAbsent) {
			t.Fatalf("another leaf: %v", err)
		}
	})
}

func TestALogContinuesItsOwnPastOnly(t *testing.T) {
	public := keyOf(7).Public()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 80).Draw(t, "size")
		past := rapid.IntRange(0, size).Draw(t, "past")
		g := grow(size)
		_, signed := g.checkpoint(size)
		log, err := evidence.ReadLog(g.text(), signed, public)
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := g.checkpoint(past)
		if err := log.Extends(seen); err != nil {
			t.Fatalf("size %d, past %d: %v", size, past, err)
		}
		if err := log.Extends(evidence.Checkpoint{Size: int64(size) + 1}); !errors.Is(err, evidence.ErrRolledBack) {
			t.Fatal(err)
		}
		seen.Root[0] ^= 1
		if err := log.Extends(seen); !errors.Is(err, evidence.ErrForked) {
			t.Fatal(err)
		}
	})
}

// TestTamperedLogsAreFound changes whole leaves: removed, doubled, moved, another one, the tail cut, an older copy.
func TestTamperedLogsAreFound(t *testing.T) {
	public := keyOf(7).Public()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 60).Draw(t, "size")
		i := rapid.IntRange(0, size-1).Draw(t, "i")
		j := (i + rapid.IntRange(1, size-1).Draw(t, "distance")) % size
		g := grow(size)
		head, signed := g.checkpoint(size)
		older, olderSigned := g.checkpoint(i)
		leaves := g.leaves
		join := func(parts ...[]string) []byte {
			var all []string
			for _, p := range parts {
				all = append(all, p...)
			}
			return []byte(strings.Join(all, ""))
		}
		swapped := append([]string{}, leaves...)
		swapped[i], swapped[j] = swapped[j], swapped[i]
		other := append([]string{}, leaves...)
		other[i] = leafOf(size+1).String() + "\n"
		for name, c := range map[string]struct {
			leaves []byte
			want   error
		}{
			"removed":       {join(leaves[:i], leaves[i+1:]), evidence.ErrTail},
			"cut":           {join(leaves[:i]), evidence.ErrTail},
			"doubled":       {join(leaves[:i], leaves[i:i+1], leaves[i:]), evidence.ErrUnsigned},
			"moved":         {join(swapped), evidence.ErrLeaves},
			"another":       {join(other), evidence.ErrLeaves},
			"twice instead": {join(leaves[:j], leaves[i:i+1], leaves[j+1:]), evidence.ErrTwice},
		} {
			if _, err := evidence.ReadLog(c.leaves, signed, public); !errors.Is(err, c.want) {
				t.Fatalf("%s: %v, want %v", name, err, c.want)
			}
		}
		back, err := evidence.ReadLog(join(leaves[:i]), olderSigned, public)
		if err != nil || !errors.Is(back.Extends(head), evidence.ErrRolledBack) || !errors.Is(older.Extends(head), evidence.ErrRolledBack) || !errors.Is(head.Extends(older), evidence.ErrNotShown) || head.Extends(head) != nil ||
			!errors.Is(head.Extends(evidence.Checkpoint{Size: head.Size}), evidence.ErrForked) {
			t.Fatalf("an older copy: %v", err)
		}
	})
}

func TestTheLogFindsACertificateOrSaysWhyNot(t *testing.T) {
	g := grow(5)
	_, signed := g.checkpoint(5)
	log := must(evidence.ReadLog(g.text(), signed, keyOf(7).Public()))
	if index, err := log.Find(leafOf(3)); index != 3 || err != nil {
		t.Errorf("%d, %v", index, err)
	}
	if _, err := evidence.ReadProof(must(log.Prove(3)), leafOf(3), keyOf(7).Public()); err != nil {
		t.Error(err)
	}
	if _, err := log.Find(leafOf(7)); !errors.Is(err, evidence.ErrAbsent) {
		t.Error(err)
	}
	if _, err := log.Find(evidence.Leaf{Kind: evidence.LeafErasure, UID: leafOf(3).UID, Digest: leafOf(4).Digest}); !errors.Is(err, evidence.ErrContradicted) {
		t.Error(err)
	}
}

// BenchmarkVerifyingAWholeLog is the work of verify --log on a log of 100,000 leaves, beside hashing them alone.
func BenchmarkVerifyingAWholeLog(b *testing.B) {
	g := grow(100_000)
	_, signed := g.checkpoint(100_000)
	text, public := g.text(), keyOf(7).Public()
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			must(evidence.ReadLog(text, signed, public))
		}
	})
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			for _, line := range g.leaves {
				tlog.RecordHash([]byte(line))
			}
		}
	})
}
