package erasurerun

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
)

// poll is how long a deleted run waits for its requests to count its end.
const poll = 5 * time.Second

// finish removes the Jobs and the task of a run whose end is recorded, certifies a replay, and lets a deleted run go once each
// of its requests has counted that end. The task goes first: a log that fails does not keep what could recall people.
func (r *Reconciler) finish(ctx context.Context, run *v1alpha1.ErasureRun) (erasure.RunVerdict, error) {
	in := erasure.RunInput{Run: run, Now: r.Clock.Now()}
	verdict := erasure.JudgeRun(in)
	if err := r.prune(ctx, run, ""); err != nil {
		return verdict, err
	}
	if err := r.deleteTask(ctx, run); err != nil {
		return verdict, err
	}
	if erasure.Certifies(run) {
		var err error
		if in.Evidence, err = r.Evidence.CertifyReplay(ctx, run); err != nil {
			return verdict, fmt.Errorf("certifying a replay: %w", err)
		}
		verdict = erasure.JudgeRun(in)
	}
	if run.DeletionTimestamp == nil {
		return verdict, nil
	}
	counted, err := r.counted(ctx, run)
	if err != nil || !counted {
		verdict.Wait = poll
		return verdict, err
	}
	return verdict, child.Release(ctx, r.Client, run, v1alpha1.FinalizerErasureRun)
}

// prune deletes the run's Jobs but the one that is kept, with their pods.
func (r *Reconciler) prune(ctx context.Context, run *v1alpha1.ErasureRun, keep string) error {
	jobs := &batchv1.JobList{}
	if err := r.Client.List(ctx, jobs, client.InNamespace(run.Namespace), client.MatchingLabels{v1alpha1.LabelRun: run.Name}); err != nil {
		return fmt.Errorf("listing Jobs: %w", err)
	}
	for i := range jobs.Items {
		j := &jobs.Items[i]
		if j.Name == keep || j.DeletionTimestamp != nil || !child.Ours(j, run) {
			continue
		}
		if err := child.Delete(ctx, r.Client, j, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return fmt.Errorf("deleting a Job: %w", err)
		}
	}
	return nil
}

// deleteTask deletes the task Secret; its check key is of no use any more.
func (r *Reconciler) deleteTask(ctx context.Context, run *v1alpha1.ErasureRun) error {
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: run.Namespace, Name: erasure.TaskSecretName(run)}, secret)
	if err != nil || !child.Ours(secret, run) {
		return client.IgnoreNotFound(err)
	}
	return child.Delete(ctx, r.Client, secret)
}

// counted tells whether every request of the run has counted its end, has ended, or is gone.
func (r *Reconciler) counted(ctx context.Context, run *v1alpha1.ErasureRun) (bool, error) {
	for _, listed := range run.Spec.Requests {
		request := &v1alpha1.ErasureRequest{}
		err := r.Reader.Get(ctx, types.NamespacedName{Namespace: run.Namespace, Name: string(listed.Name)}, request)
		if client.IgnoreNotFound(err) != nil {
			return false, fmt.Errorf("reading a request: %w", err)
		}
		if err == nil && string(request.UID) == listed.UID && request.DeletionTimestamp == nil && !erasure.Counted(request, run) {
			return false, nil
		}
	}
	return true, nil
}
