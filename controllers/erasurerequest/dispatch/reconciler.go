package dispatch

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

const fieldOwner = client.FieldOwner("erasuredispatch.gdpr.rempart.dev")

// Reconciler makes the next runs of one register. It writes no status: what it did is to be seen in the runs.
type Reconciler struct {
	Client client.Client
	Reader client.Reader
	Clock  clock.PassiveClock
	Image  string
}

// Reconcile makes the runs that should begin, and removes those that nobody needs any more.
func (r *Reconciler) Reconcile(ctx context.Context, register *v1alpha1.DataRegister) (ctrl.Result, error) {
	verdict, err := r.step(ctx, register)
	return flow.Next(verdict.Wait, err, nil)
}

func (r *Reconciler) step(ctx context.Context, register *v1alpha1.DataRegister) (erasure.DispatchVerdict, error) {
	in, err := r.load(ctx, register)
	if err != nil {
		return erasure.DispatchVerdict{}, fmt.Errorf("loading: %w", err)
	}
	verdict := erasure.Dispatch(in)
	for _, run := range verdict.Create {
		if err := r.create(ctx, register, run); err != nil {
			return verdict, err
		}
	}
	for _, run := range verdict.Prune {
		if err := child.Delete(ctx, r.Client, run); err != nil {
			return verdict, fmt.Errorf("pruning a run: %w", err)
		}
	}
	return verdict, nil
}

// onlyRead spares the copies of ten thousand objects: what was listed is only read.
const onlyRead = client.UnsafeDisableDeepCopyOption(true)

func (r *Reconciler) load(ctx context.Context, register *v1alpha1.DataRegister) (erasure.DispatchInput, error) {
	in := erasure.DispatchInput{Register: register, Image: r.Image, Now: r.Clock.Now()}
	runs, requests := &v1alpha1.ErasureRunList{}, &v1alpha1.ErasureRequestList{}
	ofRegister := client.MatchingLabels{v1alpha1.LabelOwnerUID: string(register.UID)}
	if err := r.Client.List(ctx, runs, client.InNamespace(register.Namespace), ofRegister, onlyRead); err != nil {
		return in, fmt.Errorf("listing runs: %w", err)
	}
	if err := r.Client.List(ctx, requests, client.InNamespace(register.Namespace), onlyRead); err != nil {
		return in, fmt.Errorf("listing requests: %w", err)
	}
	policies := &v1alpha1.ConsentPolicyList{}
	if err := r.Client.List(ctx, policies, client.InNamespace(register.Namespace)); err != nil {
		return in, fmt.Errorf("listing consent policies: %w", err)
	}
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Client.List(ctx, holds, client.InNamespace(register.Namespace)); err != nil {
		return in, fmt.Errorf("listing holds: %w", err)
	}
	in.Holds = holds.Items
	in.Runs, in.Requests, in.Policies = runs.Items, requests.Items, policies.Items
	return in, nil
}

// create makes a run once: its name says which requests it serves, so one that exists is this one. A stranger of that
// name is never adopted.
func (r *Reconciler) create(ctx context.Context, register *v1alpha1.DataRegister, run *v1alpha1.ErasureRun) error {
	err := r.Client.Create(ctx, run, fieldOwner)
	if err == nil {
		return nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making a run: %w", err)
	}
	existing := &v1alpha1.ErasureRun{}
	if err := r.Reader.Get(ctx, client.ObjectKeyFromObject(run), existing); err != nil {
		return client.IgnoreNotFound(err)
	}
	if child.Ours(existing, register) {
		return nil
	}
	return &flow.Permanent{Reason: v1alpha1.ReasonNameTaken, Elsewhere: true, Message: fmt.Sprintf("ErasureRun %q exists and was not made by Rempart for this register; remove it", run.Name)}
}
