package server

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
)

// budget is what requests of one network to one site are counted under. None can use up another's.
type budget int

const (
	// ofActs: what is recorded, and what is read of one person.
	ofActs budget = iota
	// ofReads: script, notice and proofs, the same for all.
	ofReads
	// ofWithdrawals: what takes consent back, and the page of a person, where that is done too. To withdraw is as easy as to consent
	// (Article 7(3)) only if nobody behind the same address can stand in the way: beyond the budget nothing is refused, it waits.
	ofWithdrawals
	// uncounted: what a browser asks before a page may withdraw. It costs nothing.
	uncounted
)

// lanes is how many of the requests that are answered at once there are for each beyond the budget of withdrawals.
const lanes = 16

// key keeps the budgets of a site apart. No site has such a sign in its name.
func (b budget) key(c call) string {
	name := string(rune('0'+int(b))) + "\x00"
	if c.site != nil {
		name += string(c.site.ID)
	}
	return name
}

// limited refuses a network that asks a site too often, and for withdrawals a person who does, by the secret that they show. Who draws
// secrets has each looked up by a key, and nothing written.
func (s *Server) limited(r *http.Request, b budget, c *call) error {
	switch b {
	case uncounted:
		return nil
	case ofWithdrawals:
		secret, given := bearerOf(r.Header["Authorization"])
		if !given {
			return nil // the page of a person: its link counts once, and of a secret counts what it says in the form
		}
		return s.limitedBy(secret, b, *c)
	case ofActs, ofReads:
	}
	return allowed(s.limits, b.key(*c), s.network(r), "this network", c.now)
}

// limitedBy refuses a person who asks a site too often, by the secret that they show.
func (s *Server) limitedBy(secret string, b budget, c call) error {
	return allowed(s.limits, b.key(c)+"\x00"+secret, netip.Prefix{}, "this person", c.now)
}

// How often erasure is asked for by a secret, of one person and from one network. Anybody can make secrets; and who has somebody's would
// try by which names the ledger knows them.
const (
	askEvery = time.Minute
	askBurst = 10
)

// askedOften refuses a person, or a network, that asks for erasure too often.
func (s *Server) askedOften(r *http.Request, secret string, c call) error {
	if err := allowed(s.asks, ofActs.key(c)+"\x00"+secret, netip.Prefix{}, "this person", c.now); err != nil {
		return err
	}
	return allowed(s.asks, ofActs.key(c), s.network(r), "this network", c.now)
}

// allowed counts a request, or says who has made too many.
func allowed(limits *limit.Limiter, key string, network netip.Prefix, whose string, now time.Time) error {
	ok, wait := limits.Allow(key, network, now)
	if ok {
		return nil
	}
	return problem.New(http.StatusTooManyRequests, problem.TooManyRequests, "There are too many requests from "+whose).After(max(wait, time.Second))
}

// lane lets withdrawals of a network that has used up its budget come one after the other, so that a flood of them takes a small part
// of the service from all others, and a real one among them gets its turn.
func (s *Server) lane(r *http.Request, b budget, c call) (leave func(), err error) {
	leave = func() {}
	if b != ofWithdrawals {
		return leave, nil
	}
	if ok, _ := s.limits.Allow(b.key(c), s.network(r), c.now); ok {
		return leave, nil
	}
	leave, in := s.slow.enter(r.Context(), s.timeout/2)
	if !in {
		return nil, problem.New(http.StatusServiceUnavailable, problem.Overloaded, "The service has more requests than it can answer").After(retrySoon)
	}
	return leave, nil
}
