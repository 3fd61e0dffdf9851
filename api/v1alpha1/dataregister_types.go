package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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

// RecipientKind is what a recipient is to the organisation.
//
// +kubebuilder:validation:Enum=Processor;Controller;Authority;Internal
type RecipientKind string

// Values of RecipientKind.
const (
	RecipientProcessor  RecipientKind = "Processor"
	RecipientController RecipientKind = "Controller"
	RecipientAuthority  RecipientKind = "Authority"
	RecipientInternal   RecipientKind = "Internal"
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

// StoreEngine is the database software of a store.
//
// +kubebuilder:validation:Enum=PostgreSQL
type StoreEngine string

// Values of StoreEngine.
const (
	EnginePostgreSQL StoreEngine = "PostgreSQL"
)

// DeletionPolicy is what becomes of a managed store's data when the register goes.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// Values of DeletionPolicy.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// TLSMode is how a connection to a store is protected.
//
// +kubebuilder:validation:Enum=Disable;Require;VerifyFull
type TLSMode string

// Values of TLSMode.
const (
	TLSDisable    TLSMode = "Disable"
	TLSRequire    TLSMode = "Require"
	TLSVerifyFull TLSMode = "VerifyFull"
)

// IdentifierKind is what kind of identifier a column holds.
//
// +kubebuilder:validation:Enum=Email;Phone;AccountID;CustomerID;DeviceID;Custom
type IdentifierKind string

// Values of IdentifierKind.
const (
	IdentifierEmail      IdentifierKind = "Email"
	IdentifierPhone      IdentifierKind = "Phone"
	IdentifierAccountID  IdentifierKind = "AccountID"
	IdentifierCustomerID IdentifierKind = "CustomerID"
	IdentifierDeviceID   IdentifierKind = "DeviceID"
	IdentifierCustom     IdentifierKind = "Custom"
)

// Sensitivity is how sensitive a column is; Special means Article 9.
//
// +kubebuilder:validation:Enum=Normal;Sensitive;Special
type Sensitivity string

// Values of Sensitivity.
const (
	SensitivityNormal    Sensitivity = "Normal"
	SensitivitySensitive Sensitivity = "Sensitive"
	SensitivitySpecial   Sensitivity = "Special"
)

// TableErasure is what erasure does to the rows of a person in a table.
//
// +kubebuilder:validation:Enum=DeleteRows;MaskColumns;Detach;Keep
type TableErasure string

// Values of TableErasure.
const (
	EraseDeleteRows  TableErasure = "DeleteRows"
	EraseMaskColumns TableErasure = "MaskColumns"
	EraseDetach      TableErasure = "Detach"
	EraseKeep        TableErasure = "Keep"
)

// ColumnMask is what a masked column becomes: NULL, its default, a constant, or a pseudonym that no one can undo.
//
// +kubebuilder:validation:Enum=Null;Default;Constant;Pseudonym
type ColumnMask string

// Values of ColumnMask.
const (
	MaskNull      ColumnMask = "Null"
	MaskDefault   ColumnMask = "Default"
	MaskConstant  ColumnMask = "Constant"
	MaskPseudonym ColumnMask = "Pseudonym"
)

// BackupKind is what makes the backups of a store.
//
// +kubebuilder:validation:Enum=Velero;CloudNativePG;VolumeSnapshot;Declared
type BackupKind string

// Values of BackupKind.
const (
	BackupVelero         BackupKind = "Velero"
	BackupCloudNativePG  BackupKind = "CloudNativePG"
	BackupVolumeSnapshot BackupKind = "VolumeSnapshot"
	BackupDeclared       BackupKind = "Declared"
)

// PlacementEvidence is how the place of a store is known.
//
// +kubebuilder:validation:Enum=Observed;Declared;Unknown
type PlacementEvidence string

// Values of PlacementEvidence.
const (
	PlacementObserved PlacementEvidence = "Observed"
	PlacementDeclared PlacementEvidence = "Declared"
	PlacementUnknown  PlacementEvidence = "Unknown"
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
	// contactChannel is the NotificationChannel that tells the recipient of an erasure (Article 19).
	// +optional
	ContactChannel ObjectName `json:"contactChannel,omitempty"`
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

// StorageRequest is the volume of a managed store.
type StorageRequest struct {
	// size of the volume. It can grow where the class allows, and never shrink.
	// +required
	Size resource.Quantity `json:"size,omitzero"`
	// storageClassName of the volume. It cannot change for a volume that exists. The class must keep data where the residency policy allows.
	// +required
	StorageClassName ObjectName `json:"storageClassName,omitempty"`
}

// ResourceAmounts are compute resources, per container.
type ResourceAmounts struct {
	// cpu cores.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// memory bytes.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// StoreResources bounds the database container.
type StoreResources struct {
	// requests are reserved.
	// +optional
	Requests ResourceAmounts `json:"requests,omitzero"`
	// limits are the most.
	// +optional
	Limits ResourceAmounts `json:"limits,omitzero"`
}

// ManagedStore is a database that Rempart runs: StatefulSet, volume, Service, NetworkPolicy and credentials, pinned to allowed regions.
type ManagedStore struct {
	// image of the database, with the conventions of the official postgres image (POSTGRES_PASSWORD_FILE, PGDATA).
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`
	// version is the major version of the database.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{1,2}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Version string `json:"version,omitempty"`
	// storage of the database.
	// +required
	Storage StorageRequest `json:"storage,omitzero"`
	// replicas of the database: 0 pauses it, 1 runs it.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// resources of the database container.
	// +optional
	Resources StoreResources `json:"resources,omitzero"`
	// database that is created.
	// +optional
	// +default="app"
	Database Identifier `json:"database,omitempty"`
	// runAsUser is the user of the image; 999 when absent.
	// +optional
	// +default=999
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// deletionPolicy is what becomes of the volume and the credentials when the register or the store goes.
	// +optional
	// +default="Retain"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ExternalStore is the declared place of a store outside the cluster.
//
// +kubebuilder:validation:XValidation:rule="has(self.country) != (has(self.provider) && has(self.region))",message="set either provider and region, or country"
type ExternalStore struct {
	// provider as in the table of regions.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// region as the provider writes it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// country of the store.
	// +optional
	Country Country `json:"country,omitempty"`
	// evidence is how the place is known.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Evidence string `json:"evidence,omitempty"`
}

// WorkloadRef names the workload in the namespace that runs a store.
type WorkloadRef struct {
	// kind of the workload.
	// +required
	Kind WorkloadKind `json:"kind,omitempty"`
	// name of the workload.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// WorkloadKind is a kind of workload that can run a store.
//
// +kubebuilder:validation:Enum=StatefulSet;Deployment
type WorkloadKind string

// Values of WorkloadKind.
const (
	WorkloadStatefulSet WorkloadKind = "StatefulSet"
	WorkloadDeployment  WorkloadKind = "Deployment"
)

// ConnectionTLS protects a connection.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'VerifyFull' || has(self.caSecretRef)",message="mode VerifyFull needs caSecretRef"
type ConnectionTLS struct {
	// mode of protection.
	// +required
	Mode TLSMode `json:"mode,omitempty"`
	// caSecretRef names a Secret whose key ca.crt holds the trusted roots.
	// +optional
	CASecretRef *SecretRef `json:"caSecretRef,omitempty"`
}

// StoreConnection is how to reach a store that Rempart does not run. The two roles differ: the verifier must not be able to write.
//
// +kubebuilder:validation:XValidation:rule="self.eraserSecretRef.name != self.verifierSecretRef.name",message="eraserSecretRef and verifierSecretRef must name different Secrets: who erases does not verify"
type StoreConnection struct {
	// host of the store.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// port of the store; 5432 when absent.
	// +optional
	// +default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// database within the store.
	// +required
	Database Identifier `json:"database,omitempty"`
	// tls of the connection.
	// +required
	TLS ConnectionTLS `json:"tls,omitzero"`
	// eraserSecretRef names the credentials of the role that erases, keys username and password.
	// +required
	EraserSecretRef SecretRef `json:"eraserSecretRef,omitzero"`
	// verifierSecretRef names the credentials of the role that only reads, keys username and password.
	// +required
	VerifierSecretRef SecretRef `json:"verifierSecretRef,omitzero"`
}

// SubjectKey is a column by which a person is found.
type SubjectKey struct {
	// column that holds the identifier.
	// +required
	Column Identifier `json:"column,omitempty"`
	// identifier that the column holds.
	// +required
	Identifier IdentifierKind `json:"identifier,omitempty"`
}

// TableReference is a foreign key that the schema does not declare.
//
// +kubebuilder:validation:XValidation:rule="self.columns.size() == self.toColumns.size()",message="columns and toColumns must have the same number of entries"
type TableReference struct {
	// columns that refer.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Columns []Identifier `json:"columns,omitempty"`
	// schema of the table that is referred to; the table's own when absent.
	// +optional
	Schema Identifier `json:"schema,omitempty"`
	// table that is referred to.
	// +required
	Table Identifier `json:"table,omitempty"`
	// toColumns that are referred to, in the same order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	ToColumns []Identifier `json:"toColumns,omitempty"`
}

// DatasetColumn is a column with personal data.
//
// +kubebuilder:validation:XValidation:rule="(has(self.mask) && self.mask == 'Constant') == has(self.constant)",message="constant is set exactly when mask is Constant"
type DatasetColumn struct {
	// name of the column.
	// +required
	Name Identifier `json:"name,omitempty"`
	// category of data, as named in an activity.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Category string `json:"category,omitempty"`
	// sensitivity of the column.
	// +optional
	// +default="Normal"
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
	// mask that erasure applies when the table is masked. Null when absent.
	// +optional
	Mask ColumnMask `json:"mask,omitempty"`
	// constant that replaces the value when mask is Constant.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Constant string `json:"constant,omitempty"`
}

// KeepRule is why rows are kept (Article 17(3)).
type KeepRule struct {
	// reason for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// article of the Regulation, such as 17(3)(b).
	// +required
	// +kubebuilder:validation:Pattern=`^17\(3\)\([a-e]\)$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law that orders to keep.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// period of keeping.
	// +required
	Period Period `json:"period,omitempty"`
	// fromColumn is the date or timestamp column from which the period counts.
	// +required
	FromColumn Identifier `json:"fromColumn,omitempty"`
}

// OwnerReference is a foreign key by which a row belongs to a person, such as the sender of a message.
type OwnerReference struct {
	// columns of the foreign key, in the order of the schema.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Columns []Identifier `json:"columns,omitempty"`
}

// DatasetTable is a table with personal data and what erasure does to it.
//
// +kubebuilder:validation:XValidation:rule="(self.onErasure == 'Keep') == has(self.keep)",message="keep is set exactly when onErasure is Keep"
// +kubebuilder:validation:XValidation:rule="(self.onErasure == 'Detach') == has(self.detach)",message="detach is set exactly when onErasure is Detach"
// +kubebuilder:validation:XValidation:rule="self.onErasure != 'MaskColumns' || has(self.columns)",message="onErasure MaskColumns needs columns"
type DatasetTable struct {
	// schema of the table.
	// +optional
	// +default="public"
	Schema Identifier `json:"schema,omitempty"`
	// name of the table.
	// +required
	Name Identifier `json:"name,omitempty"`
	// subjectKeys by which a person's rows are found.
	// +optional
	// +listType=map
	// +listMapKey=column
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	SubjectKeys []SubjectKey `json:"subjectKeys,omitempty"`
	// references that the schema does not declare.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	References []TableReference `json:"references,omitempty"`
	// ownedThrough are the foreign keys by which rows belong to a person. When absent, each foreign key to a table of
	// the dataset counts, and rows that another person reaches too are kept and reported, never erased.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	OwnedThrough []OwnerReference `json:"ownedThrough,omitempty"`
	// columns with personal data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=200
	Columns []DatasetColumn `json:"columns,omitempty"`
	// onErasure is what happens to a person's rows.
	// +required
	OnErasure TableErasure `json:"onErasure,omitempty"`
	// detach are the columns that are nulled when onErasure is Detach.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Detach []Identifier `json:"detach,omitempty"`
	// keep is why rows are kept when onErasure is Keep.
	// +optional
	Keep *KeepRule `json:"keep,omitempty"`
}

// Dataset is the technical map of a store: where in it personal data are.
type Dataset struct {
	// tables with personal data.
	// +required
	// +listType=map
	// +listMapKey=schema
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Tables []DatasetTable `json:"tables,omitempty"`
}

// StoreBackups is how long a backup can still contain an erased person.
type StoreBackups struct {
	// kind of backup.
	// +required
	Kind BackupKind `json:"kind,omitempty"`
	// retention of the backups.
	// +required
	Retention Period `json:"retention,omitempty"`
}

// DataStore is one store of personal data: exactly one of managed, workloadRef and external.
//
// +kubebuilder:validation:XValidation:rule="[has(self.managed), has(self.workloadRef), has(self.external)].filter(x, x).size() == 1",message="set exactly one of managed, workloadRef and external"
// +kubebuilder:validation:XValidation:rule="has(self.managed) != has(self.connection)",message="connection is set exactly when the store is not managed"
type DataStore struct {
	// name of the store. At most 40 characters, since children carry it in their names.
	// +required
	// +kubebuilder:validation:MaxLength=40
	Name PartName `json:"name,omitempty"`
	// engine of the store.
	// +required
	Engine StoreEngine `json:"engine,omitempty"`
	// managed is a store that Rempart runs.
	// +optional
	Managed *ManagedStore `json:"managed,omitempty"`
	// workloadRef names what runs the store, in the namespace.
	// +optional
	WorkloadRef *WorkloadRef `json:"workloadRef,omitempty"`
	// external is the place of a store outside the cluster.
	// +optional
	External *ExternalStore `json:"external,omitempty"`
	// connection reaches a store that Rempart does not run.
	// +optional
	Connection *StoreConnection `json:"connection,omitempty"`
	// dataset is the map of the store.
	// +optional
	Dataset *Dataset `json:"dataset,omitempty"`
	// backups of the store.
	// +optional
	Backups *StoreBackups `json:"backups,omitempty"`
}

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

// StoreStatus is what was last observed of a store.
type StoreStatus struct {
	// name of the store.
	// +required
	Name PartName `json:"name,omitempty"`
	// country where the store is.
	// +optional
	Country Country `json:"country,omitempty"`
	// region where the store is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// zone of the country.
	// +optional
	Zone LegalZone `json:"zone,omitempty"`
	// placement is how the place is known.
	// +optional
	Placement PlacementEvidence `json:"placement,omitempty"`
	// endpoint is host:port of the store.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Endpoint string `json:"endpoint,omitempty"`
	// lastScanTime is when the live schema was last read.
	// +optional
	LastScanTime *metav1.Time `json:"lastScanTime,omitempty"`
	// scans counts the scans that ended; it names the next one.
	// +optional
	Scans *int64 `json:"scans,omitempty"`
	// datasetDigest is the digest of the dataset and the connection that the last scan used.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	DatasetDigest string `json:"datasetDigest,omitempty"`
	// scanReason is what the last scan came to; Accurate when all was as declared.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ScanReason string `json:"scanReason,omitempty"`
	// scanMessage says which tables and columns scanReason is about. It never holds a value of a row.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ScanMessage string `json:"scanMessage,omitempty"`
	// scanFailures counts the scans in a row that were not Accurate; the wait for the next one grows with it.
	// +optional
	ScanFailures *int32 `json:"scanFailures,omitempty"`
	// undeclaredTables that refer to declared ones or hold a subject key, and are not in the dataset.
	// +optional
	UndeclaredTables *int32 `json:"undeclaredTables,omitempty"`
	// undeclaredColumns that look like subject keys, and are not in the dataset.
	// +optional
	UndeclaredColumns *int32 `json:"undeclaredColumns,omitempty"`
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
