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
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// ofNamespace are the holds that wait for runs of the object's namespace.
func (r *Reconciler) ofNamespace(ctx context.Context, object client.Object) []reconcile.Request {
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Client.List(ctx, holds, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list holds after an event; the next pass of each finds the change")
		return nil
	}
	var list []reconcile.Request
	for i := range holds.Items {
		if waits(&holds.Items[i]) {
			list = append(list, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: holds.Items[i].Namespace, Name: holds.Items[i].Name}})
		}
	}
	return list
}
