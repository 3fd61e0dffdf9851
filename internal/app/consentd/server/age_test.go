package server_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/consent"
)

// TestThatAPersonIsOldEnoughIsAPartOfTheProof: the age that was asked for, not the one that was said, where an age was asked for.
func TestThatAPersonIsOldEnoughIsAPartOfTheProof(t *testing.T) {
	w := newWorld(t, nil)
	evidence := func() string {
		events, err := w.ledger.Ledger.Events(t.Context(), consent.Person{Kind: "receipt", ID: secretOf(1)})
		if err != nil {
			t.Fatal(err)
		}
		return string(events[len(events)-1].Evidence)
	}
	act := func(key, purpose string, age int, page string) answer {
		body := w.act("checkbox", purpose)
		body["oldEnoughFor"], body["evidence"] = age, page
		return w.post(1, key, body)
	}
	act("a", "allergies", 14, "").is(403, "age_not_asserted")
	act("b", "analytics", 40, "banner 7").is(201, "")
	if got := evidence(); got != "banner 7" {
		t.Errorf("an age is kept that nobody asked for: %s", got)
	}
	act("c", "allergies", 40, "banner 7").is(201, "")
	if got := evidence(); got != `{"atLeast":15,"page":"banner 7"}` {
		t.Error(got)
	}
	act("d", "allergies", 40, strings.Repeat("x", 2040)).is(422, "evidence_too_large")
}
