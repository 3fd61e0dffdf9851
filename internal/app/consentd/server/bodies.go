package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// bodyWithin is how long a body of a page or a person may take, bodiesAtOnce how many of a network are read at the same time. A body that
// comes with its headers is read at once, so the bound is met only by who sends slowly.
const (
	bodyWithin   = 5 * time.Second
	bodiesAtOnce = 64
)

// bodies are those that are being read, of each network the oldest first. A network is forgotten with its last one.
type bodies struct {
	mu   sync.Mutex
	open map[netip.Prefix][]*body
}

// body is one that is being read.
type body struct{ end func() }

func newBodies() *bodies { return &bodies{open: map[netip.Prefix][]*body{}} }

// enter counts a body; leave ends that. Where a network has too many, its oldest is ended, and not the new one refused: who shares an
// address with somebody who sends slowly withdraws all the same. End is called once at most, and never after leave.
func (b *bodies) enter(network netip.Prefix, end func()) (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := &body{end}
	if len(b.open[network]) >= bodiesAtOnce {
		b.open[network][0].end()
		b.open[network] = b.open[network][1:]
	}
	b.open[network] = append(b.open[network], one)
	return func() { b.left(network, one) }
}

func (b *bodies) left(network netip.Prefix, one *body) {
	b.mu.Lock()
	defer b.mu.Unlock()
	others := slices.DeleteFunc(b.open[network], func(other *body) bool { return other == one })
	if b.open[network] = others; len(others) == 0 {
		delete(b.open, network)
	}
}

// receive reads the body of a request of strangers, before its turn: who sends slowly would keep the turns of all others.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWithin)) // what cannot do it is no connection
	leave := s.bodies.enter(s.network(r), func() { _ = control.SetReadDeadline(time.Now()) })
	text, err := io.ReadAll(r.Body)
	leave()
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err //nolint:wrapcheck // becomes 413
	}
	if err != nil {
		return malformed("The body ended early, or did not come in time")
	}
	_ = control.SetReadDeadline(time.Time{}) // or the connection would count as closed while the answer is made
	r.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}
