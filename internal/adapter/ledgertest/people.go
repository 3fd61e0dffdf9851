package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

func linked(t *testing.T, w World) {
	account := consent.Person{Kind: "email", ID: " Ada@EXAMPLE.org"}
	if err := w.Ledger.Link(t.Context(), Visitor(1), account); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("nobody was linked: %v", err)
	}
	one := record(t, w, Act(Visitor(1), "one"))
	for range 2 {
		if err := w.Ledger.Link(t.Context(), Visitor(1), account); err != nil {
			t.Fatal(err)
		}
	}
	want(t, decisions(t, w, consent.Person{Kind: "email", ID: "ada@example.org"}), "analytics=0 conversation=1 ")
	two := record(t, w, Act(Visitor(2), "two"))
	record(t, w, Withdrawal(Visitor(2), "three", "conversation"))
	record(t, w, Withdrawal(Visitor(2), "four", "mail"))
	if err := w.Ledger.Link(t.Context(), account, Visitor(2)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []consent.Person{account, Visitor(1), Visitor(2)} {
		want(t, decisions(t, w, name), "analytics=0 conversation=0 mail=0 ")
		events, err := w.Ledger.Events(t.Context(), name)
		if err != nil || len(events) != 8 {
			t.Errorf("%d events, %v", len(events), err)
		}
		for _, e := range events {
			if e.Subject != one.Subject && e.Subject != two.Subject {
				t.Error("an event of somebody else")
			}
			if e.EvidenceCiphertext != nil && e.Evidence == nil {
				t.Error("evidence of before was lost")
			}
		}
	}
	record(t, w, Act(Visitor(2), "five"))
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=1 mail=0 ")
}

func referred(t *testing.T, w World) {
	one, two := record(t, w, Act(Visitor(1), "one")), record(t, w, Act(Visitor(2), "two"))
	name := func(reference uuid.UUID) consent.Person {
		return consent.Person{Kind: consent.KindSubject, ID: reference.String()}
	}
	want(t, decisions(t, w, name(one.Subject)), decisions(t, w, Visitor(1)))
	both := states(t, w, name(two.Subject), Visitor(1), name(uuid.New()))
	if len(both[0]) != 2 || len(both[1]) != 2 || both[2] != nil || both[0][0].Event == both[1][0].Event {
		t.Errorf("%+v", both)
	}
	if events, err := w.Ledger.Events(t.Context(), name(one.Subject)); err != nil || len(events) != 3 || events[0].Evidence == nil {
		t.Errorf("%d events, %v", len(events), err)
	}
	// What was made part of another person leads to that person.
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)); err != nil {
		t.Fatal(err)
	}
	want(t, decisions(t, w, name(two.Subject)), decisions(t, w, Visitor(1)))
	if events, err := w.Ledger.Events(t.Context(), name(two.Subject)); err != nil || len(events) != 6 {
		t.Errorf("%d events of both, %v", len(events), err)
	}
	// Only the ledger makes references.
	if _, err := w.Ledger.Record(t.Context(), Act(name(one.Subject), "three")); !errors.Is(err, event.ErrForm) {
		t.Errorf("recorded for a reference: %v", err)
	}
	for _, reference := range []consent.Person{name(one.Subject), name(uuid.New()), {Kind: consent.KindSubject, ID: "no reference"}} {
		if err := w.Ledger.Link(t.Context(), Visitor(1), reference); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("linked to a reference: %v", err)
		}
		if err := w.Ledger.Issue(t.Context(), []byte("token"), "act", reference, "", w.Now().Add(time.Hour)); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("issued for a reference: %v", err)
		}
	}
	for _, stranger := range []consent.Person{name(uuid.New()), {Kind: consent.KindSubject, ID: "no reference"}, name(uuid.Nil)} {
		if _, err := w.Ledger.Events(t.Context(), stranger); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("events of a stranger: %v", err)
		}
		if _, err := w.Ledger.Shred(t.Context(), stranger, ""); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("a stranger was forgotten: %v", err)
		}
	}
	if held, err := w.Ledger.Shred(t.Context(), name(two.Subject), ""); err != nil || held.Subject != one.Subject {
		t.Errorf("forgot %v, %v", held, err)
	}
	if got := states(t, w, name(one.Subject), Visitor(2)); got[0] != nil || got[1] != nil {
		t.Errorf("%+v", got)
	}
}

