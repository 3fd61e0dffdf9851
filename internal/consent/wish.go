package consent

import "time"

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
