package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/kubectlgdpr"
	"github.com/rempart-dev/rempart/test/apiserver"
)

// plugin runs the plug-in of kubectl in a namespace, with standard input.
func plugin(t *testing.T, namespace, typed, line string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = kubectlgdpr.Main(t.Context(), strings.Fields(line), kubectlgdpr.World{
		In: strings.NewReader(typed), Out: &stdout, Err: &stderr, Clock: clock.RealClock{}, Pause: 10 * time.Millisecond, Random: rand.Reader,
		Connect: func(kubectlgdpr.Target) (kubectlgdpr.Cluster, error) {
			return kubectlgdpr.Cluster{Client: server.Client, Namespace: namespace}, nil
		}})
	return code, stdout.String(), stderr.String()
}

// plan writes a plan into the status of a request, as the operator does.
func plan(ctx context.Context, request *v1alpha1.ErasureRequest, digest string) error {
	request.Status.ObservedGeneration = ptr.To(request.Generation)
	request.Status.PlanDigest = "sha256:" + strings.Repeat(digest, 64)
	request.Status.Targets = []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned, PlanDigest: request.Status.PlanDigest,
		Tables: []v1alpha1.TableCount{{Table: "public.customers", Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](1)}}}}
	for _, c := range []metav1.Condition{
		{Type: v1alpha1.ConditionPlanned, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPlanned},
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAwaitingApproval},
	} {
		meta.SetStatusCondition(&request.Status.Conditions, c)
	}
	return server.Client.Status().Update(ctx, request)
}

// TestThePluginLeadsARequest asks a real API server whether it takes what the plug-in writes.
func TestThePluginLeadsARequest(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plugin-"}}
	if err := server.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	ns := namespace.Name
	for _, id := range []string{"web-1", "web-2"} {
		if code, out, complaint := plugin(t, ns, "ada@example.org", "erase --register crm --request-id "+id); code != kubectlgdpr.Answered || !strings.Contains(out, "erasurerequest/"+id+" created") {
			t.Fatalf("exit code %d, %s%s", code, out, complaint)
		}
	}
	request := &v1alpha1.ErasureRequest{}
	if err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "web-1"}, request); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{}
	if err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: string(request.Spec.Subject.SecretRef.Name)}, secret); err != nil {
		t.Fatal(err)
	}
	if string(secret.Data["email"]) != "ada@example.org" || !ptr.Deref(secret.Immutable, false) {
		t.Errorf("the Secret has keys %d, immutable %v", len(secret.Data), secret.Immutable)
	}
	if code, _, complaint := plugin(t, ns, "", "approve web-1 --yes"); code == kubectlgdpr.Answered || !strings.Contains(complaint, "has no plan to approve") {
		t.Errorf("exit code %d, %s", code, complaint)
	}
	if err := plan(t.Context(), request, "a"); err != nil {
		t.Fatal(err)
	}
	if code, out, complaint := plugin(t, ns, "", "plan web-1 --wait"); code != kubectlgdpr.Answered || !strings.Contains(out, "public.customers   DeleteRows   1") {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	if code, out, complaint := plugin(t, ns, "yes\n", "approve web-1"); code != kubectlgdpr.Answered {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	if code, out, complaint := plugin(t, ns, "", "refuse web-2 --yes --reason Excessive --note ninth-within-a-year"); code != kubectlgdpr.Answered {
		t.Errorf("exit code %d, %s%s", code, out, complaint)
	}
	requests := &v1alpha1.ErasureRequestList{}
	if err := server.Client.List(t.Context(), requests, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	got := map[string]v1alpha1.ErasureDecision{}
	for _, r := range requests.Items {
		got[r.Name] = ptr.Deref(r.Spec.Decision, v1alpha1.ErasureDecision{})
	}
	if got["web-1"] != (v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved, PlanDigest: "sha256:" + strings.Repeat("a", 64)}) ||
		got["web-2"] != (v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive, Note: "ninth-within-a-year"}) {
		t.Errorf("%+v", got)
	}
}

// TestARequestThatTheSchemaRefusesLeavesNoSecret gives a register a name that none can have.
func TestARequestThatTheSchemaRefusesLeavesNoSecret(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plugin-"}}
	if err := server.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	code, _, complaint := plugin(t, namespace.Name, "ada@example.org", "erase --register CRM_1")
	secrets := &corev1.SecretList{}
	if err := server.Client.List(t.Context(), secrets, client.InNamespace(namespace.Name)); err != nil {
		t.Fatal(err)
	}
	if code == kubectlgdpr.Answered || !strings.Contains(complaint, "making the request: ") || strings.Contains(complaint, "ada@") || len(secrets.Items) > 0 {
		t.Errorf("exit code %d, %s; %d Secrets", code, complaint, len(secrets.Items))
	}
}

// TestADatasetOfFidesIsTaken puts what the plug-in imports into a sample register.
func TestADatasetOfFidesIsTaken(t *testing.T) {
	code, out, complaint := plugin(t, "", "", "import fides "+filepath.Join(apiserver.Root(), "internal/register/fides/testdata/shop.yaml"))
	if code != kubectlgdpr.Answered {
		t.Fatalf("exit code %d, %s", code, complaint)
	}
	var imported v1alpha1.DataStore
	if err := yaml.UnmarshalStrict([]byte(out), &imported); err != nil {
		t.Fatal(err)
	}
	for _, object := range documents(t, filepath.Join(apiserver.Root(), "internal/app/kubectlgdpr/testdata/register.yaml")) {
		if object.GetKind() != "DataRegister" {
			continue
		}
		register := &v1alpha1.DataRegister{}
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, register); err != nil {
			t.Fatal(err)
		}
		register.Spec.Stores[0].Dataset = imported.Dataset
		if err := server.Client.Create(t.Context(), register, client.DryRunAll); err != nil {
			t.Error(err)
		}
	}
}
