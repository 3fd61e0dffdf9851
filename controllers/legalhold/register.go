// Package legalhold reconciles LegalHolds: it reads once whom a hold is about, and says when no erasure that it forbids can
// be under way any more. That nothing is erased meanwhile is decided where Jobs are made, in controllers/erasurerun.
package legalhold

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=legalholds,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=legalholds/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters;erasureruns;erasurerequests,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;delete

// Keys gives the operator's subject keys.
type Keys interface {
	Ring(ctx context.Context) (subjectkey.Ring, error)
}

// Config is what the controller is given.
type Config struct {
	Keys  Keys
	Clock clock.PassiveClock
}

// Register adds the controller to the manager.
func Register(mgr ctrl.Manager, config Config) error {
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("legalhold"), Clock: config.Clock, Keys: config.Keys}
	return ctrl.NewControllerManagedBy(mgr).Named("legalhold").
		For(&v1alpha1.LegalHold{}).
		Watches(&v1alpha1.ErasureRun{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace)).
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(r.ofRegister), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// ofNamespace are the holds that wait for runs of the object's namespace.
func (r *Reconciler) ofNamespace(ctx context.Context, object client.Object) []reconcile.Request {
	return r.holds(ctx, object, waits)
}

// ofRegister are the holds of a register's namespace that name registers: what they name may have come, or gone.
func (r *Reconciler) ofRegister(ctx context.Context, object client.Object) []reconcile.Request {
	return r.holds(ctx, object, func(h *v1alpha1.LegalHold) bool {
		return len(h.Spec.Registers)+len(h.Spec.Tables) > 0 && hold.InForce(h, r.Clock.Now())
	})
}

// holds are those of an object's namespace that are chosen.
func (r *Reconciler) holds(ctx context.Context, object client.Object, chosen func(*v1alpha1.LegalHold) bool) []reconcile.Request {
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Client.List(ctx, holds, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list holds after an event; the next pass of each finds the change")
		return nil
	}
	var list []reconcile.Request
	for i := range holds.Items {
		if chosen(&holds.Items[i]) {
			list = append(list, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: holds.Items[i].Namespace, Name: holds.Items[i].Name}})
		}
	}
	return list
}
