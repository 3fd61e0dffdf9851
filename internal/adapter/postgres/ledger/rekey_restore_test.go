package ledger_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// restore puts a dump into another database.
func (s *store) restore(t *testing.T, dump []byte) *store {
	t.Helper()
	name, admin := server.Database(t)
	tool(t, dump, "pg_restore", "--dbname="+name, "--exit-on-error")
	if err := ledger.Migrate(t.Context(), admin, ledger.Passwords{}); err != nil { // as each start of a pod does
		t.Fatal(err)
	}
	return &store{name: name, admin: admin, dial: s.dial}
}

// TestADumpOfBeforeOtherKeysIsRestored takes a dump, replaces both keys, forgets somebody, loses the database and restores the dump: with
// the old keys everybody is there but who was forgotten, and what the dump has is moved to the new keys. Without them it is said which key
// is missing, nobody becomes two, and who was forgotten stays so.
func TestADumpOfBeforeOtherKeysIsRestored(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	pepper, newPepper, newKEK := c.Peppers[0], ledgertest.Key(2), ledgertest.Key(1)
	l := open(t, c)
	gone := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	early := act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	kept := act(t, l, ledgertest.Act(ledgertest.Visitor(3), "three"))
	sequence(t, l)
	dump := tool(t, nil, "pg_dump", "--format=custom", s.name)
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(2), ""); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	l = open(t, rekeyed(t, c, [][]byte{newPepper, pepper}, [][]byte{newKEK, kek}))
	for _, visitor := range []int{1, 3} {
		if decisions(t, l, ledgertest.Visitor(visitor)) == "" {
			t.Fatal("somebody is not found")
		}
	}
	tend(t, l)
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(1), ""); err != nil { // forgotten with the dump in a safe
		t.Fatal(err)
	}
	sequence(t, l)
	marks, _, err := l.Forgotten(t.Context(), 0) // as the operator reads them again when the pepper is another one
	if err != nil || len(marks) != 2 {
		t.Fatal(marks, err)
	}
	for _, pool := range []interface{ Close() }{c.App, c.Seq, c.Prune} {
		pool.Close()
	}

	for name, held := range map[string]struct{ peppers, keks [][]byte }{
		"with the old keys":    {[][]byte{newPepper, pepper}, [][]byte{newKEK, kek}},
		"without the old keys": {[][]byte{newPepper}, [][]byte{newKEK}},
	} {
		t.Run(name, func(t *testing.T) {
			restored := s.restore(t, dump)
			c := rekeyed(t, restored.config(t, c.Tenant), held.peppers, held.keks)
			c.Marks = func() ([]consent.Mark, error) { return marks, nil }
			l := open(t, c)
			if n := restored.count(t, "SELECT count(*) FROM consent.subject_keys WHERE wrapped_key IS NOT NULL"); n != 1 {
				t.Errorf("%d keys are there: somebody was revived", n)
			}
			for _, r := range []consent.Recorded{gone, early} {
				if events, err := l.Receipt(t.Context(), r.Receipt); err != nil || events[0].Evidence != nil {
					t.Errorf("evidence of who was forgotten: %v", err)
				}
			}
			if len(held.keks) == 1 {
				for what, err := range map[string]error{
					"an act":     second(l.Record(t.Context(), ledgertest.Act(ledgertest.Visitor(3), "four"))),
					"a receipt":  second(l.Receipt(t.Context(), kept.Receipt)),
					"an erasure": second(l.Shred(t.Context(), ledgertest.Visitor(3), "")),
				} {
					if !errors.Is(err, consent.ErrKeyMissing) {
						t.Errorf("%s: %v", what, err)
					}
				}
				l = open(t, rekeyed(t, l.Config, [][]byte{newPepper, pepper}, [][]byte{newKEK, kek})) // they are found in the safe after all
			}
			if decisions(t, l, ledgertest.Visitor(3)) == "" {
				t.Error("somebody is not found")
			}
			tend(t, l)
			if n := restored.count(t, "SELECT count(*) FROM consent.subject_keys WHERE wrapped_key IS NOT NULL AND kek_id <> $1", seal.ID(newKEK)); n != 0 {
				t.Errorf("%d keys are wrapped by the old key", n)
			}
			if n := restored.count(t, "SELECT count(*) FROM consent.subject_links WHERE pepper_id <> $1", event.PepperID(newPepper)); n != 0 {
				t.Errorf("%d names are under the old pepper", n)
			}
			if events, err := l.Receipt(t.Context(), kept.Receipt); err != nil || events[0].Evidence == nil {
				t.Errorf("evidence of who stays: %v", err)
			}
			if held, err := l.Shred(t.Context(), ledgertest.Visitor(3), ""); err != nil || held.Subject != kept.Subject {
				t.Errorf("forgot %+v, %v", held, err)
			}
		})
	}
}

// TestWhoIsKnownUnderAnOldPepperIsForgotten restores a dump of before another pepper, and erases by the identifier that was never seen since.
func TestWhoIsKnownUnderAnOldPepperIsForgotten(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	l := open(t, c)
	account := consent.Person{Kind: "email", ID: "Ada@Example.org"}
	first := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	if err := l.Link(t.Context(), ledgertest.Visitor(1), account); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	dump := tool(t, nil, "pg_dump", "--format=custom", s.name)
	restored := s.restore(t, dump)
	l = open(t, rekeyed(t, restored.config(t, c.Tenant), [][]byte{ledgertest.Key(3), ledgertest.Key(2), c.Peppers[0]}, [][]byte{kek}))
	held, err := l.Shred(t.Context(), consent.Person{Kind: "email", ID: "ada@example.org"}, "once")
	if err != nil || held.Subject != first.Subject || held.Links != 2 {
		t.Fatalf("forgot %+v, %v", held, err)
	}
	if n := restored.count(t, "SELECT count(*) FROM consent.subject_links"); n != 0 {
		t.Errorf("%d names are left", n)
	}
	// Marks of before count under each pepper that is there.
	marks := []consent.Mark{event.MarkOf(c.Peppers[0], first.Subject)}
	again := s.restore(t, dump)
	old := rekeyed(t, again.config(t, c.Tenant), [][]byte{ledgertest.Key(2), c.Peppers[0]}, [][]byte{kek})
	old.Marks = func() ([]consent.Mark, error) { return marks, nil }
	if decisions(t, open(t, old), account) != "" || again.count(t, "SELECT count(*) FROM consent.subject_keys WHERE wrapped_key IS NOT NULL") != 0 {
		t.Error("a mark under the old pepper was not known")
	}
}

func second[T any](_ T, err error) error { return err }
