package erasurerequest_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// waiting is the reason for which the run that erases is not Ready, and the message.
func (s *shop) waiting() (string, string) {
	s.t.Helper()
	c := meta.FindStatusCondition(s.run(v1alpha1.RunExecute).Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "", ""
	}
	return c.Reason, c.Message
}

// TestANodeThatNeverReturnsIsNamed: a run whose pod is on a node that does not end it says which node, and what to do, once; and goes on
// when Kubernetes has removed the pod, as it does when the Node is deleted or tainted. So it is when the Job was deleted beside.
func TestANodeThatNeverReturnsIsNamed(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		s := newShop(t)
		s.open()
		s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
		s.settle()
		s.approve("r1")
		s.hang = true
		s.settle()
		working := s.executing()
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "stays", Finalizers: []string{"test/kubelet"}, Labels: working.Spec.Template.Labels},
			Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
		s.create(pod)
		s.must(s.client.Delete(t.Context(), pod))
		s.must(s.client.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
		if deleted {
			s.must(s.client.Delete(t.Context(), working))
		} else {
			working.Status.Active, working.Status.Terminating = 0, ptr.To(int32(1))
			s.must(s.client.Status().Update(t.Context(), working))
		}
		s.clock.SetTime(pod.DeletionTimestamp.Time) // the pod's clock is the API server's
		s.pass()
		if reason, _ := s.waiting(); reason != v1alpha1.ReasonPodEnding {
			t.Fatalf("while the pod ends: %s", reason)
		}
		s.clock.SetTime(pod.DeletionTimestamp.Add(2 * time.Minute))
		for range 3 {
			s.pass()
		}
		reason, message := s.waiting()
		if reason != v1alpha1.ReasonNodeLost || !strings.Contains(message, "kubectl delete node n1,") || !strings.Contains(message, "node n1 node.kubernetes.io/out-of-service=") {
			t.Fatalf("%s: %s", reason, message)
		}
		if c := meta.FindStatusCondition(s.get("r1").Status.Conditions, v1alpha1.ConditionReady); !strings.HasSuffix(c.Message, message) {
			t.Errorf("the request says %s", c.Message)
		}
		before, told := s.writes, 0
		for range 3 {
			s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
			s.pass()
		}
		for len(s.recorder.Events) > 0 {
			if strings.HasPrefix(<-s.recorder.Events, "Warning NodeLost ") {
				told++
			}
		}
		if told != 1 || s.writes != before {
			t.Errorf("told %d times, written %d times", told, s.writes-before)
		}
		pod.Finalizers = nil
		s.must(s.client.Update(t.Context(), pod))
		s.hang, s.lose = false, !deleted // what the pod would have answered is lost
		s.settle()
		if s.ready("r1") != "True/Erased" || s.committed() != 1 {
			t.Errorf("Ready is %s after %d commits", s.ready("r1"), s.committed())
		}
	}
}
