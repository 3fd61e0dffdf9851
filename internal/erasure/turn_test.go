package erasure_test

import (
	"fmt"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// queue is a cluster with runs of several namespaces, and their Jobs.
type queue struct {
	runs []v1alpha1.ErasureRun
	jobs []batchv1.Job
}

func (q *queue) add(namespace string, n int) {
	for range n {
		name := fmt.Sprint(namespace, len(q.runs))
		run := v1alpha1.ErasureRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(fmt.Sprintf("%08d-%s", len(q.runs), name))}}
		run.Spec.Epoch, run.Spec.Store = int64(len(q.runs)), "main"
		q.runs = append(q.runs, run)
	}
}

// begin makes the Jobs of the runs whose turn it is, and counts them by namespace.
func (q *queue) begin() map[string]int {
	begun := map[string]int{}
	for i := range q.runs {
		run := &q.runs[i]
		if run.Status.EndedTime != nil || q.job(run) != nil || !erasure.Turn(run, q.runs, q.jobs) {
			continue
		}
		run.Status.Attempts = ptr.To(erasure.Attempt(run))
		q.jobs = append(q.jobs, batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: run.Namespace, Name: erasure.JobName(run, erasure.Attempt(run)), Labels: map[string]string{v1alpha1.LabelRun: run.Name}}})
		begun[run.Namespace]++
	}
	return begun
}

// job of the present attempt.
func (q *queue) job(run *v1alpha1.ErasureRun) *batchv1.Job {
	for i := range q.jobs {
		if q.jobs[i].Namespace == run.Namespace && q.jobs[i].Name == erasure.JobName(run, erasure.Attempt(run)) {
			return &q.jobs[i]
		}
	}
	return nil
}

// end ends the Jobs that work, of a namespace, and tells how many did.
func (q *queue) end(namespace string, how batchv1.JobConditionType) int {
	worked := 0
	for i := range q.jobs {
		if q.jobs[i].Namespace == namespace && len(q.jobs[i].Status.Conditions) == 0 {
			q.jobs[i].Status.Conditions = []batchv1.JobCondition{{Type: how, Status: corev1.ConditionTrue}}
			worked++
		}
	}
	for i := range q.runs {
		if j := q.job(&q.runs[i]); how == batchv1.JobComplete && q.runs[i].Namespace == namespace && j != nil && len(j.Status.Conditions) > 0 {
			q.runs[i].Status.EndedTime = ptr.To(metav1.NewTime(time.Unix(1, 0)))
		}
	}
	return worked
}

func TestNoNamespaceHoldsUpAnother(t *testing.T) {
	q := &queue{}
	q.add("crowd", 40)
	q.add("quiet", 2)
	for round := range 7 {
		begun := q.begin()
		if round == 0 && begun["quiet"] != 2 || begun["crowd"] > 6 || begun["crowd"] < 4 {
			t.Errorf("round %d: %v began", round, begun)
		}
		q.end("crowd", batchv1.JobComplete)
		q.end("quiet", batchv1.JobComplete)
	}
	for i := range q.runs {
		if q.runs[i].Status.EndedTime == nil {
			t.Errorf("%s never began", q.runs[i].Name)
		}
	}
}

// TestStoresThatFailTakeNobodysPlace: a run that waits to be tried again has no Job, and its namespace no claim to one; when its time
// has come it waits for its turn as any other.
func TestStoresThatFailTakeNobodysPlace(t *testing.T) {
	q := &queue{}
	q.add("failing", 40)
	for range 7 { // all have failed, and wait
		q.begin()
		q.end("failing", batchv1.JobFailed)
	}
	q.add("quiet", 3)
	q.add("failing", 1)
	if begun := q.begin(); begun["quiet"] != 3 || begun["failing"] != 1 {
		t.Errorf("while runs of another namespace wait to be tried again, %v began", begun)
	}
	q.end("failing", batchv1.JobFailed)
	q.end("quiet", batchv1.JobComplete)
	for i := range q.runs {
		if run := &q.runs[i]; run.Namespace == "failing" {
			*run.Status.Attempts++ // all times have come at once, and these Jobs hang
		}
	}
	if begun := q.begin(); begun["failing"] != 6 {
		t.Errorf("of those that are tried again %v began", begun)
	}
	q.add("late", 2)
	if begun := q.begin(); begun["late"] != 2 || begun["failing"] != 0 {
		t.Errorf("while Jobs of another namespace hang, %v began", begun)
	}
}

