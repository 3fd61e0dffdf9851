// Package ledgertest holds what every consent ledger must do: one suite for the one in PostgreSQL and for its twin in memory.
package ledgertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// Ledger is all that a ledger does.
type Ledger interface {
	consent.Writer
	consent.Reader
	consent.Log
	consent.Mailbox
	consent.Wishes
}

// World is a fresh ledger, and what it takes to look at it.
type World struct {
	Ledger Ledger
	Tenant uuid.UUID
	// Origin and PublicKey check its checkpoints.
	Origin, PublicKey string
	// Sequence puts what was recorded into the log; nil where that happens at once.
	Sequence func(testing.TB)
	// Rotate lets another key take the place of the one that signs, and returns the same ledger as it is then.
	Rotate func(testing.TB) World
	Now    func() time.Time
}

func (w World) sequence(t testing.TB) {
	if w.Sequence != nil {
		w.Sequence(t)
	}
}

// Visitor is a person whom a receipt secret names.
func Visitor(n int) consent.Person {
	return consent.Person{Kind: "receipt", ID: fmt.Sprintf("secret of visitor %d", n)}
}

// Notice is the words of the suite.
func Notice() consent.NoticeRef {
	words, meaning := sha256.Sum256([]byte(`{"banner":"Hello"}`)), sha256.Sum256([]byte("meaning"))
	return consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: words[:], Material: meaning[:]}
}

// Act is one of a person with a key of its own: terms and storage accepted, one purpose granted.
func Act(person consent.Person, key string) consent.Act {
	yes := true
	until := time.Date(2027, 5, 30, 12, 0, 0, 123456789, time.UTC)
	return consent.Act{
		Site: "shop", Key: key, Person: person, Notice: Notice(), Method: consent.MethodButton, CollectedBy: consent.CollectorWidget,
		OccurredAt: time.Date(2026, 11, 30, 11, 59, 58, 987654321, time.UTC), GPC: &yes, Evidence: []byte(`{"shownMs":1200}`),
		Choices: []consent.Choice{
			{Type: consent.EventTermsAccepted, Decision: consent.Granted},
			{Type: consent.EventGiven, Purpose: "conversation", Decision: consent.Granted, ValidUntil: until},
			{Type: consent.EventRefused, Purpose: "analytics", Decision: consent.Denied},
		},
	}
}

// Withdrawal of one purpose.
func Withdrawal(person consent.Person, key, purpose string) consent.Act {
	return consent.Act{Site: "shop", Key: key, Person: person, Notice: Notice(), Method: consent.MethodButton, CollectedBy: consent.CollectorWidget,
		Choices: []consent.Choice{{Type: consent.EventWithdrawn, Purpose: purpose, Decision: consent.Denied}}}
}

// Run asks everything of ledgers that fresh makes.
func Run(t *testing.T, fresh func(testing.TB) World) {
	for _, story := range []struct {
		name string
		tell func(*testing.T, World)
	}{
		{"An act is recorded with every field", everyField},
		{"An act is recorded once however often it is sent", once},
		{"The last decision about a purpose holds", lastDecision},
		{"A record without a person moves no state", unlinked},
		{"Acts that cannot be held are refused", refused},
		{"Two names stand for one person", linked},
		{"A reference names a person whom the ledger knows", referred},
		{"A person who is forgotten leaves the proof", shredded},
		{"The proof of who is forgotten can go too", proofErased},
		{"What is published is published once", published},
		{"The newest builds are kept, byte by byte", builds},
		{"Events are listed in the order of the log", since},
		{"The log proves each event and its own growth", proofs},
		{"A key takes the place of another in the log", rotated},
		{"A mailed token is spent once, with its act", mailbox},
		{"A wish to be erased is open until it was answered", wished},
		{"Who watches hears of each change", watch},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, fresh(t)) })
	}
}

func record(t testing.TB, w World, act consent.Act) consent.Recorded {
	t.Helper()
	recorded, err := w.Ledger.Record(t.Context(), act)
	if err != nil {
		t.Fatal(err)
	}
	return recorded
}

func states(t testing.TB, w World, people ...consent.Person) [][]consent.State {
	t.Helper()
	out, err := w.Ledger.States(t.Context(), people)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decisions are the states of a person as text.
func decisions(t testing.TB, w World, person consent.Person) string {
	t.Helper()
	var out strings.Builder
	for _, s := range states(t, w, person)[0] {
		fmt.Fprintf(&out, "%s=%d ", s.Purpose, s.Decision)
	}
	return out.String()
}

func want(t testing.TB, got, want any, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(options, cmpopts.EquateEmpty())...); diff != "" {
		t.Errorf("not as it should be (-want +got):\n%s", diff)
	}
}

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
		{Purpose: "conversation", Event: again[1].ID, Decision: consent.Granted, Notice: act.Notice, RecordedAt: again[1].RecordedAt, ValidUntil: again[1].ValidUntil},
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

