package residency

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Admission policies of config/admission that judge by a ResidencyPolicy, to which the operator binds them.
const (
	// TwinPolicy judges claims by the policy's status.
	TwinPolicy = "rempart-claims"
	// SelectionPolicy keeps namespaces in the policy's selection.
	SelectionPolicy = "rempart-namespaces"
)

// Bindings are those of one ResidencyPolicy.
func Bindings(policy *v1alpha1.ResidencyPolicy, operatorNamespace string) []*admissionregistrationv1.ValidatingAdmissionPolicyBinding {
	return []*admissionregistrationv1.ValidatingAdmissionPolicyBinding{Twin(policy, operatorNamespace), binding(SelectionPolicy, policy, nil)}
}

// Twin binds TwinPolicy to one ResidencyPolicy. Its namespaces are as few as a selector can say: which of them the
// policy judges, the admission policy asks of the ResidencyPolicy itself, so that it holds in a namespace that nobody has
// labelled yet. A policy that only audits never blocks, also not while the API server cannot find it.
func Twin(policy *v1alpha1.ResidencyPolicy, operatorNamespace string) *admissionregistrationv1.ValidatingAdmissionPolicyBinding {
	return binding(TwinPolicy, policy, &admissionregistrationv1.MatchResources{NamespaceSelector: judgedNamespaces(policy, operatorNamespace)})
}

// binding of an admission policy to a ResidencyPolicy. It is named after both, and goes with the ResidencyPolicy.
func binding(admission string, policy *v1alpha1.ResidencyPolicy, match *admissionregistrationv1.MatchResources) *admissionregistrationv1.ValidatingAdmissionPolicyBinding {
	actions, missing := []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}, admissionregistrationv1.DenyAction
	if policy.Spec.Enforcement == v1alpha1.EnforcementAudit {
		actions, missing = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Warn, admissionregistrationv1.Audit}, admissionregistrationv1.AllowAction
	}
	return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{
			Name:   admission + "-" + policy.Name,
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ResidencyPolicy", Name: policy.Name, UID: policy.UID,
				Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true)}},
		},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        admission,
			ValidationActions: actions,
			ParamRef:          &admissionregistrationv1.ParamRef{Name: policy.Name, ParameterNotFoundAction: &missing},
			MatchResources:    match,
		},
	}
}

// judgedNamespaces selects the namespaces that a policy may judge: all but those that are never guarded or, when it judges
// only those whose registers name it, the ones that carry its label.
func judgedNamespaces(policy *v1alpha1.ResidencyPolicy, operatorNamespace string) *metav1.LabelSelector {
	expressions := []metav1.LabelSelectorRequirement{
		{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: append([]string{operatorNamespace}, neverGuarded...)}}
	if policy.Spec.Namespaces.Mode == "" && policy.Spec.Role != v1alpha1.PolicyRoleDefault {
		expressions = append(expressions, metav1.LabelSelectorRequirement{Key: NamespaceLabel(policy.Name), Operator: metav1.LabelSelectorOpExists})
	}
	return &metav1.LabelSelector{MatchExpressions: expressions}
}
