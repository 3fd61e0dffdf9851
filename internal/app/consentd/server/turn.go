package server

import (
	"context"
	"time"
)

// turn bounds how many requests are answered at once, and how many wait. A ledger that pauses for a second, at a checkpoint or while
// its disk is busy, is an ordinary thing: who comes meanwhile waits for it, and is not sent away with a decision that was made.
type turn struct{ slots, places chan struct{} }

// room is how many wait for each that is answered.
const room = 4

// stewardsAtOnce is how much of the operator's asking is answered at once: it looks for wishes, and for who was forgotten, one after the other.
const stewardsAtOnce = 2

func newTurn(atOnce int) turn {
	return turn{slots: make(chan struct{}, atOnce), places: make(chan struct{}, room*atOnce)}
}

// enter waits for a turn, at most so long; leave ends it. There is none where too many wait, or it does not come in time.
func (t turn) enter(ctx context.Context, within time.Duration) (leave func(), in bool) {
	leave = func() { <-t.slots }
	select {
	case t.slots <- struct{}{}:
		return leave, true
	default:
	}
	select {
	case t.places <- struct{}{}:
		defer func() { <-t.places }()
	default:
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case t.slots <- struct{}{}:
		return leave, true
	case <-ctx.Done():
		return nil, false
	}
}
