package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BreachRole is the part that the organisation plays in the breach.
//
// +kubebuilder:validation:Enum=Controller;JointController;Processor
type BreachRole string

// Values of BreachRole.
const (
	BreachRoleController      BreachRole = "Controller"
	BreachRoleJointController BreachRole = "JointController"
	BreachRoleProcessor       BreachRole = "Processor"
)

// BreachVerdict is what a person says of the incident. A dismissed incident stays in the record (Article 33(5)).
//
// +kubebuilder:validation:Enum=Suspected;Confirmed;Dismissed
type BreachVerdict string

// Values of BreachVerdict.
const (
	BreachSuspected BreachVerdict = "Suspected"
	BreachConfirmed BreachVerdict = "Confirmed"
	BreachDismissed BreachVerdict = "Dismissed"
)

// BreachNature is what was lost (Article 4(12)).
//
// +kubebuilder:validation:Enum=Confidentiality;Integrity;Availability
type BreachNature string

// Values of BreachNature.
const (
	NatureConfidentiality BreachNature = "Confidentiality"
	NatureIntegrity       BreachNature = "Integrity"
	NatureAvailability    BreachNature = "Availability"
)

// Protection is whether the affected data were unintelligible (Article 34(3)(a)).
//
// +kubebuilder:validation:Enum=Intact;PossiblySubverted;NotProtected;NotAssessable;ToBeDetermined
type Protection string

// Values of Protection.
const (
	ProtectionIntact            Protection = "Intact"
	ProtectionPossiblySubverted Protection = "PossiblySubverted"
	ProtectionNotProtected      Protection = "NotProtected"
	ProtectionNotAssessable     Protection = "NotAssessable"
	ProtectionToBeDetermined    Protection = "ToBeDetermined"
)

// Answer is Yes, No or Unknown.
//
// +kubebuilder:validation:Enum=Yes;No;Unknown
type Answer string

// Values of Answer.
const (
	AnswerYes     Answer = "Yes"
	AnswerNo      Answer = "No"
	AnswerUnknown Answer = "Unknown"
)

// TimePrecision is how well an instant is known.
//
// +kubebuilder:validation:Enum=Exact;Estimated
type TimePrecision string

// Values of TimePrecision.
const (
	PrecisionExact     TimePrecision = "Exact"
	PrecisionEstimated TimePrecision = "Estimated"
)

// CountKind is how well a number is known.
//
// +kubebuilder:validation:Enum=Exact;Approximate;Undeterminable;ToBeDetermined
type CountKind string

// Values of CountKind.
const (
	CountExact          CountKind = "Exact"
	CountApproximate    CountKind = "Approximate"
	CountUndeterminable CountKind = "Undeterminable"
	CountToBeDetermined CountKind = "ToBeDetermined"
)

// RiskOutcome is a person's assessment of the risk to the rights and freedoms of people (Articles 33(1) and 34(1)).
//
// +kubebuilder:validation:Enum=Unlikely;Risk;High;Undetermined
type RiskOutcome string

// Values of RiskOutcome.
const (
	RiskUnlikely     RiskOutcome = "Unlikely"
	RiskRisk         RiskOutcome = "Risk"
	RiskHigh         RiskOutcome = "High"
	RiskUndetermined RiskOutcome = "Undetermined"
)

// SeverityCategory is the kind of data, by ENISA's method (2013).
//
// +kubebuilder:validation:Enum=Simple;Behavioural;Financial;Sensitive
type SeverityCategory string

// Values of SeverityCategory.
const (
	CategorySimple      SeverityCategory = "Simple"
	CategoryBehavioural SeverityCategory = "Behavioural"
	CategoryFinancial   SeverityCategory = "Financial"
	CategorySensitive   SeverityCategory = "Sensitive"
)

// SeverityIdentification is how easily people are identified.
//
// +kubebuilder:validation:Enum=Negligible;Limited;Significant;Maximum
type SeverityIdentification string

// Values of SeverityIdentification.
const (
	IdentificationNegligible  SeverityIdentification = "Negligible"
	IdentificationLimited     SeverityIdentification = "Limited"
	IdentificationSignificant SeverityIdentification = "Significant"
	IdentificationMaximum     SeverityIdentification = "Maximum"
)

// SeverityConfidentiality is who may have seen the data.
//
// +kubebuilder:validation:Enum=NoEvidence;KnownRecipients;UnknownRecipients
type SeverityConfidentiality string

