package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/rempart-dev/rempart/internal/consent"
)

// Why a request may not go on, beside what keeps data from being filtered. Neither names the person or the purpose.
var (
	// ErrConsent: one of the purposes is not granted: nobody was asked, it was refused or withdrawn, it has ended, is archived or unknown.
	ErrConsent = errors.New("there is no valid consent")
	// ErrStale: what was granted is no longer what the notice means. Ask again, with the words of now.
	ErrStale = errors.New("the consent is to another notice")
)

// Check tells whether all of some purposes are granted by a person now: nil, or ErrConsent, ErrStale, ErrSubject, ErrUnavailable. Unlike
// Filter it wants a decision of purposes on any legal basis: somebody who asks for a service accepts its terms first. No purpose at all is
// ErrConsent.
func (c *Client) Check(ctx context.Context, who Subject, purposes ...string) error {
	rules, states, err := c.standing(ctx, who)
	if err != nil {
		return err
	}
	now, stale := c.now(), false
	is := make(map[string]consent.Standing, len(states))
	for _, state := range states {
		is[state.Purpose] = state.Standing(rules.material, now)
	}
	for _, purpose := range purposes {
		switch is[purpose] {
		case consent.StandingGranted:
		case consent.StandingStale:
			stale = true
		default:
			return ErrConsent
		}
	}
	switch {
	case len(purposes) == 0:
		return ErrConsent
	case stale:
		return ErrStale
	}
	return nil
}

// Requires lets only requests pass of people who granted all of these purposes: it is what stands before the endpoint to which an accepted
// message goes, since nobody has to send it by the widget. Refused are requests of people who did not, or who cannot be told, with 403
// (code consent_required), of those who granted what meant something else with 409 (notice_stale), and all with 503 where the service
// cannot be asked. Who gets no data: the body is not read. It must go by what the caller cannot write: a session, or a header that your proxy
// sets and strips from what comes in.
func (c *Client) Requires(who Who, purposes ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			subject, err := who(r, nil)
			if err == nil {
				err = c.Check(r.Context(), subject, purposes...)
			} else {
				err = ErrConsent
			}
			if errors.Is(err, ErrSubject) {
				err = ErrConsent
			}
			if err != nil {
				refuse(w, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
