package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// maxName is the most bytes of a name that a person may write, so that three fit into the evidence of an act.
const maxName = 320

// erasure is the wish of a person to be erased. What they are called elsewhere goes along, sealed with their own key, where it is a
// name under which the ledger knows them: whoever opens a link cannot have somebody else erased.
func (s *Server) erasure(r *http.Request, c call, ticket consent.Ticket) (consent.Act, view, error) {
	act := consent.Act{Site: string(c.site.ID), Key: keyOf("erasure", r.PostForm.Get("token")), Method: consent.MethodButton, CollectedBy: consent.CollectorSelfService,
		OccurredAt: c.now, Choices: []consent.Choice{{Type: consent.EventErasureAsked, Decision: consent.Denied}}}
	names := consent.Names{Email: written(r, "email"), Phone: written(r, "phone"), Account: written(r, "account")}
	if names == (consent.Names{}) {
		return act, pageErasureAsked, nil
	}
	for kind, name := range map[string]string{"email": names.Email, "phone": names.Phone, "account": names.Account} {
		if name == "" {
			continue
		}
		if theirs, err := s.named(r, ticket, kind, name); !theirs || err != nil {
			return consent.Act{}, pageErasureMismatch, err
		}
	}
	var err error
	if act.Evidence, err = json.Marshal(names); err != nil {
		return consent.Act{}, pageErasureMismatch, nil //nolint:nilerr // never: three texts
	}
	return act, pageErasureAsked, nil
}

func written(r *http.Request, field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }

// named tells whether the ledger knows the person of a ticket by a name. Who is unknown and who is somebody else are one answer.
func (s *Server) named(r *http.Request, ticket consent.Ticket, kind, name string) (bool, error) {
	person, err := subject{Kind: kind, ID: name}.person()
	if err != nil || len(name) > maxName {
		return false, nil //nolint:nilerr // no name that the ledger could have
	}
	found := make([]uuid.UUID, 0, 2)
	for _, one := range []consent.Person{person, personOf(ticket)} {
		held, err := s.ledger.Holding(r.Context(), one)
		if unknown(err) {
			return false, nil
		}
		if err != nil {
			return false, err //nolint:wrapcheck // becomes a problem
		}
		found = append(found, held.Subject)
	}
	return found[0] == found[1], nil
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
