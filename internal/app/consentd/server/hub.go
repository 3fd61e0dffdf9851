package server

import (
	"context"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// hub hands each change of state to the streams and to the cache. It holds one watch of the ledger, however many listen.
type hub struct {
	mu        sync.Mutex
	listeners map[chan consent.Change]struct{}
	cache     *cache
}

// backlog is how many changes may wait for a listener that is slow. One that is slower is told to forget what it knows.
const backlog = 256

func newHub(cache *cache) *hub {
	return &hub{listeners: map[chan consent.Change]struct{}{}, cache: cache}
}

// run watches until the context ends. While nothing watches, nothing is kept: what may have changed unseen must be read again.
func (h *hub) run(ctx context.Context, ledger consent.Reader) {
	for ctx.Err() == nil {
		changes, err := ledger.Watch(ctx)
		if err == nil {
			h.publish(consent.Change{})
			h.cache.open(true)
			for change := range changes {
				h.publish(change)
			}
		}
		h.cache.open(false)
		h.publish(consent.Change{})
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}

// watchPause is between two attempts to watch.
const watchPause = 500 * time.Millisecond

func (h *hub) publish(change consent.Change) {
	h.cache.forget()
	h.mu.Lock()
	defer h.mu.Unlock()
	for listener := range h.listeners {
		select {
		case listener <- change:
		default:
			delete(h.listeners, listener)
			close(listener)
		}
	}
}

// listen returns changes from now on; the channel is closed for a listener that is too slow.
func (h *hub) listen() (<-chan consent.Change, func()) {
	listener := make(chan consent.Change, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[listener] = struct{}{}
	return listener, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, there := h.listeners[listener]; there {
			delete(h.listeners, listener)
			close(listener)
		}
	}
}
