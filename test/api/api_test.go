// Package api asks a real API server what it accepts: samples, invalid examples, defaults, limits.
package api

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/test/apiserver"
)

var server *apiserver.Server

func TestMain(m *testing.M) {
	os.Exit(apiserver.Run(m, func(s *apiserver.Server) { server = s }))
}

// documents returns the objects of a YAML file. A namespace that an object names is made first.
func documents(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+string(text), "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if object.Object == nil {
			continue
		}
		objects = append(objects, object)
		if ns := object.GetNamespace(); ns != "" {
			err := server.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
			if client.IgnoreAlreadyExists(err) != nil {
				t.Fatal(err)
			}
		}
	}
	return objects
}

func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	var found []string
	for _, pattern := range patterns {
		match, err := filepath.Glob(filepath.Join(append([]string{apiserver.Root()}, strings.Split(pattern, "/")...)...))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, match...)
	}
	if len(found) == 0 {
		t.Fatalf("no file matches %v", patterns)
	}
	return found
}

func dryRun(ctx context.Context, object client.Object) error {
	return server.Client.Create(ctx, object, client.DryRunAll)
}

func TestEverySampleIsAccepted(t *testing.T) {
	for _, file := range files(t, "config/samples/gdpr_*.yaml", "config/samples/internal/gdpr_*.yaml", "config/samples/demo/*.yaml", "config/escalation/*_policy.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, object := range documents(t, file) {
				// As kubectl apply does: a namespace of the sample may be there already.
				err := server.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.DryRunAll, client.FieldOwner("sample"))
				if err != nil {
					t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
				}
			}
		})
	}
}

// An invalid example holds one object; its first line says "# refused: " and a part of the refusal. For a rule about a
// change, <name>.before.yaml holds the object before it.
func TestEveryInvalidExampleIsRefusedWithTheWordsItExpects(t *testing.T) {
	for _, file := range files(t, "hack/invalid-examples/*.yaml") {
		if strings.HasSuffix(file, ".before.yaml") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, ok := strings.CutPrefix(first, "# refused: ")
			if !ok {
				t.Fatal(`the first line must be "# refused: <a part of the refusal>"`)
			}
			objects := documents(t, file)
			if len(objects) != 1 {
				t.Fatalf("want one object, have %d", len(objects))
			}
			err = attempt(t, file, objects[0])
			if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) && !apierrors.IsForbidden(err) {
				t.Fatalf("want a refusal, have: %v", err)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("want a refusal that says %q, have: %v", want, err)
			}
		})
	}
}

// TestX13DisproportionateEffortNeedsAPublicCommunication, and TestX11 below: rows of deadline_behaviour_tests.csv that are rules of the
// schema of incidents.
func TestX13DisproportionateEffortNeedsAPublicCommunication(t *testing.T) {
	example(t, "breachincident-effort-without-public-communication.yaml", "publicCommunicationReference (Article 34(3)(c))")
}

func TestX11AnUnlikelyRiskNeedsReasons(t *testing.T) {
	example(t, "breachincident-unlikely-without-reasoning.yaml", "reasoning")
}

// example expects one invalid example to be refused.
func example(t *testing.T, name, want string) {
	t.Helper()
	file := files(t, "hack/invalid-examples/"+name)[0]
	if err := attempt(t, file, documents(t, file)[0]); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("want a refusal that says %q, have: %v", want, err)
	}
}

func attempt(t *testing.T, file string, object *unstructured.Unstructured) error {
	t.Helper()
	before := strings.TrimSuffix(file, ".yaml") + ".before.yaml"
	if _, err := os.Stat(before); err != nil {
		return dryRun(t.Context(), object)
	}
	old := documents(t, before)[0]
	if err := server.Client.Create(t.Context(), old); err != nil {
		t.Fatalf("the object before the change: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Client.Delete(context.WithoutCancel(t.Context()), old); err != nil {
			t.Error(err)
		}
	})
	object.SetResourceVersion(old.GetResourceVersion())
	object.SetName(old.GetName())
	return server.Client.Update(t.Context(), object, client.DryRunAll)
}

func TestANewObjectDoesNotLookCurrentBeforeItsFirstPass(t *testing.T) {
	policy := &v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "fresh"}, Spec: v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementAudit}}
	if err := server.Client.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Client.Delete(context.WithoutCancel(t.Context()), policy) })
	if got := ptr.Deref(policy.Status.ObservedGeneration, 0); got != -1 {
		t.Errorf("status.observedGeneration is %d, want -1", got)
	}
}

func TestAnObjectOfAMegabyteIsRefusedByBoundsNotByAccident(t *testing.T) {
	object := documents(t, filepath.Join(apiserver.Root(), "config", "samples", "demo", "breach.yaml"))[0]
	if err := unstructured.SetNestedField(object.Object, strings.Repeat("x", 1<<20), "spec", "description"); err != nil {
		t.Fatal(err)
	}
	err := dryRun(t.Context(), object)
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.description") {
		t.Fatalf("want a refusal that names spec.description, have: %.300v", err)
	}
	if len(err.Error()) > 4096 {
		t.Errorf("the refusal repeats the input: %d bytes", len(err.Error()))
	}
}
