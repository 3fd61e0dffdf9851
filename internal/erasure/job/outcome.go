package job

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// State is how far a Job has come.
type State string

// States of a Job.
const (
	// Working means that the Job has not ended.
	Working State = "Working"
	// Succeeded means that every container ended well.
	Succeeded State = "Succeeded"
	// Failed means that the Job gave up.
	Failed State = "Failed"
)

// Ended tells whether a Job has ended, and how. It looks at the conditions Complete and Failed, which the Job controller
// writes only after the last pod has ended.
func Ended(job *batchv1.Job) State {
	for _, c := range job.Status.Conditions {
		if c.Status == corev1.ConditionTrue && c.Type == batchv1.JobComplete {
			return Succeeded
		}
		if c.Status == corev1.ConditionTrue && c.Type == batchv1.JobFailed {
			return Failed
		}
	}
	return Working
}

// Ours tells whether Rempart made a Job for an object. Its name alone says nothing, nor does an owner, which anybody may write: its
// labels do, since the admission policy rempart-jobs lets nobody else give them to a Job.
func Ours(j *batchv1.Job, owner metav1.Object) bool {
	return metav1.IsControlledBy(j, owner) && j.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedByRempart &&
		slices.Contains([]string{ComponentScan, ComponentRun, ComponentLedgerRun}, j.Labels[v1alpha1.LabelComponent])
}

// Alone tells whether an ended Job had one pod at most. Kubernetes may start a second one, and only the newest answers. A Job of an older
// version, which ignores pods that were evicted, does not count these.
func Alone(j *batchv1.Job) bool {
	ignores := j.Spec.PodFailurePolicy != nil && slices.ContainsFunc(j.Spec.PodFailurePolicy.Rules, func(r batchv1.PodFailurePolicyRule) bool {
		return r.Action == batchv1.PodFailurePolicyActionIgnore
	})
	return !ignores && j.Status.Succeeded+j.Status.Failed <= 1
}

// Linger tells whether one of the pods has not ended: it may still change what it works on.
func Linger(pods []corev1.Pod) bool {
	return slices.ContainsFunc(pods, func(p corev1.Pod) bool {
		return p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
	})
}

// grace is how long after its time a pod that is being deleted may still be ending: the kubelet confirms it within seconds.
const grace = time.Minute

// LostNode is the node of a pod that was to have ended, and that its kubelet does not end: the node does not answer. Of several, the first by
// name; empty when there is none. Kubernetes itself ends such a pod when its Node is deleted, or has the taint node.kubernetes.io/out-of-service.
func LostNode(pods []corev1.Pod, now time.Time) string {
	lost := ""
	for i := range pods {
		p := &pods[i]
		if p.DeletionTimestamp != nil && now.After(p.DeletionTimestamp.Add(grace)) && Linger(pods[i:i+1]) && (lost == "" || p.Spec.NodeName < lost) {
			lost = p.Spec.NodeName
		}
	}
	return lost
}

// Leaves tells whether a Job works no more than that pods of it are being deleted.
func Leaves(j *batchv1.Job) bool {
	return Ended(j) == Working && j.Status.Active == 0 && j.Status.Terminating != nil && *j.Status.Terminating > 0
}

// Answers returns what the containers of a Job's newest pod answered. Pods may be any of the namespace. Whoever may make pods can
// give them labels and owners, so one counts that the Job controls and that has the labels of the Job's template: of these
// the admission policy rempart-jobs lets the Job controller make pods, and nobody else. What the last containers call a success
// counts when the Job is complete, which no pod can say of itself. What those before them say stands, also when the Job failed: a
// commit is one although nobody verified it.
func Answers(owner *batchv1.Job, pods []corev1.Pod) []task.Outcome {
	own := slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return !controls(owner, &p) })
	pod := newest(own)
	outcomes := said(pod)
	if Ended(owner) == Succeeded {
		return outcomes
	}
	for i, o := range outcomes {
		last := slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == string(o.Step) })
		if last && o.OK {
			outcomes[i] = task.Outcome{Step: o.Step, Reason: task.Internal, Message: "The container answered success, and its Job is not complete"}
		}
	}
	return outcomes
}

// controls tells whether a pod is a Job's own.
func controls(owner *batchv1.Job, pod *corev1.Pod) bool {
	ref := metav1.GetControllerOf(pod)
	if ref == nil || ref.UID != owner.UID || ref.Kind != "Job" || ref.APIVersion != batchv1.SchemeGroupVersion.String() ||
		pod.Labels[batchv1.ControllerUidLabel] != string(owner.UID) {
		return false
	}
	for key, value := range owner.Spec.Template.Labels {
		if pod.Labels[key] != value {
			return false
		}
	}
	return true
}

// newest returns the pod that was created last, the name deciding a tie; nil when there is none. Pods are those of one Job.
func newest(pods []corev1.Pod) *corev1.Pod {
	if len(pods) == 0 {
		return nil
	}
	last := slices.MaxFunc(pods, func(a, b corev1.Pod) int {
		if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
			return order
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return &last
}

// said returns what the containers of a pod answered, in the order in which they ran. A container that has not ended
// is left out. A container that ended without a readable answer, or that claims success with a bad exit code, has failed
// with Reason Internal: only what the eraser itself says with exit code 0 is a success.
func said(pod *corev1.Pod) []task.Outcome {
	if pod == nil {
		return nil
	}
	var outcomes []task.Outcome
	for _, status := range slices.Concat(inOrder(pod.Spec.InitContainers, pod.Status.InitContainerStatuses),
		inOrder(pod.Spec.Containers, pod.Status.ContainerStatuses)) {
		if ended := status.State.Terminated; ended != nil {
			outcomes = append(outcomes, read(task.Step(status.Name), ended))
		}
	}
	return outcomes
}

// inOrder returns the statuses in the order of the containers: the kubelet sorts them by name.
func inOrder(containers []corev1.Container, statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	var ordered []corev1.ContainerStatus
	for _, c := range containers {
		if i := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == c.Name }); i >= 0 {
			ordered = append(ordered, statuses[i])
		}
	}
	return ordered
}

func read(step task.Step, ended *corev1.ContainerStateTerminated) task.Outcome {
	outcome, err := task.Decode(step, ended.Message)
	switch {
	case err != nil:
		return task.Outcome{Step: step, Reason: task.Internal, Message: "The container ended without a readable answer"}
	case outcome.OK && ended.ExitCode != 0:
		return task.Outcome{Step: step, Reason: task.Internal, Message: "The container answered success but ended with an error"}
	default:
		return outcome
	}
}

// Of returns the outcome of a step, and whether that step has ended.
func Of(outcomes []task.Outcome, step task.Step) (task.Outcome, bool) {
	for _, o := range outcomes {
		if o.Step == step {
			return o, true
		}
	}
	return task.Outcome{}, false
}