func shredded(t *testing.T, w World) {
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("nobody was forgotten: %v", err)
	}
	one := record(t, w, Act(Visitor(1), "one"))
	two := record(t, w, Act(Visitor(2), "two"))
	token := []byte("token")
	if err := w.Ledger.Issue(t.Context(), token, "view", Visitor(2), "", w.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := w.Ledger.Link(t.Context(), Visitor(1), Visitor(2)); err != nil {
		t.Fatal(err)
	}
	held, err := w.Ledger.Holding(t.Context(), Visitor(1))
	if err != nil || held.Subject != one.Subject || held.Keys != 2 || held.Links != 2 || held.States == 0 || held.Tokens != 1 || held.Events == 0 || held.Last.IsZero() || held.Again {
		t.Fatalf("holds %+v, %v", held, err)
	}
	destroyed, err := w.Ledger.Shred(t.Context(), Visitor(2), "once")
	if err != nil || destroyed != held {
		t.Fatalf("forgot %+v of %+v, %v", destroyed, held, err)
	}
	again, err := w.Ledger.Shred(t.Context(), Visitor(2), "once")
	if err != nil || !again.Again || again.Subject != held.Subject || again.Keys != 1 || again.Links+again.States+again.Tokens != 0 || again.Events == 0 {
		t.Fatalf("the same again: %+v, %v", again, err)
	}
	for _, name := range []consent.Person{Visitor(1), Visitor(2)} {
		want(t, states(t, w, name), [][]consent.State{nil})
		if _, err := w.Ledger.Events(t.Context(), name); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("events: %v", err)
		}
		if _, err := w.Ledger.Holding(t.Context(), name); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("holds: %v", err)
		}
		if _, err := w.Ledger.Shred(t.Context(), name, "another"); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("a second time: %v", err)
		}
	}
	if _, err := w.Ledger.Peek(t.Context(), token, w.Now()); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("the token: %v", err)
	}
	w.sequence(t)
	gone := map[uuid.UUID]bool{}
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Type == consent.EventSubjectShredded {
			gone[e.Subject] = true
		}
	}
	if len(all) != 8 || len(gone) != 2 || !gone[one.Subject] || !gone[two.Subject] {
		t.Errorf("%d events, forgotten: %v", len(all), gone)
	}
	for _, r := range []consent.Recorded{one, two} {
		events, err := w.Ledger.Receipt(t.Context(), r.Receipt)
		if err != nil || events[0].Evidence != nil || events[0].EvidenceCiphertext == nil {
			t.Errorf("the receipt still tells: %+v, %v", events, err)
		}
		included(t, w, events[0])
	}
	marks, to, err := w.Ledger.Forgotten(t.Context(), 0)
	if err != nil || len(marks) != 2 || marks[0] == marks[1] || to != 8 {
		t.Errorf("marks of who was forgotten: %v up to %d, %v", marks, to, err)
	}
	if rest, to, err := w.Ledger.Forgotten(t.Context(), 8); err != nil || len(rest) != 0 || to != 8 {
		t.Errorf("no more marks: %v up to %d, %v", rest, to, err)
	}
	back := record(t, w, Act(Visitor(1), "three"))
	if back.Subject == one.Subject {
		t.Error("the person was revived")
	}
	want(t, decisions(t, w, Visitor(2)), "")
}

func mailbox(t *testing.T, w World) {
	token, late := []byte("token"), []byte("late")
	now := w.Now()
	for _, raw := range [][]byte{token, late} {
		if err := w.Ledger.Issue(t.Context(), raw, "act", Visitor(1), "mail", now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	ticket, err := w.Ledger.Peek(t.Context(), token, now)
	if err != nil {
		t.Fatal(err)
	}
	want(t, ticket, consent.Ticket{Kind: "act", Subject: ticket.Subject, Purpose: "mail", Expires: event.Instant(now.Add(time.Hour))})
	act := Act(consent.Person{}, "confirmed")
	if _, err := w.Ledger.Spend(t.Context(), late, now.Add(time.Hour), act); !errors.Is(err, consent.ErrSpent) {
		t.Errorf("too late: %v", err)
	}
	recorded, err := w.Ledger.Spend(t.Context(), token, now, act)
	if err != nil || recorded.Subject != ticket.Subject {
		t.Fatalf("spent for %v, %v", recorded.Subject, err)
	}
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=1 ")
	retried, err := w.Ledger.Spend(t.Context(), token, now, act)
	if err != nil || !retried.Deduplicated || retried.Receipt != recorded.Receipt {
		t.Errorf("a retry: %+v, %v", retried, err)
	}
	if _, err := w.Ledger.Spend(t.Context(), token, now, Act(consent.Person{}, "again")); !errors.Is(err, consent.ErrSpent) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := w.Ledger.Peek(t.Context(), token, now); !errors.Is(err, consent.ErrSpent) {
		t.Errorf("a look at it: %v", err)
	}
	if _, err := w.Ledger.Spend(t.Context(), []byte("no token"), now, act); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("no token: %v", err)
	}
	events, err := w.Ledger.Events(t.Context(), Visitor(1))
	if err != nil || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), err)
	}
}
