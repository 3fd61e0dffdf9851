package legalhold

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

// Reconciler moves one LegalHold one step closer to taking effect, or to its end.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache: runs that an old list lacks may be erasing.
	Reader   client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Keys     Keys
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, h *v1alpha1.LegalHold) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, h, func(h *v1alpha1.LegalHold) any { return &h.Status })
	before := h.DeepCopy()
	verdict, err := r.step(ctx, h)
	report(h, verdict, err)
	patched := status.Patch(ctx, h)
	if patched == nil {
		r.announce(before, h)
	}
	return flow.Next(verdict.Wait, err, patched)
}

// step is the order of work. The references to the person are recorded in a pass of their own, before the Secret that
// says who they are is deleted.
func (r *Reconciler) step(ctx context.Context, h *v1alpha1.LegalHold) (hold.Verdict, error) {
	in := hold.Input{Hold: h, Now: r.Clock.Now()}
	if err := r.subject(ctx, &in); err != nil {
		return hold.Verdict{Status: h.Status}, err
	}
	runs := &v1alpha1.ErasureRunList{}
	if waits(h) && hold.InForce(h, in.Now) {
		if err := r.Reader.List(ctx, runs, client.InNamespace(h.Namespace)); err != nil {
			return hold.Verdict{Status: h.Status}, fmt.Errorf("listing runs: %w", err)
		}
	}
	in.Runs = runs.Items
	if len(hold.Unknown(h)) > 0 {
		requests := &v1alpha1.ErasureRequestList{}
		if err := r.Reader.List(ctx, requests, client.InNamespace(h.Namespace)); err != nil {
			return hold.Verdict{Status: h.Status}, fmt.Errorf("listing requests: %w", err)
		}
		in.Requests = requests.Items
	}
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.InNamespace(h.Namespace)); err != nil {
		return hold.Verdict{Status: h.Status}, fmt.Errorf("listing registers: %w", err)
	}
	in.Registers = registers.Items
	return hold.Judge(in), nil
}

// subject reads whom the hold is about, once, and then deletes the Secret that says so.
func (r *Reconciler) subject(ctx context.Context, in *hold.Input) error {
	h := in.Hold
	if h.Spec.Subject == nil || h.Status.SubjectDeletedTime != nil {
		return nil
	}
	secret, err := r.secret(ctx, h)
	if err != nil {
		return err
	}
	if len(h.Status.SubjectRefs) > 0 {
		in.Forgotten, err = r.forget(ctx, h, secret)
		return err
	}
	ring, err := r.Keys.Ring(ctx)
	if err != nil {
		return fmt.Errorf("reading the subject keys: %w", err)
	}
	person := erasure.See(secret, ring, "", nil)
	in.Problem, in.Words, in.References, in.SecretUID = person.Problem, erasure.Words(person.Problem), person.References, person.SecretUID
	return nil
}

// secret reads the subject Secret live; nil when it does not exist.
func (r *Reconciler) secret(ctx context.Context, h *v1alpha1.LegalHold) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: h.Namespace, Name: string(h.Spec.Subject.SecretRef.Name)}
	if err := r.Reader.Get(ctx, key, secret); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the subject Secret: %w", err)
	}
	return secret, nil
}

// forget deletes the Secret that was read for this hold, and no other: by its UID, only while it is a subject Secret. One
// that an open request or an unread hold names is theirs. It tells whether nothing is left to do.
func (r *Reconciler) forget(ctx context.Context, h *v1alpha1.LegalHold, secret *corev1.Secret) (bool, error) {
	if secret == nil || string(secret.UID) != h.Status.SubjectSecretUID || !erasure.Deletable(secret) {
		return true, nil
	}
	requests, holds := &v1alpha1.ErasureRequestList{}, &v1alpha1.LegalHoldList{}
	if err := r.Reader.List(ctx, requests, client.InNamespace(h.Namespace)); err != nil {
		return false, fmt.Errorf("listing requests: %w", err)
	}
	for i := range requests.Items {
		if o := &requests.Items[i]; o.Status.End == "" && o.Spec.Subject.SecretRef.Name == h.Spec.Subject.SecretRef.Name {
			return true, nil
		}
	}
	if err := r.Reader.List(ctx, holds, client.InNamespace(h.Namespace)); err != nil {
		return false, fmt.Errorf("listing holds: %w", err)
	}
	for i := range holds.Items {
		o := &holds.Items[i]
		if o.UID != h.UID && o.Spec.Subject != nil && o.Spec.Subject.SecretRef.Name == h.Spec.Subject.SecretRef.Name && len(o.Status.SubjectRefs) == 0 {
			return false, nil
		}
	}
	if err := child.Delete(ctx, r.Client, secret); err != nil {
		return false, fmt.Errorf("deleting the subject Secret: %w", err)
	}
	return true, nil
}
