package main

import (
	"fmt"
	"slices"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// webhook is what validating and mutating webhooks have in common.
type webhook struct {
	name           string
	kind           v1alpha1.WebhookAdmissionType
	client         admissionv1.WebhookClientConfig
	rules          []admissionv1.RuleWithOperations
	failure        *admissionv1.FailurePolicyType
	match          *admissionv1.MatchPolicyType
	objects        *metav1.LabelSelector
	narrowed       bool // by namespace, or by matchConditions
	sideEffects    *admissionv1.SideEffectClass
	timeoutSeconds *int32
	versions       []string
	reinvocation   *admissionv1.ReinvocationPolicyType
}

func (in *input) webhooks() []webhook {
	var all []webhook
	for _, configuration := range in.validating {
		for _, w := range configuration.Webhooks {
			all = append(all, webhook{name: w.Name, kind: v1alpha1.ValidatingAdmissionWebhook, client: w.ClientConfig,
				rules: w.Rules, failure: w.FailurePolicy, match: w.MatchPolicy, objects: w.ObjectSelector,
				narrowed:    w.NamespaceSelector != nil || len(w.MatchConditions) > 0,
				sideEffects: w.SideEffects, timeoutSeconds: w.TimeoutSeconds, versions: w.AdmissionReviewVersions})
		}
	}
	for _, configuration := range in.mutating {
		for _, w := range configuration.Webhooks {
			all = append(all, webhook{name: w.Name, kind: v1alpha1.MutatingAdmissionWebhook, client: w.ClientConfig,
				rules: w.Rules, failure: w.FailurePolicy, match: w.MatchPolicy, objects: w.ObjectSelector,
				narrowed:    w.NamespaceSelector != nil || len(w.MatchConditions) > 0,
				sideEffects: w.SideEffects, timeoutSeconds: w.TimeoutSeconds, versions: w.AdmissionReviewVersions,
				reinvocation: w.ReinvocationPolicy})
		}
	}
	sortByName(all, func(w webhook) string { return w.name })
	return all
}

// webhookDefinitions tells OLM, which writes the webhook configurations itself, what they contain.
func (in *input) webhookDefinitions() ([]v1alpha1.WebhookDescription, error) {
	var definitions []v1alpha1.WebhookDescription
	for _, w := range in.webhooks() {
		if w.client.Service == nil {
			return nil, fmt.Errorf("webhook %q has no service", w.name)
		}
		deployment, port, target, err := in.behind(*w.client.Service)
		if err != nil {
			return nil, fmt.Errorf("webhook %q: %w", w.name, err)
		}
		definitions = append(definitions, v1alpha1.WebhookDescription{
			GenerateName: w.name, Type: w.kind, DeploymentName: deployment, ContainerPort: port, TargetPort: &target,
			Rules: w.rules, FailurePolicy: w.failurePolicy(), MatchPolicy: w.match, ObjectSelector: w.objects,
			SideEffects: w.sideEffects, TimeoutSeconds: w.timeoutSeconds, AdmissionReviewVersions: w.versions,
			ReinvocationPolicy: w.reinvocation, WebhookPath: w.client.Service.Path,
		})
	}
	return definitions, nil
}

// failurePolicy of the webhook under OLM. OLM drops the namespace selector and the match conditions. A webhook on kinds
// that are not ours, meant for guarded namespaces, would then stop the whole cluster whenever the operator is down, the
// operator's own namespace included. Such a one fails open; the CSV's description says so.
func (w webhook) failurePolicy() *admissionv1.FailurePolicyType {
	foreign := slices.ContainsFunc(w.rules, func(rule admissionv1.RuleWithOperations) bool {
		return slices.ContainsFunc(rule.APIGroups, func(g string) bool { return g != group })
	})
	if w.narrowed && foreign {
		open := admissionv1.Ignore
		return &open
	}
	return w.failure
}

// behind finds the Deployment, the Service's port and the container's port behind a webhook's service reference.
func (in *input) behind(ref admissionv1.ServiceReference) (string, int32, intstr.IntOrString, error) {
	port := int32(443)
	if ref.Port != nil {
		port = *ref.Port
	}
	for _, service := range in.services {
		if service.Name != ref.Name {
			continue
		}
		for _, p := range service.Spec.Ports {
			if p.Port != port {
				continue
			}
			for _, deployment := range in.deployments {
				for _, container := range deployment.Spec.Template.Spec.Containers {
					for _, c := range container.Ports {
						if c.Name == p.TargetPort.StrVal || p.TargetPort.IntVal == c.ContainerPort {
							return deployment.Name, port, intstr.FromInt32(c.ContainerPort), nil
						}
					}
				}
			}
		}
	}
	return "", 0, intstr.IntOrString{}, fmt.Errorf("service %q has no port %d that a Deployment serves", ref.Name, port)
}

// serves tells whether webhooks call this Service: OLM makes its own.
func (in *input) serves(service string) bool {
	return slices.ContainsFunc(in.webhooks(), func(w webhook) bool {
		return w.client.Service != nil && w.client.Service.Name == service
	})
}
