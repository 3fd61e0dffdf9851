package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// patient is a ledger whose sequencer runs, with an interval that never ends. Its time is the test's.
func patient(t *testing.T) (*store, *ledger.Ledger, *clocktesting.FakeClock) {
	t.Helper()
	s := newStore(t)
	c := s.config(t, uuid.New())
	clock := clocktesting.NewFakeClock(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	c.Clock, c.Interval = clock, 1e6*time.Hour
	l := open(t, c)
	ctx, stop := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { l.Sequencer.Run(ctx, func(err error) { t.Log(err) }) })
	t.Cleanup(func() { stop(); runs.Wait() })
	return s, l, clock
}

// included waits until an event is in the log, and proves it. Meanwhile is done at each look.
func included(t *testing.T, l *ledger.Ledger, e consent.Event, meanwhile func()) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
		in, err := l.Inclusion(t.Context(), e.ID)
		if err == nil {
			err = proof.Inclusion(in, e.Leaf)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, consent.ErrUnknown) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		meanwhile()
	}
}

// TestWhatIsRecordedIsInTheLogSoon: not when the interval ends, and not more often than four times a second.
func TestWhatIsRecordedIsInTheLogSoon(t *testing.T) {
	s, l, clock := patient(t)
	one := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	included(t, l, one.Events[0], func() {}) // without any time that passes
	two := act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	if _, err := l.Inclusion(t.Context(), two.Events[0].ID); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("each act is signed for: %v", err)
	}
	included(t, l, two.Events[0], func() { clock.Step(50 * time.Millisecond) })
	gone, err := l.Shred(t.Context(), ledgertest.Visitor(1), "")
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(0); n == 0; clock.Step(50 * time.Millisecond) { // who is forgotten too
		marks, _, err := l.Forgotten(t.Context(), 0)
		if n = int64(len(marks)); err != nil {
			t.Fatal(gone, err)
		}
	}
	audited(t, l, consent.Checkpoint{})
	for table, want := range map[string]int64{"checkpoints": 0, "heads": 1, "pending": 0, "leaves": 7} {
		if n := s.count(t, "SELECT count(*) FROM consent."+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
}

// TestAHeadIsKeptEachInterval: it becomes a checkpoint, once, or gives way to one that is newer.
func TestAHeadIsKeptEachInterval(t *testing.T) {
	s, l := fresh(t)
	rows := func(what string, checkpoints, heads int64) {
		t.Helper()
		if c, h := s.count(t, "SELECT count(*) FROM consent.checkpoints"), s.count(t, "SELECT count(*) FROM consent.heads"); c != checkpoints || h != heads {
			t.Errorf("%s: %d checkpoints and %d heads, want %d and %d", what, c, h, checkpoints, heads)
		}
		audited(t, l, consent.Checkpoint{})
	}
	sequence(t, l)
	rows("an empty log", 1, 0)
	ledger.Hurry(t.Context(), l)
	rows("nothing waits", 1, 0)
	for n := range 3 {
		act(t, l, ledgertest.Act(ledgertest.Visitor(n), fmt.Sprint(n)))
		ledger.Hurry(t.Context(), l)
	}
	rows("three heads", 1, 1)
	before := head(t, l)
	sequence(t, l)
	rows("the interval is over", 2, 0)
	if after := head(t, l); string(after.Note) != string(before.Note) || after.Size != before.Size {
		t.Errorf("the checkpoint is not the head: %+v, %+v", before, after)
	}
	sequence(t, l)
	rows("another interval", 2, 0)
	act(t, l, ledgertest.Act(ledgertest.Visitor(4), "four"))
	ledger.Hurry(t.Context(), l)
	act(t, l, ledgertest.Act(ledgertest.Visitor(5), "five"))
	sequence(t, l)
	rows("more was recorded", 3, 0)
	// Another replica, and one after a restart, go on from a head that is no checkpoint.
	act(t, l, ledgertest.Act(ledgertest.Visitor(6), "six"))
	ledger.Hurry(t.Context(), l)
	outside := head(t, l)
	c := l.Config
	c.Outside = outside.Note
	l = open(t, c)
	act(t, l, ledgertest.Act(ledgertest.Visitor(7), "seven"))
	ledger.Hurry(t.Context(), l)
	rows("by another", 3, 1)
	audited(t, l, outside)
	if path, err := l.Consistency(t.Context(), before.Size, head(t, l).Size); err != nil || len(path) == 0 {
		t.Errorf("heads are not consistent: %v", err)
	}
}

// TestTheLogIsSignedWhenAnotherReplicaIsDone: who finds it at work tries again by itself.
func TestTheLogIsSignedWhenAnotherReplicaIsDone(t *testing.T) {
	s, l, clock := patient(t)
	s.sql(t, "BEGIN")
	s.sql(t, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "rempart/consent/"+l.Tenant.String())
	one := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	for range 20 {
		clock.Step(time.Second)
		if _, err := l.Inclusion(t.Context(), one.Events[0].ID); !errors.Is(err, consent.ErrUnknown) {
			t.Fatalf("two replicas sign at once: %v", err)
		}
	}
	s.sql(t, "COMMIT")
	included(t, l, one.Events[0], func() { clock.Step(50 * time.Millisecond) })
	audited(t, l, consent.Checkpoint{})
}

// TestALedgerOfBeforeHeadsGoesOn: the migration takes its log as it is.
func TestALedgerOfBeforeHeadsGoesOn(t *testing.T) {
	s, l := fresh(t)
	act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	sequence(t, l)
	before := head(t, l)
	s.sql(t, "DROP TABLE consent.heads")
	s.sql(t, "DELETE FROM consent.migrations WHERE name = '0008_heads.sql'")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	l = open(t, l.Config)
	if head(t, l).Size != before.Size {
		t.Error("the log is another")
	}
	act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	ledger.Hurry(t.Context(), l)
	if head(t, l).Size <= before.Size {
		t.Error("the log does not go on")
	}
	audited(t, l, before)
}

// TestALogThatIsNotSignedOnIsLeftAlone: neither is a head signed, nor is it tried again before the interval is over.
func TestALogThatIsNotSignedOnIsLeftAlone(t *testing.T) {
	s, l := fresh(t)
	act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	ledger.Hurry(t.Context(), l)
	s.sql(t, "DELETE FROM consent.heads") // the end is cut off
	act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	for ledger.Waits(l) {
		ledger.Hurry(t.Context(), l)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.heads"); n != 0 {
		t.Errorf("%d heads were signed", n)
	}
	if _, err := l.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
		t.Error(err)
	}
}
