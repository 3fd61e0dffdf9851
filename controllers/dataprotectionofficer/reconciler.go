package dataprotectionofficer

import (
	"context"
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
	"github.com/rempart-dev/rempart/internal/officer"
)

// Reconciler counts what one DataProtectionOfficer answers for. It owns no children and sends nothing.
type Reconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
}

// Reconcile counts, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, dpo, func(d *v1alpha1.DataProtectionOfficer) any { return &d.Status })
	verdict, err := r.step(ctx, dpo)
	report(dpo, verdict, err)
	return flow.Next(verdict.Wait, err, status.Patch(ctx, dpo))
}

// step is the order of work: an officer has no children to apply or observe.
func (r *Reconciler) step(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (officer.Verdict, error) {
	in, err := r.load(ctx, dpo)
	if err != nil {
		return officer.Verdict{}, fmt.Errorf("loading: %w", err)
	}
	return officer.Judge(in), nil
}

// load reads what the officer answers for, all by index.
func (r *Reconciler) load(ctx context.Context, dpo *v1alpha1.DataProtectionOfficer) (officer.Input, error) {
	in := officer.Input{Officer: dpo, Now: r.Clock.Now()}
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.MatchingFields{indexRegister: dpo.Name}); err != nil {
		return in, fmt.Errorf("listing registers: %w", err)
	}
	in.Registers = len(registers.Items)
	seen := map[string]bool{}
	for i := range registers.Items {
		namespace := registers.Items[i].Namespace
		if seen[namespace] {
			continue
		}
		seen[namespace] = true
		requests := &v1alpha1.ErasureRequestList{}
		if err := r.Client.List(ctx, requests, client.InNamespace(namespace), client.MatchingFields{indexOpen: open}); err != nil {
			return in, fmt.Errorf("listing requests: %w", err)
		}
		in.Requests = append(in.Requests, requests.Items...)
	}
	breaches := &v1alpha1.BreachIncidentList{}
	if err := r.Client.List(ctx, breaches, client.MatchingFields{indexBreach: dpo.Name}); err != nil {
		return in, fmt.Errorf("listing breaches: %w", err)
	}
	in.Breaches = breaches.Items
	for _, channel := range dpo.Spec.Channels {
		messages := &v1alpha1.NotificationList{}
		if err := r.Client.List(ctx, messages, client.MatchingFields{indexMessage: string(channel)}); err != nil {
			return in, fmt.Errorf("listing messages: %w", err)
		}
		in.Messages = append(in.Messages, messages.Items...)
	}
	return in, nil
}
