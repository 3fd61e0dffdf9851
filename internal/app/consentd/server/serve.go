package server

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/client"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// call is what a handler knows beside the request: one policy and one instant, so that a policy that is replaced meanwhile does not show.
type call struct {
	policy *settings.Policy
	// site is that of the path, for routes that have one.
	site *settings.Site
	// account is who asks, for routes of clients.
	account client.Account
	now     time.Time
}

// handler answers, or returns why not: a problem.Problem, or an error of the ledger or the body.
type handler func(w http.ResponseWriter, r *http.Request, c call) error

// serve runs a route: it bounds time and body, counts, and turns errors into problems. Nothing personal is logged: the route's
// pattern stands for the path, and neither address, nor query, nor a header is ever written.
func (s *Server) serve(route route) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		start := s.clock()
		w := &writer{ResponseWriter: out}
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			if crash := recover(); crash != nil {
				s.log.Error("Recovered from a crash", "route", route.pattern, "stack", string(debug.Stack())) // not the value: it may quote
				w.fail(problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake"))
			}
			s.metrics.observe(route.pattern, w.status, s.clock().Sub(start))
			s.log.Debug("Answered", "route", route.pattern, "status", w.status, "bytes", w.bytes)
		}()
		harden(w.Header())
		if err := s.answer(w, r, route, start); err != nil { //nolint:contextcheck // the request carries it
			s.tell(w, r, route, s.problem(route, err))
		}
	})
}

// answer does the checks that are the same for all routes of a kind, then what is special about one.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, route route, now time.Time) error {
	c := call{policy: s.policies.Current(), now: now}
	if route.kind == operator { // answers before there is a policy, and while there are too many requests
		return route.handle(w, r, c)
	}
	if c.policy == nil {
		return problem.New(http.StatusServiceUnavailable, problem.NotReady, "The service is starting").After(retrySoon)
	}
	r.Body = http.MaxBytesReader(w, r.Body, route.limit())
	if err := s.admit(w, r, route, &c); err != nil {
		return err
	}
	if !route.endless {
		ctx, cancel := context.WithTimeout(detached(r, route), s.timeout)
		defer cancel()
		leave, in := s.turnOf(route).enter(ctx, s.timeout/2)
		if !in {
			return problem.New(http.StatusServiceUnavailable, problem.Overloaded, "The service has more requests than it can answer").After(retrySoon)
		}
		defer leave()
		r = r.WithContext(ctx)
	}
	if route.kind == program { // in its turn: to check a token is work
		if err := s.identify(r, route, &c); err != nil {
			return err
		}
	}
	leave, err := s.lane(r, route.budget, c)
	if err != nil {
		return err
	}
	defer leave()
	return route.handle(w, r, c)
}

// admit does what is done before a request takes a turn, so that strangers, and who sends slowly, take none of it.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, route route, c *call) error {
	switch route.kind {
	case steward:
		return s.trusted(r, c)
	case public, visitor, person:
		if err := s.allow(w, r, route, c); err != nil {
			return err
		}
		return s.receive(w, r)
	default:
		return nil
	}
}

// turnOf is where a route's requests wait. The operator's have their own: visitors cannot keep it from knowing, nor it them from deciding.
func (s *Server) turnOf(route route) turn {
	if route.kind == steward {
		return s.stewards
	}
	return s.turn
}

// detached lets what a person decided be recorded although the page that sent it is gone: it is, when a withdrawal is sent while
// the page closes.
func detached(r *http.Request, route route) context.Context {
	if route.lasting {
		return context.WithoutCancel(r.Context())
	}
	return r.Context()
}

// allow tells whether a page or a person may ask: by the site, the origin and the rate.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, route route, c *call) error {
	if route.sited() {
		site, known := c.policy.Sites[r.PathValue("site")]
		if !known {
			if route.kind == visitor {
				_ = allowOrigin(w, r, nil) // only for what it says of caches; no site, no origin
			}
			return problem.New(http.StatusNotFound, problem.SiteUnknown, "There is no such site")
		}
		c.site = site
	}
	switch route.kind {
	case public:
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		return s.limited(r, route.budget, c)
	case visitor:
		if err := allowOrigin(w, r, c.site); err != nil {
			return err
		}
		return s.limited(r, route.budget, c)
	default:
		return s.limited(r, route.budget, c)
	}
}

// problem is what an error means to who asks. What is not known to be harmless is the ledger's, and its text stays here.
func (s *Server) problem(route route, err error) problem.Problem {
	var tooLarge *http.MaxBytesError
	if p, ok := errors.AsType[problem.Problem](err); ok {
		return p
	}
	switch {
	case errors.As(err, &tooLarge):
		return problem.New(http.StatusRequestEntityTooLarge, problem.BodyTooLarge, "The body is too large")
	case errors.Is(err, consent.ErrContradicted):
		s.log.Error("The ledger and its log disagree", "route", route.pattern)
		return problem.New(http.StatusServiceUnavailable, problem.LedgerContradicted, "The ledger and its signed log disagree").After(retryLate)
	case errors.Is(err, consent.ErrKeyMissing):
		s.log.Error("A key is missing that the ledger needs", "route", route.pattern)
		return problem.New(http.StatusServiceUnavailable, problem.KeyMissing, "The service lacks a key that it needs for this").After(retryLate)
	default:
		s.metrics.ledgerErrors.Inc()
		s.log.Warn("The ledger did not answer", "route", route.pattern, "timeout", errors.Is(err, context.DeadlineExceeded))
		return problem.New(http.StatusServiceUnavailable, problem.LedgerUnavailable, "The ledger cannot be reached").After(retrySoon)
	}
}

// How soon to try again.
const (
	retrySoon = 2 * time.Second
	retryLate = 5 * time.Minute
)

// Hardened answers with the headers of every answer.
func Hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		next.ServeHTTP(w, r)
	})
}

// harden sets the headers of every answer. A page may frame none, no script runs in one, and none has a form or a base: those two directives,
// as the framing, do not fall back to default-src (CSP level 3, section 6.3 and 6.4).
func harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Strict-Transport-Security", "max-age=63072000")
	h.Set("Cache-Control", "no-store")
}

// writer remembers what was answered.
type writer struct {
	http.ResponseWriter
	status, bytes int
}

// WriteHeader sends the status, once.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write sends a part of the body.
func (w *writer) Write(part []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(part)
	w.bytes += n
	return n, err //nolint:wrapcheck // the writer's own
}

// Unwrap lets http.ResponseController find what is below.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// fail answers with a problem, if nothing was answered yet.
func (w *writer) fail(p problem.Problem) {
	if w.status == 0 {
		p.Write(w)
	}
}

// quiet is where net/http's own messages go: they name addresses, and values that a crash quotes.
type quiet struct{ log *slog.Logger }

// Write says that there was a message, and nothing of it.
func (q quiet) Write(text []byte) (int, error) {
	q.log.Debug("The HTTP server had something to say")
	return len(text), nil
}

func silent(logger *slog.Logger) *log.Logger { return log.New(quiet{logger}, "", 0) }
