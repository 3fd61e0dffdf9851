// Package restore brings back what guards: an admission policy, a binding or a webhook configuration of this release that
// somebody deleted or edited. No admission policy and no webhook is asked about admission policies and their bindings, so
// nothing else can.
package restore

import (
	"context"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/whole"
)

// What is created cannot be restricted to names. Bindings of policies are those of controllers/residencypolicy/twin too.
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies;validatingwebhookconfigurations;mutatingwebhookconfigurations,verbs=create;list;watch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies,resourceNames=rempart-claims;rempart-guard;rempart-guarded-namespaces;rempart-internal-kinds;rempart-jobs;rempart-namespaces;rempart-nodes;rempart-status,verbs=update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,resourceNames=rempart-validating,verbs=update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations,resourceNames=rempart-mutating,verbs=update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicybindings,verbs=create;list;update;watch

// Reconciler keeps each guard as this release has it. Where none is installed, as when OLM or a developer runs the operator,
// it installs none.
type Reconciler struct {
	Client client.Client
	Guards *guard.Guards

	// installed is whether a guard was ever seen. One worker uses it.
	installed bool
}

// kinds of guards, by the word that stands before the name in a request.
var kinds = map[string]client.Object{
	"policy":     &admissionregistrationv1.ValidatingAdmissionPolicy{},
	"binding":    &admissionregistrationv1.ValidatingAdmissionPolicyBinding{},
	"validating": &admissionregistrationv1.ValidatingWebhookConfiguration{},
	"mutating":   &admissionregistrationv1.MutatingWebhookConfiguration{},
}

func request(kind, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: kind, Name: name}}
}

// Register adds the controller to the manager. It looks at every guard when it starts, and at one when it changes.
func (r *Reconciler) Register(mgr ctrl.Manager) error {
	all := r.all()
	build := ctrl.NewControllerManagedBy(mgr).Named("guards").
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			for key := range all {
				queue.Add(key)
			}
			return nil
		})).
		WithOptions(controller.Options{RateLimiter: flow.Backoff(), MaxConcurrentReconciles: 1})
	for kind, object := range kinds {
		build = build.Watches(object, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, changed client.Object) []reconcile.Request {
			key := request(kind, changed.GetName())
			if all[key] == nil {
				return nil
			}
			return []reconcile.Request{key}
		}))
	}
	return build.Complete(r)
}

// Reconcile writes one guard as it should be. The API server stores nothing when it is.
func (r *Reconciler) Reconcile(ctx context.Context, key reconcile.Request) (ctrl.Result, error) {
	write := r.all()[key]
	if write == nil {
		return ctrl.Result{}, nil
	}
	installed, err := r.isInstalled(ctx)
	if err != nil || !installed {
		return flow.Next(0, err, nil)
	}
	restored, err := write(ctx)
	if restored {
		logf.FromContext(ctx).Info("Restored a guard", "kind", key.Namespace, "name", key.Name)
	}
	return flow.Next(0, err, nil)
}

// put writes one guard, and tells whether that changed it.
type put func(context.Context) (bool, error)

// all returns what writes each guard.
func (r *Reconciler) all() map[reconcile.Request]put {
	writers := map[reconcile.Request]put{}
	for _, want := range r.Guards.Policies {
		writers[request("policy", want.Name)] = writer(r.Client, want, func(live, want *admissionregistrationv1.ValidatingAdmissionPolicy) { live.Spec = want.Spec })
	}
	for _, want := range r.Guards.Bindings {
		writers[request("binding", want.Name)] = writer(r.Client, want, func(live, want *admissionregistrationv1.ValidatingAdmissionPolicyBinding) { live.Spec = want.Spec })
	}
	for _, want := range r.Guards.Validating {
		writers[request("validating", want.Name)] = writer(r.Client, want, guard.SetValidating)
	}
	for _, want := range r.Guards.Mutating {
		writers[request("mutating", want.Name)] = writer(r.Client, want, guard.SetMutating)
	}
	return writers
}

// writer writes a copy of what is wanted, for the client fills in what it writes.
func writer[T any, P interface {
	*T
	client.Object
}](c client.Client, want P, set func(live, want P)) put {
	return func(ctx context.Context) (bool, error) {
		return whole.Put(ctx, c, P(new(T)), want.DeepCopyObject().(P), set)
	}
}

// isInstalled tells whether a guard is there, or was since the start: then all have to be.
func (r *Reconciler) isInstalled(ctx context.Context) (bool, error) {
	for key := range r.all() {
		if r.installed {
			break
		}
		object := kinds[key.Namespace].DeepCopyObject().(client.Object)
		err := r.Client.Get(ctx, client.ObjectKey{Name: key.Name}, object)
		if client.IgnoreNotFound(err) != nil {
			return false, err
		}
		r.installed = err == nil
	}
	return r.installed, nil
}
