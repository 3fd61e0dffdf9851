package erasure

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register"
)

// Seconds after which a Job fails, a pod that could never start included.
const (
	planDeadline    = 600
	executeDeadline = 3600
)

// DesiredRun returns the children that should be made now: the task and the Job of the present attempt, while that Job
// does not exist. A Job that exists is left alone: its template does not change. None is returned while the status does
// not yet say which requests are refused, after the end, or when a subject cannot be mounted.
func DesiredRun(in RunInput) ([]runtime.ApplyConfiguration, error) {
	t := &trial{RunInput: in, status: in.Run.Status.DeepCopy()}
	if in.Run.Status.EndedTime != nil || in.Job != nil || !t.ready() {
		return nil, nil
	}
	store := StoreOf(in.Register, in.Run)
	text, err := json.Marshal(t.task(store))
	if err != nil {
		return nil, fmt.Errorf("encoding a task: %w", err)
	}
	owner := ownedBy(in.Run)
	secret := corev1ac.Secret(TaskSecretName(in.Run), in.Run.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelRun: in.Run.Name}).
		WithOwnerReferences(owner).WithType(corev1.SecretTypeOpaque).WithData(map[string][]byte{job.TaskKey: text})
	return []runtime.ApplyConfiguration{secret, t.job(store).Build()}, nil
}

// ready tells whether the Job may be made now.
func (t *trial) ready() bool {
	if t.begun() {
		return !t.abandoned() && t.missingSubject() == ""
	}
	if behindOther(t.Run, t.Runs) {
		return false
	}
	verdict := t.judgeStart()
	return verdict.Status.EndedTime == nil && len(verdict.Status.Outcomes) == len(t.Run.Status.Outcomes) && sameOutcomes(verdict.Status.Outcomes, t.Run.Status.Outcomes)
}

func sameOutcomes(a, b []v1alpha1.RunOutcome) bool {
	for i := range a {
		if a[i].UID != b[i].UID || a[i].Reason != b[i].Reason {
			return false
		}
	}
	return true
}

func (t *trial) task(store *v1alpha1.DataStore) task.Task {
	work := task.Task{
		RunUID: string(t.Run.UID), Epoch: t.Run.Spec.Epoch,
		Register: t.Register.Name, Store: string(store.Name), Engine: store.Engine,
		Connection: register.Connection(t.Register, store), Dataset: store.Dataset,
		CheckKey: t.CheckKey, PlanDigest: t.Run.Spec.PlanDigest, AsOf: t.Run.CreationTimestamp.UTC(),
	}
	for _, l := range t.mounted() {
		work.Requests = append(work.Requests, task.Request{UID: string(l.UID), Check: l.Person.Check})
	}
	return work
}

func (t *trial) job(store *v1alpha1.DataStore) job.Spec {
	roles := register.Roles(t.Register, store)
	spec := job.Spec{
		Name: JobName(t.Run, Attempt(t.Run)), Namespace: t.Run.Namespace, Owner: ownedBy(t.Run),
		Labels: job.Labels(t.Register.Name, string(store.Name), job.ComponentRun), Image: t.Image,
		TaskSecret: TaskSecretName(t.Run), CASecret: register.CASecret(store), NodeAffinity: register.Affinity(t.Regions),
	}
	spec.Labels[v1alpha1.LabelRun] = t.Run.Name
	verifier := map[task.Role]string{task.Verifier: roles[task.Verifier]}
	if t.Run.Spec.Mode == v1alpha1.RunPlan {
		spec.Containers, spec.Deadline = []job.Container{{Step: task.Plan, Roles: verifier}}, planDeadline
	} else {
		spec.Init = []job.Container{{Step: task.Erase, Roles: map[task.Role]string{task.Eraser: roles[task.Eraser]}}}
		spec.Containers, spec.Deadline = []job.Container{{Step: task.Verify, Roles: verifier}}, executeDeadline
	}
	for _, l := range t.mounted() {
		spec.Subjects = append(spec.Subjects, job.Subject{UID: string(l.UID),
			SecretName: string(l.Request.Spec.Subject.SecretRef.Name), Keys: l.Person.Keys})
	}
	return spec
}

// mounted are the admitted requests, in the order of the run.
func (t *trial) mounted() []Live {
	var list []Live
	for _, r := range admitted(t.Run) {
		for _, l := range t.Live {
			if string(l.UID) == r.UID && l.Request != nil {
				list = append(list, l)
			}
		}
	}
	return list
}

// ownedBy makes a run the owner of its children, so that none outlives it.
func ownedBy(run *v1alpha1.ErasureRun) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("ErasureRun").
		WithName(run.Name).WithUID(run.UID).WithController(true).WithBlockOwnerDeletion(true)
}
