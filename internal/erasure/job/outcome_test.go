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

// said are the answers of a pod that a complete Job made.
func said(p *corev1.Pod) []task.Outcome {
	j := owner(batchv1.JobComplete)
	p.ObjectMeta = made(j, "pod", 1, "", "").ObjectMeta
	return job.Answers(j, []corev1.Pod{*p})
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
			outcome, seen := job.Of(said(pod(nil, []corev1.ContainerStatus{c.status})), task.Scan)
			if seen != c.ended || outcome.OK != c.ok || outcome.Reason != c.reason {
				t.Errorf("got seen=%v ok=%v reason=%q", seen, outcome.OK, outcome.Reason)
			}
		})
	}
}

func TestOutcomesComeInTheOrderOfTheContainers(t *testing.T) {
	answers := said(pod(
		[]corev1.ContainerStatus{ended("erase", 0, `{"step":"erase","ok":true}`), ended("provision", 0, `{"step":"provision","ok":true}`)},
		[]corev1.ContainerStatus{ended("verify", 1, "")}))
	var steps []task.Step
	for _, a := range answers {
		steps = append(steps, a.Step)
	}
	if diff := cmp.Diff([]task.Step{task.Provision, task.Erase, task.Verify}, steps); diff != "" {
		t.Error(diff)
	}
}

func TestTheNewestPodCounts(t *testing.T) {
	j := owner(batchv1.JobComplete)
	answered := func(name string, minute int, reason task.Reason) corev1.Pod {
		return made(j, name, minute, `{"step":"erase","ok":false,"reason":"`+string(reason)+`"}`, verified)
	}
	answers := job.Answers(j, []corev1.Pod{answered("b", 1, task.Interrupted), answered("a", 2, task.LockTimeout), answered("c", 2, task.Fenced), answered("d", 0, task.TimedOut)})
	if o, _ := job.Of(answers, task.Erase); o.Reason != task.Fenced {
		t.Errorf("got %s", o.Reason)
	}
	if job.Answers(j, nil) != nil {
		t.Error("no pod has no answers")
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

func TestAJobIsAloneWithOnePodThatItCounts(t *testing.T) {
	of := func(failed int32, actions ...batchv1.PodFailurePolicyAction) *batchv1.Job {
		j := &batchv1.Job{Status: batchv1.JobStatus{Failed: failed}}
		if len(actions) > 0 {
			j.Spec.PodFailurePolicy = &batchv1.PodFailurePolicy{}
		}
		for _, action := range actions {
			j.Spec.PodFailurePolicy.Rules = append(j.Spec.PodFailurePolicy.Rules, batchv1.PodFailurePolicyRule{Action: action})
		}
		return j
	}
	for name, c := range map[string]struct {
		job  *batchv1.Job
		want bool
	}{
		"one pod":             {of(1, batchv1.PodFailurePolicyActionFailJob), true},
		"two pods":            {of(2, batchv1.PodFailurePolicyActionFailJob), false},
		"evicted pods apart":  {of(1, batchv1.PodFailurePolicyActionFailJob, batchv1.PodFailurePolicyActionIgnore), false},
		"no policy, one pod":  {of(1), true},
		"no policy, two pods": {of(2), false},
	} {
		if got := job.Alone(c.job); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAPodThatHasNotEndedLingers(t *testing.T) {
	pod := func(phase corev1.PodPhase) corev1.Pod { return corev1.Pod{Status: corev1.PodStatus{Phase: phase}} }
	for phase, want := range map[corev1.PodPhase]bool{corev1.PodPending: true, corev1.PodRunning: true, corev1.PodUnknown: true, "": true, corev1.PodSucceeded: false, corev1.PodFailed: false} {
		if job.Linger([]corev1.Pod{pod(corev1.PodFailed), pod(phase)}) != want {
			t.Errorf("%q", phase)
		}
	}
	if job.Linger(nil) {
		t.Error("no pod lingers")
	}
}

func TestANodeIsLostThatDoesNotEndAPod(t *testing.T) {
	now := time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	pod := func(node string, phase corev1.PodPhase, since time.Duration) corev1.Pod {
		p := corev1.Pod{Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: phase}}
		if since >= 0 {
			p.DeletionTimestamp = &metav1.Time{Time: now.Add(-since)}
		}
		return p
	}
	for name, c := range map[string]struct {
		pods []corev1.Pod
		want string
	}{
		"none":                   {nil, ""},
		"works":                  {[]corev1.Pod{pod("n1", corev1.PodRunning, -1)}, ""},
		"is ending":              {[]corev1.Pod{pod("n1", corev1.PodRunning, time.Minute)}, ""},
		"ended":                  {[]corev1.Pod{pod("n1", corev1.PodFailed, time.Hour)}, ""},
		"does not end":           {[]corev1.Pod{pod("n1", corev1.PodRunning, 61*time.Second)}, "n1"},
		"never started":          {[]corev1.Pod{pod("n1", corev1.PodPending, time.Hour)}, "n1"},
		"two nodes, by name":     {[]corev1.Pod{pod("n2", corev1.PodRunning, time.Hour), pod("n1", corev1.PodRunning, time.Hour)}, "n1"},
		"one of them has ended":  {[]corev1.Pod{pod("n2", corev1.PodRunning, time.Hour), pod("n1", corev1.PodFailed, time.Hour)}, "n2"},
		"one of them still ends": {[]corev1.Pod{pod("n2", corev1.PodRunning, time.Hour), pod("n1", corev1.PodRunning, 0)}, "n2"},
	} {
		if got := job.LostNode(c.pods, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
