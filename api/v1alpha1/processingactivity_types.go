package v1alpha1

// ProcessingRole is the part that the organisation plays (Article 4(7) and (8)).
//
// +kubebuilder:validation:Enum=Controller;Processor
type ProcessingRole string

// Values of ProcessingRole.
const (
	RoleController ProcessingRole = "Controller"
	RoleProcessor  ProcessingRole = "Processor"
)

// LegalBasis is the ground of Article 6(1) on which a purpose rests.
//
// +kubebuilder:validation:Enum=Consent;Contract;LegalObligation;VitalInterests;PublicTask;LegitimateInterests
type LegalBasis string

// Values of LegalBasis.
const (
	BasisConsent             LegalBasis = "Consent"
	BasisContract            LegalBasis = "Contract"
	BasisLegalObligation     LegalBasis = "LegalObligation"
	BasisVitalInterests      LegalBasis = "VitalInterests"
	BasisPublicTask          LegalBasis = "PublicTask"
	BasisLegitimateInterests LegalBasis = "LegitimateInterests"
)

// SpecialCategoryException is the ground of Article 9(2), points (a) to (j).
//
// +kubebuilder:validation:Enum=ExplicitConsent;EmploymentLaw;VitalInterests;NonProfitBody;MadePublic;LegalClaims;SubstantialPublicInterest;HealthCare;PublicHealth;Research
type SpecialCategoryException string

// Values of SpecialCategoryException.
const (
	ExceptionExplicitConsent           SpecialCategoryException = "ExplicitConsent"
	ExceptionEmploymentLaw             SpecialCategoryException = "EmploymentLaw"
	ExceptionVitalInterests            SpecialCategoryException = "VitalInterests"
	ExceptionNonProfitBody             SpecialCategoryException = "NonProfitBody"
	ExceptionMadePublic                SpecialCategoryException = "MadePublic"
	ExceptionLegalClaims               SpecialCategoryException = "LegalClaims"
	ExceptionSubstantialPublicInterest SpecialCategoryException = "SubstantialPublicInterest"
	ExceptionHealthCare                SpecialCategoryException = "HealthCare"
	ExceptionPublicHealth              SpecialCategoryException = "PublicHealth"
	ExceptionResearch                  SpecialCategoryException = "Research"
)

// RecipientKind is what a recipient is to the organisation. Public stands for everybody: the data were made public (Article 17(2)).
//
// +kubebuilder:validation:Enum=Processor;Controller;Authority;Internal;Public
type RecipientKind string

// Values of RecipientKind.
const (
	RecipientProcessor  RecipientKind = "Processor"
	RecipientController RecipientKind = "Controller"
	RecipientAuthority  RecipientKind = "Authority"
	RecipientInternal   RecipientKind = "Internal"
	RecipientPublic     RecipientKind = "Public"
)

// TransferMechanism is the tool of Chapter V on which a transfer rests.
//
// +kubebuilder:validation:Enum=Adequacy;SCC;BCR;CodeOfConduct;Certification;AdHocClauses;Derogation49
type TransferMechanism string

// Values of TransferMechanism.
const (
	MechanismAdequacy      TransferMechanism = "Adequacy"
	MechanismSCC           TransferMechanism = "SCC"
	MechanismBCR           TransferMechanism = "BCR"
	MechanismCodeOfConduct TransferMechanism = "CodeOfConduct"
	MechanismCertification TransferMechanism = "Certification"
	MechanismAdHocClauses  TransferMechanism = "AdHocClauses"
	MechanismDerogation49  TransferMechanism = "Derogation49"
)

// AutomatedDecision is whether people are profiled or decided upon by machines (Article 22).
//
// +kubebuilder:validation:Enum=None;Profiling;Article22
type AutomatedDecision string

// Values of AutomatedDecision.
const (
	DecisionNone      AutomatedDecision = "None"
	DecisionProfiling AutomatedDecision = "Profiling"
	DecisionArticle22 AutomatedDecision = "Article22"
)

// DPIAStatus is the state of the impact assessment (Article 35).
//
// +kubebuilder:validation:Enum=NotNeeded;Done;Due
type DPIAStatus string

// Values of DPIAStatus.
const (
	DPIANotNeeded DPIAStatus = "NotNeeded"
	DPIADone      DPIAStatus = "Done"
	DPIADue       DPIAStatus = "Due"
)

// Party is an organisation or person outside of the organisation's staff that the record must name.
type Party struct {
	// name of the party.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// contact of the party.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	Contact string `json:"contact,omitempty"`
	// country of the party.
	// +optional
	Country Country `json:"country,omitempty"`
}

// Purpose is one purpose of an activity with its legal basis (Article 5(1)(b), Article 6).
//
// +kubebuilder:validation:XValidation:rule="!(self.legalBasis in ['LegalObligation', 'PublicTask']) || has(self.legalReference)",message="legal basis LegalObligation or PublicTask needs legalReference, the law it rests on (Article 6(3))"
// +kubebuilder:validation:XValidation:rule="self.legalBasis != 'LegitimateInterests' || has(self.balancingTestReference)",message="legal basis LegitimateInterests needs balancingTestReference (Article 6(1)(f))"
type Purpose struct {
	// name of the purpose.
	// +required
	Name PartName `json:"name,omitempty"`
	// dpv is the term of the W3C Data Privacy Vocabulary.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DPV string `json:"dpv,omitempty"`
	// legalBasis of the purpose (Article 6(1)).
	// +required
	LegalBasis LegalBasis `json:"legalBasis,omitempty"`
	// legalReference is the law that a legal obligation or public task rests on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// balancingTestReference is where the balancing test of legitimate interests is kept.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	BalancingTestReference string `json:"balancingTestReference,omitempty"`
}

