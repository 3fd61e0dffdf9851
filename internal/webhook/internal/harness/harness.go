// Package harness makes admission requests and users for the tests of the handlers.
package harness

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Scheme knows the kinds of Kubernetes and ours.
func Scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)); err != nil {
		t.Fatal(err)
	}
	return s
}

// Rights answers yes to every question but those denied, and remembers what was asked.
type Rights struct {
	Denied []string
	Asked  []string
	Err    error
}

// May answers by the words of the question.
func (r *Rights) May(_ context.Context, _ authenticationv1.UserInfo, q rights.Question) (bool, error) {
	r.Asked = append(r.Asked, q.String())
	for _, denied := range r.Denied {
		if denied == q.String() {
			return false, r.Err
		}
	}
	return true, r.Err
}

// Request makes a request of a user. Object is nil on DELETE, old on CREATE.
func Request[T interface {
	client.Object
	comparable
}](t testing.TB, user string, object, old T) admission.Request {
	t.Helper()
	var none T
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{UserInfo: authenticationv1.UserInfo{Username: user}}}
	some := object
	switch {
	case old == none:
		req.Operation = admissionv1.Create
	case object == none:
		req.Operation, some = admissionv1.Delete, old
	default:
		req.Operation = admissionv1.Update
	}
	req.Namespace, req.Name = some.GetNamespace(), some.GetName()
	if object != none {
		req.Object = raw(t, object)
	}
	if old != none {
		req.OldObject = raw(t, old)
	}
	return req
}

func raw(t testing.TB, object client.Object) runtime.RawExtension {
	t.Helper()
	content, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: content}
}

// Expect compares an answer: refused with a message that holds the words, or allowed when there are none.
func Expect(t testing.TB, got admission.Response, words string) {
	t.Helper()
	switch {
	case words == "" && !got.Allowed:
		t.Errorf("refused: %s", got.Result.Message)
	case words != "" && got.Allowed:
		t.Errorf("allowed, want a refusal with %q", words)
	case words != "" && !strings.Contains(got.Result.Message, words):
		t.Errorf("refused with %q, want %q", got.Result.Message, words)
	}
}
