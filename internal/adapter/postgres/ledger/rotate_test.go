package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

func signedBy(t *testing.T, l *ledger.Ledger, note []byte, texts ...string) (by []int) {
	t.Helper()
	keys, err := proof.Keys(l.Signer.Name(), texts...)
	if err != nil {
		t.Fatal(err)
	}
	_, by, err = proof.ReadBy(note, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func head(t *testing.T, l *ledger.Ledger) consent.Checkpoint {
	t.Helper()
	head, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// TestAKeyIsRotatedByBothKeys rotates twice, with replicas of all keys at work.
func TestAKeyIsRotatedByBothKeys(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	one := open(t, c)
	act(t, one, ledgertest.Act(ledgertest.Visitor(1), "one"))
	sequence(t, one)
	kept := head(t, one)

	c2 := next(t, c, 101)
	c2.Outside = kept.Note
	two := open(t, c2)
	for range 2 { // whoever starts again, and the replica beside it, says it once
		two = open(t, c2)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.events WHERE type = 'key.rotated'"); n != 1 {
		t.Fatalf("said %d times", n)
	}
	sequence(t, one) // has learnt of its successor, and leaves the log to it
	if got := head(t, one); got.Size != kept.Size {
		t.Errorf("the key of before signs on: %d", got.Size)
	}
	sequence(t, two)
	first := head(t, two)
	if by := signedBy(t, two, first.Note, c2.Public, c.Public); !slices.Equal(by, []int{0, 1}) || first.Size != 4 {
		t.Errorf("the first checkpoint of %d events is signed by %v", first.Size, by)
	}
	act(t, one, ledgertest.Act(ledgertest.Visitor(2), "two")) // a replica of before records until it ends
	sequence(t, two)
	if by := signedBy(t, two, head(t, two).Note, c2.Public, c.Public); !slices.Equal(by, []int{0}) {
		t.Errorf("the second checkpoint is signed by %v", by)
	}
	if got := head(t, one); got.Size != 7 {
		t.Errorf("the replica of before reads %d events", got.Size)
	}
	for _, l := range []*ledger.Ledger{one, two} {
		keys, err := l.Keys(t.Context())
		if err != nil || !slices.Equal(keys, []string{c2.Public, c.Public}) {
			t.Errorf("%v, %v", keys, err)
		}
		audited(t, l, kept)
		audited(t, l, first)
	}

	// What was the key before can go from the configuration: the log knows it.
	c3 := next(t, two.Config, 102)
	open(t, c3)
	c3.Before, c3.BeforePublic, c3.Outside = nil, "", kept.Note
	three := open(t, c3)
	act(t, three, ledgertest.Act(ledgertest.Visitor(3), "three"))
	sequence(t, three)
	audited(t, three, kept)
	keys, err := three.Keys(t.Context())
	if err != nil || !slices.Equal(keys, []string{c3.Public, c2.Public, c.Public}) {
		t.Errorf("%v, %v", keys, err)
	}

	// A key whose place was taken does not come back, in whatever order.
	back := next(t, c3, seedOf(c.Tenant))
	for name, c := range map[string]ledger.Config{"the first": c, "the second": c2, "the first after the third": back} {
		if _, err := ledger.Open(t.Context(), c); !errors.Is(err, ledger.ErrRetired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	audited(t, three, head(t, three))
}

// TestAKeyThatTheOldOneDidNotNameIsContradicted opens a log with another key, and nobody's word for it.
func TestAKeyThatTheOldOneDidNotNameIsContradicted(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	before := open(t, c)
	act(t, before, ledgertest.Act(ledgertest.Visitor(1), "one"))
	sequence(t, before)
	kept := head(t, before)

	alone := next(t, c, 101)
	alone.Before, alone.BeforePublic = nil, ""
	stranger := next(t, next(t, c, 102), 103) // a key that was never the log's says who follows it
	for name, c := range map[string]ledger.Config{"alone": alone, "with the word of a stranger": stranger} {
		for _, outside := range [][]byte{nil, kept.Note} {
			c.Outside = outside
			l := open(t, c)
			act(t, l, ledgertest.Withdrawal(ledgertest.Visitor(1), "whatever happens", "conversation"))
			if _, err := l.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
				t.Errorf("%s: signed on: %v", name, err)
			}
			if _, err := l.Checkpoint(t.Context()); !errors.Is(err, consent.ErrContradicted) {
				t.Errorf("%s: the checkpoint counts: %v", name, err)
			}
			if err := l.Audit(t.Context(), consent.Checkpoint{Note: outside}); !errors.Is(err, consent.ErrContradicted) {
				t.Errorf("%s: audited: %v", name, err)
			}
		}
	}
	if n := s.count(t, "SELECT count(*) FROM consent.events WHERE type = 'key.rotated'"); n != 0 {
		t.Errorf("the log has %d rotations", n)
	}
	right := open(t, next(t, c, 101)) // with the old key's word all is well again
	sequence(t, right)
	audited(t, right, kept)
}

// TestACheckpointOfAKeyThatIsGoneIsFound lets a thief with the old key, and all rights in the database, sign on.
func TestACheckpointOfAKeyThatIsGoneIsFound(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	act(t, open(t, c), ledgertest.Act(ledgertest.Visitor(1), "one"))
	l := open(t, next(t, c, 101))
	sequence(t, l)
	act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	sequence(t, l)
	audited(t, l, consent.Checkpoint{})
	now := head(t, l)
	text, _, _ := strings.Cut(string(now.Note), "\n\n")
	forged, err := note.Sign(&note.Note{Text: text + "\n"}, c.Signer)
	if err != nil {
		t.Fatal(err)
	}
	s.sql(t, "SET session_replication_role = replica")
	s.sql(t, "UPDATE consent.checkpoints SET note = $1 WHERE size = $2", string(forged), now.Size)
	if err := l.Audit(t.Context(), consent.Checkpoint{}); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("the old key signs unseen: %v", err)
	}
}
