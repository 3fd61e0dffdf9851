// Package snapshot keeps the picture of all verdicts that the webhooks read. Every replica serves webhooks, so it runs on
// every replica, and writes nothing to the API.
package snapshot

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
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
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies;dataregisters,verbs=list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=csinodes,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=nodes;namespaces;persistentvolumes,verbs=list;watch

// whole is the one thing that is reconciled: the picture of the whole cluster.
var whole = reconcile.Request{NamespacedName: types.NamespacedName{Name: "cluster"}}

// Keeper rebuilds the snapshot when something that it rests on changes, at the change of the day, and when an exception ends.
type Keeper struct {
	Client            client.Reader
	Holder            *residency.Holder
	Clock             clock.PassiveClock
	OperatorNamespace string

	listeners []chan event.GenericEvent
}

// Listen returns a channel that hears of each new snapshot. To be called before the manager starts.
func (k *Keeper) Listen() <-chan event.GenericEvent {
	heard := make(chan event.GenericEvent, 1)
	k.listeners = append(k.listeners, heard)
	return heard
}

// Register adds the keeper to the manager.
func (k *Keeper) Register(mgr ctrl.Manager) error {
	toWhole := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{whole} })
	return ctrl.NewControllerManagedBy(mgr).Named("residency-snapshot").
		Watches(&v1alpha1.ResidencyPolicy{}, toWhole, only(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.DataRegister{}, toWhole, only(predicate.GenerationChangedPredicate{})).
		Watches(&storagev1.StorageClass{}, toWhole).
		Watches(&corev1.Node{}, toWhole, only(moved)).
		Watches(&storagev1.CSINode{}, toWhole, only(reequipped)).
		Watches(&corev1.PersistentVolume{}, toWhole, only(unbound)).
		Watches(&corev1.Namespace{}, toWhole, only(relabelled)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: 1, NeedLeaderElection: ptr.To(false)}).
		Complete(k)
}

// Reconcile reads the cluster from the cache and replaces the snapshot.
func (k *Keeper) Reconcile(ctx context.Context, _ reconcile.Request) (ctrl.Result, error) {
	in, err := k.load(ctx)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the cluster: %w", err)
	}
	k.Holder.Store(residency.Build(in))
	for _, heard := range k.listeners {
		select {
		case heard <- event.GenericEvent{Object: &v1alpha1.ResidencyPolicy{}}:
		default: // one is waiting already, and will see this snapshot; or this replica does not lead
		}
	}
	return ctrl.Result{RequeueAfter: untilNext(in.Policies, in.Now)}, nil
}

func (k *Keeper) load(ctx context.Context) (residency.Input, error) {
	now := k.Clock.Now()
	policies, registers := &v1alpha1.ResidencyPolicyList{}, &v1alpha1.DataRegisterList{}
	classes, nodes, namespaces := &storagev1.StorageClassList{}, &corev1.NodeList{}, &corev1.NamespaceList{}
	csiNodes, volumes := &storagev1.CSINodeList{}, &corev1.PersistentVolumeList{}
	for _, list := range []client.ObjectList{policies, registers, classes, nodes, namespaces, csiNodes, volumes} {
		if err := k.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil { // Build only reads
			return residency.Input{}, err
		}
	}
	return residency.Input{Policies: policies.Items, Registers: residency.RegistersOf(registers.Items), Stores: register.StoresOf(registers.Items), Classes: classes.Items, Nodes: nodes.Items,
		CSINodes: csiNodes.Items, Volumes: volumes.Items, Namespaces: namespaces.Items, On: residency.Day(now), Now: now, OperatorNamespace: k.OperatorNamespace}, nil
}

// untilNext is the time until something changes by itself: the next day, or the state of an exception.
func untilNext(policies []v1alpha1.ResidencyPolicy, now time.Time) time.Duration {
	next := untilTomorrow(now)
	for i := range policies {
		next = flow.Earliest(next, residency.UntilExceptionsChange(policies[i].Spec.Exceptions, now))
	}
	return next
}

// untilTomorrow is the time to the next civil day in UTC: adequacy decisions and declarations end with a day.
func untilTomorrow(now time.Time) time.Duration {
	year, month, day := now.UTC().Date()
	return time.Date(year, month, day+1, 0, 0, 1, 0, time.UTC).Sub(now)
}

func only(p predicate.Predicate) builder.WatchesOption { return builder.WithPredicates(p) }

// moved lets through what says where a node is.
var moved = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	old, okOld := e.ObjectOld.(*corev1.Node)
	now, okNow := e.ObjectNew.(*corev1.Node)
	return !okOld || !okNow || residency.Moved(old, now)
}}

// reequipped lets through the drivers that a node runs.
var reequipped = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	old, okOld := e.ObjectOld.(*storagev1.CSINode)
	now, okNow := e.ObjectNew.(*storagev1.CSINode)
	return !okOld || !okNow || !equality.Semantic.DeepEqual(old.Spec, now.Spec)
}}

// unbound lets through the volumes that decide about their class: those that no claim has, or had.
var unbound = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return isFree(e.Object) },
	DeleteFunc: func(e event.DeleteEvent) bool { return isFree(e.Object) },
	UpdateFunc: func(e event.UpdateEvent) bool {
		old, okOld := e.ObjectOld.(*corev1.PersistentVolume)
		now, okNow := e.ObjectNew.(*corev1.PersistentVolume)
		return !okOld || !okNow || ((isFree(old) || isFree(now)) && (!equality.Semantic.DeepEqual(old.Spec, now.Spec) || !equality.Semantic.DeepEqual(old.Annotations, now.Annotations)))
	},
}

func isFree(object client.Object) bool {
	volume, ok := object.(*corev1.PersistentVolume)
	return !ok || volume.Spec.ClaimRef == nil
}

// relabelled lets through what a policy's selector reads.
var relabelled = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return !equality.Semantic.DeepEqual(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
}}
