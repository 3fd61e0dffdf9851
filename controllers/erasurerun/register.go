// Package erasurerun reconciles ErasureRuns: each makes a Job against one store and records what it came to.
package erasurerun

import (
	"context"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/fair"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/subjectkey"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasureruns,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasureruns/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasureruns/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests;dataregisters;consentpolicies,verbs=get
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=legalholds,verbs=list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Keys gives the operator's subject keys.
type Keys interface {
	Ring(ctx context.Context) (subjectkey.Ring, error)
}

// Evidence certifies what a replay did. Asked again about the same run, it answers with the same certificate.
type Evidence interface {
	CertifyReplay(ctx context.Context, run *v1alpha1.ErasureRun) (*v1alpha1.ErasureEvidence, error)
}

// Places says where the pods of a register may run. It answers from memory.
type Places interface {
	// AllowedRegions are the regions, as nodes are labelled, that the register's residency policy allows.
	AllowedRegions(r *v1alpha1.DataRegister) ([]string, error)
}

// Config is what the controller is given.
type Config struct {
	// Image of the eraser.
	Image    string
	Keys     Keys
	Places   Places
	Evidence Evidence
	Clock    clock.PassiveClock
}

// workers is how many runs are worked on at once: a pass takes milliseconds, the work itself is in the Jobs.
const workers = 4

// Register adds the controller and its gauge to the manager.
func Register(mgr ctrl.Manager, config Config) error {
	if _, err := metric.Register(metrics.Registry, gauges(mgr.GetClient())); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("erasurerun"), Clock: config.Clock,
		Keys: config.Keys, Places: config.Places, Evidence: config.Evidence, Image: config.Image}
	return ctrl.NewControllerManagedBy(mgr).Named("erasurerun").
		For(&v1alpha1.ErasureRun{}, builder.WithPredicates(others)).Owns(&batchv1.Job{}).
		Watches(&v1alpha1.LegalHold{}, handler.EnqueueRequestsFromMapFunc(r.working), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), NewQueue: fair.Queue, MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// others lets pass what somebody else may have done to a run, and its finalizer. Status is written by the controller alone, which says itself
// when it looks again: a Job that is refused would otherwise be asked for without a pause, since each attempt is written down.
var others = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion() ||
		!slices.Equal(e.ObjectOld.GetFinalizers(), e.ObjectNew.GetFinalizers()) || !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
}}

// working are the runs of a hold's namespace that have not ended: each is to know the hold.
func (r *Reconciler) working(ctx context.Context, object client.Object) []reconcile.Request {
	runs := &v1alpha1.ErasureRunList{}
	if err := r.Client.List(ctx, runs, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list runs after an event; the next pass of each finds the hold")
		return nil
	}
	var list []reconcile.Request
	for i := range runs.Items {
		if runs.Items[i].Status.EndedTime == nil {
			list = append(list, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&runs.Items[i])})
		}
	}
	return list
}
