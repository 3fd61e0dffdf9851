package dataregister

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/register"
)

// prune removes what Desired no longer returns: scans that were recorded or overtaken, and the children of stores that
// left the spec or are no longer managed. It returns the stores that left and whose children are not all gone.
func (r *Reconciler) prune(ctx context.Context, in register.Input) ([]string, error) {
	if _, err := r.pruneScans(ctx, in.Register, func(scan *batchv1.Job) bool { return !isNext(in, scan.Name) }); err != nil {
		return nil, err
	}
	var lingering []string
	for _, name := range register.StoreNames(in.Register) {
		s := register.Store(in.Register, name)
		if s != nil && s.Managed != nil {
			continue
		}
		left, err := r.remove(ctx, in.Register, name, s == nil, "")
		if err != nil {
			return nil, fmt.Errorf("removing a store: %w", err)
		}
		if left && s == nil {
			lingering = append(lingering, name)
		}
	}
	return lingering, nil
}

// isNext tells whether a scan of that name is the next one of a store: one that is under way or not yet recorded.
func isNext(in register.Input, name string) bool {
	return slices.ContainsFunc(in.Register.Spec.Stores, func(s v1alpha1.DataStore) bool {
		status := v1alpha1.StoreStatus{Name: s.Name}
		if recorded := register.StoreStatus(in.Register, string(s.Name)); recorded != nil {
			status = *recorded
		}
		return name == register.ScanName(in.Register, status, register.Digest(in.Register, &s, in.Stores[string(s.Name)].Credentials))
	})
}

// pruneScans deletes the register's scans that are gone, each with its task, and tells whether it found any.
func (r *Reconciler) pruneScans(ctx context.Context, dreg *v1alpha1.DataRegister, gone func(*batchv1.Job) bool) (bool, error) {
	scans := &batchv1.JobList{}
	if err := r.Client.List(ctx, scans, client.InNamespace(dreg.Namespace), client.MatchingLabels{
		v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelRegister: dreg.Name, v1alpha1.LabelComponent: job.ComponentScan,
	}); err != nil {
		return false, fmt.Errorf("listing scans: %w", err)
	}
	found := false
	for i := range scans.Items {
		scan := &scans.Items[i]
		if !child.Ours(scan, dreg) || !gone(scan) {
			continue
		}
		found = true
		if err := r.drop(ctx, dreg, metadataOf("Secret"), scan.Name); err != nil {
			return found, err
		}
		if scan.DeletionTimestamp.IsZero() {
			if err := child.Delete(ctx, r.Client, scan, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
				return found, fmt.Errorf("deleting a scan: %w", err)
			}
		}
	}
	return found, nil
}

// drop deletes an object of ours, read past the cache.
func (r *Reconciler) drop(ctx context.Context, dreg *v1alpha1.DataRegister, object client.Object, name string) error {
	if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: name}, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !child.Ours(object, dreg) || !object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	return child.Delete(ctx, r.Client, object)
}

