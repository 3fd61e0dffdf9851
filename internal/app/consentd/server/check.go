package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/gate"
)

// subject names a person in a body; never in an address, which others log.
type subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// maxBatch is how many people one check asks about, maxID how long a name of one is.
const (
	maxBatch = 1000
	maxID    = 512
)

// kinds are the names of people that a client may use. A receipt's secret is the visitor's alone, so it is only for linking.
var kinds = map[string]bool{consent.KindSubject: true, "account": true, "email": true, "phone": true}

// person checks a name. A reference must be one, or it could never be found.
func (n subject) person() (consent.Person, error) {
	if !kinds[n.Kind] {
		return consent.Person{}, malformed("The kind of a subject is subject, account, email or phone")
	}
	if n.ID == "" || len(n.ID) > maxID || !utf8.ValidString(n.ID) {
		return consent.Person{}, malformed("The id of a subject has 1 to 512 bytes")
	}
	if _, err := uuid.Parse(n.ID); n.Kind == consent.KindSubject && err != nil {
		return consent.Person{}, malformed("The id of kind subject is a UUID")
	}
	return consent.Person{Kind: n.Kind, ID: n.ID}, nil
}

// standing is what is known of one purpose.
type standing struct {
	// Granted means that the purpose may be pursued now on consent: given, not expired, not stale.
	Granted       bool       `json:"granted"`
	Stale         bool       `json:"stale"`
	Decision      string     `json:"decision,omitempty"`
	NoticeVersion int32      `json:"noticeVersion,omitempty"`
	At            *time.Time `json:"at,omitempty"`
	Until         *time.Time `json:"until,omitempty"`
}

// standings are about every purpose of the policy, also those about which nothing was decided, and about no other: of a purpose
// that is gone nothing is granted.
func standings(p *settings.Policy, states []consent.State, now time.Time) map[string]standing {
	all := make(map[string]standing, len(p.Purposes))
	for name := range p.Purposes {
		all[name] = standing{}
	}
	for _, state := range states {
		purpose, known := p.Purposes[state.Purpose]
		if !known {
			continue
		}
		is := state.Standing(p.Material, now)
		s := standing{Granted: is == consent.StandingGranted && settings.Active(purpose), Stale: is == consent.StandingStale && settings.Active(purpose),
			Decision: word(state.Decision), NoticeVersion: state.Notice.Version}
		if at := state.RecordedAt.UTC(); !at.IsZero() {
			s.At = &at
		}
		if until := state.ValidUntil.UTC(); !until.IsZero() {
			s.Until = &until
		}
		all[state.Purpose] = s
	}
	return all
}

func word(d consent.Decision) string {
	if d == consent.Granted {
		return "granted"
	}
	return "denied"
}

// checkBody asks what may be done for people.
type checkBody struct {
	Subjects []subject `json:"subjects"`
	// Purposes that are asked about; all when absent.
	Purposes []string `json:"purposes"`
}

// checked are the states of people, in the order in which they were asked about.
type checked struct {
	Results []map[string]standing `json:"results"`
}

// check answers what may be done for each of a batch of people, in their order.
func (s *Server) check(w http.ResponseWriter, r *http.Request, c call) error {
	var body checkBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if len(body.Subjects) == 0 || len(body.Subjects) > maxBatch {
		return malformed("A check is about 1 to 1000 subjects")
	}
	for _, purpose := range body.Purposes {
		if _, known := c.policy.Purposes[purpose]; !known {
			return problem.New(http.StatusUnprocessableEntity, problem.PurposeUnknown, "The policy has no such purpose")
		}
	}
	people := make([]consent.Person, len(body.Subjects))
	for i, subject := range body.Subjects {
		var err error
		if people[i], err = subject.person(); err != nil {
			return err
		}
	}
	states, err := s.states(r.Context(), people, c.policy, c.now)
	if err != nil {
		return err
	}
	results := make([]map[string]standing, len(people))
	for i, person := range people {
		results[i] = only(standings(c.policy, states[person], c.now), body.Purposes)
	}
	return write(w, http.StatusOK, checked{results})
}

func only(all map[string]standing, purposes []string) map[string]standing {
	if len(purposes) == 0 {
		return all
	}
	some := make(map[string]standing, len(purposes))
	for _, purpose := range purposes {
		some[purpose] = all[purpose]
	}
	return some
}

// rules hands over what the gate is made of, to programs that filter in their own process (client/gate). It names no person.
func (s *Server) rules(w http.ResponseWriter, _ *http.Request, c call) error {
	return write(w, http.StatusOK, c.policy.Rules)
}

// filterBody brings data about a person.
type filterBody struct {
	Subject subject         `json:"subject"`
	Record  string          `json:"record"`
	Data    json.RawMessage `json:"data"`
}

// filtered is what passes of data, and what does not.
type filtered struct {
	Data    json.RawMessage     `json:"data"`
	Allowed map[string][]string `json:"allowed"`
	Dropped []string            `json:"dropped"`
}

// filter drops from data about a person what may not be used.
func (s *Server) filter(w http.ResponseWriter, r *http.Request, c call) error {
	var body filterBody
	if err := decode(r, &body); err != nil {
		return err
	}
	person, err := body.Subject.person()
	if err != nil {
		return err
	}
	states, err := s.states(r.Context(), []consent.Person{person}, c.policy, c.now)
	if err != nil {
		return err
	}
	result, err := c.policy.Gate.Filter(body.Record, c.policy.Gate.Usable(states[person], c.now), body.Data)
	switch {
	case errors.Is(err, gate.ErrRecord):
		return problem.New(http.StatusUnprocessableEntity, problem.RecordUnknown, "The policy has no such record")
	case errors.Is(err, gate.ErrTooLarge):
		return problem.New(http.StatusRequestEntityTooLarge, problem.BodyTooLarge, "The body is too large")
	case err != nil:
		return problem.New(http.StatusUnprocessableEntity, problem.DataNotFiltered, "The data are not an object, or objects, that the gate can filter")
	}
	dropped := result.Paths()
	s.count(c.policy, body.Record, dropped)
	return write(w, http.StatusOK, filtered{result.Data, result.Allowed, append([]string{}, dropped...)})
}

// count counts the names of dropped fields that the policy lists; the others come from data and may be personal.
func (s *Server) count(p *settings.Policy, record string, dropped []string) {
	for _, path := range dropped {
		name := "other"
		if p.Fields[record][path] {
			name = path
		}
		s.metrics.dropped.WithLabelValues(record, name).Inc()
	}
}
