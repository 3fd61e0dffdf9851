package policy

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
)

// eraserRights are what erasing a person needs: to count and forget, and to ask afterwards whether anything is granted. Export is
// not among them: it would hand over what is to be forgotten.
var eraserRights = []v1alpha1.ClientRight{v1alpha1.RightCheck, v1alpha1.RightErase}

// clients are those of the spec, and the eraser. An entry of the spec under the eraser's name counts for nothing.
func clients(p *v1alpha1.ConsentPolicy) []v1alpha1.ConsentClient {
	name := v1alpha1.ObjectName(EraserName(p.Name))
	others := slices.DeleteFunc(slices.Clone(p.Spec.Service.Clients), func(c v1alpha1.ConsentClient) bool { return c.ServiceAccount == name })
	return append(others, v1alpha1.ConsentClient{ServiceAccount: name, Rights: eraserRights})
}

// eraserAccount is who the eraser is for the service. It has no role, and pods get no token of it but the one that they name.
func eraserAccount(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *corev1ac.ServiceAccountApplyConfiguration {
	p := in.Policy
	return corev1ac.ServiceAccount(EraserName(p.Name), p.Namespace).WithLabels(labels(p.Name, job.ComponentLedgerRun)).
		WithOwnerReferences(owner).WithAutomountServiceAccountToken(false)
}

// eraserPolicy lets the eraser's pods resolve names and reach the service, and nothing else.
func eraserPolicy(in Input, owner *metav1ac.OwnerReferenceApplyConfiguration) *networkingac.NetworkPolicyApplyConfiguration {
	p := in.Policy
	service := networkingac.NetworkPolicyEgressRule().WithPorts(port(corev1.ProtocolTCP, PodPort)).WithTo(
		networkingac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, ComponentService))))
	return networkingac.NetworkPolicy(EraserName(p.Name), p.Namespace).WithLabels(labels(p.Name, job.ComponentLedgerRun)).WithOwnerReferences(owner).
		WithSpec(networkingac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(identity(p.Name, job.ComponentLedgerRun))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithEgress(service, networkingac.NetworkPolicyEgressRule().WithPorts(port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53))))
}
