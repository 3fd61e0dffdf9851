// Package notificationchannel says whether each channel can be used, and whether it was of use last time.
package notificationchannel

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

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notificationchannels/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// indexMessage finds messages by the channel that carries them.
const indexMessage = "notificationchannel.message"

// Address judges the address of a channel before it is dialled.
type Address interface {
	Accepts(spec *v1alpha1.NotificationChannelSpec) bool
}

// Config is what the controller is given.
type Config struct {
	// Addresses by the type of channel.
	Addresses map[v1alpha1.ChannelType]Address
	// Namespace of the operator, where the channels' Secrets are.
	Namespace string
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{index.On(&v1alpha1.Notification{}, indexMessage, func(o client.Object) []string {
		return []string{string(o.(*v1alpha1.Notification).Spec.ChannelRef.Name)}
	})}
}

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	r := &Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("notificationchannel"),
		Addresses: config.Addresses, Namespace: config.Namespace,
	}
	return ctrl.NewControllerManagedBy(mgr).Named("notificationchannel").
		For(&v1alpha1.NotificationChannel{}).
		Watches(&v1alpha1.Notification{}, handler.EnqueueRequestsFromMapFunc(carrier)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// carrier is the channel of a message.
func carrier(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: string(object.(*v1alpha1.Notification).Spec.ChannelRef.Name)}}}
}
