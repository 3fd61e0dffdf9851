package job_test

import (
	"maps"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/internal/erasure/job"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// owner is a Job as the Job controller leaves it, with its conditions.
func owner(conditions ...batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "er-1", UID: "job-uid"}}
	j.Spec.Template.Labels = job.Labels("crm", "main", job.ComponentRun)
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return j
}

// made is a pod as the Job controller makes it, of which both steps ended as said.
func made(j *batchv1.Job, name string, minute int, erase, verify string) corev1.Pod {
	labels := map[string]string{batchv1.ControllerUidLabel: string(j.UID), batchv1.JobNameLabel: j.Name}
	maps.Copy(labels, j.Spec.Template.Labels)
	code := func(message string) int32 {
		if message == contradicted {
			return job.ExitFatal
		}
		return 0
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: labels, CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(j, batchv1.SchemeGroupVersion.WithKind("Job"))}},
		Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "erase"}}, Containers: []corev1.Container{{Name: "verify"}}},
		Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{ended("erase", code(erase), erase)},
			ContainerStatuses: []corev1.ContainerStatus{ended("verify", code(verify), verify)}},
	}
}

const (
	erased       = `{"step":"erase","ok":true}`
	verified     = `{"step":"verify","ok":true}`
	contradicted = `{"step":"verify","ok":false,"reason":"Contradicted"}`
)

// TestAPodThatSomebodyMadeAnswersNothing: whoever may make pods can give them labels, and name a Job as an owner.
func TestAPodThatSomebodyMadeAnswersNothing(t *testing.T) {
	j := owner(batchv1.JobFailed)
	for name, forge := range map[string]func(*corev1.Pod){
		"without an owner":              func(p *corev1.Pod) { p.OwnerReferences = nil },
		"an owner that controls it not": func(p *corev1.Pod) { p.OwnerReferences[0].Controller = nil },
		"an owner of another kind":      func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "CronJob" },
		"an owner of another group":     func(p *corev1.Pod) { p.OwnerReferences[0].APIVersion = "batch.example.com/v1" },
		"another Job of that name":      func(p *corev1.Pod) { p.OwnerReferences[0].UID = "another" },
		"another controller beside": func(p *corev1.Pod) {
			p.OwnerReferences[0].Controller = ptr.To(false)
			p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "r", UID: "r", Controller: ptr.To(true)})
		},
		"without the controller's label": func(p *corev1.Pod) { delete(p.Labels, batchv1.ControllerUidLabel) },
		"the label of another Job":       func(p *corev1.Pod) { p.Labels[batchv1.ControllerUidLabel] = "another" },
		"without the eraser's labels":    func(p *corev1.Pod) { delete(p.Labels, "gdpr.rempart.dev/component") },
	} {
		forged := made(j, "forged", 9, erased, verified)
		forge(&forged)
		answers := job.Answers(j, []corev1.Pod{made(j, "real", 1, erased, contradicted), forged})
		if o, _ := job.Of(answers, task.Verify); o.OK || o.Reason != task.Contradicted {
			t.Errorf("%s: the verifier is said to have answered %+v", name, o)
		}
		if answers := job.Answers(j, []corev1.Pod{forged}); answers != nil {
			t.Errorf("%s: alone it answers %+v", name, answers)
		}
	}
}

// TestASuccessOfTheLastStepIsTheJobsOwn: what came after all others is only well when the Job controller says so too. What an earlier
// container says stands when a later one failed: a commit is one although nobody verified it.
func TestASuccessOfTheLastStepIsTheJobsOwn(t *testing.T) {
	for _, c := range []struct {
		job            *batchv1.Job
		verify         string
		erased, wanted bool
	}{
		{owner(batchv1.JobComplete), verified, true, true},
		{owner(batchv1.JobFailed), verified, true, false},
		{owner(), verified, true, false},
		{owner(batchv1.JobFailed), contradicted, true, false},
		{owner(batchv1.JobComplete), contradicted, true, false},
	} {
		answers := job.Answers(c.job, []corev1.Pod{made(c.job, "pod", 1, erased, c.verify)})
		erase, _ := job.Of(answers, task.Erase)
		verify, seen := job.Of(answers, task.Verify)
		if erase.OK != c.erased || verify.OK != c.wanted || !seen {
			t.Errorf("conditions %v: erase %+v, verify %+v", c.job.Status.Conditions, erase, verify)
		}
	}
}
