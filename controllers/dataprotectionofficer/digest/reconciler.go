package digest

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/officer"
)

// Log is the evidence log, whose state the digest takes out of the cluster.
type Log interface {
	// Head is the newest signed checkpoint; the zero SignedHead while the log has no leaves.
	Head(ctx context.Context) (evidence.SignedHead, error)
}

// Reconciler sends the digest of one DataProtectionOfficer when it is due.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache.
	Reader client.Reader
	Log    Log
	// Namespace of the operator, where the messages are.
	Namespace string
	Clock     clock.PassiveClock
}

// Reconcile writes the messages of a digest that is due, and says when the next one is.
func (r *Reconciler) Reconcile(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, dpo, func(d *v1alpha1.DataProtectionOfficer) any { return &d.Status })
	verdict, err := r.step(ctx, dpo)
	report(dpo, verdict, err)
	return flow.Next(verdict.Wait, err, status.Patch(ctx, dpo))
}

// step is the order of work.
func (r *Reconciler) step(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (officer.DigestVerdict, error) {
	in, err := r.load(ctx, dpo)
	if err != nil {
		return officer.DigestVerdict{}, fmt.Errorf("loading: %w", err)
	}
	verdict := officer.Digests(in)
	if err := r.apply(ctx, dpo, verdict); err != nil {
		return officer.DigestVerdict{}, fmt.Errorf("applying: %w", err)
	}
	return verdict, nil
}

// load reads what a digest says and who carries it. Without a schedule there is nothing to read.
func (r *Reconciler) load(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (officer.DigestInput, error) {
	in := officer.DigestInput{Officer: dpo, Namespace: r.Namespace, Now: r.Clock.Now(), Channels: map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{}}
	if dpo.Spec.Digest == nil {
		return in, nil
	}
	for _, name := range officer.DigestChannels(dpo) {
		channel := &v1alpha1.NotificationChannel{}
		switch err := r.Client.Get(ctx, client.ObjectKey{Name: string(name)}, channel); {
		case err == nil:
			in.Channels[name] = channel
		case client.IgnoreNotFound(err) != nil:
			return in, fmt.Errorf("reading a channel: %w", err)
		}
	}
	sent := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, sent, client.InNamespace(r.Namespace), client.MatchingFields{indexOfficer: string(dpo.UID)}); err != nil {
		return in, fmt.Errorf("listing digests: %w", err)
	}
	in.Sent = sent.Items
	return in, r.head(ctx, &in)
}

// head reads the state of the evidence log. A log that only a person can help is what the digest must tell.
func (r *Reconciler) head(ctx context.Context, in *officer.DigestInput) error {
	head, err := r.Log.Head(ctx)
	if hopeless, is := errors.AsType[*flow.Permanent](err); is {
		in.LogProblem = hopeless.Reason
		return nil
	}
	in.Head = head
	return err
}

// apply is the only writer of messages, and removes those that are old.
func (r *Reconciler) apply(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer, verdict officer.DigestVerdict) error {
	var messages []runtime.ApplyConfiguration
	for _, draft := range verdict.Messages {
		messages = append(messages, draft.Apply().WithOwnerReferences(child.OwnedBy(dpo, "DataProtectionOfficer")))
	}
	if err := child.Once(ctx, r.Client, r.Reader, dpo, fieldOwner, messages); err != nil {
		return err
	}
	for i := range verdict.Old {
		if err := child.Delete(ctx, r.Client, &verdict.Old[i]); err != nil {
			return fmt.Errorf("removing an old digest: %w", err)
		}
	}
	return nil
}

// report sets the one field of this controller.
func report(dpo *v1alpha1.DataProtectionOfficer, verdict officer.DigestVerdict, err error) {
	if err == nil && verdict.Handed != nil {
		dpo.Status.LastDigestTime = verdict.Handed
	}
}
