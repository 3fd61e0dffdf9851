// Package erasurerequest reconciles ErasureRequests: it accepts them, follows their plans and runs, and ends them.
package erasurerequest

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/fair"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/subjectkey"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasureruns;dataregisters;consentpolicies;dataprotectionofficers,verbs=get;list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=legalholds;notificationchannels,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=notifications,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Indexes of the cache.
const (
	// indexRequestID finds requests by their requestID.
	indexRequestID = "erasurerequest.requestID"
	// indexSubject finds requests by their subject Secret.
	indexSubject = "erasurerequest.subject"
	// indexRunRequest finds runs by the UIDs of their requests.
	indexRunRequest = "erasurerun.request"
	// indexMessage finds messages by the UID of the object that they are about.
	indexMessage = "erasurerequest.message"
)

// workers is how many requests are worked on at once.
const workers = 4

// Keys gives the operator's subject keys.
type Keys interface {
	Ring(ctx context.Context) (subjectkey.Ring, error)
}

// Messages makes the messages to recipients (Article 19). The same request and recipient always give the same message.
type Messages interface {
	Name(request *v1alpha1.ErasureRequest, d erasure.Disclosure) string
	Message(request *v1alpha1.ErasureRequest, d erasure.Disclosure) runtime.ApplyConfiguration
	// Reminders are the messages to an officer about a stage of the request's clock.
	Reminders(request *v1alpha1.ErasureRequest, officer *v1alpha1.DataProtectionOfficer, channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel, stage v1alpha1.PartName) []notice.Draft
	Reminder(request *v1alpha1.ErasureRequest, d notice.Draft) runtime.ApplyConfiguration
}

// Evidence certifies how a request ended. Asked again about the same request, it answers with the same certificate.
type Evidence interface {
	Certify(ctx context.Context, request *v1alpha1.ErasureRequest) (*v1alpha1.ErasureEvidence, error)
}

// Config is what the controller is given.
type Config struct {
	Keys     Keys
	Messages Messages
	Evidence Evidence
	Clock    clock.PassiveClock
}

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	if _, err := metric.Register(metrics.Registry, gauges(mgr.GetClient())); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("erasurerequest"),
		Clock: config.Clock, Keys: config.Keys, Messages: config.Messages, Evidence: config.Evidence}
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).Named("erasurerequest").
		For(&v1alpha1.ErasureRequest{}).
		Owns(&v1alpha1.Notification{}).
		Watches(&v1alpha1.ErasureRun{}, handler.EnqueueRequestsFromMapFunc(served)).
		Watches(&v1alpha1.LegalHold{}, handler.EnqueueRequestsFromMapFunc(r.open)).
		Watches(&v1alpha1.ConsentPolicy{}, handler.EnqueueRequestsFromMapFunc(r.open), builder.WithPredicates(predicate.Funcs{UpdateFunc: serves})).
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(r.unbound), changed).
		Watches(&v1alpha1.DataProtectionOfficer{}, handler.EnqueueRequestsFromMapFunc(r.unbound), changed).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), NewQueue: fair.Queue, MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{
		index.On(&v1alpha1.ErasureRequest{}, indexRequestID, func(o client.Object) []string {
			return []string{o.(*v1alpha1.ErasureRequest).Spec.RequestID}
		}),
		index.On(&v1alpha1.ErasureRequest{}, indexSubject, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.ErasureRequest).Spec.Subject.SecretRef.Name)}
		}),
		index.On(&v1alpha1.ErasureRun{}, indexRunRequest, func(o client.Object) []string {
			var uids []string
			for _, r := range o.(*v1alpha1.ErasureRun).Spec.Requests {
				uids = append(uids, r.UID)
			}
			return uids
		}),
		index.On(&v1alpha1.Notification{}, indexMessage, func(o client.Object) []string {
			return []string{o.(*v1alpha1.Notification).Spec.ObjectRef.UID}
		}),
	}
}

// served are the requests of a run.
func served(_ context.Context, object client.Object) []reconcile.Request {
	var list []reconcile.Request
	for _, r := range object.(*v1alpha1.ErasureRun).Spec.Requests {
		list = append(list, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: string(r.Name)}})
	}
	return list
}

// serves tells whether a policy's service has answered for the first time: its ledger may be concerned from then on.
func serves(e event.UpdateEvent) bool {
	return e.ObjectOld.(*v1alpha1.ConsentPolicy).Status.Notice == nil && e.ObjectNew.(*v1alpha1.ConsentPolicy).Status.Notice != nil
}

// open are the requests of a hold's namespace that have not ended.
func (r *Reconciler) open(ctx context.Context, object client.Object) []reconcile.Request {
	return r.where(ctx, object, func(s *v1alpha1.ErasureRequestStatus) bool { return s.End == "" })
}

// unbound are the open requests, of the object's namespace or of all, that still wait for a register or an officer, for a decision,
// until which they cover what comes, or for a store that may leave its register.
func (r *Reconciler) unbound(ctx context.Context, object client.Object) []reconcile.Request {
	return r.where(ctx, object, func(s *v1alpha1.ErasureRequestStatus) bool {
		return s.End == "" && (len(s.Targets) == 0 || s.TimeZone == "" || s.ApprovedPlanDigest == "" ||
			slices.ContainsFunc(s.Targets, func(t v1alpha1.ErasureTarget) bool { return !erasure.Final(t.Result) }))
	})
}

// where are the requests of the object's namespace, or of all, with such a status.
func (r *Reconciler) where(ctx context.Context, object client.Object, such func(*v1alpha1.ErasureRequestStatus) bool) []reconcile.Request {
	requests := &v1alpha1.ErasureRequestList{}
	if err := r.Client.List(ctx, requests, client.InNamespace(object.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list requests after an event; the next pass of each finds the change")
		return nil
	}
	var list []reconcile.Request
	for i := range requests.Items {
		if such(&requests.Items[i].Status) {
			list = append(list, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&requests.Items[i])})
		}
	}
	return list
}
