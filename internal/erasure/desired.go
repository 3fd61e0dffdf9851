package erasure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	consent "github.com/rempart-dev/rempart/internal/consent/place"
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
	at := siteOf(&t.RunInput)
	work, people, err := t.task(at)
	if err != nil {
		return nil, fmt.Errorf("encoding a task: %w", err)
	}
	owner := ownedBy(in.Run)
	secret := corev1ac.Secret(TaskSecretName(in.Run), in.Run.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart, v1alpha1.LabelRun: in.Run.Name}).
		WithOwnerReferences(owner).WithType(corev1.SecretTypeOpaque).WithData(map[string][]byte{job.TaskKey: work, job.PeopleKey: people})
	return []runtime.ApplyConfiguration{secret, t.job(at).Build()}, nil
}

// ready tells whether the Job may be made now.
func (t *trial) ready() bool {
	if t.begun() {
		return !t.abandoned() && !t.Lingers && !t.vanished() && !t.displaced() && t.missingSubject() == "" && !t.Unmet() && !t.Waits
	}
	if t.Waits || behindOther(t.Run, t.Runs) {
		return false
	}
	verdict := t.judgeStart()
	return verdict.Status.EndedTime == nil && len(verdict.Status.Holds) == len(t.Run.Status.Holds) && len(verdict.Status.Outcomes) == len(t.Run.Status.Outcomes) && sameOutcomes(verdict.Status.Outcomes, t.Run.Status.Outcomes)
}

func sameOutcomes(a, b []v1alpha1.RunOutcome) bool {
	for i := range a {
		if a[i].UID != b[i].UID || a[i].Reason != b[i].Reason {
			return false
		}
	}
	return true
}

// secretRoom is the most bytes of data in a Secret, with a margin; see Secret in the API reference: 1 MiB.
const secretRoom = 1000 << 10

// peopleRoom is how many bytes the people of a run may take beside the dataset in the run's own Secret.
func peopleRoom(dataset *v1alpha1.Dataset) int {
	text, err := json.Marshal(dataset)
	const rest = 4 << 10 // connection, names, digests
	if err != nil {
		return 0
	}
	return secretRoom - len(text) - rest
}

// sizeOf is how many bytes a person takes in the run's own Secret: identifiers in base64, UID and check.
func sizeOf(l Live) int {
	const frame, perKey = 2*64 + 64 + 40, 10
	size := frame
	for key, value := range l.Identifiers {
		size += len(key) + base64.StdEncoding.EncodedLen(len(value)) + perKey
	}
	return size
}

// task returns the task and its people, as JSON.
func (t *trial) task(at *site) (work, people []byte, err error) {
	engine, connection := connectionOf(&t.RunInput, at)
	order := task.Task{
		RunUID: string(t.Run.UID), Epoch: t.Run.Spec.Epoch,
		Register: t.Register.Name, Store: string(at.name), Engine: engine,
		Connection: connection, Dataset: at.dataset,
		CheckKey: t.CheckKey, Salt: t.Salt, PlanDigest: t.Run.Spec.PlanDigest, AsOf: t.Run.CreationTimestamp.UTC(), From: int(valueOf(t.Run.Status.Counted)),
		RecallKeys: t.RecallKeys, Holds: t.held(), CheckOnly: t.Run.Status.WithheldTime != nil || t.checking(),
	}
	who := task.People{}
	for _, l := range t.mounted() {
		order.Requests = append(order.Requests, t.recall(task.Request{UID: string(l.UID), Check: l.Person.Check, Gone: l.Request == nil || l.Person.Problem != ""}, l))
		if l.Request == nil || l.Person.Problem != "" {
			continue
		}
		who[string(l.UID)] = l.Identifiers
	}
	if work, err = json.Marshal(order); err != nil {
		return nil, nil, err
	}
	people, err = json.Marshal(who)
	return work, people, err
}

// SaltOf is the salt in a task that there is already; nil where there is none.
func SaltOf(secret *corev1.Secret) []byte {
	var work task.Task
	if secret == nil || json.Unmarshal(secret.Data[job.TaskKey], &work) != nil || len(work.Salt) != task.SaltSize {
		return nil
	}
	return work.Salt
}

func (t *trial) job(at *site) job.Spec {
	spec := job.Spec{
		Name: JobName(t.Run, Attempt(t.Run)), Namespace: t.Run.Namespace, Owner: ownedBy(t.Run),
		Labels: labelsOf(at.place), Image: t.Image,
		TaskSecret: TaskSecretName(t.Run), NodeAffinity: register.Affinity(t.Regions),
	}
	spec.Labels[v1alpha1.LabelRun] = t.Run.Name
	var eraser, verifier map[task.Role]string
	if at.kind == v1alpha1.TargetConsentLedger {
		spec.ServiceAccount, spec.Audience = consent.Eraser(string(at.name)), consent.Audience
	} else {
		store := register.Store(t.Register, string(at.name))
		roles := register.Roles(t.Register, store)
		spec.CASecret = register.CASecret(store)
		eraser, verifier = map[task.Role]string{task.Eraser: roles[task.Eraser]}, map[task.Role]string{task.Verifier: roles[task.Verifier]}
	}
	spec.Init, spec.Containers, spec.Deadline = t.containers(at.dataset, eraser, verifier)
	return spec
}

// containers of the next Job. A plan or an erasure that has more to say than its message holds runs first, and a
// container beside repeats the rest of it.
func (t *trial) containers(dataset *v1alpha1.Dataset, eraser, verifier map[task.Role]string) (first, then []job.Container, deadline int64) {
	report := task.Reported(dataset, len(admitted(t.Run)))
	if t.Run.Spec.Mode == v1alpha1.RunPlan {
		plan := []job.Container{{Step: task.Plan, Roles: verifier}}
		if !report {
			return nil, plan, planDeadline
		}
		return plan, []job.Container{{Step: task.Report}}, planDeadline
	}
	if t.Run.Status.VerifiedTime == nil && (t.Run.Status.CommittedTime != nil || !t.checking()) {
		then = append(then, job.Container{Step: task.Verify, Roles: verifier})
	}
	if report || len(then) == 0 {
		then = append(then, job.Container{Step: task.Report})
	}
	return []job.Container{{Step: task.Erase, Roles: eraser}}, then, executeDeadline
}

// mounted are the admitted requests, in the order of the run. One that is gone keeps its place.
func (t *trial) mounted() []Live {
	live := make(map[string]Live, len(t.Live))
	for _, l := range t.Live {
		live[string(l.UID)] = l
	}
	var list []Live
	for _, r := range admitted(t.Run) {
		l := live[r.UID]
		l.UID = types.UID(r.UID)
		list = append(list, l)
	}
	return list
}

// ownedBy makes a run the owner of its children, so that none outlives it.
func ownedBy(run *v1alpha1.ErasureRun) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("ErasureRun").
		WithName(run.Name).WithUID(run.UID).WithController(true).WithBlockOwnerDeletion(true)
}
