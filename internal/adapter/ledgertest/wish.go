package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
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
