package dataregister

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// managedRoles are the roles of a managed store.
var managedRoles = []task.Role{task.Admin, task.Eraser, task.Verifier}

// provide makes the credentials of managed stores. A Secret that is there is never overwritten, and never read.
func (r *Reconciler) provide(ctx context.Context, dreg *v1alpha1.DataRegister) error {
	for i := range dreg.Spec.Stores {
		s := &dreg.Spec.Stores[i]
		if s.Managed == nil {
			continue
		}
		for _, role := range managedRoles {
			if err := r.provideOne(ctx, dreg, string(s.Name), role); err != nil {
				return err
			}
		}
	}
	return nil
}

// provideOne creates a Secret, or takes over the one that a register of this name left behind with its volume.
func (r *Reconciler) provideOne(ctx context.Context, dreg *v1alpha1.DataRegister, store string, role task.Role) error {
	existing := metadataOf("Secret")
	name := register.SecretName(dreg.Name, store, role)
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: name}, existing)
	switch {
	case apierrors.IsNotFound(err):
		password, err := register.NewPassword(r.Chance)
		if err != nil {
			return err
		}
		return r.Client.Create(ctx, register.Credentials(dreg, store, role, password), fieldOwner)
	case err != nil:
		return err
	case !register.Kept(existing, dreg.Name, store):
		return taken("Secret", name)
	case existing.Labels[v1alpha1.LabelOwnerUID] == string(dreg.UID):
		return nil
	}
	before := existing.DeepCopy()
	wanted := register.Credentials(dreg, store, role, "")
	existing.Labels[v1alpha1.LabelOwnerUID] = string(dreg.UID)
	existing.OwnerReferences = wanted.OwnerReferences
	return r.Client.Patch(ctx, existing, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), fieldOwner)
}

// grow enlarges the volume of a managed store: the template of a StatefulSet cannot change, its claims can. It tells
// whether the API server refused, which is for a person to mend; meanwhile the store goes on as it is.
func (r *Reconciler) grow(ctx context.Context, s *v1alpha1.DataStore, facts register.Facts) (bool, error) {
	size, grow := database.Growth(s.Managed, facts.Claim)
	if !grow {
		return false, nil
	}
	wanted := facts.Claim.DeepCopy()
	wanted.Spec.Resources.Requests[corev1.ResourceStorage] = size
	err := r.Client.Patch(ctx, wanted, client.MergeFromWithOptions(facts.Claim, client.MergeFromWithOptimisticLock{}), fieldOwner)
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		return true, nil
	}
	return false, err
}
