package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// Wish is an act by which a person asks for erasure.
func Wish(key string) consent.Act {
	return consent.Act{Site: "shop", Key: key, Method: consent.MethodButton, CollectedBy: consent.CollectorSelfService, Evidence: []byte(`{"email":"ada@example.org"}`),
		Choices: []consent.Choice{{Type: consent.EventErasureAsked, Decision: consent.Denied}}}
}

// ask has a person ask for erasure with a token that was mailed to them.
func ask(t testing.TB, w World, person consent.Person, key string) (consent.Recorded, error) {
	t.Helper()
	if err := w.Ledger.Issue(t.Context(), []byte(key), "view", person, "", w.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return w.Ledger.Spend(t.Context(), []byte(key), w.Now(), Wish(key)) //nolint:wrapcheck // compared by who asks
}

func open(t testing.TB, w World) []consent.Wish {
	t.Helper()
	found, err := w.Ledger.Wishes(t.Context(), uuid.Nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// types are those of a person's events.
func types(t testing.TB, w World, person consent.Person) (all []consent.EventType) {
	t.Helper()
	events, err := w.Ledger.Events(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		all = append(all, e.Type)
	}
	return all
}

func wished(t *testing.T, w World) {
	one, err := ask(t, w, Visitor(1), "one")
	if err != nil {
		t.Fatal(err)
	}
	first := consent.Wish{ID: one.Events[0].ID, Subject: one.Subject, Site: "shop", AskedAt: one.Events[0].RecordedAt, Evidence: Wish("").Evidence}
	want(t, open(t, w), []consent.Wish{first})
	if _, err := ask(t, w, Visitor(1), "more"); !errors.Is(err, consent.ErrWished) {
		t.Errorf("a second wish of one person: %v", err)
	}
	if _, err := w.Ledger.Peek(t.Context(), []byte("more"), w.Now()); err != nil {
		t.Errorf("its token is gone: %v", err)
	}
	if again, err := w.Ledger.Spend(t.Context(), []byte("one"), w.Now(), Wish("one")); err != nil || !again.Deduplicated {
		t.Errorf("a retry of the first: %+v, %v", again, err)
	}
	two, err := ask(t, w, Visitor(2), "two")
	if err != nil {
		t.Fatal(err)
	}
	if page, err := w.Ledger.Wishes(t.Context(), first.ID, 1); err != nil || len(page) != 1 || page[0].ID != two.Events[0].ID {
		t.Errorf("%+v, %v", page, err)
	}
	for range 2 {
		if err := w.Ledger.Opened(t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
	}
	if found := open(t, w); len(found) != 2 || found[0].OpenedAt.IsZero() || !found[1].OpenedAt.IsZero() {
		t.Errorf("%+v", found)
	}
	// Two who become one keep both wishes: each may say something that the other does not.
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)); err != nil {
		t.Fatal(err)
	}
	if found := open(t, w); len(found) != 2 || found[0].Subject != one.Subject || found[1].Subject != one.Subject || found[1].Evidence == nil {
		t.Errorf("%+v", found)
	}
	if err := w.Ledger.Closed(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []error{w.Ledger.Closed(t.Context(), first.ID), w.Ledger.Opened(t.Context(), first.ID), w.Ledger.Closed(t.Context(), uuid.New())} {
		if !errors.Is(unknown, consent.ErrUnknown) {
			t.Errorf("a wish that is none: %v", unknown)
		}
	}
	want(t, types(t, w, Visitor(2)), []consent.EventType{consent.EventErasureAsked, consent.EventErasureAsked, consent.EventErasureOpened, consent.EventErasureClosed})
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	if found := open(t, w); len(found) != 1 || !found[0].Forgotten || found[0].Evidence != nil {
		t.Errorf("of who was forgotten: %+v", found)
	}
	if err := errors.Join(w.Ledger.Opened(t.Context(), two.Events[0].ID), w.Ledger.Closed(t.Context(), two.Events[0].ID)); err != nil {
		t.Error(err)
	}
	if found := open(t, w); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if again, err := ask(t, w, Visitor(1), "later"); err != nil || again.Subject == one.Subject {
		t.Errorf("who comes back is somebody else: %v, %v", again.Subject, err)
	}
}

// asked is a wish without a mailed token: who asks shows a name that they alone have.
func asked(t *testing.T, w World) {
	act := func(n int, key string) consent.Act {
		wish := Wish(key)
		wish.Person = Visitor(n)
		return wish
	}
	if _, err := w.Ledger.Ask(t.Context(), act(1, "nobody")); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("of somebody of whom nothing is held: %v", err)
	}
	if _, err := w.Ledger.Holding(t.Context(), Visitor(1)); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("who asked became known: %v", err)
	}
	one := record(t, w, Act(Visitor(1), "one"))
	more := act(1, "more")
	more.Choices = append(more.Choices, Withdrawal(Visitor(1), "", "conversation").Choices...)
	for name, bad := range map[string]consent.Act{"who is nobody": Wish("none"), "by a withdrawal": Withdrawal(Visitor(1), "w", "conversation"), "with more": more} {
		if _, err := w.Ledger.Ask(t.Context(), bad); !errors.Is(err, event.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Ledger.Record(t.Context(), act(1, "told")); !errors.Is(err, event.ErrForm) {
		t.Errorf("among the acts of a page: %v", err)
	}
	first, err := w.Ledger.Ask(t.Context(), act(1, "two"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, open(t, w), []consent.Wish{{ID: first.Events[0].ID, Subject: one.Subject, Site: "shop", AskedAt: first.Events[0].RecordedAt, Evidence: Wish("").Evidence}})
	if again, err := w.Ledger.Ask(t.Context(), act(1, "two")); err != nil || !again.Deduplicated || again.Receipt != first.Receipt {
		t.Errorf("a retry: %+v, %v", again, err)
	}
	if _, err := w.Ledger.Ask(t.Context(), act(1, "three")); !errors.Is(err, consent.ErrWished) {
		t.Errorf("a second wish: %v", err)
	}
	if _, err := ask(t, w, Visitor(1), "by a link"); !errors.Is(err, consent.ErrWished) {
		t.Errorf("a second wish, by a link: %v", err)
	}
	if err := w.Ledger.Closed(t.Context(), first.Events[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ledger.Ask(t.Context(), act(1, "four")); err != nil {
		t.Errorf("after the answer: %v", err)
	}
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ledger.Ask(t.Context(), act(1, "five")); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("of who was forgotten: %v", err)
	}
}
