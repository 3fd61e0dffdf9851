package server

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// maxName is the most bytes of a name that a person may write, so that three fit into the evidence of an act.
const maxName = 320

// errNotTheirs: a name that a person writes is not linked with them. Whether it is with somebody else is not told.
var errNotTheirs = errors.New("not a name of the person")

// erasure is the wish of a person to be erased. What they are called elsewhere goes along, sealed with their own key, where it is a
// name under which the ledger knows them: whoever opens a link, or has a secret, cannot have somebody else erased.
func (s *Server) erasure(r *http.Request, c call, person consent.Person, asked consent.Asked) (consent.Act, error) {
	act := consent.Act{Site: string(c.site.ID), Method: consent.MethodButton, CollectedBy: consent.CollectorSelfService, OccurredAt: c.now,
		Choices: []consent.Choice{{Type: consent.EventErasureAsked, Decision: consent.Denied}}}
	for kind, name := range written(asked.Names) {
		if err := s.named(r, person, kind, name); err != nil {
			return consent.Act{}, err
		}
	}
	var err error
	act.Evidence, err = json.Marshal(asked)
	return act, err //nolint:wrapcheck // never: four texts
}

// namesIn are what a person wrote into the form of their page.
func namesIn(r *http.Request) consent.Names {
	in := func(field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }
	return consent.Names{Email: in("email"), Phone: in("phone"), Account: in("account")}
}

// written are the names that there are, by the fields of the form, which are kinds of a subject.
func written(names consent.Names) map[string]string {
	all := map[string]string{"email": names.Email, "phone": names.Phone, "account": names.Account}
	maps.DeleteFunc(all, func(_, name string) bool { return name == "" })
	return all
}

// again says on the page of a person what came of a form. After a mistake it has what they wrote, and tells in which fields the mistake is
// (WCAG 2.2, 3.3.1 and 3.3.7).
func (s *Server) again(r *http.Request, p sheet, person consent.Person, said view) (sheet, error) {
	p = p.as(said)
	p.Unticked = said == pageNothingChosen
	if said != pageErasureMismatch {
		return p, nil
	}
	p.Names, p.Wrong = namesIn(r), map[string]bool{}
	for kind, name := range written(p.Names) {
		err := s.named(r, person, kind, name)
		if err != nil && !errors.Is(err, errNotTheirs) {
			return p, err
		}
		p.Wrong[kind] = err != nil
	}
	return p, nil
}

// named fails with errNotTheirs where the ledger does not know a person by a name. Who is unknown and who is somebody else are one answer.
func (s *Server) named(r *http.Request, theirs consent.Person, kind, name string) error {
	person, err := subject{Kind: kind, ID: name}.person()
	if err != nil || len(name) > maxName {
		return errNotTheirs // no name that the ledger could have
	}
	found := make([]uuid.UUID, 0, 2)
	for _, one := range []consent.Person{person, theirs} {
		held, err := s.ledger.Holding(r.Context(), one)
		if unknown(err) {
			return errNotTheirs
		}
		if err != nil {
			return err //nolint:wrapcheck // becomes a problem
		}
		found = append(found, held.Subject)
	}
	if found[0] != found[1] {
		return errNotTheirs
	}
	return nil
}

// wished shows how far a wish to be erased has come, and lets a person have one at a time.
func (p sheet) wished(wish consent.Progress) sheet {
	p.MayAsk = !wish.Open()
	for _, step := range []struct {
		what view
		at   string
	}{{"erasure-received", day(wish.AskedAt)}, {"erasure-opened", day(wish.OpenedAt)}, {"erasure-closed", day(wish.ClosedAt)}} {
		if step.at != "" {
			p.Wish = append(p.Wish, sheetStep{Text: p.W[string(step.what)], At: step.at})
		}
	}
	return p
}

// day is the date of an instant, in UTC; empty where there is none.
func day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}
