package api

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/kubectlgdpr"
)

// TestThePersonIsToldWhatWasDoneOnce (A12-03): after an end on which something was done, and not before the request.
func TestThePersonIsToldWhatWasDoneOnce(t *testing.T) {
	received := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	request := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "told"}, Spec: v1alpha1.ErasureRequestSpec{RequestID: "told",
		ReceivedTime: &received, Subject: v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "nobody"}}}}
	if err := server.Client.Create(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	state := func(at time.Time) error {
		told := request.DeepCopy()
		told.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: ptr.To(metav1.NewTime(at))}
		return server.Client.Update(t.Context(), told)
	}
	for _, end := range []v1alpha1.ErasureEnd{"", v1alpha1.EndRefused, v1alpha1.EndPlannedOnly, v1alpha1.EndAlreadyExecuted} {
		if end != "" {
			request.Status.End = end
			if err := server.Client.Status().Update(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		if err := state(time.Now()); err == nil || !strings.Contains(err.Error(), "nothing was done yet") {
			t.Errorf("%q: %v", end, err)
		}
	}
	request.Status.End = v1alpha1.EndNothingFound
	if err := server.Client.Status().Update(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if err := state(received.Add(-time.Second)); err == nil || !strings.Contains(err.Error(), "is before the request") {
		t.Error(err)
	}
	if code, out, complaint := plugin(t, "default", "", "told told"); code != kubectlgdpr.Answered || out != "erasurerequest/told told\n" {
		t.Fatalf("exit code %d, %s%s", code, out, complaint)
	}
	if err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(request), request); err != nil || request.Spec.AnswerNotice == nil {
		t.Fatalf("%v, %+v", err, request.Spec)
	}
	if err := state(time.Now().Add(-time.Minute)); err == nil || !strings.Contains(err.Error(), "when does not change") {
		t.Error(err)
	}
}

// TestAnAnsweredRequestIsMadeAgainFromItsManifest: who keeps requests in git applies them to a new cluster, where nothing was done yet.
func TestAnAnsweredRequestIsMadeAgainFromItsManifest(t *testing.T) {
	received := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	request := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "made-again"}, Spec: v1alpha1.ErasureRequestSpec{RequestID: "made-again",
		ReceivedTime: &received, Subject: v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "nobody"}},
		AnswerNotice: &v1alpha1.ErasureAnswerNotice{SentTime: ptr.To(metav1.NewTime(time.Now().Add(-time.Minute).Truncate(time.Second)))}}}
	if err := server.Client.Create(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	request.Finalizers = []string{"gdpr.rempart.dev/test"}
	if err := server.Client.Update(t.Context(), request); err != nil {
		t.Error(err)
	}
	request.Status.SubjectRef = "hmac-sha256:k:0"
	if err := server.Client.Status().Update(t.Context(), request); err != nil {
		t.Error(err)
	}
	request.Finalizers = nil
	if err := server.Client.Update(t.Context(), request); err != nil {
		t.Error(err)
	}
}
