package v1alpha1

// Labels, annotations and finalizers that Rempart sets or reads.
const (
	// LabelRegister on a pod template places the workload under the residency rules of the named DataRegister.
	LabelRegister = "gdpr.rempart.dev/register"
	// LabelStore names the store of a DataRegister that a child object serves.
	LabelStore = "gdpr.rempart.dev/store"
	// LabelRun names the ErasureRun that a child object serves.
	LabelRun = "gdpr.rempart.dev/run"
	// LabelConsentPolicy names the ConsentPolicy that a child object serves.
	LabelConsentPolicy = "gdpr.rempart.dev/consent-policy"
	// LabelComponent says what a child object is for: database, scan, run, consentd.
	LabelComponent = "gdpr.rempart.dev/component"
	// AnnotationSigningKey says, on the Secret of the keys that Rempart made for a ConsentPolicy, which number the key has that
	// signs. Without it, it is 1.
	AnnotationSigningKey = "gdpr.rempart.dev/signing-key"
	// AnnotationPepper and AnnotationKEK say the same of the pepper and of the key that wraps people's keys.
	AnnotationPepper = "gdpr.rempart.dev/pepper"
	AnnotationKEK    = "gdpr.rempart.dev/kek"
	// LabelOwnerUID carries the owner's UID on objects that may outlive it and so have no owner reference.
	LabelOwnerUID = "gdpr.rempart.dev/owner-uid"
	// LabelManagedBy has the value ManagedByRempart on every object that Rempart made.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedByRempart is the value of LabelManagedBy.
	ManagedByRempart = "rempart"

	// FinalizerErasureRequest keeps a request until its runs have ended and its subject Secret is gone.
	FinalizerErasureRequest = "gdpr.rempart.dev/erasure-request"
	// FinalizerErasureRun keeps a run until its Job is gone.
	FinalizerErasureRun = "gdpr.rempart.dev/erasure-run"
	// FinalizerDataRegister keeps a register until its stores are released as their deletion policies say.
	FinalizerDataRegister = "gdpr.rempart.dev/data-register"
	// FinalizerConsentPolicy keeps a policy until its service is gone and its ledger is released as the deletion policy says.
	FinalizerConsentPolicy = "gdpr.rempart.dev/consent-policy"
	// FinalizerBreachRegister keeps the record of a breach (Article 33(5)).
	FinalizerBreachRegister = "gdpr.rempart.dev/breach-register"
)

// Condition types with the same meaning on every kind, as kstatus reads them.
const (
	// ConditionReady is True when the object is as its spec asks, or has reached its end.
	ConditionReady = "Ready"
	// ConditionReconciling exists, and is True, while the operator works on a new or failed state.
	ConditionReconciling = "Reconciling"
	// ConditionStalled exists, and is True, while only a person can help.
	ConditionStalled = "Stalled"
)

// Reasons with the same meaning on every kind.
const (
	// ReasonNotYetKnown means that the condition was not judged yet.
	ReasonNotYetKnown = "NotYetKnown"
	// ReasonStepFailed means that a step failed and will be tried again.
	ReasonStepFailed = "StepFailed"
	// ReasonNameTaken means that an object that Rempart did not make has a name that it needs.
	ReasonNameTaken = "NameTaken"
)

// Country is an ISO 3166-1 alpha-2 code, upper case.
//
// +kubebuilder:validation:Pattern=`^[A-Z]{2}$`
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=2
type Country string

// Period is an ISO 8601 period in calendar units, such as P3Y, P6M or P10D: no fractions, no signs, no time part.
//
// +kubebuilder:validation:Pattern=`^P(?:\d{1,3}Y)?(?:\d{1,3}M)?(?:\d{1,3}W)?(?:\d{1,4}D)?$`
// +kubebuilder:validation:XValidation:rule="self.matches('[0-9]')",message="a period needs at least one part, such as P3Y"
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=20
type Period string

// Hours is an ISO 8601 duration in whole hours, such as PT72H.
//
// +kubebuilder:validation:Pattern=`^PT\d{1,4}H$`
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=7
type Hours string

// Date is a civil date, such as 2026-11-24.
//
// +kubebuilder:validation:Pattern=`^\d{4}-\d{2}-\d{2}$`
// +kubebuilder:validation:MinLength=10
// +kubebuilder:validation:MaxLength=10
type Date string

// Language is the language of texts to people.
//
// +kubebuilder:validation:Enum=fr;en
type Language string

// Languages.
const (
	LanguageFrench  Language = "fr"
	LanguageEnglish Language = "en"
)

// ObjectName is the name of a Kubernetes object.
//
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
type ObjectName string

// PartName names an entry of a list within an object: an activity, a store, a stage.
//
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type PartName string

// Identifier is the name of a table, column, schema, role or database, exactly as the store's catalogue has it.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type Identifier string

// ClusterRef names an object of a cluster-scoped kind.
type ClusterRef struct {
	// name of the object.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// SecretRef names a Secret in the same namespace; for cluster-scoped kinds, in the operator's namespace.
type SecretRef struct {
	// name of the Secret.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// LocalRef names an object in the same namespace.
type LocalRef struct {
	// name of the object.
	// +required
	Name ObjectName `json:"name,omitempty"`
}
