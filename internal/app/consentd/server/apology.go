package server

import (
	"net/http"
	"strings"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
)

// apologies are what a person is told of a problem in their browser, by its status; of all others pageFailed.
var apologies = map[int]view{http.StatusTooManyRequests: pageTooOften, http.StatusServiceUnavailable: pageUnavailable}

// tell answers with a problem: as a page to who asks for their page in a browser, as problem details (RFC 9457) to all others. The page is
// in the language that the browser prefers: what is wrong may be the form.
func (s *Server) tell(w *writer, r *http.Request, route route, p problem.Problem) {
	policy := s.policies.Current()
	if route.kind != person || policy == nil || w.status != 0 || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.fail(p)
		return
	}
	site, known := policy.Sites[r.PathValue("site")]
	if !known {
		w.fail(p)
		return
	}
	said, known := apologies[p.Status]
	if !known {
		said = pageFailed
	}
	p.Wait(w.Header())
	if err := s.render(w, p.Status, s.sheet(r, call{policy: policy, site: site, now: s.clock()}).as(said)); err != nil {
		w.fail(p)
	}
}
