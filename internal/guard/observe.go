package guard

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// SetValidating gives a webhook configuration the webhooks that it should have, and no others. The authority that each
// trusts, which is made in the cluster, stays.
func SetValidating(live, want *admissionregistrationv1.ValidatingWebhookConfiguration) {
	before := live.Webhooks
	live.Webhooks = want.Webhooks
	for i := range live.Webhooks {
		hook := &live.Webhooks[i]
		if at := slices.IndexFunc(before, func(w admissionregistrationv1.ValidatingWebhook) bool { return w.Name == hook.Name }); at >= 0 {
			hook.ClientConfig.CABundle = before[at].ClientConfig.CABundle
		}
	}
}

// SetMutating does the same for a mutating configuration.
func SetMutating(live, want *admissionregistrationv1.MutatingWebhookConfiguration) {
	before := live.Webhooks
	live.Webhooks = want.Webhooks
	for i := range live.Webhooks {
		hook := &live.Webhooks[i]
		if at := slices.IndexFunc(before, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == hook.Name }); at >= 0 {
			hook.ClientConfig.CABundle = before[at].ClientConfig.CABundle
		}
	}
}

// Serving tells whether the API server can call every webhook of the configurations: each knows whom to trust.
func (g *Guards) Serving(validating []admissionregistrationv1.ValidatingWebhookConfiguration, mutating []admissionregistrationv1.MutatingWebhookConfiguration) bool {
	for _, want := range g.Validating {
		at := slices.IndexFunc(validating, func(c admissionregistrationv1.ValidatingWebhookConfiguration) bool { return c.Name == want.Name })
		if at < 0 || len(validating[at].Webhooks) == 0 || slices.ContainsFunc(validating[at].Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool { return len(w.ClientConfig.CABundle) == 0 }) {
			return false
		}
	}
	for _, want := range g.Mutating {
		at := slices.IndexFunc(mutating, func(c admissionregistrationv1.MutatingWebhookConfiguration) bool { return c.Name == want.Name })
		if at < 0 || len(mutating[at].Webhooks) == 0 || slices.ContainsFunc(mutating[at].Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return len(w.ClientConfig.CABundle) == 0 }) {
			return false
		}
	}
	return true
}

// Missing names the admission policies that are not there, or that nothing binds so that they deny: the bindings of this
// release, and those that the caller asks for beside them.
func (g *Guards) Missing(policies []admissionregistrationv1.ValidatingAdmissionPolicy, bindings []admissionregistrationv1.ValidatingAdmissionPolicyBinding, beside ...*admissionregistrationv1.ValidatingAdmissionPolicyBinding) []string {
	var missing []string
	for _, want := range g.Policies {
		if !slices.ContainsFunc(policies, func(p admissionregistrationv1.ValidatingAdmissionPolicy) bool { return p.Name == want.Name }) {
			missing = append(missing, want.Name)
		}
	}
	for _, want := range slices.Concat(g.Bindings, beside) {
		same := func(b admissionregistrationv1.ValidatingAdmissionPolicyBinding) bool {
			return b.Name == want.Name && b.Spec.PolicyName == want.Spec.PolicyName && slices.Equal(b.Spec.ValidationActions, want.Spec.ValidationActions)
		}
		if !slices.ContainsFunc(bindings, same) && !slices.Contains(missing, want.Name) {
			missing = append(missing, want.Name)
		}
	}
	slices.Sort(missing)
	return missing
}
