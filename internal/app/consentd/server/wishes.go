package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/place"
)

// Bounds of one list of wishes: so many at all, and so many with names, so that an answer is small. So many give way at once.
const (
	maxWishes      = 100
	maxWishesNamed = 10
	maxLater       = 100
)

var wishUnknown = problem.New(http.StatusNotFound, problem.WishUnknown, "There is no such wish, or it was answered")

// trusted verifies the operator's own token. Its audience names the tenant: the operator has one for each service, so that none can
// use what it was shown to ask another.
func (s *Server) trusted(r *http.Request, c *call) error {
	token, given := bearerOf(r.Header["Authorization"])
	if !given {
		return unauthenticated
	}
	account, err := c.policy.Issuers.Verify(token, place.OperatorAudience(c.policy.Tenant.String()), c.now)
	if err != nil {
		return unauthenticated
	}
	if operator := c.policy.Operator; operator.ServiceAccount == "" || account.Namespace != operator.Namespace || account.Name != operator.ServiceAccount {
		return problem.New(http.StatusForbidden, problem.Forbidden, "Only the operator may ask this")
	}
	c.account = account
	return nil
}

// openWish is a wish as the operator reads it. Names are there until a request was made of it.
type openWish struct {
	ID        uuid.UUID      `json:"id"`
	Subject   uuid.UUID      `json:"subject"`
	Site      string         `json:"site"`
	AskedAt   time.Time      `json:"askedAt"`
	OpenedAt  *time.Time     `json:"openedAt,omitempty"`
	Forgotten bool           `json:"forgotten,omitempty"`
	Names     *consent.Names `json:"names,omitempty"`
	// Shown is what they showed, until a request was made; absent where the evidence is gone or cannot be read.
	Shown consent.Shown `json:"shown,omitempty"`
	// Purposes were withdrawn: the wish is about their data alone.
	Purposes []string `json:"purposes,omitempty"`
}

// queued reads which wishes the operator asks for.
func queued(r *http.Request) (queue consent.Queue, after consent.Turn, limit int, err error) {
	limit = maxWishes
	for name, values := range r.URL.Query() {
		value, malformed := values[0], malformed("Wishes are asked for by way, opened, after and limit, each once")
		switch {
		case len(values) != 1:
			err = malformed
		case name == "way" && slices.Contains(consent.Ways(), consent.Way(value)):
			queue.Way = consent.Way(value)
		case name == "opened" && (value == "true" || value == "false"):
			queue.Opened = value == "true"
		case name == "after":
			after, err = consent.ParseTurn(value)
		case name == "limit":
			limit, err = strconv.Atoi(value)
		default:
			err = malformed
		}
		if err != nil {
			return queue, after, 0, malformed
		}
	}
	if queue.Way == "" || limit < 1 || limit > maxWishes {
		return queue, after, 0, malformed("Wishes are asked for by a way, at most 100 at a time")
	}
	return queue, after, limit, nil
}

// wishesPage is a page of a queue.
type wishesPage struct {
	Wishes []openWish `json:"wishes"`
	Next   string     `json:"next,omitempty"`
}

// wishes lists what people asked to have erased and nobody has answered, by what they came about, in the order of their turns.
func (s *Server) wishes(w http.ResponseWriter, r *http.Request, _ call) error {
	queue, after, limit, err := queued(r)
	if err != nil {
		return err
	}
	found, err := s.ledger.Wishes(r.Context(), queue, after, limit+1) // whether there are more
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	answer := wishesPage{Wishes: []openWish{}}
	named := 0
	for i, wish := range found {
		line := openWish{ID: wish.ID, Subject: wish.Subject, Site: wish.Site, AskedAt: wish.AskedAt, OpenedAt: instant(wish.OpenedAt), Forgotten: wish.Forgotten, Purposes: wish.Purposes}
		if line.OpenedAt == nil && wish.Evidence != nil {
			asked := consent.Asked{Shown: consent.ShownLink} // where it says nothing else
			if json.Unmarshal(wish.Evidence, &asked) != nil {
				asked = consent.Asked{}
			}
			line.Shown = asked.Shown
			if asked.Names != (consent.Names{}) {
				line.Names = &asked.Names
				named++
			}
		}
		if i == limit || named > maxWishesNamed {
			answer.Next = found[i-1].Turn.String()
			break
		}
		answer.Wishes = append(answer.Wishes, line)
	}
	return write(w, http.StatusOK, answer)
}

// laterBody names wishes that give way.
type laterBody struct {
	IDs []uuid.UUID `json:"ids"`
}

// laterWishes lets others go before some wishes.
func (s *Server) laterWishes(w http.ResponseWriter, r *http.Request, _ call) error {
	var body laterBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if len(body.IDs) == 0 || len(body.IDs) > maxLater {
		return malformed("One wish to 100 give way at once")
	}
	if err := s.ledger.Later(r.Context(), body.IDs); err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answerBody says how far a wish has come.
type answerBody struct {
	ID    uuid.UUID `json:"id"`
	State string    `json:"state"`
}

// answerWish records how far a wish has come.
func (s *Server) answerWish(w http.ResponseWriter, r *http.Request, _ call) error {
	var body answerBody
	if err := decode(r, &body); err != nil {
		return err
	}
	var err error
	switch body.State {
	case "opened":
		err = s.ledger.Opened(r.Context(), body.ID)
	case "closed":
		err = s.ledger.Closed(r.Context(), body.ID)
	default:
		return malformed("The state of a wish is opened or closed")
	}
	if unknown(err) {
		return wishUnknown
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
