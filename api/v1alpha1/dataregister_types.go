package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FindingSeverity ranks findings.
//
// +kubebuilder:validation:Enum=Error;Warning;Info
type FindingSeverity string

// Values of FindingSeverity.
const (
	SeverityError   FindingSeverity = "Error"
	SeverityWarning FindingSeverity = "Warning"
	SeverityInfo    FindingSeverity = "Info"
)

// DataRegisterSpec is the Article 30 record of one application, and the technical map that makes it executable.
//
// +kubebuilder:validation:XValidation:rule="self.role != 'Processor' || has(self.controllers)",message="a Processor names the controllers on whose behalf it works (Article 30(2)(a))"
// +kubebuilder:validation:XValidation:rule="self.activities.all(a, !has(a.stores) || a.stores.all(n, has(self.stores) && self.stores.exists(s, s.name == n)))",message="an activity names a store that spec.stores does not have"
type DataRegisterSpec struct {
	// role of the organisation.
	// +required
	Role ProcessingRole `json:"role,omitempty"`
	// officerRef names the DataProtectionOfficer.
	// +required
	OfficerRef ClusterRef `json:"officerRef,omitzero"`
	// controllers on whose behalf a processor works (Article 30(2)(a)).
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Controllers []Party `json:"controllers,omitempty"`
	// jointControllers (Article 26).
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	JointControllers []Party `json:"jointControllers,omitempty"`
	// representative in the Union (Article 27).
	// +optional
	Representative *Party `json:"representative,omitempty"`
	// residencyPolicyRef names the ResidencyPolicy; the cluster's default policy when absent.
	// +optional
	ResidencyPolicyRef *ClusterRef `json:"residencyPolicyRef,omitempty"`
	// activities of processing.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Activities []ProcessingActivity `json:"activities,omitempty"`
	// stores of personal data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Stores []DataStore `json:"stores,omitempty"`
}

// Finding is something that is not as it should be.
type Finding struct {
	// rule is the id of the rule.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Rule string `json:"rule,omitempty"`
	// article of the Regulation.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// severity of the finding.
	// +required
	Severity FindingSeverity `json:"severity,omitempty"`
	// subject is what the finding is about: an activity, a store, a table.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Subject string `json:"subject,omitempty"`
	// message for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// DataRegisterStatus is what was observed of the record.
type DataRegisterStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Complete, Resident, Provisioned, Accurate.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// activities is the number of activities.
	// +optional
	Activities *int32 `json:"activities,omitempty"`
	// stores as last observed.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	Stores []StoreStatus `json:"stores,omitempty"`
	// findings worst first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Findings []Finding `json:"findings,omitempty"`
	// findingsTotal is the number of findings, those beyond the list included.
	// +optional
	FindingsTotal *int32 `json:"findingsTotal,omitempty"`
}

// DataRegister is the record of processing of one application (Article 30), checked against what really runs.
//
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be a label of at most 50 characters that starts with a letter: children and labels carry it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.stores) || self.spec.stores.all(s, !has(s.managed) || self.metadata.name.size() + s.name.size() <= 50)",message="metadata.name and the name of a managed store must have at most 50 characters together: the database's pod carries both"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dreg,categories=gdpr
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.role`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Complete",type=string,JSONPath=`.status.conditions[?(@.type=="Complete")].status`
// +kubebuilder:printcolumn:name="Resident",type=string,JSONPath=`.status.conditions[?(@.type=="Resident")].status`
// +kubebuilder:printcolumn:name="Accurate",type=string,JSONPath=`.status.conditions[?(@.type=="Accurate")].status`
// +kubebuilder:printcolumn:name="Findings",type=integer,JSONPath=`.status.findingsTotal`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DataRegister struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the record, and the technical map that makes it executable.
	// +required
	Spec DataRegisterSpec `json:"spec,omitzero"`
	// status is what was observed of the record.
	// +optional
	// +default={"observedGeneration":-1}
	Status DataRegisterStatus `json:"status,omitzero"`
}

// DataRegisterList is a list of DataRegister.
//
// +kubebuilder:object:root=true
type DataRegisterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DataRegister `json:"items"`
}
