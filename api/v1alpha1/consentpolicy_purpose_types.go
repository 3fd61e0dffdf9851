package v1alpha1

// PurposeNecessity is whether a service that the visitor asks for cannot be without the purpose.
//
// +kubebuilder:validation:Enum=RequestedService;Optional
type PurposeNecessity string

// Values of PurposeNecessity.
const (
	NecessityRequestedService PurposeNecessity = "RequestedService"
	NecessityOptional         PurposeNecessity = "Optional"
)

// ConsentKind is how consent must be stated. Explicit is that of Articles 9(2)(a), 22(2)(c) and 49(1)(a).
//
// +kubebuilder:validation:Enum=Expressed;Explicit
type ConsentKind string

// Values of ConsentKind.
const (
	ConsentExpressed ConsentKind = "Expressed"
	ConsentExplicit  ConsentKind = "Explicit"
)

// SpecialCategory is a category of Article 9(1).
//
// +kubebuilder:validation:Enum=RacialOrEthnicOrigin;PoliticalOpinions;ReligiousOrPhilosophicalBeliefs;TradeUnionMembership;GeneticData;BiometricData;Health;SexLife;SexualOrientation
type SpecialCategory string

// Values of SpecialCategory.
const (
	SpecialRacialOrEthnicOrigin            SpecialCategory = "RacialOrEthnicOrigin"
	SpecialPoliticalOpinions               SpecialCategory = "PoliticalOpinions"
	SpecialReligiousOrPhilosophicalBeliefs SpecialCategory = "ReligiousOrPhilosophicalBeliefs"
	SpecialTradeUnionMembership            SpecialCategory = "TradeUnionMembership"
	SpecialGeneticData                     SpecialCategory = "GeneticData"
	SpecialBiometricData                   SpecialCategory = "BiometricData"
	SpecialHealth                          SpecialCategory = "Health"
	SpecialSexLife                         SpecialCategory = "SexLife"
	SpecialSexualOrientation               SpecialCategory = "SexualOrientation"
)

// AcceptanceMethod is an act by which a purpose is accepted. SiteAssertion is the word of the site's own page, which is
// no proof by itself.
//
// +kubebuilder:validation:Enum=Message;Button;Checkbox;TriggerButton;SiteAssertion;DoubleOptIn
type AcceptanceMethod string

// Values of AcceptanceMethod.
const (
	AcceptMessage       AcceptanceMethod = "Message"
	AcceptButton        AcceptanceMethod = "Button"
	AcceptCheckbox      AcceptanceMethod = "Checkbox"
	AcceptTriggerButton AcceptanceMethod = "TriggerButton"
	AcceptSiteAssertion AcceptanceMethod = "SiteAssertion"
	AcceptDoubleOptIn   AcceptanceMethod = "DoubleOptIn"
)

// Requirement is whether something must be.
//
// +kubebuilder:validation:Enum=Required;NotRequired
type Requirement string

// Values of Requirement.
const (
	RequirementRequired    Requirement = "Required"
	RequirementNotRequired Requirement = "NotRequired"
)

// WithdrawalEffect is what a withdrawal brings about beside the end of the processing (Articles 7(3) and 17(1)(b)).
//
// +kubebuilder:validation:Enum=Stop;StopAndErase
type WithdrawalEffect string

// Values of WithdrawalEffect.
const (
	WithdrawalStop         WithdrawalEffect = "Stop"
	WithdrawalStopAndErase WithdrawalEffect = "StopAndErase"
)

// PurposeLifecycle is whether a purpose is in use. An archived purpose grants and asks nothing, and stays provable.
//
// +kubebuilder:validation:Enum=Active;Archived
type PurposeLifecycle string

// Values of PurposeLifecycle.
const (
	LifecycleActive   PurposeLifecycle = "Active"
	LifecycleArchived PurposeLifecycle = "Archived"
)

// FieldPath names a field of a record, with the objects that it lies in: address.city. Elements of a list share a path.
//
// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
type FieldPath string

// ConsentDataField is a field that a purpose may use.
type ConsentDataField struct {
	// name of the field, as in the gate's records.
	// +required
	Name FieldPath `json:"name,omitempty"`
	// sensitivity of the field; Special means Article 9(1). Normal when absent.
	// +optional
	// +default="Normal"
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
}

// ConsentRecipient is somebody who gets the data. The notice names it, and so do exports.
type ConsentRecipient struct {
	// name of the recipient, as people are told.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// kind of recipient.
	// +required
	Kind RecipientKind `json:"kind,omitempty"`
	// country of the recipient.
	// +optional
	Country Country `json:"country,omitempty"`
}

