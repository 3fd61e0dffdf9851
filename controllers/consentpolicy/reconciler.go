package consentpolicy

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/register/database"
)

const fieldOwner = client.FieldOwner("consentpolicy.gdpr.rempart.dev")

// Reconciler moves one ConsentPolicy one step closer to what its spec asks.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache: Secrets, claims, pods and what is rarely made are not cached.
	Reader   client.Reader
	Recorder events.EventRecorder
	Config
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, cpol, func(p *v1alpha1.ConsentPolicy) any { return &p.Status })
	before := cpol.DeepCopy()
	verdict, err := r.step(ctx, cpol)
	report(cpol, verdict, err)
	patched := status.Patch(ctx, cpol)
	if patched == nil {
		r.announce(before, cpol)
	}
	return flow.Next(verdict.Wait, err, patched)
}

// step is the order of work, and the only place that knows it.
func (r *Reconciler) step(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (policy.Verdict, error) {
	if !cpol.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, cpol)
	}
	if wrote, err := child.Finalize(ctx, r.Client, cpol, v1alpha1.FinalizerConsentPolicy); wrote || err != nil {
		return policy.Verdict{}, err
	}
	in, err := r.load(ctx, cpol)
	if err != nil {
		return policy.Verdict{}, fmt.Errorf("loading: %w", err)
	}
	if err := r.provide(ctx, &in); err != nil {
		return policy.Verdict{}, fmt.Errorf("providing keys and credentials: %w", err)
	}
	if err := r.apply(ctx, &in); err != nil {
		return policy.Verdict{}, fmt.Errorf("applying: %w", err)
	}
	seen, err := r.observe(ctx, &in)
	if err != nil {
		return policy.Verdict{}, fmt.Errorf("observing: %w", err)
	}
	if err := r.prune(ctx, in, seen); err != nil {
		return policy.Verdict{}, fmt.Errorf("pruning: %w", err)
	}
	return policy.Judge(in, seen), nil
}

// apply is the only writer of children, but for credentials and keys (provide), checkpoints (keep) and what must go (prune).
// It notes in the input whether the volume could not grow.
func (r *Reconciler) apply(ctx context.Context, in *policy.Input) error {
	children, err := policy.Desired(*in)
	if err != nil {
		return err
	}
	if err := child.Apply(ctx, r.Client, r.Reader, in.Policy, fieldOwner, children); err != nil {
		return err
	}
	size, grow := database.Growth(in.Policy.Spec.Service.Database.Managed, in.Claim)
	if !grow {
		return nil
	}
	wanted := in.Claim.DeepCopy()
	wanted.Spec.Resources.Requests[corev1.ResourceStorage] = size
	err = r.Client.Patch(ctx, wanted, client.MergeFromWithOptions(in.Claim, client.MergeFromWithOptimisticLock{}), fieldOwner)
	if in.GrowthRefused = apierrors.IsForbidden(err) || apierrors.IsInvalid(err); err != nil && !in.GrowthRefused {
		return fmt.Errorf("enlarging a volume: %w", err)
	}
	return nil
}
