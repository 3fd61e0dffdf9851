package ledgertest

import (
	"bytes"
	"errors"
	"slices"
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

func open(t testing.TB, w World) []consent.Wish { t.Helper(); return Open(t, w.Ledger) }

// Open are the wishes that nobody has answered, by ID, without their turns.
func Open(t testing.TB, l consent.Wishes) (all []consent.Wish) {
	t.Helper()
	for _, way := range consent.Ways() {
		for _, opened := range []bool{false, true} {
			for _, w := range queued(t, l, consent.Queue{Way: way, Opened: opened}, consent.Turn{}, 100) {
				w.Turn = consent.Turn{}
				all = append(all, w)
			}
		}
	}
	slices.SortFunc(all, func(a, b consent.Wish) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}

func queued(t testing.TB, l consent.Wishes, queue consent.Queue, after consent.Turn, limit int) []consent.Wish {
	t.Helper()
	found, err := l.Wishes(t.Context(), queue, after, limit)
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

// queues: each way has its own, in which others can be let go first. Where a wish stands does not change by what becomes of the person.
func queues(t *testing.T, w World) {
	waiting, handled := consent.Queue{Way: consent.ByReceipt}, consent.Queue{Way: consent.ByReceipt, Opened: true}
	ids := func(queue consent.Queue, after consent.Turn, limit int) (found []uuid.UUID) {
		for _, one := range queued(t, w.Ledger, queue, after, limit) {
			found = append(found, one.ID)
		}
		return found
	}
	var all []uuid.UUID
	for n := range 4 {
		key := string(rune('a' + n))
		record(t, w, Act(Visitor(n), key))
		wish := Wish("wish " + key)
		wish.Person = Visitor(n)
		asked, err := w.Ledger.Ask(t.Context(), wish)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, asked.Events[0].ID)
	}
	linked, err := ask(t, w, Visitor(8), "by a link")
	if err != nil {
		t.Fatal(err)
	}
	withdrawn := Withdrawal(Visitor(0), "withdrawn", "conversation")
	withdrawn.Erase = []string{"conversation"}
	withdrawal := record(t, w, withdrawn)
	want(t, ids(consent.Queue{Way: consent.ByLink}, consent.Turn{}, 10), []uuid.UUID{linked.Events[0].ID})
	want(t, ids(consent.Queue{Way: consent.ByWithdrawal}, consent.Turn{}, 10), []uuid.UUID{withdrawal.Events[0].ID})
	want(t, ids(consent.Queue{Way: consent.ByUnsaid}, consent.Turn{}, 10), []uuid.UUID{})
	want(t, ids(waiting, consent.Turn{}, 10), all)
	first := queued(t, w.Ledger, waiting, consent.Turn{}, 2)
	want(t, ids(waiting, first[1].Turn, 1), all[2:3])
	if err := w.Ledger.Opened(t.Context(), all[1]); err != nil {
		t.Fatal(err)
	}
	want(t, ids(waiting, consent.Turn{}, 10), []uuid.UUID{all[0], all[2], all[3]})
	want(t, ids(handled, consent.Turn{}, 10), all[1:2])
	if err := w.Ledger.Later(t.Context(), []uuid.UUID{all[2], all[0], uuid.New()}); err != nil {
		t.Fatal(err)
	}
	want(t, ids(waiting, consent.Turn{}, 10), []uuid.UUID{all[3], all[0], all[2]})
	if err := errors.Join(w.Ledger.Link(t.Context(), Visitor(1), Visitor(3)), w.Ledger.Later(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ledger.Shred(t.Context(), Visitor(0), ""); err != nil {
		t.Fatal(err)
	}
	want(t, ids(waiting, consent.Turn{}, 10), []uuid.UUID{all[3], all[0], all[2]})
}
