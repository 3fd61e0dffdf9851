package guard

import (
	"slices"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/config"
)

func TestTheGuardsOfThisReleaseAreReadForANamespace(t *testing.T) {
	guards, err := Installed("elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if guards.Policy("rempart-claims") == nil || len(guards.Validating) != 1 || len(guards.Mutating) != 1 {
		t.Fatalf("%d policies, %d and %d webhook configurations", len(guards.Policies), len(guards.Validating), len(guards.Mutating))
	}
	for _, hook := range guards.Validating[0].Webhooks {
		if hook.ClientConfig.Service.Namespace != "elsewhere" {
			t.Errorf("webhook %s calls namespace %s", hook.Name, hook.ClientConfig.Service.Namespace)
		}
	}
}

func TestWhatIsRestoredIsWhatIsInstalled(t *testing.T) {
	for _, folder := range []string{"admission", "webhook"} {
		text, err := config.Guards.ReadFile(folder + "/kustomization.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Resources []string }
		if err := yaml.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		files, err := config.Guards.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range files {
			if file.Name() != "kustomization.yaml" {
				names = append(names, file.Name())
			}
		}
		slices.Sort(list.Resources)
		if !slices.Equal(names, list.Resources) {
			t.Errorf("%s holds %v, and installs %v", folder, names, list.Resources)
		}
	}
}

func TestMissingGuardsAreNamedOnce(t *testing.T) {
	guards, err := Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	var policies []admissionregistrationv1.ValidatingAdmissionPolicy
	var bindings []admissionregistrationv1.ValidatingAdmissionPolicyBinding
	for _, policy := range guards.Policies {
		if policy.Name != "rempart-guard" {
			policies = append(policies, *policy)
		}
	}
	for _, binding := range guards.Bindings {
		switch opened := *binding.DeepCopy(); binding.Name {
		case "rempart-guard": // gone
		case "rempart-nodes":
			opened.Spec.ValidationActions = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Audit}
			bindings = append(bindings, opened)
		default:
			bindings = append(bindings, opened)
		}
	}
	if missing := guards.Missing(policies, bindings); !slices.Equal(missing, []string{"rempart-guard", "rempart-nodes"}) {
		t.Errorf("%q", missing)
	}
	if guards.Serving(nil, nil) {
		t.Error("serving without a configuration")
	}
}

func TestEveryAdmissionPolicyDeniesWhatItObjectsTo(t *testing.T) {
	guards, err := Installed("rempart-system")
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range guards.Policies {
		if policy.Spec.ParamKind != nil {
			continue // the operator binds it to each ResidencyPolicy
		}
		denies := func(b *admissionregistrationv1.ValidatingAdmissionPolicyBinding) bool {
			return b.Spec.PolicyName == policy.Name && slices.Contains(b.Spec.ValidationActions, admissionregistrationv1.Deny) && b.Spec.MatchResources == nil
		}
		if !slices.ContainsFunc(guards.Bindings, denies) {
			t.Errorf("nothing binds policy %s", policy.Name)
		}
	}
}
