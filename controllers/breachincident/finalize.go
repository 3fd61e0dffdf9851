package breachincident

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/kube/child"
)

// release lets an incident go whose record need no longer be kept, or whose namespace goes. Until then a deleted incident
// stays, and its clock runs on: deleting it ends no duty.
func (r *Reconciler) release(ctx context.Context, incident *v1alpha1.BreachIncident) (bool, error) {
	if !controllerutil.ContainsFinalizer(incident, v1alpha1.FinalizerBreachRegister) {
		return true, nil // another finalizer holds it; there is nothing left to keep
	}
	if end, closed := breach.RecordEnds(incident, time.UTC); closed && !r.Clock.Now().Before(end) {
		return true, child.Release(ctx, r.Client, incident, v1alpha1.FinalizerBreachRegister)
	}
	going, err := r.namespaceGoing(ctx, incident.Namespace)
	if err != nil || !going {
		return false, err
	}
	if err := r.seal(ctx, incident); err != nil {
		return false, err
	}
	return true, child.Release(ctx, r.Client, incident, v1alpha1.FinalizerBreachRegister)
}

func (r *Reconciler) namespaceGoing(ctx context.Context, name string) (bool, error) {
	namespace := &corev1.Namespace{}
	if err := r.Reader.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return true, nil
		}
		return false, fmt.Errorf("reading the namespace: %w", err)
	}
	return !namespace.DeletionTimestamp.IsZero(), nil
}

// seal writes the copy of the record that outlives the namespace. A namespace is never held up by it for ever: the copy
// needs only the operator's own namespace.
func (r *Reconciler) seal(ctx context.Context, incident *v1alpha1.BreachIncident) error {
	existing := &corev1.ConfigMap{}
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: breach.SealName(incident)}, existing)
	if err == nil && child.Ours(existing, incident) {
		return nil // sealed by a pass that was cut short; what is sealed does not change
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("looking for a sealed record: %w", err)
	}
	sealed, err := breach.Seal(incident, r.Namespace)
	if err != nil {
		return err
	}
	if err := child.Apply(ctx, r.Client, r.Reader, incident, fieldOwner, []runtime.ApplyConfiguration{sealed}); err != nil {
		return fmt.Errorf("writing a sealed record: %w", err)
	}
	// A namespace that goes takes no more events, so this one is about the copy.
	r.Recorder.Eventf(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: breach.SealName(incident)}}, nil,
		corev1.EventTypeNormal, v1alpha1.ReasonRecordSealed, "Seal", "The namespace of incident %s/%s goes; its record is kept here", incident.Namespace, incident.Name)
	ctrl.LoggerFrom(ctx).Info("Sealed the record of a breach", "configMap", breach.SealName(incident))
	return nil
}
