package breachincident

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

const fieldOwner = client.FieldOwner("breachincident.gdpr.rempart.dev")

// Reconciler runs the clock of one incident.
type Reconciler struct {
	Client    client.Client
	Reader    client.Reader
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	Namespace string
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, incident *v1alpha1.BreachIncident) (ctrl.Result, error) {
	if !incident.DeletionTimestamp.IsZero() {
		if gone, err := r.release(ctx, incident); gone || err != nil {
			return flow.Next(0, err, nil)
		}
	}
	status := statuspatch.New(r.Client, incident, statusOf)
	verdict, err := r.step(ctx, incident)
	report(incident, verdict, err)
	written := status.Patch(ctx, incident)
	if written == nil {
		r.announce(incident, verdict)
	}
	return flow.Next(verdict.Wait, err, written)
}

// step is the order of work: messages exist before the status says that a stage fired.
func (r *Reconciler) step(ctx context.Context, incident *v1alpha1.BreachIncident) (breach.Verdict, error) {
	if incident.DeletionTimestamp.IsZero() {
		if wrote, err := child.Finalize(ctx, r.Client, incident, v1alpha1.FinalizerBreachRegister); wrote || err != nil {
			return breach.Verdict{}, err // the write brings the next pass
		}
	}
	in, err := r.load(ctx, incident)
	if err != nil {
		return breach.Verdict{}, fmt.Errorf("loading: %w", err)
	}
	if err := r.apply(ctx, incident, breach.Desired(in)); err != nil {
		return breach.Verdict{}, fmt.Errorf("applying: %w", err)
	}
	return breach.Judge(in), nil
}

// load reads each input once, so that every decision of this pass sees one instant.
func (r *Reconciler) load(ctx context.Context, incident *v1alpha1.BreachIncident) (breach.Input, error) {
	in := breach.Input{Incident: incident, Zone: time.UTC, Now: r.Clock.Now(), Channels: map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{}}
	officer := &v1alpha1.DataProtectionOfficer{}
	switch err := r.Client.Get(ctx, client.ObjectKey{Name: string(incident.Spec.OfficerRef.Name)}, officer); {
	case err == nil:
		in.Officer = officer
		in.Zone = zoneOf(officer)
	case client.IgnoreNotFound(err) != nil:
		return in, fmt.Errorf("reading the officer: %w", err)
	}
	policy := &v1alpha1.EscalationPolicy{}
	switch err := r.Client.Get(ctx, client.ObjectKey{Name: string(incident.Spec.EscalationPolicyRef.Name)}, policy); {
	case err == nil:
		in.Policy = policy
	case client.IgnoreNotFound(err) != nil:
		return in, fmt.Errorf("reading the policy: %w", err)
	}
	channels := &v1alpha1.NotificationChannelList{}
	if err := r.Client.List(ctx, channels); err != nil {
		return in, fmt.Errorf("listing channels: %w", err)
	}
	for i := range channels.Items {
		in.Channels[v1alpha1.ObjectName(channels.Items[i].Name)] = &channels.Items[i]
	}
	messages := &v1alpha1.NotificationList{}
	if err := r.Client.List(ctx, messages, client.InNamespace(incident.Namespace), client.MatchingFields{indexMessage: string(incident.UID)}); err != nil {
		return in, fmt.Errorf("listing messages: %w", err)
	}
	for i := range messages.Items {
		if child.Ours(&messages.Items[i], incident) {
			in.Notifications = append(in.Notifications, messages.Items[i])
		}
	}
	return in, nil
}

// zoneOf is the officer's zone. Admission refuses one that does not load; if it comes in all the same, hours are shown
// and cut in UTC, which moves no safe target.
func zoneOf(officer *v1alpha1.DataProtectionOfficer) *time.Location {
	zone, err := time.LoadLocation(officer.Spec.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// apply is the only writer of children. A message that the cache has not seen yet is looked up live: it is written once
// and never again.
func (r *Reconciler) apply(ctx context.Context, incident *v1alpha1.BreachIncident, messages []runtime.ApplyConfiguration) error {
	return child.Once(ctx, r.Client, r.Reader, incident, fieldOwner, messages)
}
