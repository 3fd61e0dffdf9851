// Package memory has twins of the adapters that need no server. They prove that the boundaries are small, and serve
// tests.
package memory

import (
	"context"
	"sync"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/notice"
)

// Sender keeps what it was asked to send.
type Sender struct {
	mu     sync.Mutex
	sent   []notice.Envelope
	answer func(notice.Envelope) notice.Outcome
}

// NewSender returns a sender that answers as told; nil accepts everything.
func NewSender(answer func(notice.Envelope) notice.Outcome) *Sender { return &Sender{answer: answer} }

// Accepts every channel.
func (*Sender) Accepts(*v1alpha1.NotificationChannelSpec) bool { return true }

// Send keeps the envelope.
func (s *Sender) Send(_ context.Context, e notice.Envelope) notice.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, e)
	if s.answer != nil {
		return s.answer(e)
	}
	return notice.Outcome{Result: v1alpha1.DeliveryAccepted, MessageID: e.Key}
}

// Sent returns what was sent, in order.
func (s *Sender) Sent() []notice.Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]notice.Envelope(nil), s.sent...)
}
