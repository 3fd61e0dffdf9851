package consent

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Progress is how far a person's last wish to be erased has come; the zero value is that of who never had one.
type Progress struct {
	AskedAt time.Time
	// OpenedAt is when a request was made of it, ClosedAt when it was answered; zero before.
	OpenedAt, ClosedAt time.Time
}

// Open tells whether the wish waits for an answer.
func (p Progress) Open() bool { return !p.AskedAt.IsZero() && p.ClosedAt.IsZero() }

// LastWish reads a person's events, in the order of their record. Those that name a purpose are about its withdrawal.
func LastWish(events []Event) Progress {
	var p Progress
	for _, e := range events {
		if e.Purpose != "" {
			continue
		}
		switch e.Type { //nolint:exhaustive // the others are about purposes
		case EventErasureAsked:
			p = Progress{AskedAt: e.RecordedAt}
		case EventErasureOpened:
			p.OpenedAt = e.RecordedAt
		case EventErasureClosed:
			p.ClosedAt = e.RecordedAt
		}
	}
	return p
}

// Shown is what a person showed who asks to be erased.
type Shown string

// What is shown. Evidence that says nothing of it is of who had a link: a receipt was always said. No evidence says neither.
const (
	// ShownLink is a link that was mailed to a name of theirs.
	ShownLink Shown = "link"
	// ShownReceipt is the secret of a receipt.
	ShownReceipt Shown = "receipt"
)

// Asked is what the evidence of erasure.asked holds, sealed, in JSON.
type Asked struct {
	Names
	Shown Shown `json:"shown,omitempty"`
}

// Names are by which else a person is known, as they wrote it on their page: the ledger has them as names of theirs.
type Names struct {
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Account string `json:"account,omitempty"`
}

// About are what the events about a wish name: each of its purposes, or none of any where it is about the whole person.
func About(purposes []string) []string {
	if len(purposes) == 0 {
		return []string{""}
	}
	return purposes
}

// Way is by what somebody asked to be erased.
type Way string

// The ways.
const (
	// ByLink: a link that was mailed to a name of theirs.
	ByLink Way = "link"
	// ByReceipt: the secret of a receipt, which any visitor makes for themselves.
	ByReceipt Way = "receipt"
	// ByWithdrawal: they withdrew consent to purposes whose data is erased then.
	ByWithdrawal Way = "withdrawal"
	// ByUnsaid: the ledger did not keep ways yet, and only the sealed evidence says it.
	ByUnsaid Way = "unsaid"
)

// Ways are all of them. Who was sent a link comes first.
func Ways() []Way { return []Way{ByLink, ByUnsaid, ByReceipt, ByWithdrawal} }

// Queue is one of the queues of wishes that nobody has answered: those of a way that wait for a request, or those of which one was made.
type Queue struct {
	Way    Way
	Opened bool
}

// Turn is a place in a queue: when the wish came into it or last let others go first, by the database's clock, and its ID.
type Turn struct {
	At time.Time
	ID uuid.UUID
}

// Compare orders turns.
func (t Turn) Compare(other Turn) int {
	return cmp.Or(t.At.Compare(other.At), bytes.Compare(t.ID[:], other.ID[:]))
}

// String writes a turn: microseconds since 1970, a point, the ID.
func (t Turn) String() string { return strconv.FormatInt(t.At.UnixMicro(), 10) + "." + t.ID.String() }

// maxTurn is the last microsecond of the year 9999: what a database can compare.
const maxTurn = 253402300799999999

var errTurn = errors.New("no place in a queue")

// ParseTurn reads what String wrote.
func ParseTurn(text string) (Turn, error) {
	at, id, _ := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if err != nil || micros < 0 || micros > maxTurn {
		return Turn{}, errTurn
	}
	turn := Turn{At: time.UnixMicro(micros).UTC()}
	if turn.ID, err = uuid.Parse(id); err != nil || turn.String() != text {
		return Turn{}, errTurn
	}
	return turn, nil
}
