package erasurerun

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/kube/statuspatch"
)

const fieldOwner = client.FieldOwner("erasurerun.gdpr.rempart.dev")

// Reconciler moves one ErasureRun one step closer to its end.
type Reconciler struct {
	Client client.Client
	// Reader reads past the cache: what decides over an erasure is read live.
	Reader   client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Keys     Keys
	Places   Places
	// Evidence of replays.
	Evidence Evidence
	// Image of the eraser.
	Image string
}

// Reconcile takes one step, reports it whatever came of it, and says when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, run *v1alpha1.ErasureRun) (ctrl.Result, error) {
	status := statuspatch.New(r.Client, run, func(e *v1alpha1.ErasureRun) any { return &e.Status })
	before := run.DeepCopy()
	verdict, err := r.step(ctx, run, status)
	report(run, verdict, err)
	patched := status.Patch(ctx, run)
	if patched == nil {
		r.announce(before, run)
	}
	return flow.Next(verdict.Wait, err, patched)
}

// step is the order of work, and the only place that knows it. What was begun is brought to its end also when the run
// was deleted meanwhile; a recorded end is never judged again.
func (r *Reconciler) step(ctx context.Context, run *v1alpha1.ErasureRun, status *statuspatch.Patcher[*v1alpha1.ErasureRun]) (erasure.RunVerdict, error) {
	unchanged := erasure.RunVerdict{Status: run.Status}
	if run.Status.EndedTime != nil {
		return r.finish(ctx, run)
	}
	register, err := r.register(ctx, run)
	if err != nil {
		return unchanged, fmt.Errorf("loading: %w", err)
	}
	if !erasure.Trusted(run, register) {
		return unchanged, r.refuse(ctx, run)
	}
	if wrote, err := child.Finalize(ctx, r.Client, run, v1alpha1.FinalizerErasureRun); wrote || err != nil {
		return unchanged, err
	}
	in, err := r.load(ctx, run, register)
	if err != nil {
		return unchanged, fmt.Errorf("loading: %w", err)
	}
	children, err := erasure.DesiredRun(in)
	if err != nil {
		return unchanged, err
	}
	if len(children) > 0 {
		if err := r.make(ctx, &in, children, status); err != nil {
			return unchanged, err
		}
	}
	if in.Suspends() {
		if err := r.suspend(ctx, in.Job); err != nil {
			return unchanged, err
		}
	}
	if err := r.prune(ctx, run, erasure.JobName(run, erasure.Attempt(run))); err != nil {
		return unchanged, err
	}
	return erasure.JudgeRun(in), nil
}

// make makes the Job of the present attempt, and writes down before that it does: the one write of status that is not at the end of a
// pass, since nothing else outlives an operator that dies here. What was certainly not made is taken back.
func (r *Reconciler) make(ctx context.Context, in *erasure.RunInput, children []runtime.ApplyConfiguration, status *statuspatch.Patcher[*v1alpha1.ErasureRun]) error {
	run, before := in.Run, in.Run.Status
	if intended, writes := erasure.Intend(*in); writes {
		run.Status = intended
		if err := status.Patch(ctx, run); err != nil {
			run.Status = before
			return fmt.Errorf("writing down that a Job is made: %w", err)
		}
	}
	if err := child.Apply(ctx, r.Client, r.Reader, run, fieldOwner, children); err != nil {
		if flow.Refused(err) {
			run.Status = before
		}
		return fmt.Errorf("applying: %w", err)
	}
	if err := r.observe(ctx, in); err != nil {
		return fmt.Errorf("observing: %w", err)
	}
	return nil
}

// suspend stops a Job that works on what a hold forbids: its pods end, and with them what was not committed.
func (r *Reconciler) suspend(ctx context.Context, working *batchv1.Job) error {
	before := working.DeepCopy()
	working.Spec.Suspend = ptr.To(true)
	if err := r.Client.Patch(ctx, working, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), fieldOwner); err != nil {
		return fmt.Errorf("suspending a Job: %w", err)
	}
	return nil
}

// refuse leaves a run alone that Rempart did not make.
func (r *Reconciler) refuse(ctx context.Context, run *v1alpha1.ErasureRun) error {
	if run.DeletionTimestamp != nil {
		return child.Release(ctx, r.Client, run, v1alpha1.FinalizerErasureRun)
	}
	return &flow.Permanent{Reason: v1alpha1.ReasonNotOurs, Message: "The run was not made by Rempart for a register of this namespace; it does nothing, delete it"}
}
