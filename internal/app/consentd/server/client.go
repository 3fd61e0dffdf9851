package server

import (
	"net/http"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent/place"
)

// identify verifies the client's token and looks for the right that the route needs. A token without the right learns that, one
// that does not count nothing.
func (s *Server) identify(r *http.Request, route route, c *call) error {
	token, given := bearerOf(r.Header["Authorization"])
	if !given {
		return unauthenticated
	}
	account, err := c.policy.Issuers.Verify(token, place.Audience, c.now)
	if err != nil {
		return unauthenticated
	}
	if !slices.ContainsFunc(route.rights, func(right v1alpha1.ClientRight) bool { return c.policy.Rights.Has(account, right) }) {
		return problem.New(http.StatusForbidden, problem.Forbidden, "The ServiceAccount lacks the right that this needs")
	}
	c.account = account
	return nil
}

var unauthenticated = problem.New(http.StatusUnauthorized, problem.Unauthenticated, "A token of a ServiceAccount, of audience consentd, is needed")
