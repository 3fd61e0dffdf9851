package gate

import (
	"sync"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// cache keeps answers for a moment, in memory. It keeps none while the stream is not heard: a withdrawal would go unnoticed. People are kept
// by the names that the program has for them, while the stream names them by a reference, so each change empties all.
type cache struct {
	mu      sync.Mutex
	heard   bool
	current kept[rules]
	people  map[Subject]kept[[]consent.State]
	// generation counts how often all was forgotten: what was asked before is not kept after.
	generation uint64
}

type kept[T any] struct {
	value T
	until time.Time
}

// maxPeople bounds memory; at that many all is forgotten.
const maxPeople = 10_000

func newCache() *cache { return &cache{people: map[Subject]kept[[]consent.State]{}} }

// hear says whether the stream is heard. Either way what was known is forgotten: something may have been missed.
func (c *cache) hear(heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = heard
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
	c.current = kept[rules]{}
	clear(c.people)
}

// policy returns what is kept of the policy, and the generation to give to putPolicy.
func (c *cache) policy(now time.Time) (rules, uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.value, c.generation, now.Before(c.current.until)
}

// putPolicy keeps a policy, unless something changed since it was asked for.
func (c *cache) putPolicy(r rules, now time.Time, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heard && generation == c.generation {
		c.current = kept[rules]{r, now.Add(r.keep)}
	}
}

// person returns what is kept of a person, and the generation to give to putPerson.
func (c *cache) person(who Subject, now time.Time) ([]consent.State, uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.people[who]
	return k.value, c.generation, now.Before(k.until)
}

// putPerson keeps what was read of a person, unless something changed since it was asked for.
func (c *cache) putPerson(who Subject, states []consent.State, keep time.Duration, now time.Time, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.heard || generation != c.generation || keep <= 0:
	case len(c.people) >= maxPeople:
		c.reset()
	default:
		c.people[who] = kept[[]consent.State]{states, now.Add(keep)}
	}
}
