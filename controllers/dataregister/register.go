// Package dataregister reconciles DataRegisters: it runs managed stores, scans every store, and judges the record.
package dataregister

import (
	"context"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
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
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/index"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters/status,verbs=patch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=dataregisters/finalizers,verbs=update
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataprotectionofficers;erasurerequests;legalholds,verbs=list;watch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list
// +kubebuilder:rbac:groups="",resources=nodes,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// indexOfficer finds registers in the cache by the officer that they name.
const indexOfficer = "dataregister.officer"

// Places says what a register's residency policy allows. It answers from memory.
type Places interface {
	// AllowedRegions are the regions, as nodes are labelled, in which a managed store of the register may run.
	AllowedRegions(r *v1alpha1.DataRegister) ([]string, error)
	// JudgeNode judges the place of a node.
	JudgeNode(r *v1alpha1.DataRegister, node *corev1.Node) register.Place
	// JudgeClass judges where a StorageClass keeps data. Message is the refusal: class, place, rule, what to do.
	JudgeClass(r *v1alpha1.DataRegister, className string) register.Place
	// JudgeDeclared judges the declared place of a store outside the cluster.
	JudgeDeclared(r *v1alpha1.DataRegister, external *v1alpha1.ExternalStore) register.Place
	// Found is what the newest scan of residency found of the objects that the register governs.
	Found(r *v1alpha1.DataRegister) []residency.Finding
	// ZoneOf says how the law sees a country today.
	ZoneOf(country v1alpha1.Country) v1alpha1.LegalZone
}

// Config is what the controller is given.
type Config struct {
	// Image of the eraser.
	Image string
	// Places judges places.
	Places Places
	// Chance is the source of passwords: crypto/rand.Reader, but in tests.
	Chance io.Reader
	// Clock tells the time.
	Clock clock.PassiveClock
}

// Register adds the controller to the manager.
func Register(ctx context.Context, mgr ctrl.Manager, config Config) error {
	if err := Index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	r := &Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("dataregister"),
		Clock: config.Clock, Places: config.Places, Chance: config.Chance, Image: config.Image,
	}
	return ctrl.NewControllerManagedBy(mgr).Named("dataregister").
		For(&v1alpha1.DataRegister{}).
		Owns(&appsv1.StatefulSet{}).Owns(&corev1.Service{}).Owns(&networkingv1.NetworkPolicy{}).Owns(&batchv1.Job{}).
		Watches(&v1alpha1.DataRegister{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ResidencyPolicy{}, handler.EnqueueRequestsFromMapFunc(r.everyone)).
		Watches(&v1alpha1.DataProtectionOfficer{}, handler.EnqueueRequestsFromMapFunc(r.served), builder.WithPredicates(comingAndGoing)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// comingAndGoing lets only creations and deletions pass.
var comingAndGoing = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// Index adds the indexes of registers to the cache. Admission finds by them, too, who claims a store.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	return index.Add(ctx, indexer,
		index.On(&v1alpha1.DataRegister{}, register.IndexClaims, claimsOf),
		index.On(&v1alpha1.DataRegister{}, indexOfficer, officerOf))
}

func claimsOf(object client.Object) []string {
	return register.ClaimKeys(object.(*v1alpha1.DataRegister))
}

func officerOf(object client.Object) []string {
	return []string{string(object.(*v1alpha1.DataRegister).Spec.OfficerRef.Name)}
}

// rivals are the registers that claim what another one claims, which came, changed or went.
func (r *Reconciler) rivals(ctx context.Context, object client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, claim := range claimsOf(object) {
		for _, request := range r.list(ctx, client.MatchingFields{register.IndexClaims: claim}) {
			if request.NamespacedName != client.ObjectKeyFromObject(object) {
				requests = append(requests, request)
			}
		}
	}
	return requests
}

// everyone are all registers: a policy may be the default one.
func (r *Reconciler) everyone(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

// served are the registers that name the officer.
func (r *Reconciler) served(ctx context.Context, object client.Object) []reconcile.Request {
	return r.list(ctx, client.MatchingFields{indexOfficer: object.GetName()})
}

func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list registers after an event; the next pass of each finds the change")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(registers.Items))
	for i := range registers.Items {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: registers.Items[i].Namespace, Name: registers.Items[i].Name}})
	}
	return requests
}
