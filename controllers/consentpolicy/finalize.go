package consentpolicy

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// leaving is how long to wait for children that were deleted to be gone.
const leaving = time.Second

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

// prune removes what Desired no longer returns: an autoscaler, an Ingress or a route that the spec no longer asks for.
func (r *Reconciler) prune(ctx context.Context, in policy.Input, seen policy.Seen) error {
	name, s := policy.ServiceName(in.Policy.Name), &in.Policy.Spec.Service
	var gone []client.Object
	if s.Replicas.Max <= s.Replicas.Min {
		gone = append(gone, &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: named(name)})
	}
	if policy.IngressGoes(in, seen) {
		gone = append(gone, &networkingv1.Ingress{ObjectMeta: named(name)})
	}
	if !policy.Routed(in.Policy) {
		gone = append(gone, routeOf(name))
	}
	_, err := r.remove(ctx, in.Policy, gone...)
	return err
}

// remove deletes objects of ours, and tells whether it found any.
func (r *Reconciler) remove(ctx context.Context, cpol *v1alpha1.ConsentPolicy, objects ...client.Object) (bool, error) {
	found := false
	for _, object := range objects {
		err := r.Reader.Get(ctx, client.ObjectKey{Namespace: cpol.Namespace, Name: object.GetName()}, object)
		if client.IgnoreNotFound(err) != nil && !unserved(err) {
			return found, err
		}
		if err != nil || !child.Ours(object, cpol) {
			continue
		}
		found = true
		if object.GetDeletionTimestamp().IsZero() {
			if err := child.Delete(ctx, r.Client, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
				return found, fmt.Errorf("deleting a child: %w", err)
			}
		}
	}
	return found, nil
}

// finalize removes the children and waits until they are gone, so that a policy of the same name can follow at once. The ledger
// and its keys go or stay as the deletion policy says.
func (r *Reconciler) finalize(ctx context.Context, cpol *v1alpha1.ConsentPolicy) (policy.Verdict, error) {
	if !controllerutil.ContainsFinalizer(cpol, v1alpha1.FinalizerConsentPolicy) {
		return policy.Verdict{}, nil
	}
	service, ledger, eraser := policy.ServiceName(cpol.Name), policy.DatabaseName(cpol.Name), policy.EraserName(cpol.Name)
	goes := []client.Object{
		&networkingv1.Ingress{ObjectMeta: named(service)}, routeOf(service), &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: named(service)},
		&appsv1.Deployment{ObjectMeta: named(service)}, &policyv1.PodDisruptionBudget{ObjectMeta: named(service)},
		&corev1.Service{ObjectMeta: named(service)}, &networkingv1.NetworkPolicy{ObjectMeta: named(service)}, secret(policy.ConfigName(cpol.Name)),
		&appsv1.StatefulSet{ObjectMeta: named(ledger)}, &corev1.Service{ObjectMeta: named(ledger)}, &networkingv1.NetworkPolicy{ObjectMeta: named(ledger)},
		&corev1.ServiceAccount{ObjectMeta: named(eraser)}, &networkingv1.NetworkPolicy{ObjectMeta: named(eraser)},
	}
	list, err := r.forgotten(ctx, cpol)
	if err != nil {
		return policy.Verdict{}, err
	}
	for part := range list.Parts() {
		goes = append(goes, secret(policy.MarksName(cpol.Name, part+1)))
	}
	for _, role := range policy.MadeRoles(cpol) {
		if role != policy.Admin {
			goes = append(goes, secret(policy.CredentialsName(cpol.Name, role)))
		}
	}
	left, err := r.remove(ctx, cpol, goes...)
	if err != nil {
		return policy.Verdict{}, err
	}
	if left {
		return policy.Verdict{Wait: leaving, Conditions: []metav1.Condition{
			condition.False(v1alpha1.ConditionReady, v1alpha1.ReasonDeleting, "The policy's children are being removed"),
		}}, nil
	}
	if err := r.release(ctx, cpol); err != nil {
		return policy.Verdict{}, err
	}
	return policy.Verdict{}, child.Release(ctx, r.Client, cpol, v1alpha1.FinalizerConsentPolicy)
}

func secret(name string) client.Object {
	object := metadataOf("Secret")
	object.Name = name
	return object
}

// release deletes volume, credentials and keys of a ledger whose deletion policy says so, and forgets its checkpoint: the next
// ledger of the tenant begins anew. Else it says what is kept.
func (r *Reconciler) release(ctx context.Context, cpol *v1alpha1.ConsentPolicy) error {
	claim, admin, keys := database.ClaimName(policy.DatabaseName(cpol.Name)), policy.CredentialsName(cpol.Name, policy.Admin), policy.KeysName(cpol.Name)
	m := cpol.Spec.Service.Database.Managed
	switch {
	case m == nil:
		r.Recorder.Eventf(cpol, nil, corev1.EventTypeNormal, v1alpha1.ReasonDataKept, "Delete",
			"The ledger is kept, and Secret %q if Rempart made keys; create the policy again to use them", keys)
		return nil
	case m.DeletionPolicy != v1alpha1.DeletionDelete:
		r.Recorder.Eventf(cpol, nil, corev1.EventTypeNormal, v1alpha1.ReasonDataKept, "Delete",
			"PersistentVolumeClaim %q and Secrets %q and %q of the ledger are kept; delete them to delete the data, or create the policy again to use them", claim, admin, keys)
		return nil
	}
	for name, kind := range map[string]string{claim: "PersistentVolumeClaim", admin: "Secret", keys: "Secret"} {
		object, err := child.Find(ctx, r.Reader, cpol.Namespace, name, metadataOf(kind))
		if err != nil {
			return fmt.Errorf("looking for what remains: %w", err)
		}
		if object == nil || !policy.Kept(object, cpol.Name) || !object.DeletionTimestamp.IsZero() {
			continue
		}
		if err := child.Delete(ctx, r.Client, object); err != nil {
			return fmt.Errorf("deleting what remains: %w", err)
		}
	}
	if err := r.forget(ctx, cpol); err != nil {
		return err
	}
	r.Recorder.Eventf(cpol, nil, corev1.EventTypeNormal, v1alpha1.ReasonDataDeleted, "Delete", "The volume, the credentials and the keys of the ledger are deleted")
	return nil
}

// forget empties the ConfigMaps of the checkpoint and of the forgotten. The operator has no right to delete ConfigMaps of its namespace: they are
// evidence.
func (r *Reconciler) forget(ctx context.Context, cpol *v1alpha1.ConsentPolicy) error {
	list, err := r.forgotten(ctx, cpol)
	if err != nil {
		return err
	}
	for part := range list.Versions {
		if err := r.write(ctx, policy.Forgotten{Versions: list.Versions}.ConfigMap(cpol, r.Namespace, part+1)); err != nil {
			return err
		}
	}
	object, err := r.kept(ctx, cpol)
	if object == nil || err != nil {
		return err
	}
	return r.keep(ctx, cpol, policy.Checkpoint{})
}
