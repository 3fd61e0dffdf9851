// Package smtp delivers notifications by mail. TLS is mandatory; only towards a server that the operator's configuration names may it
// be missing.
package smtp

import (
	"context"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Sender mails through the egress guard.
type Sender struct{ guard *egress.Guard }

// New returns a sender.
func New(guard *egress.Guard) *Sender { return &Sender{guard: guard} }

// Accepts tells whether a channel's address is one that notifications may reach, as far as it shows before resolution.
func (s *Sender) Accepts(spec *v1alpha1.NotificationChannelSpec) bool {
	if spec.SMTP == nil {
		return false
	}
	target, err := serverOf(spec.SMTP).Target()
	return err == nil && s.guard.CheckTarget(target) == nil
}

func serverOf(channel *v1alpha1.SMTPChannel) relay.Server {
	return relay.Server{Host: channel.Host, Port: channel.Port, TLS: channel.TLS}
}

// Send makes one attempt.
func (s *Sender) Send(ctx context.Context, e notice.Envelope) notice.Outcome {
	channel := e.Channel.SMTP
	if channel == nil || int(e.Index) > len(channel.To) || e.Index < 1 {
		return notice.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	server := serverOf(channel)
	server.Username, server.Password, server.Roots = e.Username, e.Password, e.Roots
	if target, err := server.Target(); err == nil {
		server.Plain = s.guard.Allowed(target)
	}
	came := relay.Deliver(ctx, s.guard, server, relay.Letter{ID: e.Key, From: channel.From, To: telemetry.Hide(channel.To[e.Index-1]), Subject: e.Subject, Text: e.Text, Time: e.Time})
	outcome := notice.Outcome{Result: came.Result, Permanent: came.Permanent}
	if came.Result == v1alpha1.DeliveryAccepted {
		outcome.MessageID = relay.MessageID(e.Key)
	}
	return outcome
}