// ConsentPurpose is one purpose, and one choice of its own.
//
// +kubebuilder:validation:XValidation:rule="self.necessity != 'Optional' || self.legalBasis == 'Consent'",message="an Optional purpose needs legalBasis Consent: a choice that changes nothing misleads"
// +kubebuilder:validation:XValidation:rule="self.legalBasis != 'Consent' || !self.acceptance.exists(a, a in ['Message', 'TriggerButton', 'SiteAssertion'])",message="a purpose with legalBasis Consent cannot be accepted by Message, TriggerButton or SiteAssertion: they accept terms and storage, and are consent to nothing else (Articles 4(11) and 7(2)); list Checkbox, by which the widget asks for it in its own words, or DoubleOptIn"
// +kubebuilder:validation:XValidation:rule="self.necessity != 'RequestedService' || (self.legalBasis != 'Consent' && self.consentKind != 'Explicit') || !self.acceptance.exists(a, a == 'Button')",message="a RequestedService that needs consent (legalBasis Consent or consentKind Explicit) cannot be accepted by Button, which is the default: the banner's button accepts terms and storage, and this purpose's words are not in view (Articles 4(11) and 7(2)); list Checkbox or DoubleOptIn instead"
// +kubebuilder:validation:XValidation:rule="!has(self.specialCategories) || self.consentKind == 'Explicit'",message="specialCategories need consentKind Explicit (Article 9(2)(a))"
// +kubebuilder:validation:XValidation:rule="!has(self.dataFields) || !self.dataFields.exists(f, f.sensitivity == 'Special') || self.consentKind == 'Explicit'",message="a data field of sensitivity Special needs consentKind Explicit (Article 9(2)(a))"
// +kubebuilder:validation:XValidation:rule="(self.consentKind != 'Explicit' && !has(self.minimumAge)) || !self.acceptance.exists(a, a in ['Message', 'TriggerButton', 'SiteAssertion'])",message="explicit consent and consent of children need Button, Checkbox or DoubleOptIn: an act that says nothing else"
// +kubebuilder:validation:XValidation:rule="self.doubleOptIn != 'Required' || self.acceptance.exists(a, a == 'DoubleOptIn')",message="doubleOptIn Required needs DoubleOptIn in acceptance"
type ConsentPurpose struct {
	// name of the purpose. It exists in the register, with the same legal basis.
	// +required
	Name PartName `json:"name,omitempty"`
	// necessity of the purpose. A message accepts RequestedService only.
	// +required
	Necessity PurposeNecessity `json:"necessity,omitempty"`
	// legalBasis of the purpose, as in the register (Article 6(1)).
	// +required
	LegalBasis LegalBasis `json:"legalBasis,omitempty"`
	// consentKind is how consent is stated.
	// +optional
	// +default="Expressed"
	ConsentKind ConsentKind `json:"consentKind,omitempty"`
	// specialCategories that the purpose uses (Article 9(1)).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=9
	SpecialCategories []SpecialCategory `json:"specialCategories,omitempty"`
	// dataFields that the purpose may use. The gate drops all others.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	DataFields []ConsentDataField `json:"dataFields,omitempty"`
	// recipients of the data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Recipients []ConsentRecipient `json:"recipients,omitempty"`
	// retention of the data.
	// +required
	Retention Period `json:"retention,omitempty"`
	// dpv is the term of the W3C Data Privacy Vocabulary.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DPV string `json:"dpv,omitempty"`
	// acceptance is the acts by which the purpose can be accepted. Button when absent. What needs consent is asked for in its own words: by
	// Checkbox or DoubleOptIn, an Optional purpose also by a Button of the page's own, which grants nothing beside it.
	// +optional
	// +default=["Button"]
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=6
	Acceptance []AcceptanceMethod `json:"acceptance,omitempty"`
	// doubleOptIn is whether an accepted purpose counts only after a mailed token was confirmed.
	// +optional
	// +default="NotRequired"
	DoubleOptIn Requirement `json:"doubleOptIn,omitempty"`
	// minimumAge that a visitor must assert, between 13 and 16 (Article 8(1)); 15 in France. Absent, no age is asked.
	// +optional
	// +kubebuilder:validation:Minimum=13
	// +kubebuilder:validation:Maximum=16
	MinimumAge int32 `json:"minimumAge,omitempty"`
	// onWithdrawal is what a withdrawal brings about.
	// +optional
	// +default="Stop"
	OnWithdrawal WithdrawalEffect `json:"onWithdrawal,omitempty"`
	// lifecycle of the purpose.
	// +optional
	// +default="Active"
	Lifecycle PurposeLifecycle `json:"lifecycle,omitempty"`
}
