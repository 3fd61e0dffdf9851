package server

import (
	"context"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

// cache keeps for a moment what was read of people, in memory. Any change of anybody's state empties it: what is kept is known by
// names, and what changes by a reference, so nothing else could be sure. It serves many questions about few people between
// two changes; the ledger answers the others.
type cache struct {
	mu    sync.Mutex
	known map[consent.Person]kept
	// generation counts how often all was forgotten: what was read before is not kept after.
	generation uint64
	watched    bool
}

type kept struct {
	states []consent.State
	until  time.Time
}

// maxKept bounds memory; at that many all is forgotten.
const maxKept = 50_000

func newCache() *cache { return &cache{known: map[consent.Person]kept{}} }

// open says whether changes are seen. While they are not, nothing is kept.
func (c *cache) open(watched bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = watched
	c.reset()
}

// forget drops all that is kept.
func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *cache) reset() {
	c.generation++
	clear(c.known)
}

// get returns what is kept of people, the others, and the generation to give to put.
func (c *cache) get(people []consent.Person, now time.Time) (states map[consent.Person][]consent.State, missing []consent.Person, generation uint64) {
	states = make(map[consent.Person][]consent.State, len(people))
	asked := make(map[consent.Person]bool)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, person := range people {
		if k, ok := c.known[person]; ok && now.Before(k.until) {
			states[person] = k.states
		} else if !asked[person] {
			asked[person] = true
			missing = append(missing, person)
		}
	}
	return states, missing, c.generation
}

// put keeps what was read, unless something changed since it was asked for.
func (c *cache) put(person consent.Person, states []consent.State, until time.Time, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.watched || generation != c.generation {
		return
	}
	if len(c.known) >= maxKept {
		c.reset()
		return
	}
	c.known[person] = kept{states, until}
}

// states answers for people, as the policy weighs their decisions, from what is kept and, for the others, from the ledger.
func (s *Server) states(ctx context.Context, people []consent.Person, p *settings.Policy, now time.Time) (map[consent.Person][]consent.State, error) {
	known, err := s.read(ctx, people, p.CacheFor(), now)
	for person, states := range known {
		known[person] = judge.Weigh(p.Purposes, states)
	}
	return known, err
}

// read does so as the ledger has them.
func (s *Server) read(ctx context.Context, people []consent.Person, keep time.Duration, now time.Time) (map[consent.Person][]consent.State, error) {
	known, missing, generation := s.cache.get(people, now)
	if len(missing) == 0 {
		return known, nil
	}
	read, err := s.ledger.States(ctx, missing)
	if err != nil {
		return nil, err //nolint:wrapcheck // becomes a problem
	}
	for i, person := range missing {
		known[person] = read[i]
		if keep > 0 {
			s.cache.put(person, read[i], now.Add(keep), generation)
		}
	}
	return known, nil
}
