package erasurerun

import (
	"context"
	"crypto/rand"
	"fmt"

	"golang.org/x/sync/errgroup"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/kube/child"
	"github.com/rempart-dev/rempart/internal/kube/flow"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// load reads each input once, live. Holds always are; requests, subjects and keys only
// while a Job is about to be made or a hold arrives, and the answers only when one has ended.
func (r *Reconciler) load(ctx context.Context, run *v1alpha1.ErasureRun, register *v1alpha1.DataRegister) (erasure.RunInput, error) {
	in := erasure.RunInput{Run: run, Register: register, Image: r.Image, Now: r.Clock.Now()}
	var err error
	if in.Policy, err = r.policy(ctx, run); err != nil {
		return in, err
	}
	if err := r.observe(ctx, &in); err != nil {
		return in, err
	}
	holds := &v1alpha1.LegalHoldList{}
	if err := r.Reader.List(ctx, holds, client.InNamespace(run.Namespace)); err != nil {
		return in, fmt.Errorf("listing holds: %w", err)
	}
	in.Holds = holds.Items
	if err := r.left(ctx, &in); err != nil {
		return in, err
	}
	if in.Job == nil || job.Ended(in.Job) == job.Working && in.Unmet() {
		err = r.loadStart(ctx, &in)
	}
	return in, err
}

// register reads the register of a run; nil when it is gone, or when another one has its name.
func (r *Reconciler) register(ctx context.Context, run *v1alpha1.ErasureRun) (*v1alpha1.DataRegister, error) {
	register := &v1alpha1.DataRegister{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: run.Namespace, Name: string(run.Spec.RegisterRef.Name)}, register)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if string(register.UID) != run.Labels[v1alpha1.LabelOwnerUID] {
		return nil, nil
	}
	return register, nil
}

// policy reads the ConsentPolicy whose ledger a run works on; nil for a run at a store, and when it is gone.
func (r *Reconciler) policy(ctx context.Context, run *v1alpha1.ErasureRun) (*v1alpha1.ConsentPolicy, error) {
	if run.Spec.Kind != v1alpha1.TargetConsentLedger {
		return nil, nil
	}
	policy := &v1alpha1.ConsentPolicy{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: run.Namespace, Name: string(run.Spec.Store)}, policy)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return policy, nil
}

// observe reads the Job of the present attempt, and what it answered when it has ended.
func (r *Reconciler) observe(ctx context.Context, in *erasure.RunInput) (err error) {
	if in.Job, err = r.job(ctx, in.Run); err != nil || in.Job == nil || job.Ended(in.Job) == job.Working {
		return err
	}
	in.Answers, err = r.answers(ctx, in.Job)
	return err
}

// job reads the Job of the present attempt; nil when it does not exist.
func (r *Reconciler) job(ctx context.Context, run *v1alpha1.ErasureRun) (*batchv1.Job, error) {
	found := &batchv1.Job{}
	key := types.NamespacedName{Namespace: run.Namespace, Name: erasure.JobName(run, erasure.Attempt(run))}
	if err := r.Reader.Get(ctx, key, found); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if !job.Ours(found, run) {
		return nil, &flow.Permanent{Reason: v1alpha1.ReasonNameTaken, Elsewhere: true,
			Message: fmt.Sprintf("Job %q exists and was not made by Rempart for this run; remove it", found.Name)}
	}
	return found, nil
}

// answers reads what the containers of a Job's newest pod left.
func (r *Reconciler) answers(ctx context.Context, ended *batchv1.Job) ([]task.Outcome, error) {
	pods := &corev1.PodList{}
	if err := r.Reader.List(ctx, pods, client.InNamespace(ended.Namespace), client.MatchingLabels{batchv1.JobNameLabel: ended.Name}); err != nil {
		return nil, fmt.Errorf("listing the pods of a Job: %w", err)
	}
	return job.Answers(ended, pods.Items), nil
}

// left asks, while no Job of the run is there that was, or pods of it are being deleted, which pods have not ended.
func (r *Reconciler) left(ctx context.Context, in *erasure.RunInput) error {
	if in.Job == nil && in.Run.Status.SeenAttempts == nil || in.Job != nil && ptr.Deref(in.Job.Status.Terminating, 0) == 0 {
		return nil
	}
	pods := &corev1.PodList{}
	if err := r.Reader.List(ctx, pods, client.InNamespace(in.Run.Namespace), client.MatchingLabels{v1alpha1.LabelRun: in.Run.Name}); err != nil {
		return fmt.Errorf("listing the pods of a run: %w", err)
	}
	in.Lingers, in.LostNode = in.Job == nil && job.Linger(pods.Items), job.LostNode(pods.Items, in.Now)
	return nil
}

