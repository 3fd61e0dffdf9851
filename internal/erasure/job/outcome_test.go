package job_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func ended(name string, code int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}}}
}

func pod(init, main []corev1.ContainerStatus) *corev1.Pod {
	return &corev1.Pod{
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "provision"}, {Name: "erase"}},
			Containers:     []corev1.Container{{Name: "verify"}, {Name: "scan"}},
		},
		Status: corev1.PodStatus{InitContainerStatuses: init, ContainerStatuses: main},
	}
}

func TestOnlyAWholeAnswerWithExitCodeZeroIsASuccess(t *testing.T) {
	good := `{"step":"scan","ok":true,"reason":"Accurate"}`
	cases := []struct {
		name   string
		status corev1.ContainerStatus
		ended  bool
		ok     bool
		reason task.Reason
	}{
		{"a whole answer", ended("scan", 0, good), true, true, task.Accurate},
		{"a failure with its reason", ended("scan", 42, `{"step":"scan","ok":false,"reason":"TableMissing"}`), true, false, task.TableMissing},
		{"no answer", ended("scan", 0, ""), true, false, task.Internal},
		{"a cut answer", ended("scan", 0, good[:20]), true, false, task.Internal},
		{"an answer of another step", ended("scan", 0, `{"step":"erase","ok":true}`), true, false, task.Internal},
		{"success with a bad exit code", ended("scan", 137, good), true, false, task.Internal},
		{"still at work", corev1.ContainerStatus{Name: "scan", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, false, false, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			outcome, seen := job.Of(job.Outcomes(pod(nil, []corev1.ContainerStatus{c.status})), task.Scan)
			if seen != c.ended || outcome.OK != c.ok || outcome.Reason != c.reason {
				t.Errorf("got seen=%v ok=%v reason=%q", seen, outcome.OK, outcome.Reason)
			}
		})
	}
}

func TestOutcomesComeInTheOrderOfTheContainers(t *testing.T) {
	answers := job.Outcomes(pod(
		[]corev1.ContainerStatus{ended("erase", 0, `{"step":"erase","ok":true}`), ended("provision", 0, `{"step":"provision","ok":true}`)},
		[]corev1.ContainerStatus{ended("verify", 1, "")}))
	var steps []task.Step
	for _, a := range answers {
		steps = append(steps, a.Step)
	}
	if diff := cmp.Diff([]task.Step{task.Provision, task.Erase, task.Verify}, steps); diff != "" {
		t.Error(diff)
	}
	if job.Outcomes(nil) != nil {
		t.Error("no pod has no answers")
	}
}

func TestTheNewestPodCounts(t *testing.T) {
	at := func(name string, minute int) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC))}}
	}
	if got := job.Newest([]corev1.Pod{at("b", 1), at("a", 2), at("c", 2), at("d", 0)}); got.Name != "c" {
		t.Errorf("got %s", got.Name)
	}
	if job.Newest(nil) != nil {
		t.Error("want nil")
	}
}

func TestAJobHasEndedByItsConditionsOnly(t *testing.T) {
	with := func(conditions ...batchv1.JobCondition) *batchv1.Job {
		return &batchv1.Job{Status: batchv1.JobStatus{Failed: 3, Conditions: conditions}}
	}
	cases := map[string]struct {
		job  *batchv1.Job
		want job.State
	}{
		"nothing yet":    {with(), job.Working},
		"failure target": {with(batchv1.JobCondition{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue}), job.Working},
		"complete":       {with(batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}), job.Succeeded},
		"failed":         {with(batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}), job.Failed},
		"not failed":     {with(batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionFalse}), job.Working},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := job.Ended(c.job); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
