package escalationpolicy

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

// Reconciler judges one policy. It has no children, and its inputs are watched, so that it never waits.
type Reconciler struct{ Client client.Client }

// Reconcile takes one step and reports it whatever came of it.
func (r *Reconciler) Reconcile(ctx context.Context, policy *v1alpha1.EscalationPolicy) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, policy, statusOf)
	verdict, err := r.step(ctx, policy)
	report(policy, verdict, err)
	return flow.Next(0, err, status.Patch(ctx, policy))
}

func (r *Reconciler) step(ctx context.Context, policy *v1alpha1.EscalationPolicy) (breach.PolicyVerdict, error) {
	in, err := r.load(ctx, policy)
	if err != nil {
		return breach.PolicyVerdict{}, fmt.Errorf("loading: %w", err)
	}
	return breach.JudgePolicy(in), nil
}

func (r *Reconciler) load(ctx context.Context, policy *v1alpha1.EscalationPolicy) (breach.PolicyInput, error) {
	in := breach.PolicyInput{Policy: policy, Channels: map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{}}
	channels := &v1alpha1.NotificationChannelList{}
	if err := r.Client.List(ctx, channels); err != nil {
		return in, fmt.Errorf("listing channels: %w", err)
	}
	for i := range channels.Items {
		in.Channels[v1alpha1.ObjectName(channels.Items[i].Name)] = &channels.Items[i]
	}
	incidents := &v1alpha1.BreachIncidentList{}
	if err := r.Client.List(ctx, incidents, client.MatchingFields{indexIncident: policy.Name}); err != nil {
		return in, fmt.Errorf("listing incidents: %w", err)
	}
	in.Incidents = incidents.Items
	return in, nil
}
