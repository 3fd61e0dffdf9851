package consent

import "github.com/google/uuid"

// LastStorage is what a person decided last about what their device keeps, where that rests on consent (Article 5(3) of Directive
// 2002/58/EC): a State without a purpose, and the zero State of who was never asked. It reads a person's events in the order of their
// record; storage is in no projection, for it is about no purpose.
func LastStorage(events []Event) State {
	var last State
	for _, e := range events {
		about := e.Purpose == "" && (e.Type == EventGiven || e.Type == EventReconfirmed || e.Type == EventWithdrawn)
		if about && e.Decision != nil {
			last = State{Event: e.ID, Decision: *e.Decision, Notice: e.Notice, RecordedAt: e.RecordedAt, ValidUntil: e.ValidUntil}
		}
	}
	return last
}

// Decided tells whether there is a decision at all.
func (s State) Decided() bool { return s.Event != uuid.Nil }
