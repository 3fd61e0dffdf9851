// Package node labels nodes with what Rempart found out about them: the country, and each policy that allows the node. Pods
// are pinned to these labels, which no kubelet can set. They go as soon as a place is in doubt.
package node

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=list;patch;watch

// Reconciler keeps the trusted labels of one node.
type Reconciler struct {
	Client    client.Client
	Snapshots interface{ Load() *residency.Snapshot }
}

// Register adds the controller to the manager. Heard hears of new snapshots.
func (r *Reconciler) Register(mgr ctrl.Manager, heard <-chan event.GenericEvent) error {
	return ctrl.NewControllerManagedBy(mgr).Named("node-labels").
		For(&corev1.Node{}, builder.WithPredicates(moved)).
		WatchesRawSource(source.Channel(heard, handler.EnqueueRequestsFromMapFunc(r.mislabelled))).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// moved lets through what says where a node is, and the labels that say what was found.
var moved = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	old, okOld := e.ObjectOld.(*corev1.Node)
	now, okNow := e.ObjectNew.(*corev1.Node)
	return !okOld || !okNow || residency.Moved(old, now)
}}

// mislabelled finds the nodes that a new snapshot sees in another way than their labels say.
func (r *Reconciler) mislabelled(ctx context.Context, _ client.Object) []reconcile.Request {
	snapshot, nodes := r.Snapshots.Load(), &corev1.NodeList{}
	if snapshot == nil || r.Client.List(ctx, nodes, client.UnsafeDisableDeepCopy) != nil {
		return nil // the cache answers, or the manager is stopping
	}
	var requests []reconcile.Request
	for i := range nodes.Items {
		node := &nodes.Items[i]
		if !maps.Equal(residency.TrustedOf(node.Labels), snapshot.TrustedLabels(node)) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(node)})
		}
	}
	return requests
}

// Reconcile replaces the trusted labels of a node when they say something else than is found now.
func (r *Reconciler) Reconcile(ctx context.Context, node *corev1.Node) (ctrl.Result, error) {
	snapshot := r.Snapshots.Load()
	if snapshot == nil || node.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // the first snapshot asks again
	}
	has, wants := residency.TrustedOf(node.Labels), snapshot.TrustedLabels(node)
	if maps.Equal(has, wants) {
		return ctrl.Result{}, nil
	}
	before := node.DeepCopy()
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	for key := range has {
		delete(node.Labels, key)
	}
	maps.Copy(node.Labels, wants)
	// What is found rests on this version of the node: another one is judged anew.
	if err := r.Client.Patch(ctx, node, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return flow.Next(0, fmt.Errorf("labelling the node: %w", err), nil)
	}
	return ctrl.Result{}, nil
}