// DataCategory is a category of personal data.
type DataCategory struct {
	// name of the category.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name,omitempty"`
	// sensitivity of the category; Special means Article 9(1).
	// +optional
	// +default="Normal"
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
}

// Recipient is somebody to whom personal data are disclosed (Article 30(1)(d)).
//
// +kubebuilder:validation:XValidation:rule="self.kind != 'Processor' || has(self.contractReference)",message="a recipient of kind Processor needs contractReference (Article 28(3))"
type Recipient struct {
	// name of the recipient.
	// +required
	Name PartName `json:"name,omitempty"`
	// kind of recipient.
	// +required
	Kind RecipientKind `json:"kind,omitempty"`
	// country of the recipient.
	// +optional
	Country Country `json:"country,omitempty"`
	// contactChannel is the NotificationChannel that tells the recipient of an erasure (Article 19); of data that were made public, who takes reasonable steps to tell those who have them (Article 17(2)).
	// +optional
	ContactChannel ObjectName `json:"contactChannel,omitempty"`
	// untoldReason is, for a recipient without a contactChannel, why they are not told of an erasure by Rempart: how else they are told, or why that is impossible or needs a disproportionate effort (Article 19); of data that were made public, what steps are taken, or why none are reasonable (Article 17(2)).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	UntoldReason string `json:"untoldReason,omitempty"`
	// contractReference is where the contract of Article 28 is kept.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	ContractReference string `json:"contractReference,omitempty"`
}

// Transfer is a transfer to a third country (Article 30(1)(e)).
type Transfer struct {
	// country of destination.
	// +required
	Country Country `json:"country,omitempty"`
	// recipient in that country.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Recipient string `json:"recipient,omitempty"`
	// mechanism of Chapter V.
	// +required
	Mechanism TransferMechanism `json:"mechanism,omitempty"`
	// reference of the tool, such as the clauses' number.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reference string `json:"reference,omitempty"`
}

// ActivityRetention is the time limit for erasing categories of data (Article 30(1)(f)).
type ActivityRetention struct {
	// categories of data, by name.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=100
	// +kubebuilder:validation:items:MinLength=1
	Categories []string `json:"categories,omitempty"`
	// period of keeping.
	// +required
	Period Period `json:"period,omitempty"`
	// startsFrom is the event from which the period counts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	StartsFrom string `json:"startsFrom,omitempty"`
	// legalReference that orders the period.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
}

// DPIA is the state of the impact assessment.
type DPIA struct {
	// status of the assessment.
	// +required
	Status DPIAStatus `json:"status,omitempty"`
	// reference of the assessment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reference string `json:"reference,omitempty"`
}

// ProcessingActivity is one activity of the record of processing (Article 30(1)).
//
// +kubebuilder:validation:XValidation:rule="!self.dataCategories.exists(c, c.sensitivity == 'Special') || has(self.specialCategoryException)",message="a special category of data needs specialCategoryException (Article 9(2))"
// +kubebuilder:validation:XValidation:rule="!has(self.specialCategoryException) || !(self.specialCategoryException in ['EmploymentLaw', 'SubstantialPublicInterest', 'HealthCare', 'PublicHealth', 'Research']) || has(self.specialCategoryReference)",message="this exception of Article 9(2) rests on a law: name it in specialCategoryReference"
type ProcessingActivity struct {
	// name of the activity.
	// +required
	Name PartName `json:"name,omitempty"`
	// description of the activity.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	Description string `json:"description,omitempty"`
	// purposes of the activity, each with its legal basis.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Purposes []Purpose `json:"purposes,omitempty"`
	// specialCategoryException of Article 9(2); required when a category is Special.
	// +optional
	SpecialCategoryException SpecialCategoryException `json:"specialCategoryException,omitempty"`
	// specialCategoryReference is the law that the exception rests on, where Article 9(2) asks for one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	SpecialCategoryReference string `json:"specialCategoryReference,omitempty"`
	// dataSubjects are the categories of people.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=100
	// +kubebuilder:validation:items:MinLength=1
	DataSubjects []string `json:"dataSubjects,omitempty"`
	// dataCategories of personal data.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	DataCategories []DataCategory `json:"dataCategories,omitempty"`
	// recipients of the data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Recipients []Recipient `json:"recipients,omitempty"`
	// transfers to third countries.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Transfers []Transfer `json:"transfers,omitempty"`
	// retention limits.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Retention []ActivityRetention `json:"retention,omitempty"`
	// security measures, in general terms (Article 32(1)).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=500
	// +kubebuilder:validation:items:MinLength=1
	Security []string `json:"security,omitempty"`
	// automatedDecision of the activity.
	// +optional
	// +default="None"
	AutomatedDecision AutomatedDecision `json:"automatedDecision,omitempty"`
	// dpia of the activity.
	// +optional
	DPIA *DPIA `json:"dpia,omitempty"`
	// noticeRef is the privacy notice that tells people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	NoticeRef string `json:"noticeRef,omitempty"`
	// stores that hold the data, by name.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Stores []PartName `json:"stores,omitempty"`
}
