package ledger_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
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
	s.sql(t, "DELETE FROM consent.migrations WHERE name IN ('0002_wishes.sql', '0005_withdrawn.sql', '0006_turns.sql')")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	again := open(t, l.Config) // refuses a table without row security
	found := ledgertest.Open(t, again)
	if len(found) != 2 || found[0].ID != one || found[1].ID != two || found[1].Evidence == nil {
		t.Fatalf("%+v", found)
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
	found := ledgertest.Open(t, l)
	if len(found) != 1 || found[0].Evidence != nil || found[0].AskedAt.IsZero() {
		t.Errorf("%+v", found)
	}
	if err := l.Closed(t.Context(), wish); err != nil {
		t.Error(err)
	}
	if _, err := l.Wishes(t.Context(), consent.Queue{Way: consent.ByLink}, consent.Turn{}, -1); err != nil {
		t.Error(err)
	}
}

// TestAFloodOfOneWayIsNotReadForAnother: a list is the start of an index, whatever else there is, and a tenant has its own.
func TestAFloodOfOneWayIsNotReadForAnother(t *testing.T) {
	s, l := fresh(t)
	s.sql(t, `INSERT INTO consent.wishes (tenant_id, event_id, subject_ref, asked_at, site, way, opened_at)
SELECT t, gen_random_uuid(), gen_random_uuid(), now(), 'shop', way, CASE WHEN n % 2 = 0 THEN now() END
FROM generate_series(1, 6000) n, unnest(ARRAY['receipt', 'withdrawal']) way, unnest(ARRAY[$1::uuid, gen_random_uuid()]) t`, l.Tenant)
	linked := asked(t, l, 1, "one")
	list := func(queue consent.Queue, after consent.Turn, limit int) []consent.Wish {
		t.Helper()
		found, err := l.Wishes(t.Context(), queue, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := list(consent.Queue{Way: consent.ByLink}, consent.Turn{}, 10); len(found) != 1 || found[0].ID != linked {
		t.Errorf("%+v", found)
	}
	for _, queue := range []consent.Queue{{Way: consent.ByReceipt}, {Way: consent.ByReceipt, Opened: true}, {Way: consent.ByWithdrawal}, {Way: consent.ByWithdrawal, Opened: true}} {
		first := list(queue, consent.Turn{}, 100)
		last := first[len(first)-1]
		if next := list(queue, last.Turn, 3000); len(next) != 2900 || next[0].Turn.Compare(last.Turn) <= 0 {
			t.Errorf("%+v: %d after the first %d", queue, len(next), len(first))
		}
		if err := l.Later(t.Context(), []uuid.UUID{first[0].ID}); err != nil {
			t.Fatal(err)
		}
		if all := list(queue, consent.Turn{}, 4000); len(all) != 3000 || all[0].ID != first[1].ID || all[2999].ID != first[0].ID {
			t.Errorf("%+v: who gives way is not the last of %d", queue, len(all))
		}
	}
}

// TestWhatWasAskedBeforeThereWereWaysIsListed apart; a withdrawal is known by its purposes.
func TestWhatWasAskedBeforeThereWereWaysIsListed(t *testing.T) {
	s, l := fresh(t)
	one := asked(t, l, 1, "one")
	withdrawn := ledgertest.Withdrawal(ledgertest.Visitor(1), "two", "conversation")
	withdrawn.Erase = []string{"conversation"}
	recorded, err := l.Record(t.Context(), withdrawn)
	if err != nil {
		t.Fatal(err)
	}
	s.sql(t, "ALTER TABLE consent.wishes DROP COLUMN way, DROP COLUMN turn")
	s.sql(t, "DELETE FROM consent.migrations WHERE name = '0006_turns.sql'")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	again := open(t, l.Config)
	for way, want := range map[consent.Way]uuid.UUID{consent.ByUnsaid: one, consent.ByWithdrawal: recorded.Events[0].ID} {
		if found, err := again.Wishes(t.Context(), consent.Queue{Way: way}, consent.Turn{}, 10); err != nil || len(found) != 1 || found[0].ID != want {
			t.Errorf("%s: %+v, %v", way, found, err)
		}
	}
	if err := again.Later(t.Context(), []uuid.UUID{one}); err != nil {
		t.Error(err)
	}
}
