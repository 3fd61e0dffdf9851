package guard

import (
	"slices"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
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
