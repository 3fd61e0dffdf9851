package dataregister

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/register"
)

// leaving is how long to wait for children that were deleted to be gone.
const leaving = time.Second

// finalize removes the children and waits until they are gone, so that a register of the same name can follow at once.
// Volumes and admin credentials go or stay as each store's deletion policy says.
func (r *Reconciler) finalize(ctx context.Context, dreg *v1alpha1.DataRegister) (register.Verdict, error) {
	if !controllerutil.ContainsFinalizer(dreg, v1alpha1.FinalizerDataRegister) {
		return register.Verdict{}, nil
	}
	left, err := r.pruneScans(ctx, dreg, func(*batchv1.Job) bool { return true })
	if err != nil {
		return register.Verdict{}, err
	}
	for _, name := range register.StoreNames(dreg) {
		still, err := r.remove(ctx, dreg, name, true, deletionPolicy(register.Store(dreg, name)))
		if err != nil {
			return register.Verdict{}, fmt.Errorf("removing a store: %w", err)
		}
		left = left || still
	}
	if left {
		return register.Verdict{Wait: leaving, Conditions: []metav1.Condition{
			condition.False(v1alpha1.ConditionReady, v1alpha1.ReasonDeleting, "The register's children are being removed"),
		}}, nil
	}
	if err := r.dropOrphans(ctx, dreg); err != nil {
		return register.Verdict{}, err
	}
	return register.Verdict{}, child.Release(ctx, r.Client, dreg, v1alpha1.FinalizerDataRegister)
}

// deletionPolicy of a store that is managed; empty for others.
func deletionPolicy(s *v1alpha1.DataStore) v1alpha1.DeletionPolicy {
	switch {
	case s == nil || s.Managed == nil:
		return ""
	case s.Managed.DeletionPolicy == "":
		return v1alpha1.DeletionRetain
	default:
		return s.Managed.DeletionPolicy
	}
}

// dropOrphans deletes what a managed store leaves beside its StatefulSet: with policy Delete everything, and credentials
// that open no volume.
func (r *Reconciler) dropOrphans(ctx context.Context, dreg *v1alpha1.DataRegister) error {
	for i := range dreg.Spec.Stores {
		s := &dreg.Spec.Stores[i]
		if s.Managed == nil {
			continue
		}
		claim := metadataOf("PersistentVolumeClaim")
		err := r.Reader.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: register.ClaimName(dreg.Name, string(s.Name))}, claim)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("looking for a volume: %w", err)
		}
		if err == nil && deletionPolicy(s) != v1alpha1.DeletionDelete {
			continue
		}
		if err := r.dropData(ctx, dreg, string(s.Name)); err != nil {
			return err
		}
		for _, role := range managedRoles {
			if err := r.drop(ctx, dreg, metadataOf("Secret"), register.SecretName(dreg.Name, string(s.Name), role)); err != nil {
				return fmt.Errorf("deleting credentials: %w", err)
			}
		}
	}
	return nil
}
