// Package twin binds to each ResidencyPolicy the admission policies that judge by it: the API server then judges claims by
// the policy's status while no webhook answers, and keeps namespaces in the policy's selection.
package twin

import (
	"context"
	"errors"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/whole"
	"github.com/rempart-dev/rempart/internal/residency"
)

// The API server lets only who may read a parameter bind a policy to it: get on residencypolicies.
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies,verbs=get;list;watch
// An owner that blocks is set by who may finalize it.
// +kubebuilder:rbac:groups=gdpr.rempart.dev,resources=residencypolicies/finalizers,verbs=update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicybindings,verbs=create;list;update;watch

type binding = admissionregistrationv1.ValidatingAdmissionPolicyBinding

// Reconciler keeps the bindings of one policy.
type Reconciler struct {
	Client            client.Client
	OperatorNamespace string
}

// Register adds the controller to the manager. A binding that somebody edits or deletes comes back.
func (r *Reconciler) Register(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("residencypolicy-twin").
		For(&v1alpha1.ResidencyPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&binding{}).
		WithOptions(controller.Options{RateLimiter: flow.Backoff()}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile writes the bindings. They go with their policy, which owns them.
func (r *Reconciler) Reconcile(ctx context.Context, policy *v1alpha1.ResidencyPolicy) (ctrl.Result, error) {
	if policy.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	var failed error
	for _, want := range residency.Bindings(policy, r.OperatorNamespace) {
		_, err := whole.Put(ctx, r.Client, &binding{}, want, func(live, want *binding) {
			live.Labels, live.OwnerReferences, live.Spec = want.Labels, want.OwnerReferences, want.Spec
		})
		failed = errors.Join(failed, err)
	}
	return flow.Next(0, failed, nil)
}
