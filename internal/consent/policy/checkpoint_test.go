package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/policy/policytest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestACheckpointIsOnlyEverReplacedByALargerOneThatContinuesIt(t *testing.T) {
	log, other := &policytest.Log{}, &policytest.Log{Salt: "other"}
	first, err := policy.Checkpoint{}.Continue(log.Head(7, noon), nil)
	if err != nil || first.Size != 7 || first.Note == "" || !first.Time.Equal(noon) {
		t.Fatalf("%+v, %v", first, err)
	}
	if same, err := first.Continue(log.Head(7, noon), nil); err != nil || same != first || first.Grows(log.Head(7, noon)) {
		t.Errorf("the same: %+v, %v", same, err)
	}
	larger, err := first.Continue(log.Head(9, noon), log.Path(7, 9))
	if err != nil || larger.Size != 9 || larger.Contradicted != "" || !first.Grows(log.Head(9, noon)) {
		t.Errorf("larger: %+v, %v", larger, err)
	}
	for name, shown := range map[string]struct {
		head policy.LedgerAnswer
		path [][]byte
	}{
		"smaller":                  {log.Head(6, noon), nil},
		"another of the same size": {other.Head(7, noon), nil},
		"another and larger":       {other.Head(9, noon), other.Path(7, 9)},
		"larger without a proof":   {log.Head(9, noon), nil},
		"larger, another's proof":  {log.Head(9, noon), other.Path(7, 9)},
		"larger, half a proof":     {log.Head(9, noon), log.Path(7, 9)[1:]},
	} {
		cut, err := first.Continue(shown.head, shown.path)
		if err != nil || cut.Contradicted != shown.head.Checkpoint || cut.Note != first.Note || cut.Size != 7 {
			t.Errorf("%s: %+v, %v", name, cut, err)
		}
		if later, err := cut.Continue(log.Head(99, noon), log.Path(7, 99)); err != nil || later != cut || cut.Grows(log.Head(99, noon)) {
			t.Errorf("%s, and then more: what was contradicted is forgotten: %+v, %v", name, later, err)
		}
	}
}

func TestANoteThatIsNoCheckpointChangesNothing(t *testing.T) {
	log := &policytest.Log{}
	first, err := policy.Checkpoint{}.Continue(log.Head(7, noon), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*policy.LedgerAnswer){
		"another size": func(a *policy.LedgerAnswer) { a.Size = 8 },
		"another root": func(a *policy.LedgerAnswer) { a.Root = log.Head(8, noon).Root },
		"no signature": func(a *policy.LedgerAnswer) { a.Checkpoint, _, _ = strings.Cut(a.Checkpoint, "\n\n") },
		"no note":      func(a *policy.LedgerAnswer) { a.Checkpoint = "note" },
		"negative":     func(a *policy.LedgerAnswer) { a.Checkpoint = strings.Replace(a.Checkpoint, "\n7\n", "\n-7\n", 1) },
		"leading zero": func(a *policy.LedgerAnswer) { a.Checkpoint = strings.Replace(a.Checkpoint, "\n7\n", "\n07\n", 1) },
		"half a root":  func(a *policy.LedgerAnswer) { a.Checkpoint = strings.Replace(a.Checkpoint, a.Root, "AAAA", 1) },
		"no origin": func(a *policy.LedgerAnswer) {
			a.Checkpoint = strings.TrimPrefix(a.Checkpoint, "consent.acme.example/t")
		},
	} {
		answer := log.Head(7, noon)
		spoil(&answer)
		if got, err := first.Continue(answer, nil); err == nil || got != first {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
