package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

// beat keeps a stream open through proxies, and finds out who is gone; pulse bounds one write.
const (
	beat  = 15 * time.Second
	pulse = 10 * time.Second
)

// maxStreams bounds how many listen to one process.
const maxStreams = 256

// stream tells of each change of somebody's state as it happens (server-sent events). Event changed names the subject and the
// purposes, never a person; event reset says that some may have been missed: read again what you count on.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, c call) error {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return problem.New(http.StatusServiceUnavailable, problem.Overloaded, "Too many clients listen").After(retryLate)
	}
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	changes, leave := s.hub.listen()
	defer leave()

	control := http.NewResponseController(w)
	// The server's limits are for requests that end; this one reads nothing more, and each write has a limit of its own.
	_ = control.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	send := func(text []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(pulse))
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !send([]byte("retry: 1000\nevent: reset\ndata: {}\n\n")) {
		return nil
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		var text []byte
		select {
		case <-r.Context().Done():
			return nil
		case <-s.draining:
			return nil
		case <-ticker.C:
			if !s.stillMay(r, c) {
				return nil
			}
			text = []byte(": alive\n\n")
		case change, open := <-changes:
			if !open {
				return nil // too slow: it comes back and starts with a reset
			}
			text = eventOf(change)
		}
		if !send(text) {
			return nil
		}
	}
}

// stillMay tells whether who listens may still do so: tokens end, and policies change.
func (s *Server) stillMay(r *http.Request, c call) bool {
	c.policy, c.now = s.policies.Current(), s.clock()
	return s.identify(r, route{rights: listening}, &c) == nil
}

func eventOf(change consent.Change) []byte {
	if change.Subject == uuid.Nil {
		return []byte("event: reset\ndata: {}\n\n")
	}
	data, err := json.Marshal(struct {
		Subject  uuid.UUID `json:"subject"`
		Purposes []string  `json:"purposes"`
	}{change.Subject, append([]string{}, change.Purposes...)})
	if err != nil {
		return nil
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "event: changed\ndata: %s\n\n", data)
	return text.Bytes()
}
