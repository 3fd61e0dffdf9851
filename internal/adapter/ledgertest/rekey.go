package ledgertest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Key is one that no ledger begins with.
func Key(n byte) []byte { return bytes.Repeat([]byte{n, 100}, seal.KeySize/2) }

// tend does all that other keys leave to do.
func tend(t testing.TB, w World) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.Ledger.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// rows is how many need a key, and whether it is here; -1 where nobody knows the key, or how many.
func rows(t testing.TB, w World, kind consent.KeyKind, id string) (n int64, use consent.KeyUse) {
	t.Helper()
	uses, err := w.Ledger.KeyUses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uses {
		if u.Kind != kind || u.ID != id {
			continue
		}
		if u.Rows == nil {
			return -1, u
		}
		return *u.Rows, u
	}
	return -1, consent.KeyUse{}
}

func needed(t testing.TB, w World, kind consent.KeyKind, id string, want int64) {
	t.Helper()
	if n, use := rows(t, w, kind, id); n != want {
		t.Errorf("%d rows need the %s %s, not %d: %+v", n, kind, id, want, use)
	}
}

func evidence(t testing.TB, w World, person consent.Person) []byte {
	t.Helper()
	events, err := w.Ledger.Events(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	return events[0].Evidence
}

// rewrapped: another key-encryption key wraps all keys of people, and the old one can go.
func rewrapped(t *testing.T, w World) {
	old, current := w.KEKs[0], Key(1)
	for i, key := range []string{"one", "two", "three"} {
		record(t, w, Act(Visitor(i), key))
	}
	if _, err := w.Ledger.Shred(t.Context(), Visitor(2), ""); err != nil {
		t.Fatal(err)
	}
	gone := record(t, w, Act(Visitor(3), "four"))
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(3)); err != nil {
		t.Fatal(err)
	}
	w = w.Rekey(t, w.Peppers, [][]byte{current, old})
	for _, i := range []int{0, 1} {
		if evidence(t, w, Visitor(i)) == nil {
			t.Error("evidence cannot be read while the old key is there")
		}
	}
	record(t, w, Act(Visitor(4), "five"))
	record(t, w, Act(Visitor(1), "six"))
	tend(t, w)
	needed(t, w, consent.KeyKEK, seal.ID(old), 0)
	needed(t, w, consent.KeyKEK, seal.ID(current), 4)
	w = w.Rekey(t, w.Peppers, [][]byte{current})
	for _, i := range []int{0, 1, 3, 4} {
		if evidence(t, w, Visitor(i)) == nil {
			t.Error("evidence went with the old key")
		}
	}
	if events, err := w.Ledger.Receipt(t.Context(), gone.Receipt); err != nil || events[0].Evidence == nil {
		t.Errorf("of a person who was joined: %v", err)
	}
	if _, err := w.Ledger.Events(t.Context(), Visitor(2)); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("who was forgotten came back: %v", err)
	}
	if _, use := rows(t, w, consent.KeyKEK, seal.ID(old)); use.Missing() {
		t.Error("an old key is missed that nothing needs")
	}
	// A key whose place was taken may come back.
	w = w.Rekey(t, w.Peppers, [][]byte{old, current})
	tend(t, w)
	needed(t, w, consent.KeyKEK, seal.ID(current), 0)
	needed(t, w, consent.KeyKEK, seal.ID(old), 4)
}

