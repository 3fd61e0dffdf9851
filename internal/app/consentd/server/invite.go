package server

import (
	"net/http"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// How long mailed tokens live: what shows data a quarter of an hour, what only acts two weeks.
var lives = map[string]time.Duration{ticketView: 15 * time.Minute, ticketConfirm: 14 * 24 * time.Hour, ticketWithdraw: 14 * 24 * time.Hour}

// inviteBody asks for a link.
type inviteBody struct {
	Subject subject `json:"subject"`
	Site    string  `json:"site"`
	Kind    string  `json:"kind"`
	Purpose string  `json:"purpose"`
}

// invitation is a link that a client mails.
type invitation struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// invite makes a link that a client mails to a person: to see, to confirm or to withdraw.
func (s *Server) invite(w http.ResponseWriter, r *http.Request, c call) error {
	var body inviteBody
	if err := decode(r, &body); err != nil {
		return err
	}
	person, err := body.Subject.nameable()
	if err != nil {
		return err
	}
	if _, known := c.policy.Sites[body.Site]; !known {
		return problem.New(http.StatusUnprocessableEntity, problem.SiteUnknown, "There is no such site")
	}
	life, known := lives[body.Kind]
	if !known || body.Kind == ticketView && body.Purpose != "" {
		return malformed("The kind of a link is view, without a purpose, confirm or withdraw")
	}
	if err := linkable(c.policy, body.Kind, body.Purpose); err != nil {
		return err
	}
	raw, token := draw()
	expires := c.now.Add(life).UTC().Truncate(time.Second)
	if err := s.ledger.Issue(r.Context(), raw, body.Kind, person, body.Purpose, expires); err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	return write(w, http.StatusCreated, invitation{s.linkOf(c.policy, body.Site, token), expires})
}

// linkable refuses a link by which nothing could be done.
func linkable(p *settings.Policy, kind, purpose string) error {
	spec, known := p.Purposes[purpose]
	switch {
	case purpose != "" && !known, kind == ticketConfirm && (!known || !settings.Active(spec)):
		return problem.New(http.StatusUnprocessableEntity, problem.PurposeUnknown, "The policy has no such purpose, or no longer asks for it")
	case kind == ticketConfirm && !slices.Contains(spec.Acceptance, v1alpha1.AcceptDoubleOptIn):
		return problem.New(http.StatusUnprocessableEntity, problem.ActNotAllowed, "The purpose cannot be accepted by such an act")
	default:
		return nil
	}
}

// nameable is a name under which a person can be met for the first time: not a reference, which the ledger gives.
func (n subject) nameable() (consent.Person, error) {
	if n.Kind == consent.KindSubject {
		return consent.Person{}, malformed("A reference names nobody new; use account, email or phone")
	}
	return n.person()
}
