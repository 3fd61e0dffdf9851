package consentpolicy

import (
	"bytes"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestASigningKeyIsReplacedOnceTheServiceRunsWithTheOneOfBefore asks for two more, one after the other.
func TestASigningKeyIsReplacedOnceTheServiceRunsWithTheOneOfBefore(t *testing.T) {
	b := settled(t)
	b.pass()
	b.told()
	keys := func() *corev1.Secret {
		secret := &corev1.Secret{}
		b.get("chat-consentd-keys", secret)
		return secret
	}
	template := func() string {
		d := &appsv1.Deployment{}
		b.get("chat-consentd", d)
		return d.Spec.Template.Annotations["gdpr.rempart.dev/secrets"]
	}
	first, before := keys(), template()
	ask := func(number int32) {
		object := &v1alpha1.ConsentPolicy{}
		b.get("chat", object)
		object.Spec.Service.SigningKeyNumber = number
		b.must(b.Update(t.Context(), object))
	}
	ask(2)
	b.pass()
	second := keys()
	if bytes.Equal(second.Data["signing"], first.Data["signing"]) || len(second.Data["signing"]) != 32 || !bytes.Equal(second.Data["signing-before"], first.Data["signing"]) ||
		!bytes.Equal(second.Data["pepper"], first.Data["pepper"]) || !bytes.Equal(second.Data["kek"], first.Data["kek"]) || second.Annotations[v1alpha1.AnnotationSigningKey] != "2" {
		t.Fatalf("%v", second.Annotations)
	}
	if template() == before {
		t.Error("the service is not started again")
	}
	if told := b.told(); strings.Count(told, "KeyReplaced") != 1 {
		t.Errorf("told: %s", told)
	}
	// The pods of now have not run with it yet: the next one must wait.
	d := &appsv1.Deployment{}
	b.get("chat-consentd", d)
	d.Generation, d.Status.UpdatedReplicas = d.Generation+1, 0
	b.must(b.Update(t.Context(), d))
	b.must(b.Status().Update(t.Context(), d))
	ask(3)
	for range 2 {
		b.pass()
		if got := keys(); got.ResourceVersion != second.ResourceVersion {
			t.Fatal("a key was passed over that the log does not know yet")
		}
	}
	b.startService(9)
	b.pass()
	third := keys()
	if !bytes.Equal(third.Data["signing-before"], second.Data["signing"]) || third.Annotations[v1alpha1.AnnotationSigningKey] != "3" {
		t.Errorf("%v", third.Annotations)
	}
	b.startService(12)
	for range 2 {
		b.pass()
		if got := keys(); got.ResourceVersion != third.ResourceVersion {
			t.Error("a key was made that nobody asked for")
		}
	}
	if told := b.told(); strings.Count(told, "KeyReplaced") != 1 {
		t.Errorf("told: %s", told)
	}
}
