// Package wish makes requests of erasure of what people ask on their page of a consent service, and tells the service what became of
// each.
package wish

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/wish"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/telemetry/metric"
)

// The token is of an account without a role, that no pod runs as, and no other account's can be asked for.
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies,verbs=list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=erasurerequests,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts/token,resourceNames=rempart-consent,namespace=rempart-system,verbs=create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

const fieldOwner = client.FieldOwner("consentpolicy-wish.gdpr.rempart.dev")

// Service tells of wishes, and is told what became of them. An error means that there was no answer; its text names nobody.
type Service interface {
	// Wishes are a part of those that nobody has answered.
	Wishes(ctx context.Context, host, token string, list wish.List) (wish.Page, error)
	// Later lets all others of their queues go before some wishes, of which there are MostLater at most.
	Later(ctx context.Context, host, token string, ids []uuid.UUID) error
	// Answer tells what became of a wish. Twice is once.
	Answer(ctx context.Context, host, token string, id uuid.UUID, state wish.State) error
}

// Tokens gives tokens of the account by which the services know the operator.
type Tokens interface {
	Token(ctx context.Context, audience string) (string, error)
}

// Config is what the controller is given.
type Config struct {
	Service Service
	Tokens  Tokens
	Clock   clock.PassiveClock
}

// Register adds the controller to the manager. It looks again at an interval: nothing tells the operator of a wish.
func Register(mgr ctrl.Manager, config Config) error {
	if _, err := metric.Register(metrics.Registry, gauges(mgr.GetClient())); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("consentpolicywish"), Config: config}
	return ctrl.NewControllerManagedBy(mgr).Named("consentpolicywish").
		For(&v1alpha1.ConsentPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// workers is how many services are asked at once: one that is slow does not hold up the others.
const workers = 4

// Reconciler looks after the wishes of one ConsentPolicy.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache.
	Reader   client.Reader
	Recorder events.EventRecorder
	Config
}

// gauges count when asked. Every replica counts the same, so take the maximum.
func gauges(reader client.Reader) *metric.Counted {
	return metric.NewCounted(func(ctx context.Context) ([]float64, error) {
		policies, requests := &v1alpha1.ConsentPolicyList{}, &v1alpha1.ErasureRequestList{}
		if err := reader.List(ctx, policies); err != nil {
			return nil, fmt.Errorf("counting policies: %w", err)
		}
		if err := reader.List(ctx, requests, client.HasLabels{v1alpha1.LabelConsentPolicy}); err != nil {
			return nil, fmt.Errorf("counting requests: %w", err)
		}
		var open, unhandled float64
		for i := range requests.Items {
			if r := &requests.Items[i]; r.Status.End == "" || erasure.Untold(r) {
				open++
			}
		}
		for i := range policies.Items {
			if c := meta.FindStatusCondition(policies.Items[i].Status.Conditions, v1alpha1.ConditionWishesHandled); c != nil && c.Status != "True" {
				unhandled++
			}
		}
		return []float64{open, unhandled}, nil
	},
		metric.Gauge{Name: "rempart_consent_wishes_open", Help: "Requests of erasure that people asked for on their page, or by withdrawing, and that have not ended"},
		metric.Gauge{Name: "rempart_consent_policies_wishes_unhandled", Help: "Policies whose people ask for erasure and wait: their service is not heard, or they are many"},
	)
}
