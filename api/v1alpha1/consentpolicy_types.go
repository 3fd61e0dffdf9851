package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConsentPolicySpec is what people are asked, in which words, and what proves the answer. Nothing in it can tick a choice
// beforehand or tie two purposes to one choice.
//
// +kubebuilder:validation:XValidation:rule="!has(self.siteAssertion.purposes) || self.siteAssertion.purposes.all(n, self.purposes.exists(p, p.name == n && p.necessity == 'RequestedService' && p.acceptance.exists(a, a == 'SiteAssertion')))",message="siteAssertion.purposes must be purposes of necessity RequestedService that accept SiteAssertion"
// +kubebuilder:validation:XValidation:rule="self.purposes.all(p, p.lifecycle == 'Archived') || self.purposes.exists(p, p.lifecycle != 'Archived' && p.necessity == 'RequestedService' && p.legalBasis != 'Consent' && p.consentKind != 'Explicit')",message="the widget's banner accepts nothing: it needs an active purpose of necessity RequestedService with another legalBasis than Consent, and without consentKind Explicit; the others are asked for in the widget once that is accepted"
// +kubebuilder:validation:XValidation:rule="self.sites.all(s, s.languages.all(l, self.notices.exists(n, self.notices.all(m, m.version <= n.version) && n.texts.exists(t, t.language == l))))",message="the newest notice has texts in each language of each site"
// +kubebuilder:validation:XValidation:rule="self.purposes.all(p, p.lifecycle == 'Archived' || self.notices.exists(n, self.notices.all(m, m.version <= n.version) && n.texts.all(t, t.purposes.exists(q, q.name == p.name))))",message="the newest notice tells of each active purpose in each language"
type ConsentPolicySpec struct {
	// officerRef names the DataProtectionOfficer, whose organisation is the controller.
	// +required
	OfficerRef ClusterRef `json:"officerRef,omitzero"`
	// registerRef names the DataRegister that records the purposes. Its residency policy is that of the service. It cannot
	// change: the service and its ledger are where that register lets them be.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="registerRef cannot change: make another policy"
	RegisterRef LocalRef `json:"registerRef,omitzero"`
	// purposes that people choose about, one by one.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=40
	Purposes []ConsentPurpose `json:"purposes,omitempty"`
	// notices by version. The newest one whose effectiveTime has come is shown.
	// +required
	// +listType=map
	// +listMapKey=version
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:XValidation:rule="self.exists(n, n.change == 'Material' && self.all(m, m.version >= n.version))",message="the oldest notice of the list must be Material: it is what people accepted"
	Notices []ConsentNotice `json:"notices,omitempty"`
	// sites that load the widget.
	// +required
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Sites []ConsentSite `json:"sites,omitempty"`
	// widget of the sites.
	// +optional
	// +default={"acceptance":"Explicit","storageBasis":"StrictlyNecessary","store":"Local"}
	Widget ConsentWidget `json:"widget,omitzero"`
	// siteAssertion is what the word of a site's own page is worth. Refused when absent.
	// +optional
	// +default={"mode":"Refused"}
	SiteAssertion SiteAssertion `json:"siteAssertion,omitzero"`
	// service that records and answers.
	// +required
	Service ConsentService `json:"service,omitzero"`
	// ledger of the proof.
	// +optional
	// +default={}
	Ledger ConsentLedger `json:"ledger,omitzero"`
	// gate of applications' data.
	// +optional
	// +default={}
	Gate ConsentGate `json:"gate,omitzero"`
}

// SiteStatus is the widget that a site's pages load now.
type SiteStatus struct {
	// id of the site.
	// +required
	ID PartName `json:"id,omitempty"`
	// url of the script.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	URL string `json:"url,omitempty"`
	// integrity of the script (Subresource Integrity).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Integrity string `json:"integrity,omitempty"`
	// digest of the script.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// bytes of the script, compressed.
	// +optional
	Bytes *int64 `json:"bytes,omitempty"`
}

// NoticeStatus is the notice that is shown now.
type NoticeStatus struct {
	// version of the notice.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Version int32 `json:"version,omitempty"`
	// materialDigest of what people accept. Another one asks everybody again.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	MaterialDigest string `json:"materialDigest,omitempty"`
}

