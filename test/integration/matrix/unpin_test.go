package matrix

import (
	"context"
	"encoding/json"

	"gomodules.xyz/jsonpatch/v2"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// unpinLabel asks a webhook that is called after ours to take the affinity of a pod away: once, or always.
const unpinLabel = "matrix.rempart.dev/unpin"

const unpinPath = "/matrix/unpin"

// unpinner is that webhook.
var unpinner = &admission.Webhook{Handler: admission.HandlerFunc(func(_ context.Context, req admission.Request) admission.Response {
	pod := object{}
	if err := json.Unmarshal(req.Object.Raw, &pod); err != nil || at(pod, "spec", "affinity") == nil {
		return admission.Allowed("")
	}
	return admission.Patched("", jsonpatch.NewOperation("remove", "/spec/affinity", nil))
})}

// unpinning are the configurations of the webhook: its name comes after ours. They stay when ours are removed.
func (b *bench) unpinning(ctx context.Context) error {
	hooks := func(when string, again admissionregistrationv1.ReinvocationPolicyType) admissionregistrationv1.MutatingWebhook {
		return admissionregistrationv1.MutatingWebhook{Name: when + ".unpin.matrix.rempart.dev", AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone),
			ReinvocationPolicy: &again, FailurePolicy: ptr.To(admissionregistrationv1.Ignore), ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{unpinLabel: when}},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{CABundle: b.hooks.Authority(), URL: ptr.To(b.hooks.URL(unpinPath))},
			Rules: []admissionregistrationv1.RuleWithOperations{{Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule: admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}}}
	}
	return b.server.Client.Create(ctx, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zz-unpin"}, Webhooks: []admissionregistrationv1.MutatingWebhook{
		hooks("once", admissionregistrationv1.NeverReinvocationPolicy), hooks("always", admissionregistrationv1.IfNeededReinvocationPolicy)}})
}
