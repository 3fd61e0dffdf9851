package erasurerequest_test

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// dies lets an approved request be executed by an operator that dies with its request for the Job, of which the store commits. Somebody deletes the
// Job, with its pod, before another operator is there.
func (s *shop) dies() {
	s.t.Helper()
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.approve("r1")
	var made *batchv1.Job
	s.fault = func(int, bool) error {
		if made == nil {
			made = s.executing()
		}
		if made != nil {
			return errInjected
		}
		return nil
	}
	for range 20 {
		s.pass()
	}
	s.fault = nil
	if made == nil {
		s.t.Fatal("no Job was made")
	}
	work := s.task(made)
	s.commit(work, len(work.Requests))
	s.must(s.client.Delete(s.t.Context(), made))
}

// executing is the Job of the run that erases; nil while there is none.
func (s *shop) executing() *batchv1.Job {
	runs := &v1alpha1.ErasureRunList{}
	s.must(s.client.List(s.t.Context(), runs))
	for i := range runs.Items {
		job := &batchv1.Job{}
		key := types.NamespacedName{Namespace: "shop", Name: erasure.JobName(&runs.Items[i], erasure.Attempt(&runs.Items[i]))}
		if runs.Items[i].Spec.Mode == v1alpha1.RunExecute && s.client.Get(s.t.Context(), key, job) == nil {
			return job
		}
	}
	return nil
}

// TestAJobOfAnOperatorThatDiedMayHaveCommitted: whatever happened while nobody looked, the request is told what the ledger has, and
// nobody is erased by a second run, or called somebody of whom nothing was found.
func TestAJobOfAnOperatorThatDiedMayHaveCommitted(t *testing.T) {
	for name, meanwhile := range map[string]func(*shop){
		"nothing":                   func(*shop) {},
		"the operator was upgraded": func(s *shop) { s.runs.Image, s.dispatch.Image = "eraser:2", "eraser:2" },
		"the store went away":       func(s *shop) { s.away = 3 },
		"the pod goes on for a while": func(s *shop) {
			run := s.run(v1alpha1.RunExecute)
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "left", Labels: map[string]string{v1alpha1.LabelRun: run.Name}}}
			s.create(pod)
			s.settle()
			if s.executing() != nil {
				s.t.Error("another Job began beside it")
			}
			s.must(s.client.Delete(s.t.Context(), pod))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.dies()
			meanwhile(s)
			s.settle()
			r := s.get("r1")
			if s.ready("r1") != "True/Erased" || s.committed() != 1 || s.erased[string(r.UID)] != 1 {
				t.Fatalf("Ready is %s after %d commits; %+v", s.ready("r1"), s.committed(), r.Status.Targets)
			}
			if run := s.run(v1alpha1.RunExecute); run.Status.CommittedTime == nil || *run.Status.Attempts < 2 {
				t.Errorf("the run is %+v", run.Status)
			}
			s.proven("r1")
		})
	}
}

// TestARunOfAnOperatorThatDiedIsNotCancelled: what was begun is not undone by deleting it, nor by a subject Secret that went.
func TestARunOfAnOperatorThatDiedIsNotCancelled(t *testing.T) {
	s := newShop(t)
	s.dies()
	s.must(s.client.Delete(t.Context(), s.run(v1alpha1.RunExecute)))
	s.settle()
	if target := s.get("r1").Status.Targets[0]; target.Result != v1alpha1.TargetFailed || target.Reason != v1alpha1.ReasonCommitUnknown {
		t.Errorf("the run was deleted: %+v", target)
	}

	s = newShop(t)
	s.dies()
	s.must(s.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "person"}}))
	s.settle()
	if run := s.run(v1alpha1.RunExecute); run.Status.CommittedTime == nil {
		t.Errorf("the subject Secret is gone: %+v", run.Status)
	}
	s.secret("person", map[string]string{"email": canary})
	s.settle()
	if s.ready("r1") != "True/Erased" || s.committed() != 1 {
		t.Errorf("the subject Secret came back: Ready is %s after %d commits", s.ready("r1"), s.committed())
	}
}

// TestAJobThatIsRefusedTakesNoAttempt: what the API server would not make was not made, however often it was tried.
func TestAJobThatIsRefusedTakesNoAttempt(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.approve("r1")
	s.quota = true
	for range 20 {
		s.pass()
	}
	if run := s.run(v1alpha1.RunExecute); run.Status.Attempts != nil || run.Status.SeenAttempts != nil || run.Status.StartedTime != nil {
		t.Errorf("the run is %+v", run.Status)
	}
	s.quota = false
	s.settle()
	if run := s.run(v1alpha1.RunExecute); s.ready("r1") != "True/Erased" || *run.Status.Attempts != 1 {
		t.Errorf("Ready is %s; %+v", s.ready("r1"), run.Status)
	}
}