// renamed: names are kept under another pepper as soon as they are seen, however they are, and nobody becomes two.
func renamed(t *testing.T, w World) {
	old, current := w.Peppers[0], Key(2)
	account := consent.Person{Kind: "account", ID: "ada"}
	subjects := map[int]uuid.UUID{}
	for i, key := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
		subjects[i] = record(t, w, Act(Visitor(i), key)).Subject
	}
	if err := w.Ledger.Link(t.Context(), Visitor(0), account); err != nil {
		t.Fatal(err)
	}
	w = w.Rekey(t, [][]byte{current, old}, w.KEKs)
	left := int64(9)
	for name, see := range map[string]func() error{
		"a check":    func() error { _, err := w.Ledger.States(t.Context(), []consent.Person{Visitor(0)}); return err },
		"an account": func() error { _, err := w.Ledger.States(t.Context(), []consent.Person{{}, account}); return err },
		"an act": func() error {
			_, err := w.Ledger.Record(t.Context(), Withdrawal(Visitor(1), "back", "conversation"))
			return err
		},
		"a count": func() error { _, err := w.Ledger.Holding(t.Context(), Visitor(2)); return err },
		"a mail": func() error {
			return w.Ledger.Issue(t.Context(), []byte("token"), "view", Visitor(3), "", w.Now().Add(time.Hour))
		},
		"events":     func() error { _, err := w.Ledger.Events(t.Context(), Visitor(4)); return err },
		"references": func() error { _, err := w.Ledger.References(t.Context(), Visitor(5)); return err },
	} {
		for range 2 {
			if err := see(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		left--
		tend(t, w)
		needed(t, w, consent.KeyPepper, event.PepperID(old), left)
		if t.Failed() {
			t.Fatal("after ", name)
		}
	}
	// Erasure finds whom only the old pepper knows; and so does a link, on both of its sides.
	held, err := w.Ledger.Shred(t.Context(), Visitor(6), "")
	if err != nil || held.Subject != subjects[6] {
		t.Errorf("forgot %+v, %v", held, err)
	}
	if err := w.Ledger.Link(t.Context(), Visitor(7), consent.Person{Kind: "email", ID: "ada@example.org"}); err != nil {
		t.Error(err)
	}
	tend(t, w)
	needed(t, w, consent.KeyPepper, event.PepperID(old), 0)
	needed(t, w, consent.KeyPepper, event.PepperID(current), 9)
	w = w.Rekey(t, [][]byte{current}, w.KEKs)
	for _, i := range []int{0, 1, 2, 3, 4, 5, 7} {
		if again := record(t, w, Act(Visitor(i), "again "+subjects[i].String())); again.Subject != subjects[i] {
			t.Errorf("visitor %d is another person now", i)
		}
	}
	want(t, decisions(t, w, account), decisions(t, w, Visitor(0)))
	if again := record(t, w, Act(Visitor(6), "again")); again.Subject == subjects[6] {
		t.Error("who was forgotten came back")
	}
}

// pepperless: a pepper is not there under which names are hidden. Nobody is taken for somebody new, but who takes back; and when it is
// there again, all is one.
func pepperless(t *testing.T, w World) {
	old, current := w.Peppers[0], Key(3)
	first := record(t, w, Act(Visitor(1), "one"))
	account := consent.Person{Kind: "account", ID: "ada"}
	if err := w.Ledger.Link(t.Context(), Visitor(1), account); err != nil {
		t.Fatal(err)
	}
	w = w.Rekey(t, [][]byte{current}, w.KEKs)
	if _, use := rows(t, w, consent.KeyPepper, event.PepperID(old)); !use.Missing() {
		t.Errorf("nobody misses the pepper: %+v", use)
	}
	want(t, decisions(t, w, Visitor(1)), "")
	for name, err := range map[string]error{
		"an act":        second(w.Ledger.Record(t.Context(), Act(Visitor(1), "two"))),
		"a newcomer":    second(w.Ledger.Record(t.Context(), Act(Visitor(2), "three"))),
		"a mail":        w.Ledger.Issue(t.Context(), []byte("token"), "view", Visitor(1), "", w.Now().Add(time.Hour)),
		"events":        second(w.Ledger.Events(t.Context(), Visitor(1))),
		"a count":       second(w.Ledger.Holding(t.Context(), Visitor(1))),
		"references":    second(w.Ledger.References(t.Context(), Visitor(1))),
		"an erasure":    second(w.Ledger.Shred(t.Context(), Visitor(1), "")),
		"an erasure, 2": second(w.Ledger.Shred(t.Context(), Visitor(2), "again")),
		"a link":        w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)),
	} {
		if !errors.Is(err, consent.ErrKeyMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	record(t, w, Act(consent.Person{}, "of nobody"))
	taken := record(t, w, Withdrawal(Visitor(1), "back", "conversation"))
	want(t, decisions(t, w, Visitor(1)), "conversation=0 ")
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); !errors.Is(err, consent.ErrKeyMissing) {
		t.Errorf("a half of a person was forgotten: %v", err)
	}
	if events, err := w.Ledger.Events(t.Context(), consent.Person{Kind: consent.KindSubject, ID: first.Subject.String()}); err != nil || len(events) != 3 {
		t.Errorf("a reference names nobody: %d events, %v", len(events), err)
	}

	w = w.Rekey(t, [][]byte{current, old}, w.KEKs)
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=0 ")
	want(t, decisions(t, w, account), "analytics=0 conversation=0 ")
	found, err := w.Ledger.References(t.Context(), Visitor(1))
	if err != nil || len(found) != 2 || found[0] != first.Subject || found[1] != taken.Subject {
		t.Errorf("the person is %v, %v", found, err)
	}
	if again := record(t, w, Act(Visitor(1), "four")); again.Subject != first.Subject {
		t.Error("two people")
	}
	tend(t, w)
	needed(t, w, consent.KeyPepper, event.PepperID(old), 0)
	if held, err := w.Ledger.Shred(t.Context(), account, ""); err != nil || held.Keys != 2 {
		t.Errorf("forgot %+v, %v", held, err)
	}
	if _, err := w.Ledger.Events(t.Context(), Visitor(1)); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("a half is left: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// keyless: a key-encryption key is not there. What needs no evidence goes on.
func keyless(t *testing.T, w World) {
	old, current := w.KEKs[0], Key(4)
	one := Act(Visitor(1), "one")
	one.Choices = append(one.Choices, consent.Choice{Type: consent.EventGiven, Decision: consent.Granted})
	record(t, w, one)
	gone := record(t, w, Act(Visitor(2), "two"))
	w = w.Rekey(t, w.Peppers, [][]byte{current})
	tend(t, w)
	if n, use := rows(t, w, consent.KeyKEK, seal.ID(old)); !use.Missing() || n != 2 {
		t.Errorf("nobody misses the key: %+v", use)
	}
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=1 ")
	for name, err := range map[string]error{
		"an act":    second(w.Ledger.Record(t.Context(), Act(Visitor(1), "three"))),
		"events":    second(w.Ledger.Events(t.Context(), Visitor(1))),
		"a receipt": second(w.Ledger.Receipt(t.Context(), gone.Receipt)),
	} {
		if !errors.Is(err, consent.ErrKeyMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if stored, err := w.Ledger.Storage(t.Context(), Visitor(1)); err != nil || stored.Decision != consent.Granted || !stored.Decided() {
		t.Errorf("storage: %+v, %v", stored, err)
	}
	if _, err := w.Ledger.Storage(t.Context(), Visitor(7)); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("the storage of a stranger: %v", err)
	}
	back := Withdrawal(Visitor(1), "back", "conversation")
	back.Evidence = []byte("with evidence")
	if taken := record(t, w, back); taken.Events[0].EvidenceCiphertext != nil {
		t.Error("evidence was sealed by nobody's key")
	}
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=0 ")
	if fresh := record(t, w, Act(Visitor(3), "four")); fresh.Events[0].Evidence == nil {
		t.Error("a newcomer has no evidence")
	}
	if held, err := w.Ledger.Shred(t.Context(), Visitor(2), ""); err != nil || held.Subject != gone.Subject {
		t.Errorf("what cannot be read cannot be forgotten: %+v, %v", held, err)
	}
	w = w.Rekey(t, w.Peppers, [][]byte{current, old})
	tend(t, w)
	needed(t, w, consent.KeyKEK, seal.ID(old), 0)
	w = w.Rekey(t, w.Peppers, [][]byte{current})
	if evidence(t, w, Visitor(1)) == nil {
		t.Error("evidence was lost while the key was away")
	}
}
