package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/tree"
)

// TestProofThatWaitsIsFoundWhenItsTileIsFull by who filled it, by who starts later, and is audited at each step.
func TestProofThatWaitsIsFoundWhenItsTileIsFull(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	l := open(t, c)
	mine := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "mine")).Subject
	left := func(everybody bool) []uuid.UUID {
		t.Helper()
		subjects, err := l.Left(t.Context(), everybody)
		if err != nil {
			t.Fatal(err)
		}
		return subjects
	}
	if got := left(true); len(got) != 0 {
		t.Errorf("of nobody who was forgotten: %v", got)
	}
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	if p, err := l.EraseProof(t.Context(), mine); err != nil || p != (consent.Proof{Waiting: 3, Until: tree.Width}) {
		t.Fatal(p, err)
	}
	if got := left(false); len(got) != 0 {
		t.Errorf("before the tile is full: %v", got)
	}
	select {
	case <-l.Due():
		t.Error("due, and nothing is full")
	default:
	}
	for i := 0; head(t, l).Size < tree.Width; i++ {
		for n := range 10 {
			act(t, l, ledgertest.Act(ledgertest.Visitor(10+n), fmt.Sprint(i, "/", n)))
		}
		sequence(t, l)
	}
	select {
	case <-l.Due():
	default:
		t.Error("nobody is told that a tile is full")
	}
	later := open(t, c)
	if got, err := later.Left(t.Context(), false); err != nil || !slices.Equal(got, []uuid.UUID{mine}) {
		t.Errorf("who starts later finds %v, %v", got, err)
	}
	got := left(false)
	if !slices.Equal(got, []uuid.UUID{mine}) {
		t.Fatalf("%v", got)
	}
	if n, err := l.Prune(t.Context(), time.Time{}, got...); err != nil || n != 3 {
		t.Errorf("%d went, %v", n, err)
	}
	audited(t, l, consent.Checkpoint{})
	for _, everybody := range []bool{false, true} {
		if got := left(everybody); len(got) != 0 {
			t.Errorf("found again: %v", got)
		}
	}
}

// TestProofThatCouldNotGoIsTriedAgain has no role that may prune at first.
func TestProofThatCouldNotGoIsTriedAgain(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	mine := act(t, open(t, c), ledgertest.Act(ledgertest.Visitor(1), "mine")).Subject
	c.Prune = nil
	l := open(t, c)
	if _, err := l.Left(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := l.EraseProof(t.Context(), mine); err == nil {
		t.Fatal("erased without a role for it")
	}
	select {
	case <-l.Due():
	default:
		t.Error("nobody is told to try again")
	}
	if got, err := l.Left(t.Context(), false); err != nil || !slices.Equal(got, []uuid.UUID{mine}) {
		t.Errorf("%v, %v", got, err)
	}
}
