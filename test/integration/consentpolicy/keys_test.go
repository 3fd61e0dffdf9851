package consentpolicy

import (
	"bytes"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// keys reads the Secret of the keys.
func (w *walker) keys() *corev1.Secret {
	w.Helper()
	secret := &corev1.Secret{}
	must(w.T, server.Client.Get(w.Context(), key("chat-consentd-keys"), secret))
	return secret
}

func signingKeyIsReplaced(w *walker) {
	before, after := w.keys(), &corev1.Secret{}
	w.change(func(s *v1alpha1.ConsentService) { s.SigningKeyNumber = 2 })
	w.until("another key", func() bool {
		after = w.keys()
		return after.Annotations[v1alpha1.AnnotationSigningKey] == "2"
	})
	if !bytes.Equal(after.Data["signing-before"], before.Data["signing"]) || bytes.Equal(after.Data["signing"], before.Data["signing"]) || len(after.Data["signing"]) != 32 ||
		!bytes.Equal(after.Data["kek"], before.Data["kek"]) || !bytes.Equal(after.Data["pepper"], before.Data["pepper"]) {
		w.Error("the keys are not those of before and one more")
	}
	w.newPods()
	w.served()
}

func otherKeysAreKnownFirst(w *walker) {
	before, next, after := w.keys(), &corev1.Secret{}, &corev1.Secret{}
	w.change(func(s *v1alpha1.ConsentService) { s.PepperNumber, s.KEKNumber = 2, 2 })
	w.until("keys beside those of now", func() bool {
		next = w.keys()
		return len(next.Data["pepper-next"]) == 32 && len(next.Data["kek-next"]) == 32
	})
	w.newPods()
	w.until("keys in their place", func() bool {
		after = w.keys()
		return after.Annotations[v1alpha1.AnnotationPepper] == "2" && after.Annotations[v1alpha1.AnnotationKEK] == "2"
	})
	for _, name := range []string{"pepper", "kek"} {
		if !bytes.Equal(next.Data[name], before.Data[name]) || !bytes.Equal(after.Data[name], next.Data[name+"-next"]) ||
			!bytes.Equal(after.Data[name+"-before"], before.Data[name]) || after.Data[name+"-next"] != nil {
			w.Errorf("the %s is not the one that was made known, with the one of before beside it", name)
		}
	}
	w.newPods()
	w.served()
	w.until("what the keys are needed for", func() bool {
		return len(live(w.T).Status.Keys) == 2 && has(w.T, v1alpha1.ConditionKeysComplete, metav1.ConditionTrue, v1alpha1.ReasonKeysThere)()
	})
	w.served()
}
