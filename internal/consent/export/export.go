// Package export writes what a ledger knows of a person's consents in the forms that others read: records by ISO/IEC TS 27560 in
// the Data Privacy Vocabulary (JSON-LD), and receipts by Kantara 1.1 (Articles 7(1), 15 and 20). Each has the exact words that
// the person saw.
package export

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// What cannot be exported. None names a person.
var (
	// ErrWords: the words of an event's notice are not there, or are not those that it names.
	ErrWords = errors.New("the words that were shown are missing")
	// ErrIncomplete: what every record must say of its controller is missing.
	ErrIncomplete = errors.New("the controller, its places or the way to withdraw are missing")
	// ErrPurpose: an event is about a purpose of which nothing is known.
	ErrPurpose = errors.New("a purpose is unknown")
)

// Controller is who decides about purposes and means (Article 4(7)), and how to reach it.
type Controller struct {
	// ID names it among others: the name of its DataProtectionOfficer.
	ID           string
	Organisation v1alpha1.Organisation
	Officer      v1alpha1.Officer
	// Authority is the one that is competent (Article 13(2)(d)).
	Authority string
	// Joint are those who decide with it (Article 26).
	Joint []v1alpha1.Party
}

// Words are one version of a notice in one language.
type Words struct {
	consent.NoticeRef
	// Body is the canonical JSON that was published.
	Body []byte
	// PrivacyURL is where the information of Article 13 is.
	PrivacyURL string
}

// Purpose is one revision of a purpose, as it was published.
type Purpose struct {
	v1alpha1.ConsentPurpose
	// Number is of the revision, from 1; Since is when it was published.
	Number int32
	Since  time.Time
}

// Input is all that an export says.
type Input struct {
	Controller Controller
	// Purposes are all revisions of those that events are about.
	Purposes []Purpose
	// Countries in which the data is, by their codes of two letters.
	Countries []string
	// Withdraw is the URL where consent is withdrawn.
	Withdraw string
	Words    []Words
	// Events of one person. What is not a consent is left out: terms, storage that a service needs, and what rests on another basis.
	Events []consent.Event
}

// consents are the events about purposes that rest on consent, in the order of their ids.
func (in Input) consents() ([]consented, error) {
	o := in.Controller.Organisation
	if in.Controller.ID == "" || o.LegalName == "" || o.Country == "" || in.Controller.Officer.Name == "" || len(in.Countries) == 0 || in.Withdraw == "" {
		return nil, ErrIncomplete
	}
	said := map[uuid.UUID]consent.Said{} // the evidence of an act is that of its first event
	for _, event := range in.Events {
		if len(event.Evidence) > 0 {
			said[event.Receipt] = consent.SaidFor(event.Evidence)
		}
	}
	var found []consented
	given := map[string]time.Time{} // when the last consent was given, by purpose
	for _, event := range in.sorted() {
		if _, is := states[event.Type]; !is {
			continue
		}
		if event.Purpose == "" {
			c, err := in.stored(event, said[event.Receipt])
			if err != nil {
				return nil, err
			}
			found = append(found, c)
			continue
		}
		purpose, is := in.inForce(event.Purpose, then(event, given))
		if !is {
			return nil, ErrPurpose
		}
		if !judge.RestsOnConsent(&purpose) {
			continue
		}
		words, err := in.words(event.Notice)
		if err != nil {
			return nil, err
		}
		found = append(found, consented{event, purpose, words, said[event.Receipt]})
	}
	return found, nil
}

// then is the time for which an event tells what its purpose was: its own, or, where it ends a consent, that at which this was given and
// whose notice it names. It notes when consent was given.
func then(event consent.Event, given map[string]time.Time) time.Time {
	switch event.Type {
	case consent.EventGiven, consent.EventReconfirmed:
		given[event.Purpose] = event.RecordedAt
	case consent.EventWithdrawn, consent.EventExpired:
		if at, is := given[event.Purpose]; is {
			return at
		}
	default:
	}
	return event.RecordedAt
}

