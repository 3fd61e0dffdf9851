// Package guard labels the namespaces whose claims are judged, so that the webhook configurations can select them: those
// fail closed when the webhooks are down, and the rest of the cluster keeps working. A label of its own tells the admission
// policy rempart-claims of each ResidencyPolicy that holds there.
package guard

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters,verbs=list

// grace is how long labels outlive their reason. The webhook labels a namespace just before its register is written:
// the labels must not go in between.
const grace = 30 * time.Second

// Reconciler keeps the labels of one namespace.
type Reconciler struct {
	Client    client.Client
	Reader    client.Reader
	Clock     clock.PassiveClock
	Snapshots interface{ Load() *residency.Snapshot }

	// waiting is since when labels have no reason. One worker uses it. Forgetting it only delays.
	waiting map[string]time.Time
}

// Register adds the controller to the manager. Heard hears of new snapshots.
func (r *Reconciler) Register(mgr ctrl.Manager, heard <-chan event.GenericEvent) error {
	return ctrl.NewControllerManagedBy(mgr).Named("namespace-guard").
		For(&corev1.Namespace{}).
		WatchesRawSource(source.Channel(heard, handler.EnqueueRequestsFromMapFunc(r.mislabelled))).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: 1}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// mislabelled finds the namespaces that a new snapshot sees in another way than their labels say.
func (r *Reconciler) mislabelled(ctx context.Context, _ client.Object) []reconcile.Request {
	snapshot, namespaces := r.Snapshots.Load(), &corev1.NamespaceList{}
	if snapshot == nil || r.Client.List(ctx, namespaces, client.UnsafeDisableDeepCopy) != nil {
		return nil // the cache answers, or the manager is stopping
	}
	var requests []reconcile.Request
	for i := range namespaces.Items {
		namespace := &namespaces.Items[i]
		if !maps.Equal(residency.MarksOf(namespace.Labels), snapshot.GuardOf(namespace.Name).Marks()) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(namespace)})
		}
	}
	return requests
}

// Reconcile sets labels at once, and takes them off or weakens them after a while.
func (r *Reconciler) Reconcile(ctx context.Context, namespace *corev1.Namespace) (ctrl.Result, error) {
	snapshot := r.Snapshots.Load()
	if snapshot == nil || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // the first snapshot asks again
	}
	has, wants := residency.MarksOf(namespace.Labels), snapshot.GuardOf(namespace.Name).Marks()
	if maps.Equal(has, wants) {
		delete(r.waiting, namespace.Name)
		return ctrl.Result{}, nil
	}
	marks := residency.Stronger(has, wants)
	if maps.Equal(marks, has) { // what remains to do guards less
		if wait, err := r.hold(ctx, namespace.Name); wait > 0 || err != nil {
			return flow.Next(wait, err, nil)
		}
		marks = wants
	}
	return flow.Next(0, r.label(ctx, namespace, marks), nil)
}

// hold says how long to wait before labels go or weaken. It asks live for a register that the snapshot has not seen:
// the snapshot then comes, and with it another pass.
func (r *Reconciler) hold(ctx context.Context, name string) (time.Duration, error) {
	now := r.Clock.Now()
	since, waits := r.waiting[name]
	if !waits {
		if r.waiting == nil {
			r.waiting = map[string]time.Time{}
		}
		r.waiting[name] = now
		return grace, nil
	}
	if rest := grace - now.Sub(since); rest > 0 {
		return rest, nil
	}
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Reader.List(ctx, registers, client.InNamespace(name), client.Limit(1)); err != nil {
		return 0, fmt.Errorf("looking for a register: %w", err)
	}
	if len(registers.Items) > 0 && r.Snapshots.Load().GuardOf(name) == nil {
		return grace, nil
	}
	return 0, nil
}

// label replaces the marks of a namespace.
func (r *Reconciler) label(ctx context.Context, namespace *corev1.Namespace, marks map[string]string) error {
	before := namespace.DeepCopy()
	if namespace.Labels == nil {
		namespace.Labels = map[string]string{}
	}
	for key := range residency.MarksOf(namespace.Labels) {
		delete(namespace.Labels, key)
	}
	maps.Copy(namespace.Labels, marks)
	if err := r.Client.Patch(ctx, namespace, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("labelling the namespace: %w", err)
	}
	delete(r.waiting, namespace.Name)
	return nil
}
