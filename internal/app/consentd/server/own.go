package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

// media are the types of what a person may take with them, by its format.
var media = map[string]string{formatISO: "application/ld+json", formatKantara: "application/json"}

// exportOwn hands a visitor what is recorded of them (Articles 15 and 20): what the page of a mailed link does.
func (s *Server) exportOwn(w http.ResponseWriter, r *http.Request, c call) error {
	person, err := visitorOf(r)
	if err != nil {
		return err
	}
	if person == (consent.Person{}) {
		return secretNeeded
	}
	format := r.URL.Query().Get("format")
	if format == "" {
		format = formatISO
	}
	if media[format] == "" {
		return malformed("The format of an export is iso27560 or kantara")
	}
	if err := s.limitedBy(person.ID, ofActs, c); err != nil {
		return err
	}
	text, err := s.exported(r.Context(), c, person, format)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", media[format])
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text) // who asked is gone
	return nil
}

// ownWish is how far a visitor's wish to be erased has come.
type ownWish struct {
	AskedAt  time.Time  `json:"askedAt"`
	OpenedAt *time.Time `json:"openedAt,omitempty"`
}

// askOwn takes down that a visitor asks to be erased (Article 17). Who has asked before learns how far that has come.
func (s *Server) askOwn(w http.ResponseWriter, r *http.Request, c call) error {
	person, err := visitorOf(r)
	if err != nil {
		return err
	}
	if person == (consent.Person{}) {
		return secretNeeded
	}
	var names consent.Names
	if err := decode(r, &names); err != nil {
		return err
	}
	wish, made, err := s.ask(r, c, person, names)
	switch {
	case errors.Is(err, errNotTheirs):
		return problem.New(http.StatusUnprocessableEntity, problem.NameNotLinked, "A name is not linked with the person here")
	case unknown(err):
		return personUnknown
	case err != nil:
		return refusedForm(err)
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	return write(w, status, ownWish{wish.AskedAt.UTC(), instant(wish.OpenedAt)})
}

// ask records the wish of who shows the secret of a receipt, and tells whether it is new. What made it known is a part of the wish: whoever
// has the browser has the secret. Its key is made of the wish before it, so that a repetition at the same moment records nothing more.
func (s *Server) ask(r *http.Request, c call, person consent.Person, names consent.Names) (wish consent.Progress, made bool, err error) {
	if err := s.askedOften(r, person.ID, c); err != nil {
		return wish, false, err
	}
	events, err := s.ledger.Events(r.Context(), person)
	if err != nil {
		return wish, false, err //nolint:wrapcheck // becomes a problem
	}
	if wish = consent.LastWish(events); wish.Open() {
		return wish, false, nil
	}
	act, err := s.erasure(r, c, person, consent.Asked{Names: names, Shown: consent.ShownReceipt})
	if err != nil {
		return wish, false, err
	}
	act.Person, act.Key = person, keyOf("erasure", person.ID, wish.AskedAt.UTC().Format(time.RFC3339Nano))
	recorded, err := s.ledger.Ask(r.Context(), act)
	switch {
	case errors.Is(err, consent.ErrWished): // in another tab, or by a link, a moment ago
		return consent.Progress{AskedAt: c.now}, false, nil
	case err != nil:
		return wish, false, err //nolint:wrapcheck // becomes a problem
	}
	s.recorded(recorded)
	return consent.Progress{AskedAt: recorded.Events[0].RecordedAt}, !recorded.Deduplicated, nil
}
