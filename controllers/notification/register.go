// Package notification sends messages: a durable outbox. Each message is attempted until it is delivered or given up,
// at least once and always under the same key.
package notification

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// indexChannel finds messages by the channel that carries them.
const indexChannel = "notification.channel"

// workers send at the same time: one receiver that hangs for ten seconds must not hold up the others.
const workers = 4

// Sender makes one attempt. It never returns an error: what went wrong is an outcome, in words that are safe to store.
type Sender interface {
	Send(ctx context.Context, e notice.Envelope) notice.Outcome
}

// Config is what the controller is given.
type Config struct {
	// Senders by the type of channel.
	Senders map[v1alpha1.ChannelType]Sender
	// Namespace of the operator, where the channels' Secrets are.
	Namespace string
	// Clock tells the time.
	Clock clock.PassiveClock
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{index.On(&v1alpha1.Notification{}, indexChannel, func(o client.Object) []string {
		return []string{string(o.(*v1alpha1.Notification).Spec.ChannelRef.Name)}
	})}
}

// Register adds the controller to the manager. It runs on the leader only, as every controller does by default: two
// senders would be two attempts at once.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	deadLettered, err := metric.Register(metrics.Registry, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "rempart_notifications_dead_lettered_total", Help: "Messages that were given up since the operator started",
	}))
	if err != nil {
		return err
	}
	r := &Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("notification"), Clock: config.Clock,
		Senders: config.Senders, Namespace: config.Namespace, DeadLettered: deadLettered,
	}
	return ctrl.NewControllerManagedBy(mgr).Named("notification").
		For(&v1alpha1.Notification{}).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}
