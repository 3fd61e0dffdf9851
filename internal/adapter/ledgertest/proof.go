package ledgertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// proofErased: what is below the last full tile goes at once and the log says so first; the rest goes when its tile is full. What is
// gone, and what others have, is proven as before.
func proofErased(t *testing.T, w World) {
	size := func() int64 {
		w.sequence(t)
		head, err := w.Ledger.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Size
	}
	fill := func(to int64, name string) {
		for i := 0; size() < to; i++ {
			for n := range 20 { // each act is three events
				record(t, w, Act(Visitor(1000+n), fmt.Sprint(name, i, n)))
			}
		}
	}
	early := record(t, w, Act(Visitor(1), "early"))
	other := record(t, w, Act(Visitor(2), "other"))
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)); err != nil {
		t.Fatal(err)
	}
	fill(tree.Width, "first")
	late := record(t, w, Act(Visitor(1), "late"))
	references, err := w.Ledger.References(t.Context(), Visitor(2))
	if err != nil || len(references) != 2 || references[0] != early.Subject || references[1] != other.Subject {
		t.Fatalf("%v, %v", references, err)
	}
	if p, err := w.Ledger.EraseProof(t.Context(), references...); err != nil || p.Erased != 0 {
		t.Errorf("of somebody who was not forgotten %+v are gone, %v", p, err)
	}
	before := size()
	wanted := consent.Proof{Erased: 6, Waiting: 3, Until: 2 * tree.Width}
	if p, err := w.Ledger.Proof(t.Context(), references...); err != nil || p != wanted || before >= 2*tree.Width {
		t.Fatalf("would erase %+v of %d, %v", p, before, err)
	}
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Ledger.EraseProof(t.Context(), references...); err != nil || p != wanted {
		t.Fatalf("erased %+v, %v", p, err)
	}
	if p, err := w.Ledger.EraseProof(t.Context(), references...); err != nil || p != (consent.Proof{Waiting: 3, Until: wanted.Until}) {
		t.Errorf("again: erased %+v, %v", p, err)
	}
	for r, gone := range map[uuid.UUID]bool{early.Receipt: true, other.Receipt: true, late.Receipt: false} {
		if _, err := w.Ledger.Receipt(t.Context(), r); errors.Is(err, consent.ErrUnknown) != gone {
			t.Errorf("the receipt is gone: %t; %v", gone, err)
		}
	}
	included(t, w, early.Events[0])
	told := 0
	for after := uuid.Nil; ; {
		events, err := w.Ledger.Since(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.Type == consent.EventLedgerPruned {
				told++
			}
			after = e.ID
		}
	}
	if told != 1 {
		t.Errorf("the log tells of it %d times", told)
	}
	fill(wanted.Until, "second")
	if p, err := w.Ledger.EraseProof(t.Context(), references...); err != nil || p != (consent.Proof{Erased: 3}) {
		t.Errorf("when the tile is full: erased %+v, %v", p, err)
	}
	included(t, w, late.Events[2])
}
