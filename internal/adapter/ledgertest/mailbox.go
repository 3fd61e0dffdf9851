package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

func known(t *testing.T, w World) {
	token, now := []byte("token"), w.Now()
	mail := consent.Person{Kind: "email", ID: "ada@example.org"}
	issue := func(person consent.Person) error {
		return w.Ledger.IssueKnown(t.Context(), token, "view", person, "", now.Add(time.Hour))
	}
	nobody := func(when string) {
		t.Helper()
		if err := issue(mail); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("%s: %v", when, err)
		}
		if _, err := w.Ledger.Peek(t.Context(), token, now); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("%s, the token: %v", when, err)
		}
		if _, err := w.Ledger.Holding(t.Context(), mail); !errors.Is(err, consent.ErrUnknown) {
			t.Errorf("%s somebody became known: %v", when, err)
		}
	}
	nobody("before")
	one := record(t, w, Act(Visitor(1), "one"))
	if err := issue(consent.Person{Kind: consent.KindSubject, ID: one.Subject.String()}); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("for a reference: %v", err)
	}
	if err := w.Ledger.Link(t.Context(), Visitor(1), mail); err != nil {
		t.Fatal(err)
	}
	if err := issue(consent.Person{Kind: "email", ID: " Ada@EXAMPLE.org"}); err != nil {
		t.Fatal(err)
	}
	ticket, err := w.Ledger.Peek(t.Context(), token, now)
	if err != nil {
		t.Fatal(err)
	}
	want(t, ticket, consent.Ticket{Kind: "view", Subject: one.Subject, Expires: event.Instant(now.Add(time.Hour))})
	// What has ended goes a day later, when the person gets another.
	for raw, ended := range map[string]time.Duration{"yesterday's": 25 * time.Hour, "today's": time.Hour} {
		if err := w.Ledger.IssueKnown(t.Context(), []byte(raw), "view", mail, "", now.Add(-ended)); err != nil {
			t.Fatal(err)
		}
	}
	if err := issue(mail); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ledger.Peek(t.Context(), []byte("yesterday's"), now); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("a token of yesterday: %v", err)
	}
	if _, err := w.Ledger.Peek(t.Context(), []byte("today's"), now); !errors.Is(err, consent.ErrSpent) {
		t.Errorf("a token of today: %v", err)
	}
	if held, err := w.Ledger.Holding(t.Context(), mail); err != nil || held.Tokens != 2 || held.Links != 2 || held.Subject == uuid.Nil {
		t.Errorf("holds %+v, %v", held, err)
	}
	if _, err := w.Ledger.Shred(t.Context(), mail, ""); err != nil {
		t.Fatal(err)
	}
	nobody("once forgotten")
}