func (r *Reconciler) loadStart(ctx context.Context, in *erasure.RunInput) error {
	run := in.Run
	ring, err := r.Keys.Ring(ctx)
	if err != nil {
		return fmt.Errorf("reading the subject keys: %w", err)
	}
	in.CheckKey = ring.CheckKey(string(run.UID))
	if in.Live, err = r.allLive(ctx, run, ring, in.CheckKey); err != nil {
		return err
	}
	if run.Spec.Mode == v1alpha1.RunReplay {
		in.Live, in.RecallKeys = erasure.Recalled(in.Live), ring.RecallKeys(run.Namespace)
	}
	if in.Register != nil {
		if in.Regions, err = r.Places.AllowedRegions(in.Register); err != nil {
			return fmt.Errorf("reading the allowed regions: %w", err)
		}
	}
	if in.Job != nil {
		return nil
	}
	if in.Salt, err = r.salt(ctx, run); err != nil {
		return err
	}
	if err := r.turn(ctx, in); err != nil || run.Status.Attempts != nil {
		return err
	}
	runs := &v1alpha1.ErasureRunList{}
	ofRegister := client.MatchingLabels{v1alpha1.LabelOwnerUID: run.Labels[v1alpha1.LabelOwnerUID]}
	if err := r.Reader.List(ctx, runs, client.InNamespace(run.Namespace), ofRegister); err != nil {
		return fmt.Errorf("listing the runs of a register: %w", err)
	}
	in.Runs = runs.Items
	return nil
}

// salt is that of the run's task, so that a later Job can read what an earlier one wrote down, or a new one. A plan destroys nothing,
// and the ledger of a consent service remembers nothing of what it destroyed.
func (r *Reconciler) salt(ctx context.Context, run *v1alpha1.ErasureRun) ([]byte, error) {
	if run.Spec.Mode == v1alpha1.RunPlan || run.Spec.Kind == v1alpha1.TargetConsentLedger {
		return nil, nil
	}
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: run.Namespace, Name: erasure.TaskSecretName(run)}, secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading the task of a run: %w", err)
	}
	if known := erasure.SaltOf(secret); known != nil && child.Ours(secret, run) {
		return known, nil
	}
	salt := make([]byte, task.SaltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return salt, nil
}

// turn asks whether the next Job may be made now.
func (r *Reconciler) turn(ctx context.Context, in *erasure.RunInput) error {
	const onlyRead = client.UnsafeDisableDeepCopyOption(true)
	all, jobs := &v1alpha1.ErasureRunList{}, &batchv1.JobList{}
	if err := r.Client.List(ctx, all, onlyRead); err != nil {
		return fmt.Errorf("listing all runs: %w", err)
	}
	if err := r.Client.List(ctx, jobs, client.HasLabels{v1alpha1.LabelRun}, onlyRead); err != nil {
		return fmt.Errorf("listing the Jobs of runs: %w", err)
	}
	in.Waits = !erasure.Turn(in.Run, all.Items, jobs.Items)
	return nil
}

// readers is how many requests of a run are read at once: a thousand one after the other would take seconds.
const readers = 16

// allLive reads the requests of a run, in its order.
func (r *Reconciler) allLive(ctx context.Context, run *v1alpha1.ErasureRun, ring subjectkey.Ring, checkKey []byte) ([]erasure.Live, error) {
	list := make([]erasure.Live, len(run.Spec.Requests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, request := range run.Spec.Requests {
		group.Go(func() (err error) {
			list[i], err = r.live(ctx, run.Namespace, request, ring, checkKey)
			return err
		})
	}
	return list, group.Wait()
}

// live reads a request and its subject past the cache: nothing is erased by a decision on old facts.
func (r *Reconciler) live(ctx context.Context, namespace string, listed v1alpha1.RunRequest, ring subjectkey.Ring, checkKey []byte) (erasure.Live, error) {
	live := erasure.Live{UID: types.UID(listed.UID)}
	request := &v1alpha1.ErasureRequest{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(listed.Name)}, request)
	if client.IgnoreNotFound(err) != nil {
		return live, fmt.Errorf("reading a request: %w", err)
	}
	if err != nil || request.UID != live.UID {
		return live, nil
	}
	live.Request = request
	secret := &corev1.Secret{}
	err = r.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(request.Spec.Subject.SecretRef.Name)}, secret)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return live, fmt.Errorf("reading a subject Secret: %w", err)
	case err != nil:
		secret = nil
	}
	if live.Person = erasure.See(secret, ring, request.Status.SubjectRef, checkKey); live.Person.Problem == "" {
		live.Identifiers = secret.Data
	}
	return live, nil
}
