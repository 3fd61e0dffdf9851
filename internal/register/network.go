package register

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/job"
)

// eraserPolicy lets the eraser's pods of a store, for scans and runs, resolve names and reach the store, and nothing
// else. A store that Rempart does not run is known by its port alone: NetworkPolicies know no names.
func eraserPolicy(r *v1alpha1.DataRegister, s *v1alpha1.DataStore, owner *metav1ac.OwnerReferenceApplyConfiguration) *networkingac.NetworkPolicyApplyConfiguration {
	store := networkingac.NetworkPolicyEgressRule().WithPorts(tcp(Connection(r, s).Port))
	if s.Managed != nil {
		store.WithTo(networkingac.NetworkPolicyPeer().WithPodSelector(
			metav1ac.LabelSelector().WithMatchLabels(identity(r.Name, string(s.Name), job.ComponentDatabase))))
	}
	return networkingac.NetworkPolicy(EraserPolicyName(r.Name, string(s.Name)), r.Namespace).
		WithLabels(labels(r.Name, string(s.Name), job.ComponentScan)).WithOwnerReferences(owner).
		WithSpec(networkingac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().
				WithMatchLabels(map[string]string{v1alpha1.LabelRegister: r.Name, v1alpha1.LabelStore: string(s.Name)}).
				WithMatchExpressions(metav1ac.LabelSelectorRequirement().WithKey(v1alpha1.LabelComponent).
					WithOperator(metav1.LabelSelectorOpIn).WithValues(job.ComponentRun, job.ComponentScan))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithEgress(store, networkingac.NetworkPolicyEgressRule().WithPorts(
				port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53))))
}

func tcp(number int32) *networkingac.NetworkPolicyPortApplyConfiguration {
	return port(corev1.ProtocolTCP, number)
}

func port(protocol corev1.Protocol, number int32) *networkingac.NetworkPolicyPortApplyConfiguration {
	return networkingac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}
