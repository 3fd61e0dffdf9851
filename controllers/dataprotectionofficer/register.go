// Package dataprotectionofficer counts what each DataProtectionOfficer answers for, and says what is due next.
package dataprotectionofficer

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataprotectionofficers/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters;erasurerequests;breachincidents;notifications,verbs=list;watch

// Indexes of the cache, so that a pass costs what its officer has, and not what the cluster has.
const (
	indexRegister = "dataprotectionofficer.register"
	indexBreach   = "dataprotectionofficer.breach"
	indexOpen     = "dataprotectionofficer.open"
	indexMessage  = "dataprotectionofficer.message"
	indexChannel  = "dataprotectionofficer.channel"
)

// open is the one value of indexOpen.
const open = "true"

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{
		index.On(&v1alpha1.DataRegister{}, indexRegister, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.DataRegister).Spec.OfficerRef.Name)}
		}),
		index.On(&v1alpha1.BreachIncident{}, indexBreach, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.BreachIncident).Spec.OfficerRef.Name)}
		}),
		index.On(&v1alpha1.ErasureRequest{}, indexOpen, func(o client.Object) []string {
			if !erasure.Open(o.(*v1alpha1.ErasureRequest)) {
				return nil
			}
			return []string{open}
		}),
		index.On(&v1alpha1.Notification{}, indexMessage, func(o client.Object) []string {
			message := o.(*v1alpha1.Notification)
			if message.Spec.Recipient.Role != v1alpha1.AudienceOfficer {
				return nil
			}
			return []string{string(message.Spec.ChannelRef.Name)}
		}),
		index.On(&v1alpha1.DataProtectionOfficer{}, indexChannel, func(o client.Object) []string {
			var names []string
			for _, channel := range o.(*v1alpha1.DataProtectionOfficer).Spec.Channels {
				names = append(names, string(channel))
			}
			return names
		}),
	}
}

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, clock clock.PassiveClock) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Clock: clock}
	return ctrl.NewControllerManagedBy(mgr).Named("dataprotectionofficer").
		For(&v1alpha1.DataProtectionOfficer{}).
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(ofRegister)).
		Watches(&v1alpha1.BreachIncident{}, handler.EnqueueRequestsFromMapFunc(ofBreach)).
		Watches(&v1alpha1.ErasureRequest{}, handler.EnqueueRequestsFromMapFunc(r.ofRequest)).
		Watches(&v1alpha1.Notification{}, handler.EnqueueRequestsFromMapFunc(r.ofMessage)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

func named(name v1alpha1.ObjectName) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: string(name)}}
}

func ofRegister(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{named(object.(*v1alpha1.DataRegister).Spec.OfficerRef.Name)}
}

func ofBreach(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{named(object.(*v1alpha1.BreachIncident).Spec.OfficerRef.Name)}
}

// ofRequest are the officers whom the registers of the request's namespace name.
func (r *Reconciler) ofRequest(ctx context.Context, object client.Object) []reconcile.Request {
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list registers after an event; the next pass of each officer finds the change")
		return nil
	}
	var requests []reconcile.Request
	for i := range registers.Items {
		requests = append(requests, named(registers.Items[i].Spec.OfficerRef.Name))
	}
	return requests
}

// ofMessage are the officers who have the message's channel.
func (r *Reconciler) ofMessage(ctx context.Context, object client.Object) []reconcile.Request {
	message := object.(*v1alpha1.Notification)
	if message.Spec.Recipient.Role != v1alpha1.AudienceOfficer {
		return nil
	}
	officers := &v1alpha1.DataProtectionOfficerList{}
	if err := r.Client.List(ctx, officers, client.MatchingFields{indexChannel: string(message.Spec.ChannelRef.Name)}); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list officers after an event; the next pass of each finds the change")
		return nil
	}
	var requests []reconcile.Request
	for i := range officers.Items {
		requests = append(requests, named(v1alpha1.ObjectName(officers.Items[i].Name)))
	}
	return requests
}