func published(t *testing.T, w World) {
	body := []byte(`{"banner":"Hello"}`)
	p := consent.Publication{Namespace: "shop", Policy: "chat",
		Purposes: []consent.PublishedPurpose{{Purpose: "conversation", Body: []byte(`{"basis":"Consent"}`)}},
		Notices:  []consent.PublishedNotice{{NoticeRef: Notice(), Body: body}},
		Widgets:  []consent.PublishedWidget{script("a build")}}
	for range 2 {
		if err := w.Ledger.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	p.Purposes[0].Body = []byte(`{"basis":"Contract"}`)
	if err := w.Ledger.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	w.sequence(t)
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range all {
		told = append(told, fmt.Sprintf("%s %s%s%s %d", e.Type, e.Purpose, e.Notice.Notice, e.Site, e.Notice.Version))
		if e.Subject != uuid.Nil || e.Decision != nil {
			t.Error("a publication is about somebody")
		}
	}
	want(t, told, []string{"notice.published conversation 1", "notice.published shop 3", "build.published shop 0", "notice.published conversation 2"})
	for name, spoil := range map[string]func(*consent.Publication){
		"other words":        func(p *consent.Publication) { p.Notices[0].Body = []byte(`{"banner":"Bye"}`) },
		"no canonical words": func(p *consent.Publication) { p.Notices[0].Body = []byte(`{"banner": "Hello"}`) },
		"no digest":          func(p *consent.Publication) { p.Widgets[0].SHA256 = nil },
		"another script":     func(p *consent.Publication) { p.Widgets[0].Body = []byte("another build") },
	} {
		spoilt := p
		spoilt.Notices, spoilt.Widgets = slices.Clone(p.Notices), slices.Clone(p.Widgets)
		spoil(&spoilt)
		if err := w.Ledger.Publish(t.Context(), spoilt); !errors.Is(err, event.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if words, err := w.Ledger.Words(t.Context(), p.Notices[0].NoticeRef); err != nil || !bytes.Equal(words, p.Notices[0].Body) {
		t.Errorf("the words: %s, %v", words, err)
	}
	p.Notices[0].Body = []byte(`{"banner":"Bye"}`)
	sum := sha256.Sum256(p.Notices[0].Body)
	p.Notices[0].SHA256 = sum[:]
	if err := w.Ledger.Publish(t.Context(), p); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("words were changed under their version: %v", err)
	}
	if _, err := w.Ledger.Words(t.Context(), p.Notices[0].NoticeRef); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("words that were never published: %v", err)
	}
}

// script is a build of the site shop.
func script(text string) consent.PublishedWidget {
	sum := sha256.Sum256([]byte(text))
	return consent.PublishedWidget{Site: "shop", SHA256: sum[:], Body: []byte(text)}
}

func builds(t *testing.T, w World) {
	publish := func(text string) {
		t.Helper()
		if err := w.Ledger.Publish(t.Context(), consent.Publication{Namespace: "shop", Policy: "chat", Widgets: []consent.PublishedWidget{script(text)}}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(site, text string, want error) {
		t.Helper()
		if body, err := w.Ledger.Build(t.Context(), site, script(text).SHA256); !errors.Is(err, want) || want == nil && string(body) != text {
			t.Errorf("%s of %s: %q, %v", text, site, body, err)
		}
	}
	publish("build 0")
	publish("build 1")
	kept("shop", "build 0", nil)
	kept("blog", "build 0", consent.ErrUnknown)
	kept("shop", "build 2", consent.ErrUnknown)
	for i := range consent.KeptBuilds {
		publish(fmt.Sprintf("build %d", i+1)) // the first again, which changes nothing
	}
	kept("shop", "build 0", consent.ErrUnknown)
	kept("shop", "build 1", nil)
	kept("shop", fmt.Sprintf("build %d", consent.KeptBuilds), nil)
}

func since(t *testing.T, w World) {
	for i := range 3 {
		record(t, w, Act(Visitor(i), fmt.Sprint(i)))
	}
	w.sequence(t)
	var got []consent.Event
	after := uuid.Nil
	for {
		page, err := w.Ledger.Since(t.Context(), after, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got, after = append(got, page...), page[len(page)-1].ID
	}
	if len(got) != 9 {
		t.Errorf("%d events", len(got))
	}
	for i, e := range got {
		in, err := w.Ledger.Inclusion(t.Context(), e.ID)
		if err != nil || in.Index != int64(i) {
			t.Errorf("event %d is at %d, %v", i, in.Index, err)
		}
		if e.Evidence != nil {
			t.Error("a list shows evidence")
		}
	}
	if _, err := w.Ledger.Since(t.Context(), uuid.New(), 4); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("after an event that is not there: %v", err)
	}
}

// included checks a proof of an event with the public key alone.
func included(t testing.TB, w World, e consent.Event) consent.Inclusion {
	t.Helper()
	in, err := w.Ledger.Inclusion(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.Keys(w.Origin, w.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	head, err := proof.Read(in.Checkpoint.Note, keys...)
	if err != nil {
		t.Fatal(err)
	}
	want(t, head.Root, in.Checkpoint.Root)
	if err := proof.Inclusion(in, event.Hash(&e)); err != nil {
		t.Error(err)
	}
	e.Site = "another"
	if err := proof.Inclusion(in, event.Hash(&e)); !errors.Is(err, proof.ErrAbsent) {
		t.Errorf("an event that was changed: %v", err)
	}
	return in
}

func proofs(t *testing.T, w World) {
	var heads []consent.Checkpoint
	for i := range 9 {
		r := record(t, w, Act(Visitor(i), fmt.Sprint(i)))
		w.sequence(t)
		included(t, w, r.Events[i%3])
		head, err := w.Ledger.Checkpoint(t.Context())
		if err != nil || head.Size != int64(3*i+3) {
			t.Fatalf("size %d, %v", head.Size, err)
		}
		heads = append(heads, head)
	}
	for i, before := range heads {
		for j, now := range heads {
			path, err := w.Ledger.Consistency(t.Context(), before.Size, now.Size)
			if j < i {
				if !errors.Is(err, consent.ErrUnknown) {
					t.Errorf("a log that shrinks: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Consistency(before, now, path); err != nil {
				t.Errorf("%d to %d: %v", before.Size, now.Size, err)
			}
			forged := before
			forged.Root = heads[(i+1)%len(heads)].Root
			if err := proof.Consistency(forged, now, path); err == nil {
				t.Errorf("%d to %d: a fork passed", before.Size, now.Size)
			}
		}
	}
	all, err := w.Ledger.Since(t.Context(), uuid.Nil, 100)
	if err != nil || int64(len(all)) != heads[len(heads)-1].Size {
		t.Fatal(len(all), err)
	}
	leaves := make([][]byte, len(all))
	for i := range all {
		leaves[i] = event.Append(nil, &all[i])
	}
	for _, head := range heads {
		if got := merkle(leaves[:head.Size]); !bytes.Equal(got[:], head.Root) {
			t.Errorf("the root of %d leaves is not that of RFC 6962", head.Size)
		}
	}
	for i := range all {
		in, err := w.Ledger.Inclusion(t.Context(), all[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := climb(leaves[i], in.Index, in.Checkpoint.Size, in.Path); !bytes.Equal(got, in.Checkpoint.Root) {
			t.Errorf("the path of leaf %d does not lead to the root", i)
		}
	}
	if _, err := w.Ledger.Inclusion(t.Context(), uuid.New()); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("an event that is not there: %v", err)
	}
	if _, err := w.Ledger.Consistency(t.Context(), 1, 1000); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("a log that is not there: %v", err)
	}
}

// merkle is the tree hash of RFC 6962, section 2.1, word by word.
func merkle(leaves [][]byte) [sha256.Size]byte {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		left, right := merkle(leaves[:k]), merkle(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// climb is the verification of RFC 9162, section 2.1.3.2, word by word: the root to which a path leads.
func climb(leaf []byte, index, size int64, path [][]byte) []byte {
	sum := sha256.Sum256(append([]byte{0}, leaf...))
	r, fn, sn := sum[:], index, size-1
	pair := func(left, right []byte) []byte {
		sum := sha256.Sum256(append(append([]byte{1}, left...), right...))
		return sum[:]
	}
	for _, p := range path {
		if sn == 0 {
			return nil
		}
		if fn&1 == 1 || fn == sn {
			r = pair(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = pair(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return nil
	}
	return r
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

func watch(t *testing.T, w World) {
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := w.Ledger.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hear := func(subject uuid.UUID, purpose string) {
		t.Helper()
		deadline := time.After(5 * time.Second)
		for {
			select {
			case change := <-changes:
				if change.Subject == subject && (purpose == "" || slices.Contains(change.Purposes, purpose)) {
					return
				}
			case <-deadline:
				t.Fatal("nothing was heard")
			}
		}
	}
	recorded := record(t, w, Act(Visitor(1), "one"))
	hear(recorded.Subject, "conversation")
	record(t, w, Withdrawal(Visitor(1), "two", "conversation"))
	hear(recorded.Subject, "conversation")
	if _, err := w.Ledger.Shred(t.Context(), Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	hear(recorded.Subject, "")
	cancel()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case _, open := <-changes:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the channel stayed open")
		}
	}
}
