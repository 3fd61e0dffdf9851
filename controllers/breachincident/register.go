// Package breachincident runs the clocks of breaches, says which duties are open, and writes the messages that the
// escalation asks for. It also keeps the record of Article 33(5).
package breachincident

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=breachincidents,verbs=list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=breachincidents/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=breachincidents/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers;escalationpolicies;notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create;patch,namespace=rempart-system
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Indexes of the cache.
const (
	// indexOfficer finds incidents by the officer that they name.
	indexOfficer = "breachincident.officer"
	// indexPolicy finds incidents by the policy that they follow.
	indexPolicy = "breachincident.policy"
	// indexMessage finds messages by the UID of the object that they are about.
	indexMessage = "breachincident.message"
)

// Config is what the controller is given.
type Config struct {
	// Namespace of the operator, where sealed records are kept.
	Namespace string
	// Clock tells the time.
	Clock clock.PassiveClock
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{
		index.On(&v1alpha1.BreachIncident{}, indexOfficer, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.BreachIncident).Spec.OfficerRef.Name)}
		}),
		index.On(&v1alpha1.BreachIncident{}, indexPolicy, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.BreachIncident).Spec.EscalationPolicyRef.Name)}
		}),
		index.On(&v1alpha1.Notification{}, indexMessage, func(o client.Object) []string {
			return []string{o.(*v1alpha1.Notification).Spec.ObjectRef.UID}
		}),
	}
}

// Register adds the controller and its gauges to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	if _, err := metric.Register(metrics.Registry, gauges(mgr.GetClient())); err != nil {
		return err
	}
	r := &Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("breachincident"),
		Clock: config.Clock, Namespace: config.Namespace,
	}
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).Named("breachincident").
		For(&v1alpha1.BreachIncident{}).
		Owns(&v1alpha1.Notification{}).
		Watches(&v1alpha1.DataProtectionOfficer{}, handler.EnqueueRequestsFromMapFunc(r.naming(indexOfficer)), changed).
		Watches(&v1alpha1.EscalationPolicy{}, handler.EnqueueRequestsFromMapFunc(r.naming(indexPolicy)), changed).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// naming are the incidents that name an object in the field of an index.
func (r *Reconciler) naming(index string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) []reconcile.Request {
		list := &v1alpha1.BreachIncidentList{}
		if err := r.Client.List(ctx, list, client.MatchingFields{index: object.GetName()}); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Could not list incidents after an event; each looks again within the hour")
			return nil
		}
		var requests []reconcile.Request
		for i := range list.Items {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name}})
		}
		return requests
	}
}

// gauges count incidents when asked. Every replica counts the same, so take the maximum.
func gauges(reader client.Reader) *metric.Counted {
	return metric.NewCounted(func(ctx context.Context) ([]float64, error) {
		list := &v1alpha1.BreachIncidentList{}
		if err := reader.List(ctx, list); err != nil {
			return nil, fmt.Errorf("counting incidents: %w", err)
		}
		var open, overdue float64
		for i := range list.Items {
			if breach.Open(&list.Items[i]) {
				open++
			}
			if breach.IsOverdue(&list.Items[i]) {
				overdue++
			}
		}
		return []float64{open, overdue}, nil
	},
		metric.Gauge{Name: "rempart_breach_incidents_open", Help: "Incidents with a duty open"},
		metric.Gauge{Name: "rempart_breach_incidents_overdue", Help: "Incidents of which a duty is overdue"},
	)
}
