package ledgertest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// rotated: what the key of before signed still counts, the log goes on from it, and whoever trusts either key is led to the other.
func rotated(t *testing.T, w World) {
	first := record(t, w, Act(Visitor(1), "one"))
	w.sequence(t)
	before, err := w.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := w.PublicKey
	w = w.Rotate(t)
	second := record(t, w, Act(Visitor(2), "two"))
	w.sequence(t)
	events, err := w.Ledger.Since(t.Context(), uuid.Nil, 10)
	if err != nil || len(events) != 7 || events[3].Type != consent.EventKeyRotated || events[3].Subject != uuid.Nil {
		t.Fatalf("%v, %v", events, err)
	}
	statement := events[3].EvidenceCiphertext
	if r, err := proof.ReadRotation(w.Origin, statement); err != nil || r != (proof.Rotated{Before: old, After: w.PublicKey}) {
		t.Errorf("the log says that %v, %v", r, err)
	}
	for _, known := range []string{old, w.PublicKey} {
		want(t, proof.Succession(w.Origin, known, statement), []string{w.PublicKey, old})
	}
	now, err := w.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.Keys(w.Origin, w.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Read(now.Note, keys...); err != nil {
		t.Errorf("the key of now did not sign the newest checkpoint: %v", err)
	}
	path, err := w.Ledger.Consistency(t.Context(), before.Size, now.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Consistency(before, now, path); err != nil {
		t.Errorf("the log does not go on: %v", err)
	}
	for _, e := range append(first.Events, second.Events...) {
		in, err := w.Ledger.Inclusion(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Inclusion(in, e.Leaf); err != nil {
			t.Errorf("event %s: %v", e.ID, err)
		}
	}
}
