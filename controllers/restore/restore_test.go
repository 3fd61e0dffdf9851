package restore

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/internal/guard"
)

func start(t *testing.T) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := admissionregistrationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	guards, err := guard.Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	return &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).Build(), Guards: guards}
}

func (r *Reconciler) everything(t *testing.T) {
	t.Helper()
	for key := range r.all() {
		if _, err := r.Reconcile(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *Reconciler) has(t *testing.T, object client.Object, name string) bool {
	t.Helper()
	err := r.Client.Get(t.Context(), client.ObjectKey{Name: name}, object)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return !apierrors.IsNotFound(err)
}

func TestWhereNothingIsInstalledNothingIsMade(t *testing.T) {
	r := start(t)
	r.everything(t)
	for key := range r.all() {
		if r.has(t, kinds[key.Namespace].DeepCopyObject().(client.Object), key.Name) {
			t.Errorf("made %v", key)
		}
	}
}

func TestWhereOneGuardIsThereAllAre(t *testing.T) {
	r := start(t)
	if err := r.Client.Create(t.Context(), r.Guards.Policies[0].DeepCopy()); err != nil {
		t.Fatal(err)
	}
	r.everything(t)
	for key := range r.all() {
		object := kinds[key.Namespace].DeepCopyObject().(client.Object)
		if !r.has(t, object, key.Name) || object.GetLabels()["app.kubernetes.io/part-of"] != "rempart" && key.Name != r.Guards.Policies[0].Name {
			t.Errorf("%v is %v", key, object)
		}
	}
	for key := range r.all() { // all at once, as one command deletes them
		object := kinds[key.Namespace].DeepCopyObject().(client.Object)
		object.SetName(key.Name)
		if err := r.Client.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	r.everything(t)
	if !r.has(t, &admissionregistrationv1.ValidatingAdmissionPolicy{}, "rempart-guard") {
		t.Error("what was deleted at once does not come back")
	}
}

func TestTheRoleMayUpdateEachGuard(t *testing.T) {
	text, err := os.ReadFile("../../config/rbac/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{}
	first, _, _ := strings.Cut(strings.TrimPrefix(string(text), "---\n"), "---\n")
	if err := yaml.Unmarshal([]byte(first), role); err != nil {
		t.Fatal(err)
	}
	for key := range start(t).all() {
		resource := map[string]string{"policy": "validatingadmissionpolicies", "binding": "validatingadmissionpolicybindings",
			"validating": "validatingwebhookconfigurations", "mutating": "mutatingwebhookconfigurations"}[key.Namespace]
		if !slices.ContainsFunc(role.Rules, func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.Resources, resource) && slices.Contains(rule.Verbs, "update") && (len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, key.Name))
		}) {
			t.Errorf("may not update %s %s: name it in the marker of this package", resource, key.Name)
		}
	}
}

func TestWhatSomebodyAddsOrTakesAwayIsUndoneAndTheAuthorityStays(t *testing.T) {
	r := start(t)
	hooks := r.Guards.Validating[0].DeepCopy()
	first := hooks.Webhooks[0].Name
	hooks.Webhooks[0].ClientConfig.CABundle = []byte("authority")
	hooks.Webhooks[0].MatchConditions = append(hooks.Webhooks[0].MatchConditions, admissionregistrationv1.MatchCondition{Name: "never", Expression: "false"})
	hooks.Webhooks = append(hooks.Webhooks[:1], admissionregistrationv1.ValidatingWebhook{Name: "stranger.example.com"})
	policy := r.Guards.Policy("rempart-claims").DeepCopy()
	policy.Spec.MatchConditions = append(policy.Spec.MatchConditions, admissionregistrationv1.MatchCondition{Name: "never", Expression: "false"})
	for _, object := range []client.Object{hooks, policy} {
		if err := r.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	r.everything(t)
	live, want := &admissionregistrationv1.ValidatingWebhookConfiguration{}, r.Guards.Validating[0]
	if !r.has(t, live, want.Name) || len(live.Webhooks) != len(want.Webhooks) {
		t.Fatalf("%d webhooks, want %d", len(live.Webhooks), len(want.Webhooks))
	}
	for i, hook := range live.Webhooks {
		if len(hook.MatchConditions) != len(want.Webhooks[i].MatchConditions) || (hook.Name == first) != bytes.Equal(hook.ClientConfig.CABundle, []byte("authority")) {
			t.Errorf("webhook %s: %+v", hook.Name, hook)
		}
	}
	claims := &admissionregistrationv1.ValidatingAdmissionPolicy{}
	if !r.has(t, claims, "rempart-claims") || len(claims.Spec.MatchConditions) != 1 {
		t.Errorf("conditions %v", claims.Spec.MatchConditions)
	}
}
