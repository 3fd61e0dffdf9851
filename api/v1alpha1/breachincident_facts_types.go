package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DecisionStamp is who decided, and when. Admission writes it; what a user writes is replaced.
type DecisionStamp struct {
	// by is the user.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	By string `json:"by,omitempty"`
	// time of the decision.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// Occurrence is when the breach happened.
//
// +kubebuilder:validation:XValidation:rule="!has(self.untilTime) || !has(self.fromTime) || self.untilTime >= self.fromTime",message="untilTime must not be before fromTime"
type Occurrence struct {
	// precision of the instants.
	// +required
	Precision TimePrecision `json:"precision,omitempty"`
	// fromTime is the beginning.
	// +optional
	FromTime *metav1.Time `json:"fromTime,omitempty"`
	// untilTime is the end; absent while it goes on.
	// +optional
	UntilTime *metav1.Time `json:"untilTime,omitempty"`
}

// AffectedCount is how many people or records are concerned.
//
// +kubebuilder:validation:XValidation:rule="(self.countKind in ['Exact', 'Approximate']) == has(self.count)",message="count is set exactly when countKind is Exact or Approximate"
type AffectedCount struct {
	// categories concerned.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=100
	// +kubebuilder:validation:items:MinLength=1
	Categories []string `json:"categories,omitempty"`
	// description of them, in general terms.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	Description string `json:"description,omitempty"`
	// countKind of the number.
	// +required
	CountKind CountKind `json:"countKind,omitempty"`
	// count of them.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Count *int64 `json:"count,omitempty"`
}

// RiskDecision is a person's assessment. It is never defaulted.
type RiskDecision struct {
	// outcome of the assessment.
	// +required
	Outcome RiskOutcome `json:"outcome,omitempty"`
	// reasoning of the assessment.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	Reasoning string `json:"reasoning,omitempty"`
	// stamp is who assessed, and when.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// SeverityDataCategory is one kind of data with its adjustment.
//
// +kubebuilder:validation:XValidation:rule="!has(self.adjustment) || self.adjustment == 0 || has(self.reason)",message="an adjustment needs a reason"
// +kubebuilder:validation:XValidation:rule="!has(self.adjustment) || (self.category == 'Simple' ? self.adjustment >= 0 && self.adjustment <= 3 : self.category == 'Behavioural' ? self.adjustment >= -1 && self.adjustment <= 2 : self.category == 'Financial' ? self.adjustment >= -2 && self.adjustment <= 1 : self.adjustment >= -3 && self.adjustment <= 0)",message="the adjusted score must stay between 1 and 4: Simple 0..3, Behavioural -1..2, Financial -2..1, Sensitive -3..0"
type SeverityDataCategory struct {
	// category of data.
	// +required
	Category SeverityCategory `json:"category,omitempty"`
	// adjustment of the base score.
	// +optional
	// +kubebuilder:validation:Minimum=-3
	// +kubebuilder:validation:Maximum=3
	Adjustment *int32 `json:"adjustment,omitempty"`
	// reason of the adjustment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
}

// SeverityInputs feed the suggestion by ENISA's method. They decide nothing.
type SeverityInputs struct {
	// categories of data.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Categories []SeverityDataCategory `json:"categories,omitempty"`
	// identification of people.
	// +required
	Identification SeverityIdentification `json:"identification,omitempty"`
	// confidentiality lost.
	// +optional
	Confidentiality SeverityConfidentiality `json:"confidentiality,omitempty"`
	// integrity lost.
	// +optional
	Integrity SeverityIntegrity `json:"integrity,omitempty"`
	// availability lost.
	// +optional
	Availability SeverityAvailability `json:"availability,omitempty"`
	// malicious intent.
	// +optional
	Malicious Answer `json:"malicious,omitempty"`
}

// Exemption is why people need not be told (Article 34(3)).
//
// +kubebuilder:validation:XValidation:rule="self.ground != 'DisproportionateEffort' || has(self.publicCommunicationReference)",message="ground DisproportionateEffort needs publicCommunicationReference (Article 34(3)(c))"
type Exemption struct {
	// ground of the exemption.
	// +required
	Ground ExemptionGround `json:"ground,omitempty"`
	// reasoning of the exemption.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	Reasoning string `json:"reasoning,omitempty"`
	// publicCommunicationReference is the public communication made instead.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	PublicCommunicationReference string `json:"publicCommunicationReference,omitempty"`
}

// Communication is what the people concerned were told (Article 34).
//
// +kubebuilder:validation:XValidation:rule="(self.status == 'Sent') == has(self.sentOn)",message="sentOn is set exactly when status is Sent"
// +kubebuilder:validation:XValidation:rule="(self.status == 'Exempt') == has(self.exemption)",message="exemption is set exactly when status is Exempt"
type Communication struct {
	// status of the communication.
	// +required
	Status CommunicationStatus `json:"status,omitempty"`
	// sentOn is when it was sent.
	// +optional
	SentOn Date `json:"sentOn,omitempty"`
	// plannedOn is when it will be sent.
	// +optional
	PlannedOn Date `json:"plannedOn,omitempty"`
	// exemption from telling.
	// +optional
	Exemption *Exemption `json:"exemption,omitempty"`
}

// Submission is a notification to an authority that a person made. Entries are only added.
//
// +kubebuilder:validation:XValidation:rule="(self.completeness == 'Withdraw') == has(self.withdrawReasons)",message="withdrawReasons is set exactly when completeness is Withdraw"
// +kubebuilder:validation:XValidation:rule="self.type != 'FollowUp' || has(self.reference)",message="a FollowUp carries the reference of the New notification"
type Submission struct {
	// authority is its code, such as FR or DE-BE.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Z]{2}(-[A-Z]{2})?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Authority string `json:"authority,omitempty"`
	// type of notification.
	// +required
	Type SubmissionType `json:"type,omitempty"`
	// completeness of the notification.
	// +required
	Completeness SubmissionCompleteness `json:"completeness,omitempty"`
	// submittedTime is when it was made.
	// +required
	SubmittedTime *metav1.Time `json:"submittedTime,omitempty"`
	// reference that the authority gave.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Reference string `json:"reference,omitempty"`
	// preparedDigest is the digest of what Rempart prepared.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PreparedDigest string `json:"preparedDigest,omitempty"`
	// receiptDigest is the digest of the authority's receipt.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	ReceiptDigest string `json:"receiptDigest,omitempty"`
	// withdrawReasons of a withdrawal.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	WithdrawReasons string `json:"withdrawReasons,omitempty"`
	// stamp is who entered it.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// InformedController is a controller whom a processor must tell (Article 33(2)).
type InformedController struct {
	// name of the controller.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// channelRef names the NotificationChannel.
	// +optional
	ChannelRef *ClusterRef `json:"channelRef,omitempty"`
	// informedTime is when the controller was told.
	// +optional
	InformedTime *metav1.Time `json:"informedTime,omitempty"`
	// reference of the message.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Reference string `json:"reference,omitempty"`
}

// AffectedThing is something that the incident touched.
type AffectedThing struct {
	// kind of thing.
	// +required
	Kind AffectedKind `json:"kind,omitempty"`
	// name of the thing.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// fromTime is the beginning.
	// +optional
	FromTime *metav1.Time `json:"fromTime,omitempty"`
	// untilTime is the end.
	// +optional
	UntilTime *metav1.Time `json:"untilTime,omitempty"`
}

// Acknowledgement is somebody's word that they saw a stage.
type Acknowledgement struct {
	// stage that is acknowledged.
	// +required
	Stage PartName `json:"stage,omitempty"`
	// note to it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Note string `json:"note,omitempty"`
	// stamp is who acknowledged.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// Closure ends the incident.
type Closure struct {
	// summary of facts, effects and measures (Article 33(5)).
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	Summary string `json:"summary,omitempty"`
	// stamp is who closed it.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}
