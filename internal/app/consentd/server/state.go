package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

var secretNeeded = problem.New(http.StatusUnauthorized, problem.Unauthenticated, "The receipt's secret is needed")

// stateAnswer is what is recorded of a visitor.
type stateAnswer struct {
	State map[string]standing `json:"state"`
}

// state answers a visitor what is recorded of them, per purpose.
func (s *Server) state(w http.ResponseWriter, r *http.Request, c call) error {
	person, err := visitorOf(r)
	if err != nil {
		return err
	}
	if person == (consent.Person{}) {
		return secretNeeded
	}
	states, err := s.before(r, c.policy, person)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, stateAnswer{standings(c.policy, states, c.now)})
}

// withdraw takes consents back. It asks for no notice and no reason, it succeeds for what was never given or is long over, and
// twice is once (Article 7(3)).
func (s *Server) withdraw(w http.ResponseWriter, r *http.Request, c call) error {
	person, err := visitorOf(r)
	if err != nil {
		return err
	}
	if person == (consent.Person{}) {
		return secretNeeded
	}
	what, some, err := withdrawn(r)
	if err != nil {
		return err
	}
	if some {
		err = s.takeBack(r, c, person, what, consent.CollectorWidget)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// taken is what a person withdraws: purposes, storage on their device, or all where neither is named.
type taken struct {
	purposes []string
	storage  bool
}

func (t taken) all() bool { return len(t.purposes) == 0 && !t.storage }

// takeBack records that a visitor withdraws; nothing where nothing is granted.
func (s *Server) takeBack(r *http.Request, c call, person consent.Person, what taken, by consent.Collector) error {
	before, err := s.before(r, c.policy, person)
	if err != nil {
		return err
	}
	stored, err := s.storage(r, person)
	if err != nil {
		return err
	}
	act := withdrawal(c, before, stored, what)
	if len(before) == 0 && (what.all() || len(what.purposes) > 0) {
		if act, err = s.unfound(r, c, act, person, what.purposes); err != nil {
			return err
		}
	}
	if len(act.Choices) == 0 {
		return nil
	}
	act.Person, act.Method, act.CollectedBy = person, consent.MethodButton, by
	recorded, err := s.ledger.Record(r.Context(), act)
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	s.recorded(recorded)
	return nil
}

// storage is what a person decided about storage on their device.
func (s *Server) storage(r *http.Request, person consent.Person) (consent.State, error) {
	if person == (consent.Person{}) {
		return consent.State{}, nil
	}
	stored, err := s.ledger.Storage(r.Context(), person)
	if unknown(err) || errors.Is(err, consent.ErrKeyMissing) { // who may be known under a pepper that is gone takes back their purposes all the same
		return consent.State{}, nil
	}
	return stored, err //nolint:wrapcheck // becomes a problem
}

// withdrawalBody says what is taken back.
type withdrawalBody struct {
	Purposes []string `json:"purposes"`
	Storage  bool     `json:"storage"`
}

// withdrawn reads what; all when the body names nothing or is empty. Some is false where it has a list without a purpose: nothing is
// taken back then, which is no failure of whoever asks again until they are heard.
func withdrawn(r *http.Request) (what taken, some bool, err error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return taken{}, false, err //nolint:wrapcheck // too large, or gone
	}
	if len(text) == 0 {
		return taken{}, true, nil
	}
	var body withdrawalBody
	if err := json.Unmarshal(text, &body); err != nil {
		return taken{}, false, malformed("The body is not JSON of the expected form")
	}
	return taken{body.Purposes, body.Storage}, body.Purposes == nil || len(body.Purposes) > 0 || body.Storage, nil
}

// withdrawal is the act that ends what is granted. Its key is made of the decisions that it ends, so that a repetition, or another
// tab at the same moment, records nothing more.
func withdrawal(c call, before []consent.State, stored consent.State, what taken) consent.Act {
	act := consent.Act{Site: string(c.site.ID), OccurredAt: c.now}
	if what.all() || len(what.purposes) > 0 {
		act.Choices = judge.Withdraw(before, what.purposes)
	}
	parts := []string{"withdrawal"}
	if stored.Decision == consent.Granted && (what.all() || what.storage || judge.EndsStorage(before, act.Choices)) {
		act.Choices = append(act.Choices, judge.StorageWithdrawn())
		act.Notice = stored.Notice
		parts = append(parts, stored.Event.String())
	}
	for _, state := range before {
		if slices.ContainsFunc(act.Choices, func(choice consent.Choice) bool { return choice.Purpose == state.Purpose }) {
			parts = append(parts, state.Event.String())
			act.Notice = state.Notice
		}
	}
	act.Key = keyOf(parts...)
	act.Erase = judge.Erasures(&c.policy.Spec, before, act.Choices)
	return act
}

// defaultTag is the language of a site's visitors of whom nothing else is known.
func defaultTag(c call) string { return settings.Tag(c.site.DefaultLanguage) }

// unknown tells whether the ledger knows nothing of what was asked.
func unknown(err error) bool { return errors.Is(err, consent.ErrUnknown) }
