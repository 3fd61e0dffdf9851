package v1alpha1

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