// remove deletes the children of a store, the StatefulSet last, and tells whether it found any. The policy decides over
// volume and admin credentials; empty, the StatefulSet remembers it. Whole means that the eraser's rules go too.
func (r *Reconciler) remove(ctx context.Context, dreg *v1alpha1.DataRegister, store string, whole bool, policy v1alpha1.DeletionPolicy) (bool, error) {
	name := register.Name(dreg.Name, store)
	database, err := child.Find(ctx, r.Client, dreg.Namespace, name, &appsv1.StatefulSet{})
	if err != nil {
		return false, err
	}
	if database != nil && child.Ours(database, dreg) {
		if policy == "" {
			policy = policyOf(database)
		}
		if settled, err := r.settle(ctx, dreg, store, database, policy); err != nil || !settled {
			return true, err
		}
	}
	goes := []client.Object{
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}}, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: name}},
	}
	if whole {
		goes = append(goes, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: register.EraserPolicyName(dreg.Name, store)}})
	}
	found := false
	for _, object := range goes {
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: object.GetName()}, object)
		if client.IgnoreNotFound(err) != nil {
			return found, err
		}
		if err != nil || !child.Ours(object, dreg) {
			continue
		}
		found = true
		if object.GetDeletionTimestamp().IsZero() {
			if err := child.Delete(ctx, r.Client, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

func policyOf(database *appsv1.StatefulSet) v1alpha1.DeletionPolicy {
	if p := database.Spec.PersistentVolumeClaimRetentionPolicy; p != nil && p.WhenDeleted == appsv1.DeletePersistentVolumeClaimRetentionPolicyType {
		return v1alpha1.DeletionDelete
	}
	return v1alpha1.DeletionRetain
}

// settle does, while the StatefulSet is there, what its going must not decide: it frees a claim that is to be kept,
// and deletes credentials and volume that are not. It tells whether the StatefulSet may go.
func (r *Reconciler) settle(ctx context.Context, dreg *v1alpha1.DataRegister, store string, database *appsv1.StatefulSet, policy v1alpha1.DeletionPolicy) (bool, error) {
	if !database.DeletionTimestamp.IsZero() {
		return true, nil
	}
	for _, role := range []task.Role{task.Eraser, task.Verifier} {
		if err := r.drop(ctx, dreg, metadataOf("Secret"), register.SecretName(dreg.Name, store, role)); err != nil {
			return false, fmt.Errorf("deleting credentials: %w", err)
		}
	}
	if policy == v1alpha1.DeletionDelete {
		if err := r.dropData(ctx, dreg, store); err != nil {
			return false, err
		}
		r.Recorder.Eventf(dreg, nil, corev1.EventTypeNormal, v1alpha1.ReasonDataDeleted, "Delete",
			"The volume and the credentials of store %q are deleted", store)
		return true, nil
	}
	if policyOf(database) != v1alpha1.DeletionRetain {
		before := database.DeepCopy()
		database.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
		if err := r.Client.Patch(ctx, database, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), fieldOwner); err != nil {
			return false, fmt.Errorf("keeping a volume: %w", err)
		}
		return false, nil // its controller must see that before it goes, or it may claim the volume once more
	}
	if err := r.free(ctx, dreg, store, database); err != nil {
		return false, fmt.Errorf("keeping a volume: %w", err)
	}
	r.Recorder.Eventf(dreg, nil, corev1.EventTypeNormal, v1alpha1.ReasonDataKept, "Delete",
		"PersistentVolumeClaim %q and Secret %q of store %q are kept; delete both to delete the data, or create the register again to use them",
		register.ClaimName(dreg.Name, store), register.SecretName(dreg.Name, store, task.Admin), store)
	return true, nil
}

// free takes the StatefulSet's owner references from a claim that is kept: else the garbage collector takes it too.
func (r *Reconciler) free(ctx context.Context, dreg *v1alpha1.DataRegister, store string, database *appsv1.StatefulSet) error {
	claim, err := child.Find(ctx, r.Reader, dreg.Namespace, register.ClaimName(dreg.Name, store), &corev1.PersistentVolumeClaim{})
	if claim == nil || err != nil {
		return err
	}
	before := claim.DeepCopy()
	claim.OwnerReferences = slices.DeleteFunc(claim.OwnerReferences, func(o metav1.OwnerReference) bool {
		return o.UID == database.UID || o.Kind == "Pod"
	})
	if len(claim.OwnerReferences) == len(before.OwnerReferences) {
		return nil
	}
	return r.Client.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), fieldOwner)
}

// dropData deletes volume and admin credentials.
func (r *Reconciler) dropData(ctx context.Context, dreg *v1alpha1.DataRegister, store string) error {
	if err := r.drop(ctx, dreg, metadataOf("Secret"), register.SecretName(dreg.Name, store, task.Admin)); err != nil {
		return fmt.Errorf("deleting credentials: %w", err)
	}
	claim := metadataOf("PersistentVolumeClaim")
	if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: dreg.Namespace, Name: register.ClaimName(dreg.Name, store)}, claim); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !register.Kept(claim, dreg.Name, store) || !claim.DeletionTimestamp.IsZero() {
		return nil
	}
	if err := child.Delete(ctx, r.Client, claim); err != nil {
		return fmt.Errorf("deleting a volume: %w", err)
	}
	return nil
}
