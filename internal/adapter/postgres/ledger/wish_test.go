package ledger_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
)

// asked has a visitor ask for erasure, and returns the event.
func asked(t *testing.T, l *ledger.Ledger, visitor int, key string) uuid.UUID {
	t.Helper()
	if err := l.Issue(t.Context(), []byte(key), "view", ledgertest.Visitor(visitor), "", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	recorded, err := l.Spend(t.Context(), []byte(key), time.Now(), ledgertest.Wish(key))
	if err != nil {
		t.Fatal(err)
	}
	return recorded.Events[0].ID
}

// TestWhatWasAskedBeforeThereWasAQueueIsOpen: who asked is answered once, who became part of another under the other's name, who was
// forgotten needs no answer.
func TestWhatWasAskedBeforeThereWasAQueueIsOpen(t *testing.T) {
	s, l := fresh(t)
	one, two := asked(t, l, 1, "one"), asked(t, l, 2, "two")
	asked(t, l, 3, "three")
	if err := l.Link(t.Context(), ledgertest.Visitor(4), ledgertest.Visitor(2)); err == nil {
		t.Fatal("nobody was linked")
	}
	if _, err := l.Record(t.Context(), ledgertest.Act(ledgertest.Visitor(4), "four")); err != nil {
		t.Fatal(err)
	}
	if err := l.Link(t.Context(), ledgertest.Visitor(4), ledgertest.Visitor(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(3), ""); err != nil {
		t.Fatal(err)
	}
	s.sql(t, "DROP TABLE consent.wishes")
	s.sql(t, "DELETE FROM consent.migrations WHERE name IN ('0002_wishes.sql', '0005_withdrawn.sql')")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	again := open(t, l.Config) // refuses a table without row security
	found, err := again.Wishes(t.Context(), uuid.Nil, 10)
	if err != nil || len(found) != 2 || found[0].ID != one || found[1].ID != two || found[1].Evidence == nil {
		t.Fatalf("%+v, %v", found, err)
	}
	held, err := again.Holding(t.Context(), ledgertest.Visitor(4))
	if err != nil || held.Subject != found[1].Subject {
		t.Errorf("the wish is of %v, and not of %v: %v", found[1].Subject, held.Subject, err)
	}
}

// TestAWishOutlivesItsEvent: where no proof is kept the event of who was forgotten may be gone before the wish is closed.
func TestAWishOutlivesItsEvent(t *testing.T) {
	s, l := fresh(t)
	wish := asked(t, l, 1, "one")
	s.sql(t, "ALTER TABLE consent.events DISABLE TRIGGER append_only")
	s.sql(t, "DELETE FROM consent.events WHERE event_id = $1", wish)
	found, err := l.Wishes(t.Context(), uuid.Nil, 10)
	if err != nil || len(found) != 1 || found[0].Evidence != nil || found[0].AskedAt.IsZero() {
		t.Errorf("%+v, %v", found, err)
	}
	if err := l.Closed(t.Context(), wish); err != nil {
		t.Error(err)
	}
	if _, err := l.Wishes(t.Context(), uuid.Nil, -1); err != nil {
		t.Error(err)
	}
}
