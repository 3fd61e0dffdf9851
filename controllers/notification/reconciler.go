package notification

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/notice"
)

// Reconciler moves one message one step closer to its end.
type Reconciler struct {
	Client       client.Client
	Reader       client.Reader
	Recorder     events.EventRecorder
	Clock        clock.PassiveClock
	Senders      map[v1alpha1.ChannelType]Sender
	Namespace    string
	DeadLettered interface{ Inc() }
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, n *v1alpha1.Notification) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, n, statusOf)
	verdict, err := r.step(ctx, n, &status)
	report(n, verdict, err)
	written := status.Patch(ctx, n)
	if written == nil {
		r.announce(n, verdict)
	}
	return flow.Next(verdict.Wait, err, written)
}

// step is the order of work: the attempt is written, then made, then its outcome is written. A crash in between makes
// the attempt again, under the same key.
func (r *Reconciler) step(ctx context.Context, n *v1alpha1.Notification, status *patcher) (notice.Verdict, error) {
	in := notice.Input{Notification: n, Now: r.Clock.Now()}
	if notice.Ended(n) {
		return notice.Judge(in, notice.Rest{}, ""), nil
	}
	if !ours(n) {
		return notice.Verdict{}, &flow.Permanent{Reason: v1alpha1.ReasonNotMadeHere, Message: "This object was not written by Rempart as it is; it is never sent"}
	}
	in, delivery, err := r.load(ctx, in)
	if err != nil {
		return notice.Verdict{}, fmt.Errorf("loading: %w", err)
	}
	if rest := notice.Due(in); rest != (notice.Rest{}) {
		return notice.Judge(in, rest, ""), nil
	}
	if err := r.begin(ctx, in, status); err != nil {
		return notice.Verdict{}, fmt.Errorf("writing the attempt: %w", err)
	}
	_, givenUp := notice.Conclude(in, r.attempt(ctx, in, delivery))
	return notice.Judge(in, notice.Rest{}, givenUp), nil
}

// ours tells whether the operator made the message for the object that owns it.
func ours(n *v1alpha1.Notification) bool {
	if !notice.Genuine(n) {
		return false
	}
	for _, ref := range n.OwnerReferences {
		if string(ref.UID) == n.Spec.ObjectRef.UID && ref.Kind == n.Spec.ObjectRef.Kind && ref.Controller != nil && *ref.Controller {
			return true
		}
	}
	return false
}

// delivery is what an attempt needs beside the decision to make it. Missing means that a Secret is incomplete.
type delivery struct {
	envelope notice.Envelope
	missing  bool
}

// load reads the channel, what it carried in the last hour, and its Secrets, live.
func (r *Reconciler) load(ctx context.Context, in notice.Input) (notice.Input, delivery, error) {
	n := in.Notification
	channel := &v1alpha1.NotificationChannel{}
	switch err := r.Client.Get(ctx, client.ObjectKey{Name: string(n.Spec.ChannelRef.Name)}, channel); {
	case err == nil:
		in.Channel = channel
	case client.IgnoreNotFound(err) != nil:
		return in, delivery{}, fmt.Errorf("reading the channel: %w", err)
	}
	attempts, err := r.attempts(ctx, n)
	if err != nil {
		return in, delivery{}, err
	}
	in.Attempts = attempts
	if in.Channel == nil {
		return in, delivery{missing: true}, nil
	}
	d, err := r.prepare(ctx, in)
	return in, d, err
}

// attempts are the instants of the last attempts of the channel's other messages.
func (r *Reconciler) attempts(ctx context.Context, n *v1alpha1.Notification) ([]time.Time, error) {
	list := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, list, client.MatchingFields{indexChannel: string(n.Spec.ChannelRef.Name)}); err != nil {
		return nil, fmt.Errorf("listing the channel's messages: %w", err)
	}
	var at []time.Time
	for i := range list.Items {
		if last := list.Items[i].Status.LastAttemptTime; last != nil && list.Items[i].UID != n.UID {
			at = append(at, last.Time)
		}
	}
	return at, nil
}

func (r *Reconciler) prepare(ctx context.Context, in notice.Input) (delivery, error) {
	n, spec := in.Notification, &in.Channel.Spec
	content := map[v1alpha1.ObjectName]map[string][]byte{}
	for _, need := range notice.Needs(spec) {
		secret := &corev1.Secret{}
		switch err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: string(need.Secret)}, secret); {
		case err == nil:
			content[need.Secret] = secret.Data
		case client.IgnoreNotFound(err) != nil:
			return delivery{}, fmt.Errorf("reading a channel's Secret: %w", err)
		}
	}
	secrets, lack := notice.Gather(spec, content)
	message, err := notice.Render(n, notice.LanguageOf(in.Channel, n.Spec.Language))
	if err != nil {
		return delivery{}, &flow.Permanent{Reason: v1alpha1.ReasonNotMadeHere, Message: "The message has no text that this version of Rempart knows", Err: err}
	}
	return delivery{missing: lack != nil, envelope: notice.Envelope{
		Channel: *spec, Index: max(n.Spec.Recipient.Index, 1), Key: n.Spec.IdempotencyKey, Message: message, Time: in.Now, Secrets: secrets,
	}}, nil
}

// begin stores that an attempt is about to be made. Another process that did the same wins, and this one stops here.
// What is written after counts from what was stored.
func (r *Reconciler) begin(ctx context.Context, in notice.Input, status *patcher) error {
	notice.Begin(in.Notification, in.Now)
	report(in.Notification, notice.Judge(in, notice.Rest{}, ""), nil)
	if err := (*status).Patch(ctx, in.Notification); err != nil {
		return err
	}
	*status = statuspatch.New(r.Client, in.Notification, statusOf)
	return nil
}

// patcher writes the status. An attempt is the one reason to write it twice in a pass.
type patcher = *statuspatch.Patcher[*v1alpha1.Notification]

func (r *Reconciler) attempt(ctx context.Context, in notice.Input, d delivery) notice.Outcome {
	if d.missing {
		return notice.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	sender, ok := r.Senders[in.Channel.Spec.Type]
	if !ok {
		return notice.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	return sender.Send(ctx, d.envelope)
}
