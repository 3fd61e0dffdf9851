package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// ErrForm means that an act is not one that a ledger can hold. Its text names the field, never a value.
var ErrForm = errors.New("not an act that a ledger can hold")

// Limits of an act.
const (
	MaxChoices  = 64
	MaxEvidence = 2 << 10
	maxText     = 512
)

// acts are the types that a person can cause.
var acts = []consent.EventType{consent.EventGiven, consent.EventRefused, consent.EventWithdrawn, consent.EventReconfirmed,
	consent.EventExpired, consent.EventTermsAccepted, consent.EventStorageAcknowledged, consent.EventErasureAsked}

// Check refuses an act that the ledger could not store or could not write the same way twice.
func Check(act *consent.Act) error {
	switch {
	case act.Key == "":
		return fmt.Errorf("%w: it has no idempotency key", ErrForm)
	case len(act.Choices) == 0 || len(act.Choices) > MaxChoices:
		return fmt.Errorf("%w: it has no choice, or more than %d", ErrForm, MaxChoices)
	case len(act.Evidence) > MaxEvidence:
		return fmt.Errorf("%w: its evidence is longer than %d bytes", ErrForm, MaxEvidence)
	case act.Notice.Version < 0:
		return fmt.Errorf("%w: its notice has no version", ErrForm)
	case !representable(act.OccurredAt):
		return fmt.Errorf("%w: its time is out of range", ErrForm)
	case (act.Person.Kind == "") != (act.Person.ID == ""):
		return fmt.Errorf("%w: its person has a kind or an identifier alone", ErrForm)
	case act.Person.Kind == consent.KindSubject:
		return fmt.Errorf("%w: its person is named by a reference, which only a ledger gives", ErrForm)
	}
	if field := strange(map[string]string{"site": act.Site, "key": act.Key, "notice": act.Notice.Notice, "language": act.Notice.Language,
		"method": string(act.Method), "collector": string(act.CollectedBy), "kind of person": act.Person.Kind, "person": act.Person.ID}); field != "" {
		return fmt.Errorf("%w: its %s is not text, or too long", ErrForm, field)
	}
	if len(act.Erase) > MaxChoices || slices.ContainsFunc(act.Erase, func(purpose string) bool { return strange(map[string]string{"purpose": purpose}) != "" }) {
		return fmt.Errorf("%w: what it asks to have erased is not text, or too much", ErrForm)
	}
	for _, choice := range act.Choices {
		switch {
		case !slices.Contains(acts, choice.Type):
			return fmt.Errorf("%w: a choice has a type that no act has", ErrForm)
		case choice.Decision != consent.Granted && choice.Decision != consent.Denied:
			return fmt.Errorf("%w: a choice decides nothing", ErrForm)
		case strange(map[string]string{"purpose": choice.Purpose}) != "" || !representable(choice.ValidUntil):
			return fmt.Errorf("%w: a choice's purpose is not text, or its time is out of range", ErrForm)
		}
	}
	return nil
}

// Asks tells whether an act asks for erasure: it then needs a mailed token or the person's own secret, and no page's word (Article 12(6)).
func Asks(act *consent.Act) bool {
	return slices.ContainsFunc(act.Choices, func(c consent.Choice) bool { return c.Type == consent.EventErasureAsked })
}

// CheckRecorded is Check of an act that a page tells of.
func CheckRecorded(act *consent.Act) error {
	if Asks(act) {
		return fmt.Errorf("%w: it asks for erasure, which is no page's to tell of", ErrForm)
	}
	return Check(act)
}

// CheckAsked is Check of an act that a person asks for erasure by, with no token.
func CheckAsked(act *consent.Act) error {
	if act.Person == (consent.Person{}) || len(act.Choices) != 1 || !Asks(act) || len(act.Erase) > 0 {
		return fmt.Errorf("%w: it is not of a person who asks for erasure alone", ErrForm)
	}
	return Check(act)
}

// strange names the first field, in alphabetical order, that PostgreSQL or JSON could not hold; empty when there is none.
func strange(fields map[string]string) string {
	var found []string
	for name, value := range fields {
		if len(value) > maxText || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return strings.Join(found[:min(1, len(found))], "")
}

// representable tells whether an instant has four digits of a year. The zero time stands for none.
func representable(at time.Time) bool {
	return at.IsZero() || (at.UTC().Year() >= 1 && at.UTC().Year() <= 9999)
}

// Of returns the events of an act that was checked, without hashes: Finish adds these. The receipt's identifier is that of
// the first event. Whoever the act is of is subject; evidence is sealed for the first event, or nil.
func Of(act *consent.Act, tenant, subject uuid.UUID, receipt Receipt, evidence []byte) []consent.Event {
	events := make([]consent.Event, len(act.Choices))
	notice := act.Notice
	notice.Material = nil // events name the words; what they mean is kept with the notice
	for i, choice := range act.Choices {
		events[i] = consent.Event{
			Tenant: tenant, ID: receipt.Event(i), Receipt: receipt.ID, Subject: subject,
			Type: choice.Type, Purpose: choice.Purpose, Decision: &act.Choices[i].Decision, Notice: notice,
			Method: act.Method, CollectedBy: act.CollectedBy, Site: act.Site,
			OccurredAt: Instant(act.OccurredAt), RecordedAt: receipt.At, ValidUntil: Instant(choice.ValidUntil), GPC: act.GPC,
		}
	}
	events[0].EvidenceCiphertext = evidence
	return events
}

// Finish hashes events that are complete.
func Finish(events []consent.Event) {
	for i := range events {
		events[i].Leaf = Hash(&events[i])
	}
}

// Instant is a time as the ledger keeps it: UTC, in microseconds.
func Instant(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}

// Moved are the events of an act that move the state of a purpose: of several about one purpose the last. Events without
// a purpose move none.
func Moved(events []consent.Event) []consent.Event {
	var moved []consent.Event
	for i, e := range events {
		later := slices.ContainsFunc(events[i+1:], func(o consent.Event) bool { return o.Purpose == e.Purpose })
		if e.Purpose != "" && e.Decision != nil && !later {
			moved = append(moved, e)
		}
	}
	return moved
}
