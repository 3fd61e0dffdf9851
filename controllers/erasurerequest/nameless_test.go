package erasurerequest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// unnamed looks for the person while a request is under way: in Jobs with their arguments and variables, in what pods said, in every
// status and in every event. Secrets of the request and the run have them then.
func (s *shop) unnamed(what string) {
	s.t.Helper()
	for _, list := range []client.ObjectList{&v1alpha1.ErasureRequestList{}, &v1alpha1.ErasureRunList{}, &batchv1.JobList{}, &corev1.PodList{}, &corev1.ConfigMapList{}, &v1alpha1.NotificationList{}} {
		s.must(s.client.List(s.t.Context(), list))
		text, err := json.Marshal(list)
		s.must(err)
		if strings.Contains(string(text), "canary") {
			s.t.Errorf("%s: %T names the person", what, list)
		}
	}
	for range len(s.recorder.Events) {
		if event := <-s.recorder.Events; strings.Contains(event, "canary") {
			s.t.Errorf("%s: an event names the person", what)
		}
	}
}

// TestNobodyIsNamedHoweverARequestGoes: one that is refused, one whose pods are lost, one whose store is away, and one that is found again.
func TestNobodyIsNamedHoweverARequestGoes(t *testing.T) {
	for what, arrange := range map[string]func(*shop){
		"refused": func(s *shop) {
			r := s.get("r1")
			r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive}
			r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: ptr.To(metav1.NewTime(s.clock.Now()))}
			s.must(s.client.Update(s.t.Context(), r))
		},
		"a pod is killed":     func(s *shop) { s.approve("r1"); s.lose = true },
		"the store is away":   func(s *shop) { s.approve("r1"); s.away = 3 },
		"the person is found": func(s *shop) { s.approve("r1"); s.contradict = true },
	} {
		s := newShop(t)
		s.open()
		s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
		s.settle()
		arrange(s)
		ended := func() bool {
			ready := s.ready("r1")
			return strings.HasPrefix(ready, "True/") || ready == "False/Contradicted"
		}
		for range 60 {
			if ended() {
				break
			}
			s.pass()
			s.kubelet()
			s.deliver()
			s.unnamed(what)
			s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
		}
		if !ended() {
			t.Errorf("%s: Ready is %s", what, s.ready("r1"))
		}
		if what != "the person is found" {
			s.noIdentifier()
		}
	}
}
