package policy

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	autoscalingac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/rempart-dev/rempart/internal/register/database"
)

// publicPaths are what the Ingress or the route lets through: what pages and people need. Clients and the operator ask within the cluster.
var publicPaths = []string{"/w/", "/v1/sites/", "/me/", "/.well-known/"}

// networkPolicy lets anybody reach the service's port, Prometheus (in namespaces with the label metrics=enabled) what it
// measures, and lets the service reach its database, names and, where there is one, the mail server, and nobody else.
// A database that Rempart does not run, and a mail server, are known by their ports alone: NetworkPolicies know no names.
func networkPolicy(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *networkingac.NetworkPolicyApplyConfiguration {
	p := in.Policy
	store := networkingac.NetworkPolicyEgressRule()
	if c := p.Spec.Service.Database.Connection; c != nil {
		number := int32(database.Port)
		if c.Port != 0 {
			number = c.Port
		}
		store.WithPorts(port(corev1.ProtocolTCP, number))
	} else {
		store.WithPorts(port(corev1.ProtocolTCP, database.Port)).WithTo(networkingac.NetworkPolicyPeer().WithPodSelector(
			metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentDatabase))))
	}
	return networkingac.NetworkPolicy(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
		WithSpec(networkingac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentService))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithIngress(networkingac.NetworkPolicyIngressRule().WithPorts(port(corev1.ProtocolTCP, PodPort)),
				networkingac.NetworkPolicyIngressRule().WithPorts(port(corev1.ProtocolTCP, MetricsPort)).
					WithFrom(networkingac.NetworkPolicyPeer().WithNamespaceSelector(
						metav1ac.LabelSelector().WithMatchLabels(map[string]string{"metrics": "enabled"})))).
			WithEgress(store, networkingac.NetworkPolicyEgressRule().WithPorts(port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53))).
			WithEgress(mailEgress(in)...))
}

func port(protocol corev1.Protocol, number int32) *networkingac.NetworkPolicyPortApplyConfiguration {
	return networkingac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}

// service gives the service its name in the cluster.
func service(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *corev1ac.ServiceApplyConfiguration {
	p := in.Policy
	return corev1ac.Service(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
		WithSpec(corev1ac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).WithSelector(identity(p.Name, ComponentService)).
			WithPorts(corev1ac.ServicePort().WithName(portName).WithProtocol(corev1.ProtocolTCP).
				WithPort(ServicePort).WithTargetPort(intstr.FromString(portName))))
}

// disruptionBudget lets one pod at a time be moved.
func disruptionBudget(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *policyac.PodDisruptionBudgetApplyConfiguration {
	p := in.Policy
	return policyac.PodDisruptionBudget(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
		WithSpec(policyac.PodDisruptionBudgetSpec().WithMaxUnavailable(intstr.FromInt32(1)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentService))))
}

// autoscaler follows the load of the processors.
func autoscaler(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *autoscalingac.HorizontalPodAutoscalerApplyConfiguration {
	p := in.Policy
	return autoscalingac.HorizontalPodAutoscaler(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).
		WithSpec(autoscalingac.HorizontalPodAutoscalerSpec().WithMinReplicas(least(p)).WithMaxReplicas(most(p)).
			WithScaleTargetRef(autoscalingac.CrossVersionObjectReference().WithAPIVersion("apps/v1").WithKind("Deployment").WithName(ServiceName(p.Name))).
			WithMetrics(autoscalingac.MetricSpec().WithType(autoscalingv2.ResourceMetricSourceType).
				WithResource(autoscalingac.ResourceMetricSource().WithName(corev1.ResourceCPU).
					WithTarget(autoscalingac.MetricTarget().WithType(autoscalingv2.UtilizationMetricType).WithAverageUtilization(70)))))
}

// ingress lets pages and people reach the service by its host.
func ingress(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *networkingac.IngressApplyConfiguration {
	p, s := in.Policy, &in.Policy.Spec.Service
	paths := networkingac.HTTPIngressRuleValue()
	for _, path := range publicPaths {
		paths.WithPaths(networkingac.HTTPIngressPath().WithPath(path).WithPathType(networkingv1.PathTypePrefix).
			WithBackend(networkingac.IngressBackend().WithService(networkingac.IngressServiceBackend().WithName(ServiceName(p.Name)).
				WithPort(networkingac.ServiceBackendPort().WithName(portName)))))
	}
	spec := networkingac.IngressSpec().WithRules(networkingac.IngressRule().WithHost(s.Host).WithHTTP(paths))
	if s.IngressClassName != "" {
		spec.WithIngressClassName(string(s.IngressClassName))
	}
	if s.TLSSecretRef != nil {
		spec.WithTLS(networkingac.IngressTLS().WithHosts(s.Host).WithSecretName(string(s.TLSSecretRef.Name)))
	}
	return networkingac.Ingress(ServiceName(p.Name), p.Namespace).WithLabels(labels(p.Name, ComponentService)).WithOwnerReferences(owner).WithSpec(spec)
}
