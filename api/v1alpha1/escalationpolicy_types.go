package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StageClock is the instant from which a stage counts.
//
// +kubebuilder:validation:Enum=Detection;Awareness;Assessment
type StageClock string

// Values of StageClock.
const (
	ClockDetection  StageClock = "Detection"
	ClockAwareness  StageClock = "Awareness"
	ClockAssessment StageClock = "Assessment"
)

// AudienceRole is who a stage tells.
//
// +kubebuilder:validation:Enum=Officer;Management;Controllers;Named
type AudienceRole string

// Values of AudienceRole.
const (
	AudienceOfficer     AudienceRole = "Officer"
	AudienceManagement  AudienceRole = "Management"
	AudienceControllers AudienceRole = "Controllers"
	AudienceNamed       AudienceRole = "Named"
)

// StagePrepare is what is prepared for a person to submit when the stage fires.
//
// +kubebuilder:validation:Enum=None;Draft;Final
type StagePrepare string

// Values of StagePrepare.
const (
	PrepareNone  StagePrepare = "None"
	PrepareDraft StagePrepare = "Draft"
	PrepareFinal StagePrepare = "Final"
)

// Audience is somebody that a stage tells.
//
// +kubebuilder:validation:XValidation:rule="self.role != 'Named' || has(self.channelRefs)",message="an audience Named needs channelRefs"
type Audience struct {
	// role of the audience.
	// +required
	Role AudienceRole `json:"role,omitempty"`
	// channelRefs are the NotificationChannels; those of the officer's object for the role when absent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	ChannelRefs []ObjectName `json:"channelRefs,omitempty"`
}

// EscalationStage is one step of the escalation. It fires once.
//
// +kubebuilder:validation:XValidation:rule="!has(self.repeatAtMost) || has(self.repeatEvery)",message="repeatAtMost needs repeatEvery"
type EscalationStage struct {
	// name of the stage.
	// +required
	Name PartName `json:"name,omitempty"`
	// clock from which after counts.
	// +required
	Clock StageClock `json:"clock,omitempty"`
	// after is when the stage fires, from PT0H to PT336H after the clock's start.
	// +required
	// +kubebuilder:validation:XValidation:rule="int(self.substring(2, self.size() - 1)) <= 336",message="after is at most PT336H (14 days)"
	After Hours `json:"after,omitempty"`
	// unless are condition types of the incident; the stage does not fire while one of them is True.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:Enum=Aware;Assessed;Acknowledged;AuthorityNotified;SubjectsInformed;ControllersInformed
	Unless []string `json:"unless,omitempty"`
	// audiences are told when the stage fires.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Audiences []Audience `json:"audiences,omitempty"`
	// acknowledgeWithin is how long the audience has to acknowledge; after that the next stage fires at once.
	// +optional
	AcknowledgeWithin Hours `json:"acknowledgeWithin,omitempty"`
	// repeatEvery repeats the stage while unless does not hold.
	// +optional
	// +kubebuilder:validation:XValidation:rule="int(self.substring(2, self.size() - 1)) >= 1",message="repeatEvery is at least PT1H"
	RepeatEvery Hours `json:"repeatEvery,omitempty"`
	// repeatAtMost is the most repetitions.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	RepeatAtMost int32 `json:"repeatAtMost,omitempty"`
	// prepare a notification for a person to submit.
	// +optional
	// +default="None"
	Prepare StagePrepare `json:"prepare,omitempty"`
}

// EscalationPolicySpec is who is told of a breach, when, and who must acknowledge.
//
// +kubebuilder:validation:XValidation:rule="self.stages.exists(s, s.clock == 'Awareness' && int(s.after.substring(2, s.after.size() - 1)) < 72)",message="at least one stage must count from Awareness and fire before PT72H (Article 33(1) GDPR)"
type EscalationPolicySpec struct {
	// stages of the escalation, in order. At least one counts from Awareness and fires before PT72H (Article 33(1)).
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Stages []EscalationStage `json:"stages,omitempty"`
	// fallbackChannelRef names the NotificationChannel that is told when another cannot be reached.
	// +optional
	FallbackChannelRef *ClusterRef `json:"fallbackChannelRef,omitempty"`
}

// EscalationPolicyStatus is whether the policy can be carried out.
type EscalationPolicyStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// openIncidents is the number of incidents that follow this policy and have a duty open.
	// +optional
	OpenIncidents *int32 `json:"openIncidents,omitempty"`
}

// EscalationPolicy is who is told of a breach, when, and who must acknowledge.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=escpol,categories=gdpr
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Open incidents",type=integer,JSONPath=`.status.openIncidents`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type EscalationPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is who is told, and when.
	// +required
	Spec EscalationPolicySpec `json:"spec,omitzero"`
	// status is whether the policy can be carried out.
	// +optional
	// +default={"observedGeneration":-1}
	Status EscalationPolicyStatus `json:"status,omitzero"`
}

// EscalationPolicyList is a list of EscalationPolicy.
//
// +kubebuilder:object:root=true
type EscalationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EscalationPolicy `json:"items"`
}
