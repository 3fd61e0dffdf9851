package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

func since(t *testing.T, w World) {
	for i := range 3 {
		record(t, w, Act(Visitor(i), fmt.Sprint(i)))
	}
	w.sequence(t)
	var got []consent.Event
	after := uuid.Nil
	for {
		page, err := w.Ledger.Since(t.Context(), after, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got, after = append(got, page...), page[len(page)-1].ID
	}
	if len(got) != 9 {
		t.Errorf("%d events", len(got))
	}
	for i, e := range got {
		in, err := w.Ledger.Inclusion(t.Context(), e.ID)
		if err != nil || in.Index != int64(i) {
			t.Errorf("event %d is at %d, %v", i, in.Index, err)
		}
		if e.Evidence != nil {
			t.Error("a list shows evidence")
		}
	}
	if _, err := w.Ledger.Since(t.Context(), uuid.New(), 4); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("after an event that is not there: %v", err)
	}
}

// included checks a proof of an event with the public key alone.
func included(t testing.TB, w World, e consent.Event) consent.Inclusion {
	t.Helper()
	in, err := w.Ledger.Inclusion(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.Keys(w.Origin, w.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	head, err := proof.Read(in.Checkpoint.Note, keys...)
	if err != nil {
		t.Fatal(err)
	}
	want(t, head.Root, in.Checkpoint.Root)
	if err := proof.Inclusion(in, event.Hash(&e)); err != nil {
		t.Error(err)
	}
	e.Site = "another"
	if err := proof.Inclusion(in, event.Hash(&e)); !errors.Is(err, proof.ErrAbsent) {
		t.Errorf("an event that was changed: %v", err)
	}
	return in
}

func proofs(t *testing.T, w World) {
	var heads []consent.Checkpoint
	for i := range 9 {
		r := record(t, w, Act(Visitor(i), fmt.Sprint(i)))
		w.sequence(t)
		included(t, w, r.Events[i%3])
		head, err := w.Ledger.Checkpoint(t.Context())
		if err != nil || head.Size != int64(3*i+3) {
			t.Fatalf("size %d, %v", head.Size, err)
		}
		heads = append(heads, head)
	}
	for i, before := range heads {
		for j, now := range heads {
			path, err := w.Ledger.Consistency(t.Context(), before.Size, now.Size)
			if j < i {
				if !errors.Is(err, consent.ErrUnknown) {
					t.Errorf("a log that shrinks: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Consistency(before, now, path); err != nil {
				t.Errorf("%d to %d: %v", before.Size, now.Size, err)
			}
			forged := before
			forged.Root = heads[(i+1)%len(heads)].Root
			if err := proof.Consistency(forged, now, path); err == nil {
				t.Errorf("%d to %d: a fork passed", before.Size, now.Size)
			}
		}
	}
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil || int64(len(all)) != heads[len(heads)-1].Size {
		t.Fatal(len(all), err)
	}
	leaves := make([][]byte, len(all))
	for i := range all {
		leaves[i] = event.Append(nil, &all[i])
	}
	for _, head := range heads {
		if got := merkle(leaves[:head.Size]); !bytes.Equal(got[:], head.Root) {
			t.Errorf("the root of %d leaves is not that of RFC 6962", head.Size)
		}
	}
	for i := range all {
		in, err := w.Ledger.Inclusion(t.Context(), all[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := climb(leaves[i], in.Index, in.Checkpoint.Size, in.Path); !bytes.Equal(got, in.Checkpoint.Root) {
			t.Errorf("the path of leaf %d does not lead to the root", i)
		}
	}
	if _, err := w.Ledger.Inclusion(t.Context(), uuid.New()); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("an event that is not there: %v", err)
	}
	if _, err := w.Ledger.Consistency(t.Context(), 1, 1000); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("a log that is not there: %v", err)
	}
}

// merkle is the tree hash of RFC 6962, section 2.1, word by word.
func merkle(leaves [][]byte) [sha256.Size]byte {
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
		left, right := merkle(leaves[:k]), merkle(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// climb is the verification of RFC 9162, section 2.1.3.2, word by word: the root to which a path leads.
func climb(leaf []byte, index, size int64, path [][]byte) []byte {
	sum := sha256.Sum256(append([]byte{0}, leaf...))
	r, fn, sn := sum[:], index, size-1
	pair := func(left, right []byte) []byte {
		sum := sha256.Sum256(append(append([]byte{1}, left...), right...))
		return sum[:]
	}
	for _, p := range path {
		if sn == 0 {
			return nil
		}
		if fn&1 == 1 || fn == sn {
			r = pair(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = pair(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return nil
	}
	return r
}
