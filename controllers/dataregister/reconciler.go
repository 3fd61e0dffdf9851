package dataregister

import (
	"context"
	"fmt"
	"io"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/register"
)

const fieldOwner = client.FieldOwner("dataregister.gdpr.rempart.dev")

// Reconciler moves one DataRegister one step closer to what its spec asks.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache: Secrets, claims and pods are not cached.
	Reader   client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Places   Places
	Chance   io.Reader
	Image    string
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, dreg *v1alpha1.DataRegister) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, dreg, func(d *v1alpha1.DataRegister) any { return &d.Status })
	before := dreg.DeepCopy()
	verdict, err := r.step(ctx, dreg)
	report(dreg, verdict, err)
	patched := status.Patch(ctx, dreg)
	if patched == nil {
		r.announce(before, dreg)
	}
	return flow.Next(verdict.Wait, err, patched)
}

// step is the order of work, and the only place that knows it.
func (r *Reconciler) step(ctx context.Context, dreg *v1alpha1.DataRegister) (register.Verdict, error) {
	if !dreg.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, dreg)
	}
	if wrote, err := child.Finalize(ctx, r.Client, dreg, v1alpha1.FinalizerDataRegister); wrote || err != nil {
		return register.Verdict{}, err
	}
	if err := r.claim(ctx, dreg); err != nil {
		return register.Verdict{}, err
	}
	if err := r.provide(ctx, dreg); err != nil {
		return register.Verdict{}, fmt.Errorf("providing credentials: %w", err)
	}
	in, err := r.load(ctx, dreg)
	if err != nil {
		return register.Verdict{}, fmt.Errorf("loading: %w", err)
	}
	if err := r.apply(ctx, in); err != nil {
		return register.Verdict{}, fmt.Errorf("applying: %w", err)
	}
	if in.Lingering, err = r.prune(ctx, in); err != nil {
		return register.Verdict{}, fmt.Errorf("pruning: %w", err)
	}
	seen, err := r.observe(ctx, in)
	if err != nil {
		return register.Verdict{}, fmt.Errorf("observing: %w", err)
	}
	return register.Judge(in, seen), nil
}

// claim refuses to touch a store that another register has claimed before. The webhook refuses such a register; this one
// was created while the webhook was off, at the same instant, or before the news of the other one had come.
func (r *Reconciler) claim(ctx context.Context, dreg *v1alpha1.DataRegister) error {
	var others []v1alpha1.DataRegister
	for _, key := range register.ClaimKeys(dreg) {
		list := &v1alpha1.DataRegisterList{}
		if err := r.Client.List(ctx, list, client.MatchingFields{register.IndexClaims: key}); err != nil {
			return fmt.Errorf("looking for other claims: %w", err)
		}
		others = append(others, list.Items...)
	}
	rival, claim := register.Rival(dreg, others)
	what := "database"
	if claim.Workload {
		what = "workload"
	}
	switch {
	case rival == nil:
		return nil
	case rival.UID == dreg.UID:
		return &flow.Permanent{Reason: v1alpha1.ReasonStoreClaimed,
			Message: fmt.Sprintf("Store %q names the same database as another store of this register; remove one of them", claim.Store)}
	case rival.Namespace != dreg.Namespace: // the other namespace is not this user's to know
		return &flow.Permanent{Reason: v1alpha1.ReasonStoreClaimed,
			Message: fmt.Sprintf("The %s of store %q is claimed by an older DataRegister in another namespace; a %s has one register", what, claim.Store, what)}
	default:
		return &flow.Permanent{Reason: v1alpha1.ReasonStoreClaimed,
			Message: fmt.Sprintf("The %s of store %q is claimed by the older DataRegister %q; a %s has one register: remove the store from one of them", what, claim.Store, rival.Name, what)}
	}
}

// apply is the only writer of children, but for credentials (provide) and what must go (prune). It notes in the input
// which volumes could not grow.
func (r *Reconciler) apply(ctx context.Context, in register.Input) error {
	if err := child.Apply(ctx, r.Client, r.Reader, in.Register, fieldOwner, register.Desired(in)); err != nil {
		return err
	}
	for i := range in.Register.Spec.Stores {
		s := &in.Register.Spec.Stores[i]
		facts := in.Stores[string(s.Name)]
		refused, err := r.grow(ctx, s, facts)
		if err != nil {
			return fmt.Errorf("enlarging a volume: %w", err)
		}
		facts.GrowthRefused = refused
		in.Stores[string(s.Name)] = facts
	}
	return nil
}