// Values of SeverityConfidentiality.
const (
	ConfidentialityNoEvidence        SeverityConfidentiality = "NoEvidence"
	ConfidentialityKnownRecipients   SeverityConfidentiality = "KnownRecipients"
	ConfidentialityUnknownRecipients SeverityConfidentiality = "UnknownRecipients"
)

// SeverityIntegrity is what an alteration may cause.
//
// +kubebuilder:validation:Enum=NoMisuse;Recoverable;NotRecoverable
type SeverityIntegrity string

// Values of SeverityIntegrity.
const (
	IntegrityNoMisuse       SeverityIntegrity = "NoMisuse"
	IntegrityRecoverable    SeverityIntegrity = "Recoverable"
	IntegrityNotRecoverable SeverityIntegrity = "NotRecoverable"
)

// SeverityAvailability is how long the data are missing.
//
// +kubebuilder:validation:Enum=EasyRecovery;Temporal;Full
type SeverityAvailability string

// Values of SeverityAvailability.
const (
	AvailabilityEasyRecovery SeverityAvailability = "EasyRecovery"
	AvailabilityTemporal     SeverityAvailability = "Temporal"
	AvailabilityFull         SeverityAvailability = "Full"
)

// SubmissionType is a first or a further notification.
//
// +kubebuilder:validation:Enum=New;FollowUp
type SubmissionType string

// Values of SubmissionType.
const (
	SubmissionNew      SubmissionType = "New"
	SubmissionFollowUp SubmissionType = "FollowUp"
)

// SubmissionCompleteness is whether the notification holds all that Article 33(3) asks for.
//
// +kubebuilder:validation:Enum=Complete;Incomplete;Withdraw
type SubmissionCompleteness string

// Values of SubmissionCompleteness.
const (
	SubmissionComplete   SubmissionCompleteness = "Complete"
	SubmissionIncomplete SubmissionCompleteness = "Incomplete"
	SubmissionWithdraw   SubmissionCompleteness = "Withdraw"
)

// CommunicationStatus is how far the people concerned were told (Article 34).
//
// +kubebuilder:validation:Enum=Sent;Planned;DateToBeDetermined;UnderInvestigation;NotHighRisk;Exempt
type CommunicationStatus string

// Values of CommunicationStatus.
const (
	CommunicationSent               CommunicationStatus = "Sent"
	CommunicationPlanned            CommunicationStatus = "Planned"
	CommunicationDateToBeDetermined CommunicationStatus = "DateToBeDetermined"
	CommunicationUnderInvestigation CommunicationStatus = "UnderInvestigation"
	CommunicationNotHighRisk        CommunicationStatus = "NotHighRisk"
	CommunicationExempt             CommunicationStatus = "Exempt"
)

// ExemptionGround is the point of Article 34(3).
//
// +kubebuilder:validation:Enum=EncryptedOrUnintelligible;RiskNeutralised;DisproportionateEffort
type ExemptionGround string

// Values of ExemptionGround.
const (
	ExemptionEncryptedOrUnintelligible ExemptionGround = "EncryptedOrUnintelligible"
	ExemptionRiskNeutralised           ExemptionGround = "RiskNeutralised"
	ExemptionDisproportionateEffort    ExemptionGround = "DisproportionateEffort"
)

// AffectedKind is what kind of thing an incident touched.
//
// +kubebuilder:validation:Enum=Pod;Workload;Node;Secret;Image;Volume;Store
type AffectedKind string

// Values of AffectedKind.
const (
	AffectedPod      AffectedKind = "Pod"
	AffectedWorkload AffectedKind = "Workload"
	AffectedNode     AffectedKind = "Node"
	AffectedSecret   AffectedKind = "Secret"
	AffectedImage    AffectedKind = "Image"
	AffectedVolume   AffectedKind = "Volume"
	AffectedStore    AffectedKind = "Store"
)

// ClockSource is what started a clock: detection, or declared awareness.
//
// +kubebuilder:validation:Enum=Provisional;Declared
type ClockSource string

// Values of ClockSource.
const (
	ClockProvisional ClockSource = "Provisional"
	ClockDeclared    ClockSource = "Declared"
)

// SeverityBand is ENISA's band.
//
// +kubebuilder:validation:Enum=Low;Medium;High;VeryHigh
type SeverityBand string

