package consentpolicy

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// faster is a client whose patches of Secrets are refused, as the API server refuses to move what is not there; before that another
// replica makes the same patch, if it is there.
type faster struct {
	client.Client
	other bool
}

func (f faster) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if object.GetObjectKind().GroupVersionKind().Kind != "Secret" {
		return f.Client.Patch(ctx, object, patch, options...)
	}
	if f.other {
		if err := f.Client.Patch(ctx, object, patch, options...); err != nil {
			return err
		}
	}
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", corev1.Resource("secrets"), object.GetName(), "", 0, false)
}

// TestAKeyThatAnotherReplicaReplacedIsAConflictAndNoFailure: for a moment two lead.
func TestAKeyThatAnotherReplicaReplacedIsAConflictAndNoFailure(t *testing.T) {
	for _, other := range []bool{true, false} {
		b := settled(t)
		b.pass()
		object := &v1alpha1.ConsentPolicy{}
		b.get("chat", object)
		object.Spec.Service.PepperNumber = 2
		b.must(b.Update(t.Context(), object))
		b.reconciler.Client = faster{b.Client, other}
		b.get("chat", object)
		result, err := b.reconciler.Reconcile(t.Context(), object)
		b.get("chat", object)
		failed := reason(object, v1alpha1.ConditionReconciling) == "True StepFailed"
		if overtaken := err == nil && result.RequeueAfter == 200*time.Millisecond; overtaken != other || failed == other {
			t.Errorf("another replica was faster: %v; %+v, %v, failed %v", other, result, err, failed)
		}
		b.reconciler.Client = b.Client
		b.pass()
		keys := &corev1.Secret{}
		if b.get("chat-consentd-keys", keys); len(keys.Data["pepper-next"]) != 32 {
			t.Errorf("another replica was faster: %v; no key is made known", other)
		}
	}
}