// TestWhoWaitsForSomethingElseTakesNobodysPlace: a hold that nobody has read, a subject that is lost, a Job that cannot be made, in
// as many namespaces as would fill the cluster.
func TestWhoWaitsForSomethingElseTakesNobodysPlace(t *testing.T) {
	for _, said := range []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonOnLegalHold},
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonSubjectMissing},
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPodEnding},
		{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonStepFailed},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNameTaken},
	} {
		q := &queue{}
		for _, namespace := range []string{"a", "b", "c"} {
			q.add(namespace, 6)
		}
		for i := range q.runs {
			q.runs[i].Status.Conditions, q.runs[i].Status.Attempts = []metav1.Condition{said}, ptr.To(int32(2))
		}
		q.add("a", 1)
		q.add("quiet", 1)
		for _, i := range []int{18, 19} {
			if !erasure.Turn(&q.runs[i], q.runs, nil) {
				t.Errorf("%s: %s does not begin", said.Reason, q.runs[i].Name)
			}
		}
		if begun := q.begin(); begun["a"] != 6 || begun["a"]+begun["b"]+begun["c"]+begun["quiet"] != 16 { // when all can go on at once
			t.Errorf("%s: %v began", said.Reason, begun)
		}
	}
}

// TestNoMoreWorkAtOnceThanMay: whatever the namespaces do.
func TestNoMoreWorkAtOnceThanMay(t *testing.T) {
	q := &queue{}
	for _, namespace := range []string{"a", "b", "c", "d", "e"} {
		q.add(namespace, 10)
	}
	total := 0
	for namespace, n := range q.begin() {
		total += n
		if n < 3 || n > 4 {
			t.Errorf("%d of %s began", n, namespace)
		}
	}
	if total != 16 {
		t.Errorf("%d work at once", total)
	}
}

// TestAHoldThatNobodyHasReadIsWhatARunWaitsFor: not a place, which it does not need before.
func TestAHoldThatNobodyHasReadIsWhatARunWaitsFor(t *testing.T) {
	w := newWorld()
	in := begun(w, v1alpha1.RunExecute, 2, time.Hour)
	in.Job, in.Waits = nil, true
	in.Holds = []v1alpha1.LegalHold{w.hold([]string{"acme", "2027-01-01", "person=nobody"})}
	for _, want := range []string{v1alpha1.ReasonOnLegalHold, v1alpha1.ReasonQueued} {
		if ready := meta.FindStatusCondition(erasure.JudgeRun(in).Conditions, v1alpha1.ConditionReady); ready.Reason != want {
			t.Errorf("%s, want %s", ready.Reason, want)
		}
		in.Holds = nil
	}
}

// TestALostNodeTakesNobodysPlace: a Job whose pod is to go and does not is not at work.
func TestALostNodeTakesNobodysPlace(t *testing.T) {
	q := &queue{}
	q.add("a", 12)
	if begun := q.begin(); begun["a"] != 6 {
		t.Fatalf("%d began", begun["a"])
	}
	if begun := q.begin(); begun["a"] != 0 {
		t.Fatalf("%d began beside six", begun["a"])
	}
	for i := range q.jobs {
		q.jobs[i].Status.Terminating = ptr.To(int32(1))
	}
	if begun := q.begin(); begun["a"] != 6 {
		t.Errorf("%d began beside six whose node is lost", begun["a"])
	}
}
