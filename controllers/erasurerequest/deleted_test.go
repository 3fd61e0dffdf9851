package erasurerequest_test

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestAJobThatSomebodyDeletesIsFollowedByAnother: under another name, once its pod has ended, and the ledger says what it did.
func TestAJobThatSomebodyDeletesIsFollowedByAnother(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAutomatic)
	for range 60 { // up to the Job that erases
		if s.pass(); len(s.jobsOf(v1alpha1.RunExecute)) > 0 {
			break
		}
		s.kubelet()
		s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
	}
	deleted := s.jobsOf(v1alpha1.RunExecute)[0]
	s.pod(&deleted, s.eraser(&deleted)) // it has committed, and nobody has read its answer
	pod := &corev1.Pod{}
	s.must(s.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: deleted.Name + "-x"}, pod))
	pod.Status.Phase = corev1.PodRunning
	s.must(s.client.Status().Update(t.Context(), pod))
	s.must(s.client.Delete(t.Context(), &deleted))
	for range 5 {
		s.pass()
		s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
	}
	if len(s.jobsOf(v1alpha1.RunExecute)) > 0 {
		t.Fatal("a Job began beside the pod of another")
	}
	s.must(s.client.Delete(t.Context(), pod))
	for range 5 {
		s.pass()
		s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
	}
	jobs := s.jobsOf(v1alpha1.RunExecute)
	if len(jobs) != 1 || jobs[0].Name == deleted.Name {
		t.Fatalf("of the Jobs %v one follows", names(jobs))
	}
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" || s.committed() != 1 {
		t.Errorf("%s after %d transactions", got, s.committed())
	}
}

func names(jobs []batchv1.Job) (list []string) {
	for i := range jobs {
		list = append(list, jobs[i].Name)
	}
	return list
}
