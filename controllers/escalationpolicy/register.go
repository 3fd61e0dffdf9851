// Package escalationpolicy says whether each policy can be carried out, and how many incidents follow it.
package escalationpolicy

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=escalationpolicies,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=escalationpolicies/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notificationchannels;breachincidents,verbs=list;watch

// indexIncident finds incidents by the policy that they follow.
const indexIncident = "escalationpolicy.incident"

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{index.On(&v1alpha1.BreachIncident{}, indexIncident, func(o client.Object) []string {
		return []string{string(o.(*v1alpha1.BreachIncident).Spec.EscalationPolicyRef.Name)}
	})}
}

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient()}
	return ctrl.NewControllerManagedBy(mgr).Named("escalationpolicy").
		For(&v1alpha1.EscalationPolicy{}).
		Watches(&v1alpha1.NotificationChannel{}, handler.EnqueueRequestsFromMapFunc(r.everyone)).
		Watches(&v1alpha1.BreachIncident{}, handler.EnqueueRequestsFromMapFunc(followed)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// followed is the policy of an incident.
func followed(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: string(object.(*v1alpha1.BreachIncident).Spec.EscalationPolicyRef.Name)}}}
}

// everyone is every policy: there are few, and a channel that comes or goes may concern any.
func (r *Reconciler) everyone(ctx context.Context, _ client.Object) []reconcile.Request {
	list := &v1alpha1.EscalationPolicyList{}
	if err := r.Client.List(ctx, list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list policies after an event; the next pass of each finds the change")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: list.Items[i].Name}})
	}
	return requests
}
