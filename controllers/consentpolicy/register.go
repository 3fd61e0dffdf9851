// Package consentpolicy reconciles ConsentPolicies: it runs the consent service and its ledger, and judges what they say.
package consentpolicy

import (
	"context"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
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
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/fair"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
	"github.com/rempart-dev/rempart/internal/register"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies,verbs=list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=consentpolicies/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters;dataprotectionofficers;residencypolicies,verbs=list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=nodes,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create;patch,namespace=rempart-system
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:urls=/.well-known/openid-configuration;/openid/v1/jwks,verbs=get

// Indexes of the cache.
const (
	// indexOfficer finds policies by the officer that they name.
	indexOfficer = "consentpolicy.officer"
	// indexRegister finds policies by the register that they name.
	indexRegister = "consentpolicy.register"
)

// Places says what the residency policy of a register allows. It answers from memory.
type Places interface {
	// AllowedRegions are the regions, as nodes are labelled, in which the service may run.
	AllowedRegions(r *v1alpha1.DataRegister) ([]string, error)
	// JudgeNode judges the place of a node.
	JudgeNode(r *v1alpha1.DataRegister, node *corev1.Node) register.Place
	// JudgeClass judges where a StorageClass keeps data.
	JudgeClass(r *v1alpha1.DataRegister, className string) register.Place
	// JudgeDeclared judges the declared place of a ledger or a mail server that Rempart does not run.
	JudgeDeclared(r *v1alpha1.DataRegister, external *v1alpha1.ExternalStore) register.Place
}

// Service asks a consent service what it serves.
type Service interface {
	// Status asks at a host of the cluster. An error means that there was no answer.
	Status(ctx context.Context, host string) (*policy.Answer, error)
	// Forgotten asks for marks of who was forgotten, as the log says from a size on.
	Forgotten(ctx context.Context, host, token string, from int64) (policy.ForgottenPage, error)
	// Consistency asks for the proof that the log of a larger size continues that of a smaller one.
	Consistency(ctx context.Context, host, site string, from, to int64) ([][]byte, error)
}

// Tokens says who issues the tokens of the cluster's ServiceAccounts.
type Tokens interface {
	// Issuers returns none where the API server does not tell.
	Issuers(ctx context.Context) ([]policy.Issuer, error)
}

// Account gives tokens of the operator's own account, each for one service.
type Account interface {
	Token(ctx context.Context, audience string) (string, error)
}

// Config is what the controller is given.
type Config struct {
	// Namespace of the operator, which keeps the checkpoints, and the ServiceAccount there by which services know the operator.
	Namespace, Account string
	// Own are that account's tokens.
	Own Account
	// Image of consentd.
	Image   string
	Places  Places
	Service Service
	Tokens  Tokens
	// Chance is the source of passwords and keys: crypto/rand.Reader, but in tests.
	Chance io.Reader
	Clock  clock.PassiveClock
}

// workers is how many policies are worked on at once. A service that is silent, which may be a tenant's doing, keeps one waiting for seconds.
const workers = 8

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer(), Indexes()...); err != nil {
		return err
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("consentpolicy"), Config: config}
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).Named("consentpolicy").
		For(&v1alpha1.ConsentPolicy{}).
		Owns(&appsv1.StatefulSet{}).Owns(&appsv1.Deployment{}).Owns(&corev1.Service{}).Owns(&networkingv1.NetworkPolicy{}).
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(r.recorded), changed).
		Watches(&v1alpha1.DataProtectionOfficer{}, handler.EnqueueRequestsFromMapFunc(r.served), changed).
		Watches(&v1alpha1.ResidencyPolicy{}, handler.EnqueueRequestsFromMapFunc(r.everyone), changed).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), NewQueue: fair.Queue, MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Indexes are the indexes that the controller needs.
func Indexes() []index.Index {
	return []index.Index{
		index.On(&v1alpha1.ConsentPolicy{}, indexOfficer, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.ConsentPolicy).Spec.OfficerRef.Name)}
		}),
		index.On(&v1alpha1.ConsentPolicy{}, indexRegister, func(o client.Object) []string {
			return []string{string(o.(*v1alpha1.ConsentPolicy).Spec.RegisterRef.Name)}
		}),
	}
}

// recorded are the policies that name the register.
func (r *Reconciler) recorded(ctx context.Context, object client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(object.GetNamespace()), client.MatchingFields{indexRegister: object.GetName()})
}

// served are the policies that name the officer.
func (r *Reconciler) served(ctx context.Context, object client.Object) []reconcile.Request {
	return r.list(ctx, client.MatchingFields{indexOfficer: object.GetName()})
}

// everyone are all policies: a residency policy may be the default one.
func (r *Reconciler) everyone(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	policies := &v1alpha1.ConsentPolicyList{}
	if err := r.Client.List(ctx, policies, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list consent policies after an event; the next pass of each finds the change")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(policies.Items))
	for i := range policies.Items {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: policies.Items[i].Namespace, Name: policies.Items[i].Name}})
	}
	return requests
}
