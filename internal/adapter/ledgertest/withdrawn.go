package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

func withdrawnWish(t *testing.T, w World) {
	erasing := func(n int, key, purpose string, erase ...string) consent.Act {
		act := Withdrawal(Visitor(n), key, purpose)
		act.Erase = erase
		return act
	}
	record(t, w, Act(Visitor(1), "one"))
	act := erasing(1, "two", "conversation", "conversation")
	act.Evidence = []byte(`{"email":"eve@example.org"}`) // a page's word: it names nobody whom to erase
	first := record(t, w, act)
	if again := record(t, w, act); !again.Deduplicated {
		t.Errorf("%+v", again)
	}
	want(t, open(t, w), []consent.Wish{{ID: first.Events[0].ID, Subject: first.Subject, Site: "shop", AskedAt: first.Events[0].RecordedAt, Purposes: []string{"conversation"}}})

	// It is withdrawn once more: what is asked for is asked for already. Another purpose is another wish, and the whole person a third.
	record(t, w, erasing(1, "three", "conversation", "conversation"))
	record(t, w, erasing(1, "four", "analytics", "conversation", "analytics"))
	record(t, w, erasing(1, "five", "analytics", "analytics"))
	if _, err := ask(t, w, Visitor(1), "whole"); err != nil {
		t.Fatal(err)
	}
	found := open(t, w)
	if len(found) != 3 || len(found[1].Purposes) != 2 || len(found[2].Purposes) != 0 || found[2].Evidence == nil {
		t.Fatalf("%+v", found)
	}
	if _, err := ask(t, w, Visitor(1), "more"); !errors.Is(err, consent.ErrWished) {
		t.Errorf("a second wish of the whole person: %v", err)
	}
	record(t, w, erasing(1, "six", "mail", "mail"))

	// By a mailed link, and of somebody of whom nothing is known.
	record(t, w, Act(Visitor(2), "seven"))
	if err := w.Ledger.Issue(t.Context(), []byte("link"), "withdraw", Visitor(2), "", w.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	linked := erasing(2, "eight", "conversation", "conversation")
	linked.Person = consent.Person{}
	if _, err := w.Ledger.Spend(t.Context(), []byte("link"), w.Now(), linked); err != nil {
		t.Fatal(err)
	}
	record(t, w, erasing(3, "nine", "conversation", "conversation"))
	if found = open(t, w); len(found) != 5 {
		t.Fatalf("%d wishes: %+v", len(found), found)
	}

	// The events of the answer name the purposes, so that the page of the person tells of the whole wish only.
	if err := errors.Join(w.Ledger.Opened(t.Context(), found[1].ID), w.Ledger.Closed(t.Context(), found[1].ID)); err != nil {
		t.Fatal(err)
	}
	events, err := w.Ledger.Events(t.Context(), Visitor(1))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, e := range events {
		if e.Type == consent.EventErasureOpened || e.Type == consent.EventErasureClosed {
			told[string(e.Type)+" "+e.Purpose]++
		}
	}
	want(t, told, map[string]int{"erasure.opened conversation": 1, "erasure.opened analytics": 1, "erasure.closed conversation": 1, "erasure.closed analytics": 1})
	if last := consent.LastWish(events); !last.Open() || !last.OpenedAt.IsZero() {
		t.Errorf("%+v", last)
	}

	// Two who become one keep what each withdrew.
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)); err != nil {
		t.Fatal(err)
	}
	if found = open(t, w); len(found) != 4 || found[3].Subject != first.Subject || len(found[3].Purposes) != 1 {
		t.Errorf("%+v", found)
	}
}
