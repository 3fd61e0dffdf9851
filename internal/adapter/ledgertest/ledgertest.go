// Package ledgertest holds what every consent ledger must do: one suite for the one in PostgreSQL and for its twin in memory.
package ledgertest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// Ledger is all that a ledger does.
type Ledger interface {
	consent.Writer
	consent.Reader
	consent.Log
	consent.Mailbox
	consent.Wishes
	consent.Keys
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
	// Peppers and KEKs are what it was opened with; Rekey opens it with others.
	Peppers, KEKs [][]byte
	Rekey         func(tb testing.TB, peppers, keks [][]byte) World
	Now           func() time.Time
	// Ahead is the same ledger as a replica has it whose clock is ahead.
	Ahead func(tb testing.TB, by time.Duration) Ledger
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
		{"A clock that was ahead holds up no publication", publishedAhead},
		{"The newest builds are kept, byte by byte", builds},
		{"Events are listed in the order of the log", since},
		{"The log proves each event and its own growth", proofs},
		{"A key takes the place of another in the log", rotated},
		{"A mailed token is spent once, with its act", mailbox},
		{"A token for who is known makes nobody known", known},
		{"A wish to be erased is open until it was answered", wished},
		{"Who shows a name of theirs asks to be erased once", asked},
		{"Each way of asking has a queue of its own", queues},
		{"A withdrawal that erases is a wish about its purposes", withdrawnWish},
		{"Another key-encryption key takes the place of one", rewrapped},
		{"Another pepper takes the place of one", renamed},
		{"Without an old pepper nobody becomes two", pepperless},
		{"Without an old key-encryption key nothing is lost", keyless},
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
