package erasurerequest

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

const fieldOwner = client.FieldOwner("erasurerequest.gdpr.rempart.dev")

// Reconciler moves one ErasureRequest one step closer to its end.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache: Secrets are not cached.
	Reader   client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Keys     Keys
	Messages Messages
	Evidence Evidence
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, request *v1alpha1.ErasureRequest) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, request, func(e *v1alpha1.ErasureRequest) any { return &e.Status })
	before := request.DeepCopy()
	verdict, err := r.step(ctx, request)
	report(request, verdict, err)
	patched := status.Patch(ctx, request)
	if patched == nil {
		r.announce(before, request)
	}
	return flow.Next(verdict.Wait, err, patched)
}

// step is the order of work, and the only place that knows it.
func (r *Reconciler) step(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.RequestVerdict, error) {
	unchanged := erasure.RequestVerdict{Status: request.Status}
	if !request.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, request)
	}
	if wrote, err := child.Finalize(ctx, r.Client, request, v1alpha1.FinalizerErasureRequest); wrote || err != nil {
		return unchanged, err
	}
	if settled(request) { // a recorded end is never judged again
		return r.answer(ctx, request)
	}
	if request.Status.End != "" {
		return r.conclude(ctx, request)
	}
	in, err := r.load(ctx, request)
	if err != nil {
		return unchanged, fmt.Errorf("loading: %w", err)
	}
	if err := r.apply(ctx, in); err != nil {
		return unchanged, fmt.Errorf("applying: %w", err)
	}
	return erasure.JudgeRequest(in), nil
}

// load reads each input once, so that every decision of this pass sees one instant. The subject Secret is read live.
func (r *Reconciler) load(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.RequestInput, error) {
	in := erasure.RequestInput{Request: request, Now: r.Clock.Now()}
	var err error
	if in.Person, err = r.person(ctx, request); err != nil {
		return in, err
	}
	same, err := r.requests(ctx, request, indexRequestID, request.Spec.RequestID)
	if err != nil {
		return in, err
	}
	in.Twin, in.Taken = erasure.Twin(request, in.Person, same)
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.InNamespace(request.Namespace)); err != nil {
		return in, fmt.Errorf("listing registers: %w", err)
	}
	policies := &v1alpha1.ConsentPolicyList{}
	if err := r.Client.List(ctx, policies, client.InNamespace(request.Namespace)); err != nil {
		return in, fmt.Errorf("listing consent policies: %w", err)
	}
	in.Policies = policies.Items
	in.Registers, in.Missing = erasure.Choose(request, registers.Items)
	if in.Officer, err = r.officer(ctx, in.Registers); err != nil {
		return in, err
	}
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Client.List(ctx, holds, client.InNamespace(request.Namespace)); err != nil {
		return in, fmt.Errorf("listing holds: %w", err)
	}
	in.Holds = holds.Items
	if in.Runs, err = r.runs(ctx, request); err != nil {
		return in, err
	}
	if erasure.MayEnd(request, in.Runs) {
		if in.Backups, err = r.backups(ctx, request.Namespace); err != nil {
			return in, err
		}
	}
	in.Messages, err = r.messages(ctx, request, in.Registers)
	return in, err
}

func (r *Reconciler) person(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.Person, error) {
	secret, err := r.secret(ctx, request)
	if err != nil {
		return erasure.Person{}, err
	}
	ring, err := r.Keys.Ring(ctx)
	if err != nil {
		return erasure.Person{}, fmt.Errorf("reading the subject keys: %w", err)
	}
	bound := ""
	if len(request.Status.Targets) > 0 {
		bound = request.Status.SubjectRef
	}
	return erasure.See(secret, ring, bound, nil), nil
}

// secret reads the subject Secret live; nil when it does not exist.
func (r *Reconciler) secret(ctx context.Context, request *v1alpha1.ErasureRequest) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: request.Namespace, Name: string(request.Spec.Subject.SecretRef.Name)}
	if err := r.Reader.Get(ctx, key, secret); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the subject Secret: %w", err)
	}
	return secret, nil
}

// officer returns the officer of the first register that has one.
func (r *Reconciler) officer(ctx context.Context, registers []v1alpha1.DataRegister) (*v1alpha1.DataProtectionOfficer, error) {
	for i := range registers {
		officer := &v1alpha1.DataProtectionOfficer{}
		err := r.Client.Get(ctx, types.NamespacedName{Name: string(registers[i].Spec.OfficerRef.Name)}, officer)
		if err == nil {
			return officer, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("reading an officer: %w", err)
		}
	}
	return nil, nil
}

func (r *Reconciler) requests(ctx context.Context, request *v1alpha1.ErasureRequest, index, value string) ([]v1alpha1.ErasureRequest, error) {
	list := &v1alpha1.ErasureRequestList{}
	if err := r.Client.List(ctx, list, client.InNamespace(request.Namespace), client.MatchingFields{index: value}); err != nil {
		return nil, fmt.Errorf("listing requests: %w", err)
	}
	return list.Items, nil
}

// onlyRead spares the copies of lists: runs have a thousand requests each, and nobody changes what was listed.
const onlyRead = client.UnsafeDisableDeepCopyOption(true)

func (r *Reconciler) runs(ctx context.Context, request *v1alpha1.ErasureRequest) ([]v1alpha1.ErasureRun, error) {
	list := &v1alpha1.ErasureRunList{}
	if err := r.Client.List(ctx, list, client.InNamespace(request.Namespace), client.MatchingFields{indexRunRequest: string(request.UID)}, onlyRead); err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	return list.Items, nil
}

// reminders are the messages to the officer that the clock wants now and that do not exist yet.
func (r *Reconciler) reminders(ctx context.Context, in erasure.RequestInput) ([]runtime.ApplyConfiguration, error) {
	stage := erasure.Reminder(in.Request, in.Now)
	if stage == "" || in.Officer == nil {
		return nil, nil
	}
	channels := map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel{}
	for _, name := range in.Officer.Spec.Channels {
		channel := &v1alpha1.NotificationChannel{}
		switch err := r.Client.Get(ctx, types.NamespacedName{Name: string(name)}, channel); {
		case err == nil:
			channels[name] = channel
		case client.IgnoreNotFound(err) != nil:
			return nil, fmt.Errorf("reading a channel: %w", err)
		}
	}
	var list []runtime.ApplyConfiguration
	for _, draft := range r.Messages.Reminders(in.Request, in.Officer, channels, stage) {
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: in.Request.Namespace, Name: draft.Name()}, &v1alpha1.Notification{})
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("reading a reminder: %w", err)
		}
		if err != nil {
			list = append(list, r.Messages.Reminder(in.Request, draft))
		}
	}
	return list, nil
}

// apply is the only writer of children: the messages to recipients (Article 19) and to the officer that do not exist yet.
func (r *Reconciler) apply(ctx context.Context, in erasure.RequestInput) error {
	var children []runtime.ApplyConfiguration
	for _, d := range erasure.Owed(in.Request, in.Registers) {
		if in.Messages[erasure.MessageKey(d.Register, d.Recipient)] == nil {
			children = append(children, r.Messages.Message(in.Request, d))
		}
	}
	reminders, err := r.reminders(ctx, in)
	if err != nil {
		return err
	}
	return child.Apply(ctx, r.Client, r.Reader, in.Request, fieldOwner, append(children, reminders...))
}
