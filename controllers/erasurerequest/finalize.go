package erasurerequest

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
)

// poll is how long a pass waits for a run that has begun; its end is an event too.
const poll = 10 * time.Second

// finalize lets a deleted request go: a run that has begun is waited for, since it may be committing, and one that has
// not finds the request deleted and leaves it out. Then the subject Secret is deleted, and a refusal of which nobody told the person is
// certified, since a request that waits for that may wait long. Then the finalizer goes.
func (r *Reconciler) finalize(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.RequestVerdict, error) {
	verdict := erasure.RequestVerdict{Status: request.Status}
	if !settled(request) {
		busy, err := r.running(ctx, request)
		if err != nil {
			return verdict, err
		}
		if busy {
			return pending(verdict, v1alpha1.ReasonDeleting, "The request was deleted and waits for the end of a run that may be committing"), nil
		}
		if _, err := r.deleteSubject(ctx, request); err != nil {
			return verdict, err
		}
		if erasure.Untold(request) {
			if _, err := r.Evidence.Certify(ctx, request); err != nil {
				return verdict, fmt.Errorf("certifying the refusal: %w", err)
			}
		}
	}
	return verdict, child.Release(ctx, r.Client, request, v1alpha1.FinalizerErasureRequest)
}

// conclude deletes the subject Secret of a request that has ended, and then certifies the end. A run that still mounts the
// Secret is waited for.
func (r *Reconciler) conclude(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.RequestVerdict, error) {
	verdict := erasure.RequestVerdict{Status: request.Status}
	busy, err := r.running(ctx, request)
	if err != nil {
		return verdict, err
	}
	if busy {
		return pending(verdict, v1alpha1.ReasonForgetting, "The request has ended; its subject Secret is deleted when the last run has ended"), nil
	}
	in := erasure.RequestInput{Request: request, Now: r.Clock.Now()}
	if request.Status.SubjectDeletedTime == nil {
		if in.Forgotten, err = r.deleteSubject(ctx, request); err != nil {
			return verdict, err
		}
	}
	if erasure.Untold(request) { // the certificate says when the person was told
		if err := r.remind(ctx, in); err != nil {
			return verdict, err
		}
		return erasure.JudgeRequest(in), nil
	}
	if !in.Forgotten { // its deletion is recorded in a pass of its own: a log that fails must not hide it
		if in.Evidence, err = r.Evidence.Certify(ctx, request); err != nil {
			return verdict, fmt.Errorf("certifying the end: %w", err)
		}
	}
	return erasure.JudgeRequest(in), nil
}

// answer asks whether the person was told how a request ended that is over (Article 12(3)). One that was over before that was asked for
// is left as it is.
func (r *Reconciler) answer(ctx context.Context, request *v1alpha1.ErasureRequest) (erasure.RequestVerdict, error) {
	verdict := erasure.RequestVerdict{Status: request.Status}
	if !erasure.AwaitsAnswer(request) {
		return verdict, nil
	}
	in := erasure.RequestInput{Request: request, Now: r.Clock.Now()}
	if err := r.remind(ctx, in); err != nil {
		return verdict, err
	}
	return erasure.JudgeAnswer(in), nil
}

// remind tells the officer of an end that the person does not know of.
func (r *Reconciler) remind(ctx context.Context, in erasure.RequestInput) error {
	if erasure.Reminder(in.Request, in.Now) == "" {
		return nil
	}
	registers := &v1alpha1.DataRegisterList{}
	if err := r.Client.List(ctx, registers, client.InNamespace(in.Request.Namespace)); err != nil {
		return fmt.Errorf("listing registers: %w", err)
	}
	chosen, _ := erasure.Choose(in.Request, registers.Items)
	var err error
	if in.Officer, err = r.officer(ctx, chosen); err != nil {
		return err
	}
	reminders, err := r.reminders(ctx, in)
	if err != nil {
		return err
	}
	if err := child.Apply(ctx, r.Client, r.Reader, in.Request, fieldOwner, reminders); err != nil {
		return fmt.Errorf("reminding that the person is to be told: %w", err)
	}
	return nil
}

func pending(verdict erasure.RequestVerdict, reason, message string) erasure.RequestVerdict {
	verdict.Conditions = []metav1.Condition{
		condition.False(v1alpha1.ConditionReady, reason, message),
		condition.True(v1alpha1.ConditionReconciling, reason, message),
	}
	verdict.Wait = poll
	return verdict
}

// running tells whether a run of the request has not ended.
func (r *Reconciler) running(ctx context.Context, request *v1alpha1.ErasureRequest) (bool, error) {
	runs, err := r.runs(ctx, request)
	return slices.ContainsFunc(runs, func(run v1alpha1.ErasureRun) bool { return run.Status.EndedTime == nil }), err
}

// deleteSubject deletes the Secret that was read for this request, and no other: by its UID, only while it is a subject
// Secret, and only when no other open request names it. It tells whether the person is no longer there.
func (r *Reconciler) deleteSubject(ctx context.Context, request *v1alpha1.ErasureRequest) (bool, error) {
	if request.Status.SubjectSecretUID == "" {
		return false, nil
	}
	others, err := r.requests(ctx, request, indexSubject, string(request.Spec.Subject.SecretRef.Name))
	if err != nil {
		return false, err
	}
	if erasure.UsedByOthers(request, others) {
		return false, nil
	}
	secret, err := r.secret(ctx, request)
	switch {
	case err != nil:
		return false, err
	case secret == nil || string(secret.UID) != request.Status.SubjectSecretUID:
		return true, nil
	case !erasure.Deletable(secret):
		return false, nil
	}
	if err := child.Delete(ctx, r.Client, secret); err != nil {
		return false, fmt.Errorf("deleting the subject Secret: %w", err)
	}
	return true, nil
}
