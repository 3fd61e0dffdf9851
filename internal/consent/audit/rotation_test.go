package audit

import (
	"bytes"
	"errors"
	"strings"
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

const rotatedLog = "ledger.example/t"

// pairs are keys by number: 0 is the first of the log.
type pairs struct {
	signers []note.Signer
	texts   []string
}

func newPairs(t *testing.T, n int) (p pairs) {
	t.Helper()
	for i := range n {
		signer, text, err := proof.NewSigner(rotatedLog, bytes.Repeat([]byte{byte(i + 1)}, proof.SeedSize))
		if err != nil {
			t.Fatal(err)
		}
		p.signers, p.texts = append(p.signers, signer), append(p.texts, text)
	}
	return p
}

// audited makes a log of ten events: those at the places of rotations say that one key took another's place; the others publish. By
// says which keys sign the checkpoint of each size. Then it is audited with the keys that are given, newest first.
func (p pairs) audited(t *testing.T, rotations map[int64][2]int, by map[int64][]int, known ...int) error {
	t.Helper()
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var texts []string
	for _, k := range known {
		texts = append(texts, p.texts[k])
	}
	keys, err := proof.Keys(rotatedLog, texts...)
	if err != nil {
		t.Fatal(err)
	}
	piece, edge := NewPiece(0, map[int64][]byte{}, keys...), tree.Edge{}
	for i := range int64(10) {
		e := consent.Event{Tenant: uuid.UUID{9}, ID: event.NewReceipt(at.Add(time.Duration(i)*time.Second), event.Chance{1}).ID,
			Type: consent.EventBuildPublished, RecordedAt: at.Add(time.Duration(i) * time.Second)}
		if pair, is := rotations[i]; is {
			e.Type = consent.EventKeyRotated
			if e.EvidenceCiphertext, err = proof.Rotation(p.signers[pair[0]], p.signers[pair[1]], proof.Rotated{Before: p.texts[pair[0]], After: p.texts[pair[1]]}); err != nil {
				t.Fatal(err)
			}
		}
		e.Receipt = e.ID
		e.Leaf = event.Hash(&e)
		piece.Leaf(i, e.ID)
		piece.Event(&e)
		edge.Append(tlog.Hash(e.Leaf))
		var signers []note.Signer
		for _, k := range by[edge.Size()] {
			signers = append(signers, p.signers[k])
		}
		if signers == nil {
			continue
		}
		signed, err := proof.Sign(edge.Size(), edge.Root(), signers...)
		if err != nil {
			t.Fatal(err)
		}
		piece.Head(edge.Size(), signed)
	}
	a := New(map[[2]int64][]byte{})
	a.Keys(rotatedLog, texts...)
	a.Add(piece.Done())
	return a.Close()
}

func TestAKeySignsFromItsRotationOnAndNotAfterTheNext(t *testing.T) {
	p := newPairs(t, 4)
	one, two := map[int64][2]int{4: {0, 1}}, map[int64][2]int{2: {0, 1}, 6: {1, 2}}
	for name, c := range map[string]struct {
		rotations map[int64][2]int
		by        map[int64][]int
		known     []int
		found     string
	}{
		"no rotation":                                   {nil, map[int64][]int{5: {0}, 10: {0}}, []int{0}, ""},
		"both sign the first":                           {one, map[int64][]int{3: {0}, 5: {0, 1}, 10: {1}}, []int{1, 0}, ""},
		"both sign before it too":                       {one, map[int64][]int{3: {0, 1}, 4: {0, 1}, 5: {0, 1}, 10: {1}}, []int{1, 0}, ""},
		"the first is the old key's":                    {one, map[int64][]int{3: {0}, 6: {0}, 10: {1}}, []int{1, 0}, ""},
		"the first is the new key's":                    {one, map[int64][]int{4: {0}, 6: {1}, 10: {1}}, []int{1, 0}, ""},
		"two rotations":                                 {two, map[int64][]int{2: {0}, 3: {0, 1}, 5: {1}, 8: {1, 2}, 10: {2}}, []int{2, 1, 0}, ""},
		"two rotations in one checkpoint":               {two, map[int64][]int{2: {0}, 10: {2, 1}}, []int{2, 1, 0}, ""},
		"the old key goes on":                           {one, map[int64][]int{3: {0}, 5: {0}, 7: {0}, 10: {1}}, []int{1, 0}, "of a key whose place another had taken at 4"},
		"the old key comes back":                        {one, map[int64][]int{3: {0}, 5: {1}, 7: {0}, 10: {1}}, []int{1, 0}, "size 7 is of a key whose place"},
		"the old key has the last word":                 {one, map[int64][]int{3: {0}, 5: {1}, 10: {0}}, []int{1, 0}, "size 10 is of a key whose place"},
		"the new key comes early":                       {one, map[int64][]int{3: {1}, 5: {0, 1}, 10: {1}}, []int{1, 0}, "size 3 is of a key that had not taken its place yet"},
		"the new key comes without the log's word":      {nil, map[int64][]int{5: {0}, 10: {1}}, []int{1, 0}, "size 10 is of a key that had not taken its place yet"},
		"the new key comes without any word":            {nil, map[int64][]int{5: {0}, 10: {1}}, []int{1}, "size 5 is not signed by a key of this log"},
		"keys of others took each other's place":        {map[int64][2]int{4: {2, 3}}, map[int64][]int{10: {0}}, []int{0}, "the event at 4 says that a key took another's place"},
		"a stranger says that it takes the key's place": {map[int64][2]int{4: {3, 1}}, map[int64][]int{10: {0}}, []int{0}, "the event at 4 says"},
	} {
		err := p.audited(t, c.rotations, c.by, c.known...)
		if c.found == "" && err != nil || c.found != "" && (!errors.Is(err, consent.ErrContradicted) || !strings.Contains(err.Error(), c.found)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