// LedgerStatus is the largest checkpoint that was copied out of the ledger.
type LedgerStatus struct {
	// size is the number of events.
	// +optional
	Size *int64 `json:"size,omitempty"`
	// checkpointTime is when the checkpoint was signed.
	// +optional
	CheckpointTime *metav1.Time `json:"checkpointTime,omitempty"`
	// root is the hash of the log (RFC 6962), base64.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Root string `json:"root,omitempty"`
}

// LedgerKeyKind says what a key of a ledger is for.
//
// +kubebuilder:validation:Enum=kek;pepper
type LedgerKeyKind string

// Kinds of keys.
const (
	// LedgerKeyKEK wraps the keys of people.
	LedgerKeyKEK LedgerKeyKind = "kek"
	// LedgerKeyPepper hides names of people.
	LedgerKeyPepper LedgerKeyKind = "pepper"
)

// LedgerKeyUse is what the service does with a key.
// +kubebuilder:validation:Enum=Write;Read
type LedgerKeyUse string

// Uses of keys.
const (
	// LedgerKeyWrite is the use of the key under which rows are written and read.
	LedgerKeyWrite LedgerKeyUse = "Write"
	// LedgerKeyRead is the use of a key under which rows are read alone: one of before, or the next one.
	LedgerKeyRead LedgerKeyUse = "Read"
)

// LedgerKeyStatus is a key that the service has, or that rows of the ledger need.
type LedgerKeyStatus struct {
	// kind of the key.
	// +required
	Kind LedgerKeyKind `json:"kind,omitempty"`
	// id is the start of a digest of the key.
	// +required
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}$`
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=8
	ID string `json:"id,omitempty"`
	// entry of the Secret that has the key. Absent, the key is missing.
	// +optional
	// +kubebuilder:validation:Pattern=`^(kek|pepper)(-next|-before(-[2-8])?)?$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=32
	Entry string `json:"entry,omitempty"`
	// use is what the service does with the key: it writes under one of each kind.
	// +optional
	Use LedgerKeyUse `json:"use,omitempty"`
	// rows that need the key, as last counted. A key that is only read by, and that none needs, can be destroyed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Rows *int64 `json:"rows,omitempty"`
}

// ConsentPolicyStatus is what the service has made of the policy.
type ConsentPolicyStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Published, Provisioned, Resident, ProofComplete, Verified, KeysComplete, WishesHandled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// tenantID of the ledger. It belongs to namespace and name for ever.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	TenantID string `json:"tenantID,omitempty"`
	// sites with the scripts that their pages load.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	Sites []SiteStatus `json:"sites,omitempty"`
	// notice that is shown.
	// +optional
	Notice *NoticeStatus `json:"notice,omitempty"`
	// ledger as last copied.
	// +optional
	Ledger *LedgerStatus `json:"ledger,omitempty"`
	// keys of the ledger, as last told while all pods of the service had the same.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=32
	Keys []LedgerKeyStatus `json:"keys,omitempty"`
}

// ConsentPolicy is one tenant of the ledger of consents: purposes, words, widget, and the service that records choices
// (Articles 4(11), 6, 7 and 8).
//
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be a label of at most 40 characters that starts with a letter: children and labels carry it"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cpol,categories=gdpr
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Notice",type=integer,JSONPath=`.status.notice.version`
// +kubebuilder:printcolumn:name="Events",type=integer,JSONPath=`.status.ledger.size`
// +kubebuilder:printcolumn:name="Verified",type=string,JSONPath=`.status.conditions[?(@.type=="Verified")].status`
// +kubebuilder:printcolumn:name="Resident",type=string,JSONPath=`.status.conditions[?(@.type=="Resident")].status`
// +kubebuilder:printcolumn:name="Tenant",type=string,JSONPath=`.status.tenantID`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ConsentPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what people are asked, and what proves the answer.
	// +required
	Spec ConsentPolicySpec `json:"spec,omitzero"`
	// status is what the service has made of it.
	// +optional
	// +default={"observedGeneration":-1}
	Status ConsentPolicyStatus `json:"status,omitzero"`
}

// ConsentPolicyList is a list of ConsentPolicy.
//
// +kubebuilder:object:root=true
type ConsentPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ConsentPolicy `json:"items"`
}
