// Package residencypolicy reconciles ResidencyPolicies: it says what each means for the cluster, keeps the picture that
// the webhooks read, labels the namespaces that they guard and the nodes that policies allow, binds the admission policies
// that judge beside them, keeps quotas, and scans what exists.
package residencypolicy

import (
	"context"
	"fmt"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/guard"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/node"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/quota"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/scan"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/snapshot"
	"github.com/rempart-dev/rempart/controllers/residencypolicy/twin"
	guards "github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/residency"
)

// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations;mutatingwebhookconfigurations;validatingadmissionpolicies;validatingadmissionpolicybindings,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=resourcequotas,verbs=list;watch

// Config is what the controllers are given.
type Config struct {
	// Snapshots is filled here and read by the webhooks.
	Snapshots *residency.Holder
	// Scans is filled here, on the leader.
	Scans             *residency.ScanHolder
	Clock             clock.PassiveClock
	OperatorNamespace string
	// Guards are those of this release: what a policy's status looks for.
	Guards *guards.Guards
}

// Register adds the controllers to the manager: the snapshot on every replica, the rest on the leader.
func Register(mgr ctrl.Manager, config Config) error {
	keeper := &snapshot.Keeper{Client: mgr.GetClient(), Holder: config.Snapshots, Clock: config.Clock, OperatorNamespace: config.OperatorNamespace}
	toStatus, toGuard, toNodes, toQuota, toScan := keeper.Listen(), keeper.Listen(), keeper.Listen(), keeper.Listen(), keeper.Listen()
	if err := keeper.Register(mgr); err != nil {
		return fmt.Errorf("registering the snapshot: %w", err)
	}
	labels := &guard.Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Clock: config.Clock, Snapshots: config.Snapshots}
	if err := labels.Register(mgr, toGuard); err != nil {
		return fmt.Errorf("registering the labels of namespaces: %w", err)
	}
	places := &node.Reconciler{Client: mgr.GetClient(), Snapshots: config.Snapshots}
	if err := places.Register(mgr, toNodes); err != nil {
		return fmt.Errorf("registering the labels of nodes: %w", err)
	}
	limits := &quota.Reconciler{Client: mgr.GetClient(), Snapshots: config.Snapshots}
	if err := limits.Register(mgr, toQuota); err != nil {
		return fmt.Errorf("registering the quotas: %w", err)
	}
	bindings := &twin.Reconciler{Client: mgr.GetClient(), OperatorNamespace: config.OperatorNamespace}
	if err := bindings.Register(mgr); err != nil {
		return fmt.Errorf("registering the bindings of admission policies: %w", err)
	}
	watcher, err := client.NewWithWatch(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("making the client of the kinds of others: %w", err)
	}
	scanner := &scan.Scanner{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Copies: scan.NewCopies(watcher), Snapshots: config.Snapshots, Scans: config.Scans, Clock: config.Clock}
	found := scanner.Listen()
	if err := scanner.Register(mgr, toScan); err != nil {
		return fmt.Errorf("registering the scan: %w", err)
	}
	r := &Reconciler{Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("residencypolicy"), Clock: config.Clock, Snapshots: config.Snapshots,
		Scans: config.Scans, Guards: config.Guards, OperatorNamespace: config.OperatorNamespace}
	return r.register(mgr, toStatus, found)
}

func (r *Reconciler) register(mgr ctrl.Manager, heard, found <-chan event.GenericEvent) error {
	toAll := handler.EnqueueRequestsFromMapFunc(r.all)
	return ctrl.NewControllerManagedBy(mgr).Named("residencypolicy").
		For(&v1alpha1.ResidencyPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, toAll, builder.WithPredicates(ours)).
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, toAll, builder.WithPredicates(ours)).
		Watches(&admissionregistrationv1.ValidatingAdmissionPolicy{}, toAll, builder.WithPredicates(ours)).
		Watches(&admissionregistrationv1.ValidatingAdmissionPolicyBinding{}, toAll, builder.WithPredicates(ours)).
		Watches(&corev1.ResourceQuota{}, toAll, builder.WithPredicates(quota.Changed)).
		WatchesRawSource(source.Channel(heard, toAll)).
		WatchesRawSource(source.Channel(found, toAll)).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// all returns every policy: a class, a node or a finding may concern each.
func (r *Reconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	policies := &v1alpha1.ResidencyPolicyList{}
	if r.Client.List(ctx, policies, client.UnsafeDisableDeepCopy) != nil {
		return nil // the cache answers, or the manager is stopping
	}
	requests := make([]reconcile.Request, 0, len(policies.Items))
	for i := range policies.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&policies.Items[i])})
	}
	return requests
}

// ours lets through what has a name of a guard of ours.
var ours = predicate.NewPredicateFuncs(func(object client.Object) bool { return strings.HasPrefix(object.GetName(), "rempart-") })