// sorted are the events in the order of their ids.
func (in Input) sorted() []consent.Event {
	return slices.SortedFunc(slices.Values(in.Events), func(a, b consent.Event) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// inForce is what a purpose was at a time: of the revisions that were published by then the highest, whatever clocks said of the order; the
// first one where none was.
func (in Input) inForce(name string, at time.Time) (v1alpha1.ConsentPurpose, bool) {
	var first, last *Purpose
	for i := range in.Purposes {
		p := &in.Purposes[i]
		if string(p.Name) != name {
			continue
		}
		if first == nil || p.Number < first.Number {
			first = p
		}
		if !p.Since.After(at) && (last == nil || p.Number > last.Number) {
			last = p
		}
	}
	if found := cmp.Or(last, first); found != nil {
		return found.ConsentPurpose, true
	}
	return v1alpha1.ConsentPurpose{}, false
}

// What consent to storage on the device is called in exports: it is about no purpose, and no purpose can have a name with a colon.
const (
	storageName  = "rempart:storage"
	storageTitle = "Storage on the device"
	storageText  = "The choice and the number of a conversation are kept on the device of the person, who consented to that (Article 5(3) of Directive 2002/58/EC)."
)

// stored is consent to storage on the device, or its withdrawal. What is kept stays as long as the consent counts.
func (in Input) stored(event consent.Event, said consent.Said) (consented, error) {
	words, err := in.words(event.Notice)
	if err != nil {
		return consented{}, err
	}
	c := consented{event, v1alpha1.ConsentPurpose{LegalBasis: v1alpha1.BasisConsent, Necessity: v1alpha1.NecessityOptional, ConsentKind: v1alpha1.ConsentExpressed}, words, said}
	c.purpose.Retention = v1alpha1.Period(c.validity())
	return c, nil
}

// about is what an event is about, by name.
func (c consented) about() string { return cmp.Or(c.event.Purpose, storageName) }

// consented is an event with what it is about.
type consented struct {
	event   consent.Event
	purpose v1alpha1.ConsentPurpose
	words   Words
	// said is what was said for the act.
	said consent.Said
}

// words finds what an event's notice said, and checks that it is that.
func (in Input) words(ref consent.NoticeRef) (Words, error) {
	for _, words := range in.Words {
		if words.Notice != ref.Notice || words.Version != ref.Version || words.Language != ref.Language {
			continue
		}
		sum := sha256.Sum256(words.Body)
		if !bytes.Equal(sum[:], ref.SHA256) || !json.Valid(words.Body) {
			return Words{}, ErrWords
		}
		return words, nil
	}
	return Words{}, ErrWords
}

// address of the controller: its country, where no seat is known.
func (c Controller) address() string {
	if c.Organisation.Address == "" {
		return string(c.Organisation.Country)
	}
	return c.Organisation.Address + ", " + string(c.Organisation.Country)
}

// contact is how to reach the officer: by name, where nothing more is known.
func (c Controller) contact() string {
	return cmp.Or(c.Officer.Email, c.Officer.Phone, c.Officer.Name)
}

// title is what the words call a purpose; its name where they do not.
func (c consented) title() (title, text string) {
	if c.event.Purpose == "" {
		return storageTitle, storageText
	}
	var words struct {
		Purposes []struct{ Name, Title, Text string }
	}
	if json.Unmarshal(c.words.Body, &words) == nil {
		for _, purpose := range words.Purposes {
			if purpose.Name == c.event.Purpose && purpose.Title != "" {
				return purpose.Title, purpose.Text
			}
		}
	}
	return c.event.Purpose, ""
}

func (c consented) subject() string {
	if c.event.Subject == uuid.Nil {
		return "unlinked"
	}
	return c.event.Subject.String()
}

func (c consented) explicit() bool { return c.purpose.ConsentKind == v1alpha1.ConsentExplicit }

func (c consented) granted() bool {
	return c.event.Decision != nil && *c.event.Decision == consent.Granted && !c.event.ValidUntil.IsZero()
}

// validity is how long the event's consent counts, as a period: P6M where it ends on the day that six months lead to, else days or
// seconds. It is P0D where nothing was granted.
func (c consented) validity() string {
	if !c.granted() || !c.event.ValidUntil.After(c.event.RecordedAt) {
		return "P0D"
	}
	from, until := c.event.RecordedAt.UTC(), c.event.ValidUntil.UTC()
	if from.Sub(from.Truncate(day)) == until.Sub(until.Truncate(day)) {
		start, end := deadline.CivilDate(from, time.UTC), deadline.CivilDate(until, time.UTC)
		for months := 1; months <= longestMonths; months++ {
			if start.Add(deadline.Period{Months: months}) == end {
				return fmt.Sprintf("P%dM", months)
			}
		}
		return fmt.Sprintf("P%dD", end.DaysSince(start))
	}
	return fmt.Sprintf("PT%dS", int64(until.Sub(from)/time.Second))
}

// longestMonths is the most that a policy lets a choice count.
const longestMonths = 13

const day = 24 * time.Hour

// instant is a time as records write it: RFC 3339, UTC, microseconds.
func instant(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// digest is that of the words, as it is written in policies.
func (c consented) digest() string { return "sha256:" + hex.EncodeToString(c.event.Notice.SHA256) }
