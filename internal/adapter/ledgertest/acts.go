package ledgertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

func everyField(t *testing.T, w World) {
	act := Act(Visitor(1), "one")
	before := event.Instant(w.Now())
	recorded := record(t, w, act)
	if recorded.Deduplicated || recorded.Subject == uuid.Nil || len(recorded.Events) != 3 {
		t.Fatalf("recorded %+v", recorded)
	}
	for i, e := range recorded.Events {
		choice := act.Choices[i]
		wanted := consent.Event{
			Tenant: w.Tenant, ID: e.ID, Receipt: recorded.Receipt, Subject: recorded.Subject, Type: choice.Type, Purpose: choice.Purpose, Decision: &choice.Decision,
			Notice: act.Notice, Method: act.Method, CollectedBy: act.CollectedBy, Site: "shop", OccurredAt: act.OccurredAt.Truncate(time.Microsecond),
			RecordedAt: e.RecordedAt, ValidUntil: choice.ValidUntil.Truncate(time.Microsecond), GPC: act.GPC, Leaf: event.Hash(&e), EvidenceCiphertext: e.EvidenceCiphertext,
		}
		wanted.Notice.Material = nil
		if i == 0 {
			wanted.Evidence = act.Evidence
		}
		want(t, e, wanted)
		if e.RecordedAt.Before(before) || e.RecordedAt.Nanosecond()%1000 != 0 {
			t.Errorf("recorded at %v, asked at %v", e.RecordedAt, before)
		}
	}
	again, err := w.Ledger.Receipt(t.Context(), recorded.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	want(t, again, recorded.Events)
	mine, err := w.Ledger.Events(t.Context(), act.Person)
	if err != nil {
		t.Fatal(err)
	}
	want(t, mine, recorded.Events)
	want(t, states(t, w, Visitor(2), act.Person), [][]consent.State{nil, {
		{Purpose: "analytics", Event: again[2].ID, Decision: consent.Denied, Notice: act.Notice, RecordedAt: again[2].RecordedAt},
		{Purpose: "conversation", Event: again[1].ID, Decision: consent.Granted, Method: act.Method, Notice: act.Notice, RecordedAt: again[1].RecordedAt, ValidUntil: again[1].ValidUntil},
	}})
}

func once(t *testing.T, w World) {
	first := record(t, w, Act(Visitor(1), "one"))
	second := record(t, w, Act(Visitor(1), "one"))
	if !second.Deduplicated {
		t.Error("the second time was not seen to be one")
	}
	first.Deduplicated = true
	want(t, second, first)
	other := Act(Visitor(1), "one")
	other.Site = "another"
	if record(t, w, other).Deduplicated {
		t.Error("a key of another site was taken for the same")
	}
	const clients = 8
	answers := make(chan consent.Recorded, clients)
	for range clients {
		go func() {
			recorded, err := w.Ledger.Record(context.Background(), Act(Visitor(7), "at once"))
			if err != nil {
				t.Error(err)
			}
			answers <- recorded
		}()
	}
	fresh := 0
	receipts := map[uuid.UUID]bool{}
	for range clients {
		answer := <-answers
		receipts[answer.Receipt] = true
		if !answer.Deduplicated {
			fresh++
		}
	}
	if fresh != 1 || len(receipts) != 1 {
		t.Errorf("%d clients recorded the act, under %d receipts", fresh, len(receipts))
	}
}

func lastDecision(t *testing.T, w World) {
	first := record(t, w, Act(Visitor(1), "one"))
	if second := record(t, w, Withdrawal(Visitor(1), "two", "conversation")); second.Subject != first.Subject {
		t.Error("the same person got another reference")
	}
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=0 ")
	record(t, w, Act(Visitor(1), "three"))
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=1 ")
	act := Act(Visitor(1), "four")
	act.Choices = append(act.Choices, consent.Choice{Type: consent.EventWithdrawn, Purpose: "conversation", Decision: consent.Denied})
	record(t, w, act)
	want(t, decisions(t, w, Visitor(1)), "analytics=0 conversation=0 ")
}

func unlinked(t *testing.T, w World) {
	one, two := record(t, w, Act(consent.Person{}, "one")), record(t, w, Act(consent.Person{}, "two"))
	if one.Subject == two.Subject || one.Subject == uuid.Nil {
		t.Error("two records of nobody in particular have one reference")
	}
	want(t, one.Events[0].Evidence, Act(consent.Person{}, "").Evidence)
	want(t, states(t, w, consent.Person{}), [][]consent.State{nil})
}

func refused(t *testing.T, w World) {
	for name, spoil := range map[string]func(*consent.Act){
		"no key":            func(a *consent.Act) { a.Key = "" },
		"no choice":         func(a *consent.Act) { a.Choices = nil },
		"a zero byte":       func(a *consent.Act) { a.Site = "a\x00b" },
		"no UTF-8":          func(a *consent.Act) { a.Notice.Language = "\xff" },
		"a wish":            func(a *consent.Act) { a.Choices[0].Type = consent.EventErasureAsked },
		"a type of ours":    func(a *consent.Act) { a.Choices[0].Type = consent.EventLedgerPruned },
		"much evidence":     func(a *consent.Act) { a.Evidence = make([]byte, event.MaxEvidence+1) },
		"a long purpose":    func(a *consent.Act) { a.Choices[1].Purpose = string(make([]byte, 600)) },
		"a distant time":    func(a *consent.Act) { a.OccurredAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
		"half a person":     func(a *consent.Act) { a.Person.ID = "" },
		"another decision":  func(a *consent.Act) { a.Choices[1].Decision = 7 },
		"a negative notice": func(a *consent.Act) { a.Notice.Version = -1 },
	} {
		act := Act(Visitor(1), "key")
		spoil(&act)
		if _, err := w.Ledger.Record(t.Context(), act); !errors.Is(err, event.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Ledger.Events(t.Context(), Visitor(1)); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("something was left: %v", err)
	}
}