// Values of SeverityBand.
const (
	BandLow      SeverityBand = "Low"
	BandMedium   SeverityBand = "Medium"
	BandHigh     SeverityBand = "High"
	BandVeryHigh SeverityBand = "VeryHigh"
)

// DutyName is a duty that a breach may cause.
//
// +kubebuilder:validation:Enum=Authority;Subjects;Controllers;Record
type DutyName string

// Values of DutyName.
const (
	DutyAuthority   DutyName = "Authority"
	DutySubjects    DutyName = "Subjects"
	DutyControllers DutyName = "Controllers"
	DutyRecord      DutyName = "Record"
)

// DutyState is how a duty stands.
//
// +kubebuilder:validation:Enum=Open;Met;NotRequired;Exempt;Overdue
type DutyState string

// Values of DutyState.
const (
	DutyOpen        DutyState = "Open"
	DutyMet         DutyState = "Met"
	DutyNotRequired DutyState = "NotRequired"
	DutyExempt      DutyState = "Exempt"
	DutyOverdue     DutyState = "Overdue"
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

// BreachIncidentSpec is what people state and decide. Free text must not name a person concerned.
//
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Dismissed' || has(self.verdictReason)",message="verdict Dismissed needs verdictReason"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Confirmed' || has(self.awareTime)",message="verdict Confirmed needs awareTime: the instant from which the 72 hours count (Article 33(1))"
// +kubebuilder:validation:XValidation:rule="self.role != 'Processor' || has(self.controllers)",message="a Processor names the controllers whom it tells (Article 33(2))"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.awareTime) || has(self.awareTime)",message="awareTime was stated; it may be corrected, not removed"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.awareTime) || self.awareTime <= oldSelf.awareTime || (has(self.awareReason) && (!has(oldSelf.awareReason) || self.awareReason != oldSelf.awareReason))",message="a later awareTime needs a new awareReason"
// +kubebuilder:validation:XValidation:rule="oldSelf.verdict == 'Suspected' || self.verdict != 'Suspected'",message="a verdict does not go back to Suspected"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.submissions) || (has(self.submissions) && self.submissions.size() >= oldSelf.submissions.size())",message="submissions are only added"
// +kubebuilder:validation:XValidation:rule="!has(self.awareTime) || !has(self.submissions) || has(self.lateReasons) || self.submissions.all(s, s.type != 'New' || s.submittedTime <= self.awareTime + duration('72h'))",message="a first notification later than 72 hours after awareTime needs lateReasons (Article 33(1))"
// +kubebuilder:validation:XValidation:rule="!has(self.awareTime) || !has(self.occurred) || !has(self.occurred.fromTime) || self.occurred.precision != 'Exact' || self.awareTime >= self.occurred.fromTime",message="awareTime must not be before an exact occurred.fromTime"
// +kubebuilder:validation:XValidation:rule="!has(self.submissions) || !self.submissions.exists(s, s.completeness == 'Complete') || (has(self.risk) && self.risk.outcome != 'Undetermined')",message="a Complete submission needs risk.outcome other than Undetermined (Article 33(3))"
// +kubebuilder:validation:XValidation:rule="!has(self.communication) || self.communication.status != 'NotHighRisk' || !has(self.risk) || self.risk.outcome != 'High'",message="communication NotHighRisk contradicts risk High (Article 34(1))"
// +kubebuilder:validation:XValidation:rule="!has(self.communication) || !has(self.communication.exemption) || self.communication.exemption.ground != 'EncryptedOrUnintelligible' || (has(self.protection) && self.protection == 'Intact' && has(self.keyCompromised) && self.keyCompromised == 'No')",message="exemption EncryptedOrUnintelligible needs protection Intact and keyCompromised No (Article 34(3)(a))"
// +kubebuilder:validation:XValidation:rule="self.verdict != 'Dismissed' || !has(self.submissions) || self.submissions.exists(s, s.completeness == 'Withdraw')",message="an incident that was notified is dismissed only after a Withdraw submission"
type BreachIncidentSpec struct {
	// officerRef names the DataProtectionOfficer.
	// +required
	OfficerRef ClusterRef `json:"officerRef,omitzero"`
	// role of the organisation.
	// +required
	Role BreachRole `json:"role,omitempty"`
	// verdict so far.
	// +required
	Verdict BreachVerdict `json:"verdict,omitempty"`
	// verdictReason of the verdict; required when Dismissed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	VerdictReason string `json:"verdictReason,omitempty"`
	// detectedTime is when something was seen. The provisional clock counts from it.
	// +required
	DetectedTime *metav1.Time `json:"detectedTime,omitempty"`
	// awareTime is when it was reasonably certain that personal data were compromised. The 72 hours of Article 33(1) count from it.
	// +optional
	AwareTime *metav1.Time `json:"awareTime,omitempty"`
	// awareReason is how it became certain, and why it moved if it did.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	AwareReason string `json:"awareReason,omitempty"`
	// occurred is when it happened.
	// +optional
	Occurred *Occurrence `json:"occurred,omitempty"`
	// nature of the breach.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Nature []BreachNature `json:"nature,omitempty"`
	// description of the breach.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	Description string `json:"description,omitempty"`
	// lateReasons of a notification after 72 hours (Article 33(1)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	LateReasons string `json:"lateReasons,omitempty"`
	// protection of the affected data.
	// +optional
	Protection Protection `json:"protection,omitempty"`
	// keyCompromised is whether the key was.
	// +optional
	KeyCompromised Answer `json:"keyCompromised,omitempty"`
	// dataSubjects concerned.
	// +optional
	DataSubjects *AffectedCount `json:"dataSubjects,omitempty"`
	// records concerned.
	// +optional
	Records *AffectedCount `json:"records,omitempty"`
	// severityInputs feed the suggestion.
	// +optional
	SeverityInputs *SeverityInputs `json:"severityInputs,omitempty"`
	// risk assessed by a person.
	// +optional
	Risk *RiskDecision `json:"risk,omitempty"`
	// measuresTaken or proposed (Article 33(3)(d)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	MeasuresTaken string `json:"measuresTaken,omitempty"`
	// likelyConsequences of the breach (Article 33(3)(c)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	LikelyConsequences string `json:"likelyConsequences,omitempty"`
	// communication to the people concerned.
	// +optional
	Communication *Communication `json:"communication,omitempty"`
	// controllers whom a processor tells.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Controllers []InformedController `json:"controllers,omitempty"`
	// affected by the incident.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Affected []AffectedThing `json:"affected,omitempty"`
	// submissions to authorities.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Submissions []Submission `json:"submissions,omitempty"`
	// acknowledgements of stages.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Acknowledgements []Acknowledgement `json:"acknowledgements,omitempty"`
	// closure of the incident.
	// +optional
	Closure *Closure `json:"closure,omitempty"`
	// escalationPolicyRef names the EscalationPolicy.
	// +optional
	// +default={"name":"default"}
	EscalationPolicyRef ClusterRef `json:"escalationPolicyRef,omitzero"`
	// decisionStamp is who last changed verdict or awareness.
	// +optional
	DecisionStamp *DecisionStamp `json:"decisionStamp,omitempty"`
}

// BreachClock is the clock that runs.
type BreachClock struct {
	// source of the start.
	// +required
	Source ClockSource `json:"source,omitempty"`
	// startTime of the clock.
	// +required
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// dueTime is the safe target: start plus 72 hours.
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// legalDueTime is the legal limit (Regulation 1182/71, Article 3(1)); absent while provisional.
	// +optional
	LegalDueTime *metav1.Time `json:"legalDueTime,omitempty"`
	// lawProfile by which it was computed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	LawProfile string `json:"lawProfile,omitempty"`
}

// SeveritySuggestion is what ENISA's method suggests. A person decides.
type SeveritySuggestion struct {
	// scoreHundredths of the severity.
	// +optional
	ScoreHundredths *int32 `json:"scoreHundredths,omitempty"`
	// band of the score.
	// +required
	Band SeverityBand `json:"band,omitempty"`
	// suggestion for risk.outcome.
	// +required
	Suggestion RiskOutcome `json:"suggestion,omitempty"`
	// flags to heed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Flags []string `json:"flags,omitempty"`
}

// Obligation is one duty with its state.
type Obligation struct {
	// duty that the law may impose.
	// +required
	Duty DutyName `json:"duty,omitempty"`
	// article of the Regulation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// state of the duty.
	// +required
	State DutyState `json:"state,omitempty"`
	// dueTime of the duty.
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// reason of the state.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
}

// CompetentAuthority is an authority to notify; a person confirms it.
type CompetentAuthority struct {
	// code of the authority.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Code string `json:"code,omitempty"`
	// name of the authority.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// notificationURL at which a person notifies.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	NotificationURL string `json:"notificationURL,omitempty"`
	// basis of the competence.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Basis string `json:"basis,omitempty"`
}

// StageStatus is a stage that fired. It is a fact.
type StageStatus struct {
	// name of the stage.
	// +required
	Name PartName `json:"name,omitempty"`
	// firedTime is when it fired.
	// +required
	FiredTime *metav1.Time `json:"firedTime,omitempty"`
	// repeats so far.
	// +optional
	Repeats *int32 `json:"repeats,omitempty"`
	// lastRepeatTime is when it was last repeated.
	// +optional
	LastRepeatTime *metav1.Time `json:"lastRepeatTime,omitempty"`
	// acknowledgedTime is when somebody acknowledged.
	// +optional
	AcknowledgedTime *metav1.Time `json:"acknowledgedTime,omitempty"`
	// acknowledgeDueTime is when somebody should have acknowledged.
	// +optional
	AcknowledgeDueTime *metav1.Time `json:"acknowledgeDueTime,omitempty"`
}

// ClockChange is a start instant that was corrected. The old value is kept.
type ClockChange struct {
	// time of the change.
	// +required
	Time *metav1.Time `json:"time,omitempty"`
	// oldStartTime of the clock.
	// +required
	OldStartTime *metav1.Time `json:"oldStartTime,omitempty"`
	// oldSource of the clock.
	// +required
	OldSource ClockSource `json:"oldSource,omitempty"`
}

// BreachIncidentStatus is what Rempart works out from what people stated.
type BreachIncidentStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Aware, Assessed, AuthorityNotified, SubjectsInformed, ControllersInformed, Acknowledged, Overdue.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// clock that runs.
	// +optional
	Clock *BreachClock `json:"clock,omitempty"`
	// clockHistory of corrections.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	ClockHistory []ClockChange `json:"clockHistory,omitempty"`
	// assessedOutcome is the risk that was last decided.
	// +optional
	AssessedOutcome RiskOutcome `json:"assessedOutcome,omitempty"`
	// assessedTime is when that outcome was decided. The stages that count from Assessment, and the duty of Article 34, count from it.
	// +optional
	AssessedTime *metav1.Time `json:"assessedTime,omitempty"`
	// severity suggested.
	// +optional
	Severity *SeveritySuggestion `json:"severity,omitempty"`
	// obligations of the organisation.
	// +optional
	// +listType=map
	// +listMapKey=duty
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=8
	Obligations []Obligation `json:"obligations,omitempty"`
	// authorities to notify.
	// +optional
	// +listType=map
	// +listMapKey=code
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=32
	Authorities []CompetentAuthority `json:"authorities,omitempty"`
	// stages that fired, in order.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	Stages []StageStatus `json:"stages,omitempty"`
	// nextStageTime is when the next stage is due.
	// +optional
	NextStageTime *metav1.Time `json:"nextStageTime,omitempty"`
	// nextStage that is due.
	// +optional
	NextStage PartName `json:"nextStage,omitempty"`
	// closedTime is when the last duty ended: closed, dismissed, or unlikely to be a risk. From then on the record is kept for five years.
	// +optional
	ClosedTime *metav1.Time `json:"closedTime,omitempty"`
}

// BreachIncident is one personal data breach, real or suspected (Articles 33 and 34).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=breach,categories=gdpr
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.spec.verdict`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Severity",type=string,JSONPath=`.status.severity.band`
// +kubebuilder:printcolumn:name="Clock",type=string,JSONPath=`.status.clock.source`
// +kubebuilder:printcolumn:name="Due",type=string,format=date-time,JSONPath=`.status.clock.dueTime`
// +kubebuilder:printcolumn:name="Overdue",type=string,JSONPath=`.status.conditions[?(@.type=="Overdue")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BreachIncident struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what people state and decide.
	// +required
	Spec BreachIncidentSpec `json:"spec,omitzero"`
	// status is what Rempart works out.
	// +optional
	// +default={"observedGeneration":-1}
	Status BreachIncidentStatus `json:"status,omitzero"`
}

// BreachIncidentList is a list of BreachIncident.
//
// +kubebuilder:object:root=true
type BreachIncidentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BreachIncident `json:"items"`
}
