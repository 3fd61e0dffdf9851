package consentpolicy

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// kept reads the ConfigMap of the tenant's checkpoint; nil when there is none.
func (r *Reconciler) kept(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (*corev1.ConfigMap, error) {
	name := policy.CheckpointName(policy.TenantID(cpol.Namespace, cpol.Name))
	object, err := child.Find(ctx, r.Reader, r.Namespace, name, &corev1.ConfigMap{})
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	if object != nil && !policy.Kept(object, cpol.Name) {
		return nil, taken("ConfigMap", name)
	}
	return object, nil
}

// checkpoint reads what was copied out of the ledger before. One that cannot be read is never overwritten: a person must see why.
func (r *Reconciler) checkpoint(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (policy.Checkpoint, error) {
	object, err := r.kept(ctx, cpol)
	if err != nil {
		return policy.Checkpoint{}, err
	}
	checkpoint, err := policy.OfConfigMap(object)
	if err != nil {
		return checkpoint, &flow.Permanent{Reason: v1alpha1.ReasonContradicted, Err: err, Message: fmt.Sprintf(
			"The ConfigMap %s in the operator's namespace holds no checkpoint that can be read; restore it", object.Name)}
	}
	return checkpoint, nil
}

// ask asks the service what it serves, and keeps its checkpoint if that continues what was kept. Nil is no answer, or one that
// is not this policy's: the conditions say so, and the next pass asks again.
func (r *Reconciler) ask(ctx context.Context, in *policy.Input) (*policy.Answer, error) {
	if in.Deployment == nil || in.Deployment.Status.ReadyReplicas == 0 {
		return nil, nil
	}
	answer, err := r.Service.Status(ctx, policy.Host(in.Policy))
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("Got no answer from the consent service", "reason", err.Error())
		return nil, nil
	}
	if !answer.Of(in.Policy) {
		ctrl.LoggerFrom(ctx).Info("Got an answer from the consent service that is not one of this policy")
		return nil, nil
	}
	// Before what may fail or take several passes: the next answer may be that of a replica which did no audit since.
	if noted := in.Checkpoint.After(answer.Audit); noted != in.Checkpoint && noted.Note != "" {
		if err := r.keep(ctx, in.Policy, noted); err != nil {
			return nil, err
		}
		in.Checkpoint = noted
	}
	if answer.Ledger.Checkpoint == "" { // not one event is in the log yet
		return answer, nil
	}
	var path [][]byte
	if in.Checkpoint.Grows(answer.Ledger) && len(answer.Sites) > 0 {
		if path, err = r.Service.Consistency(ctx, policy.Host(in.Policy), answer.Sites[0].ID, in.Checkpoint.Size, answer.Ledger.Size); err != nil {
			ctrl.LoggerFrom(ctx).Info("Got no proof from the consent service that its log only grew", "reason", err.Error())
			return nil, nil
		}
	}
	next, err := in.Checkpoint.Continue(answer.Ledger, path)
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("Got a checkpoint from the consent service that cannot be read")
		return nil, nil
	}
	next = next.After(answer.Audit)
	if next == in.Checkpoint && (!in.Forgotten.Stale(answer) || next.Contradicted != "") {
		return answer, nil
	}
	// The list of the forgotten is as far as the checkpoint that is kept, or further: what a restored copy lacks is known.
	if next.Contradicted == "" {
		switch done, err := r.collect(ctx, in, answer, next.Size); {
		case err != nil:
			ctrl.LoggerFrom(ctx).Info("Got no list from the consent service of who was forgotten", "reason", err.Error())
			return nil, nil
		case !done:
			return answer, nil
		}
	}
	if next == in.Checkpoint {
		return answer, nil
	}
	if err := r.keep(ctx, in.Policy, next); err != nil {
		return nil, err
	}
	in.Checkpoint = next
	return answer, nil
}

// keep writes a checkpoint over the version that was there a moment ago, and no other.
func (r *Reconciler) keep(ctx context.Context, cpol *v1alpha1.ConsentPolicy, checkpoint policy.Checkpoint) error {
	object, err := r.kept(ctx, cpol)
	if err != nil {
		return err
	}
	wanted := checkpoint.ConfigMap(cpol, r.Namespace)
	if object != nil {
		wanted.WithResourceVersion(object.ResourceVersion)
	}
	if err := r.Client.Apply(ctx, wanted, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	return nil
}
