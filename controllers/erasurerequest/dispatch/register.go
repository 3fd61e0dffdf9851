// Package dispatch gathers ErasureRequests into ErasureRuns: one controller, keyed by DataRegister, so that each store has
// one hand that begins its runs.
package dispatch

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/fair"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasureruns,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests;dataregisters;consentpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=legalholds,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters/finalizers,verbs=update

// Config is what the controller is given.
type Config struct {
	// Image of the eraser.
	Image string
	Clock clock.PassiveClock
}

// Register adds the controller to the manager.
func Register(mgr ctrl.Manager, config Config) error {
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Clock: config.Clock, Image: config.Image}
	return ctrl.NewControllerManagedBy(mgr).Named("erasuredispatch").
		Watches(&v1alpha1.DataRegister{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, restored))).
		Watches(&v1alpha1.ErasureRequest{}, handler.EnqueueRequestsFromMapFunc(targets)).
		Watches(&v1alpha1.ErasureRun{}, handler.EnqueueRequestsFromMapFunc(register)).
		Watches(&v1alpha1.LegalHold{}, handler.EnqueueRequestsFromMapFunc(r.held)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), NewQueue: fair.Queue}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// restored passes on that a scan found people who came back with a backup.
var restored = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.DataRegister).Status.Stores, e.ObjectNew.(*v1alpha1.DataRegister).Status.Stores
	lost := func(stores []v1alpha1.StoreStatus) []string {
		var list []string
		for i := range stores {
			if len(stores[i].Lost) > 0 && stores[i].Scans != nil {
				list = append(list, fmt.Sprintf("%s/%d", stores[i].Name, *stores[i].Scans))
			}
		}
		return list
	}
	return !slices.Equal(lost(before), lost(after))
}}

// held are the registers of a hold's namespace: who came back with a backup and is held now holds nobody up.
func (r *Reconciler) held(ctx context.Context, object client.Object) []reconcile.Request {
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list registers after an event; the next scan of each finds the hold")
		return nil
	}
	list := make([]reconcile.Request, 0, len(registers.Items))
	for i := range registers.Items {
		list = append(list, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&registers.Items[i])})
	}
	return list
}

// targets are the registers of a request.
func targets(_ context.Context, object client.Object) []reconcile.Request {
	seen := map[v1alpha1.ObjectName]bool{}
	var list []reconcile.Request
	for _, t := range object.(*v1alpha1.ErasureRequest).Status.Targets {
		if !seen[t.Register] {
			seen[t.Register] = true
			list = append(list, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: string(t.Register)}})
		}
	}
	return list
}

// register is the register of a run.
func register(_ context.Context, object client.Object) []reconcile.Request {
	name := object.(*v1alpha1.ErasureRun).Spec.RegisterRef.Name
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: string(name)}}}
}
