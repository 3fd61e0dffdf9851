// Package quota keeps the ResourceQuota of the namespaces that a policy judges: nothing is granted of the classes that it
// does not allow, whoever asks, also while no webhook and no admission policy does.
package quota

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/whole"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=resourcequotas,verbs=create;delete;list;update;watch

// Reconciler keeps the quota of one namespace.
type Reconciler struct {
	Client    client.Client
	Snapshots interface{ Load() *residency.Snapshot }
}

// Register adds the controller to the manager. Heard hears of new snapshots; what a quota counts is no event.
func (r *Reconciler) Register(mgr ctrl.Manager, heard <-chan event.GenericEvent) error {
	toNamespace := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, quota client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: quota.GetNamespace()}}}
	})
	return ctrl.NewControllerManagedBy(mgr).Named("namespace-quota").
		For(&corev1.Namespace{}, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.ResourceQuota{}, toNamespace, builder.WithPredicates(Changed)).
		WatchesRawSource(source.Channel(heard, handler.EnqueueRequestsFromMapFunc(r.all))).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Changed lets through quotas of ours that come, go, or grant something else.
var Changed = predicate.And(
	predicate.NewPredicateFuncs(func(quota client.Object) bool { return quota.GetName() == residency.QuotaName }),
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		old, okOld := e.ObjectOld.(*corev1.ResourceQuota)
		now, okNow := e.ObjectNew.(*corev1.ResourceQuota)
		return !okOld || !okNow || !equality.Semantic.DeepEqual(old.Spec, now.Spec)
	}},
)

// all returns every namespace: a new snapshot may concern each. One that has its quota is done in a look-up.
func (r *Reconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	namespaces := &corev1.NamespaceList{}
	if r.Client.List(ctx, namespaces, client.UnsafeDisableDeepCopy) != nil {
		return nil // the cache answers, or the manager is stopping
	}
	requests := make([]reconcile.Request, 0, len(namespaces.Items))
	for i := range namespaces.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&namespaces.Items[i])})
	}
	return requests
}

// Reconcile writes the quota that the namespace should have, or takes ours away.
func (r *Reconciler) Reconcile(ctx context.Context, namespace *corev1.Namespace) (ctrl.Result, error) {
	snapshot := r.Snapshots.Load()
	if snapshot == nil || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // the first snapshot asks again
	}
	live, want := &corev1.ResourceQuota{}, snapshot.Quota(namespace.Name)
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace.Name, Name: residency.QuotaName}, live)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return flow.Next(0, fmt.Errorf("reading the quota: %w", err), nil)
	case len(want) > 0 && (err != nil || !residency.Limits(live, want)):
		return flow.Next(0, r.put(ctx, namespace.Name, want), nil)
	case len(want) == 0 && !apierrors.IsNotFound(err) && live.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart:
		return flow.Next(0, child.Delete(ctx, r.Client, live), nil)
	default:
		return ctrl.Result{}, nil
	}
}

func (r *Reconciler) put(ctx context.Context, namespace string, hard corev1.ResourceList) error {
	want := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: residency.QuotaName, Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}},
		Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	_, err := whole.Put(ctx, r.Client, &corev1.ResourceQuota{}, want, func(live, want *corev1.ResourceQuota) {
		live.Labels, live.Spec = want.Labels, want.Spec
	})
	return err
}
