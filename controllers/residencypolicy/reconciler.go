package residencypolicy

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/guard"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/residency"
)

// Waits between passes: for a snapshot of this generation, and the sweep for what no event told.
const (
	forSnapshot = 2 * time.Second
	forSweep    = 10 * time.Minute
)

// Reconciler says what a ResidencyPolicy means for the cluster. Its only children are messages about exceptions that end soon.
type Reconciler struct {
	Client client.Client
	// Reader reads live.
	Reader    client.Reader
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	Snapshots *residency.Holder
	// Scans hands out what exists and violates; it is filled by the scanner.
	Scans *residency.ScanHolder
	// Guards are those of this release.
	Guards            *guard.Guards
	OperatorNamespace string
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, policy *v1alpha1.ResidencyPolicy) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, policy, func(p *v1alpha1.ResidencyPolicy) any { return &p.Status })
	before := policy.DeepCopy()
	verdict, err := r.step(ctx, policy)
	report(policy, verdict, err)
	patched := status.Patch(ctx, policy)
	if patched == nil { // a step that failed before it judged left the status as it was, and tells nothing
		r.tell(before, policy, verdict.Fresh)
	}
	return flow.Next(flow.Earliest(wait(verdict), residency.UntilExceptionsChange(policy.Spec.Exceptions, r.Clock.Now())), err, patched)
}

// step is the order of work. The judgement does not wait for messages: what is refused must not depend on them.
func (r *Reconciler) step(ctx context.Context, policy *v1alpha1.ResidencyPolicy) (residency.Verdict, error) {
	in, err := r.load(ctx, policy)
	if err != nil {
		return residency.Verdict{Status: policy.Status}, fmt.Errorf("loading: %w", err)
	}
	err = r.notify(ctx, &in)
	return residency.Judge(in), err
}

// load reads each input once.
func (r *Reconciler) load(ctx context.Context, policy *v1alpha1.ResidencyPolicy) (residency.Observed, error) {
	in := residency.Observed{Policy: policy, Snapshot: r.Snapshots.Load(), Scan: r.Scans.Load(), Now: metav1.NewTime(r.Clock.Now())}
	return in, r.guards(ctx, &in)
}

// guards looks at what the API server holds: webhook configurations, admission policies with their bindings, and quotas.
func (r *Reconciler) guards(ctx context.Context, in *residency.Observed) error {
	validating, mutating := &admissionregistrationv1.ValidatingWebhookConfigurationList{}, &admissionregistrationv1.MutatingWebhookConfigurationList{}
	policies, bindings := &admissionregistrationv1.ValidatingAdmissionPolicyList{}, &admissionregistrationv1.ValidatingAdmissionPolicyBindingList{}
	for _, list := range []client.ObjectList{validating, mutating, policies, bindings} {
		if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing what guards: %w", err)
		}
	}
	in.Webhooks = r.Guards.Serving(validating.Items, mutating.Items)
	quotas := &corev1.ResourceQuotaList{}
	if err := r.Client.List(ctx, quotas, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the quotas: %w", err)
	}
	if in.Snapshot != nil {
		in.Unlimited = in.Snapshot.Unlimited(in.Policy.Name, quotas.Items)
	}
	in.Missing = r.Guards.Missing(policies.Items, bindings.Items, residency.Bindings(in.Policy, r.OperatorNamespace)...)
	return nil
}

func wait(verdict residency.Verdict) time.Duration {
	if !verdict.Judged {
		return forSnapshot
	}
	return forSweep
}
