package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// aging is a ledger whose time the test makes.
func aging(t *testing.T) (*store, *ledger.Ledger, *clocktesting.FakeClock) {
	t.Helper()
	s := newStore(t)
	c := s.config(t, uuid.New())
	clock := clocktesting.NewFakeClock(time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC))
	c.Clock = clock
	return s, open(t, c), clock
}

// sweeps deletes who has nothing left, and wants so many to go, and so many rows to be left of keys, names and tokens.
func (s *store) sweeps(t *testing.T, l *ledger.Ledger, gone int64, left ...int64) {
	t.Helper()
	if n, err := l.SweepPeople(t.Context()); err != nil || n != gone {
		t.Errorf("%d people went, want %d: %v", n, gone, err)
	}
	for i, table := range []string{"subject_keys", "subject_links", "mailbox_proofs"} {
		if n := s.count(t, "SELECT count(*) FROM consent."+table); n != left[i] {
			t.Errorf("%s: %d rows are left, want %d", table, n, left[i])
		}
	}
}

// TestNamesAndKeysGoWithTheLastOfTheirProof: past the retention, and what was signed before still holds.
func TestNamesAndKeysGoWithTheLastOfTheirProof(t *testing.T) {
	s, l, clock := aging(t)
	var first consent.Recorded
	const people = 90
	for i := range people {
		clock.Step(time.Millisecond)
		if r := act(t, l, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint(i))); i == 0 {
			first = r
		}
		clock.Step(time.Millisecond)
		act(t, l, ledgertest.Withdrawal(ledgertest.Visitor(i), fmt.Sprint("not ", i), "conversation"))
	}
	// Two of them are one person.
	if err := l.Link(t.Context(), ledgertest.Visitor(0), ledgertest.Visitor(1)); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	s.sweeps(t, l, 0, people, people+1, 0)
	clock.SetTime(clock.Now().AddDate(5, 0, 1)) // consents have expired
	pruned, err := l.Prune(t.Context(), clock.Now().AddDate(-1, 0, 0))
	if err != nil || pruned == 0 {
		t.Fatalf("%d events: %v", pruned, err)
	}
	left := s.count(t, "SELECT count(DISTINCT subject_ref) FROM consent.events WHERE subject_ref IS NOT NULL")
	if left == 0 || left > people-10 {
		t.Fatalf("of %d people events are left", left)
	}
	s.sweeps(t, l, people-1-left, left, left, 0) // the one who was two counts once
	s.sweeps(t, l, 0, left, left, 0)
	audited(t, l, consent.Checkpoint{})
	in, err := l.Inclusion(t.Context(), first.Events[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Inclusion(in, first.Events[1].Leaf); err != nil {
		t.Errorf("what was recorded of somebody who is gone is not proven any more: %v", err)
	}
	again := act(t, l, ledgertest.Act(ledgertest.Visitor(0), "again"))
	if again.Subject == first.Subject {
		t.Error("who comes back is found by a name that is gone")
	}
	if _, err := l.Config.App.Exec(t.Context(), "SELECT consent.sweep($1, 10, now())", uuid.Nil); err == nil {
		t.Error("the service's role can sweep")
	}
}

// TestWhoIsWaitedForStays: an invitation, a wish, somebody who was forgotten and whose proof is kept, two who are one.
func TestWhoIsWaitedForStays(t *testing.T) {
	s, l, clock := aging(t)
	issue := func(person consent.Person, life time.Duration) {
		t.Helper()
		if err := l.Issue(t.Context(), []byte(uuid.NewString()), "confirm", person, "newsletter", clock.Now().Add(life)); err != nil {
			t.Fatal(err)
		}
	}
	invited := consent.Person{Kind: "email", ID: "ada@example.org"}
	issue(invited, 14*24*time.Hour)
	s.sweeps(t, l, 0, 1, 1, 1)
	clock.Step(14*24*time.Hour + 23*time.Hour)
	s.sweeps(t, l, 0, 1, 1, 1) // that the link is too old is still told
	clock.Step(2 * time.Hour)
	s.sweeps(t, l, 1, 0, 0, 0)
	if err := l.IssueKnown(t.Context(), []byte("token"), "view", invited, "", clock.Now()); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("who never answered an invitation is known for ever: %v", err)
	}

	decided := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	forgotten := act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(2), ""); err != nil {
		t.Fatal(err)
	}
	issue(invited, time.Hour)
	if err := l.Link(t.Context(), invited, ledgertest.Visitor(1)); err != nil { // what is recorded is of the part
		t.Fatal(err)
	}
	clock.Step(48 * time.Hour)
	s.sweeps(t, l, 0, 3, 3, 0)
	events, err := l.Events(t.Context(), invited)
	if err != nil || len(events) == 0 || events[0].Subject != decided.Subject {
		t.Errorf("%+v, %v", events, err)
	}
	if events, err := l.Receipt(t.Context(), forgotten.Receipt); err != nil || len(events) == 0 {
		t.Errorf("%+v, %v", events, err)
	}
	audited(t, l, consent.Checkpoint{})

	// Somebody asks to be erased, and their proof goes before they have an answer.
	wished := act(t, l, ledgertest.Act(ledgertest.Visitor(3), "three"))
	token := []byte("a token")
	asks := consent.Person{Kind: "email", ID: "eve@example.org"}
	if err := l.Link(t.Context(), ledgertest.Visitor(3), asks); err != nil {
		t.Fatal(err)
	}
	if err := l.Issue(t.Context(), token, "view", asks, "", clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Spend(t.Context(), token, clock.Now(), ledgertest.Wish("wish")); err != nil {
		t.Fatal(err)
	}
	clock.Step(48 * time.Hour)
	s.sql(t, "SET session_replication_role = replica")
	s.sql(t, "DELETE FROM consent.events WHERE subject_ref = $1", wished.Subject)
	s.sql(t, "DELETE FROM consent.state WHERE subject_ref = $1", wished.Subject)
	s.sweeps(t, l, 0, 4, 5, 0)
	s.sql(t, "DELETE FROM consent.wishes")
	s.sql(t, "BEGIN") // an act of theirs is being recorded
	s.sql(t, "SELECT FROM consent.subject_keys WHERE subject_ref = $1 FOR SHARE", wished.Subject)
	s.sweeps(t, l, 0, 4, 5, 0)
	s.sql(t, "COMMIT")
	s.sweeps(t, l, 1, 3, 3, 0)
}
