package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind.
const GroupName = "gdpr.rempart.dev"

var (
	// SchemeGroupVersion is the group and version of the kinds in this package.
	SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds the kinds of this package to a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&DataProtectionOfficer{}, &DataProtectionOfficerList{},
		&NotificationChannel{}, &NotificationChannelList{},
		&ResidencyPolicy{}, &ResidencyPolicyList{},
		&DataRegister{}, &DataRegisterList{},
		&ErasureRequest{}, &ErasureRequestList{},
		&LegalHold{}, &LegalHoldList{},
		&ErasureRun{}, &ErasureRunList{},
		&BreachIncident{}, &BreachIncidentList{},
		&EscalationPolicy{}, &EscalationPolicyList{},
		&Notification{}, &NotificationList{},
		&ConsentPolicy{}, &ConsentPolicyList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
