package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NoticeChange is what a new version of the notice means. A Material one asks everybody again.
//
// +kubebuilder:validation:Enum=Material;Editorial
type NoticeChange string

// Values of NoticeChange.
const (
	NoticeMaterial  NoticeChange = "Material"
	NoticeEditorial NoticeChange = "Editorial"
)

// NoticeLanguage is the language of a notice, as an ISO 639 code, with a country where it matters: fr, en, pt-BR.
//
// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(-[A-Z]{2})?$`
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=6
type NoticeLanguage string

// WebURL is an address of a page, with TLS.
//
// +kubebuilder:validation:Pattern=`^https://[^\s@#]+$`
// +kubebuilder:validation:MinLength=10
// +kubebuilder:validation:MaxLength=500
type WebURL string

// ButtonLabel is the words on a button or a link.
//
// +kubebuilder:validation:Pattern=`\S`
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=80
type ButtonLabel string

// PurposeText is what people are told of one purpose.
type PurposeText struct {
	// name of the purpose.
	// +required
	Name PartName `json:"name,omitempty"`
	// title of the choice.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Title string `json:"title,omitempty"`
	// text that explains the purpose.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	Text string `json:"text,omitempty"`
}

// NoticeText is the exact words of a notice in one language. Refusing has its words on the first layer, and choices are
// the way to withdraw (Article 7(3)): both are always there.
//
// +kubebuilder:validation:XValidation:rule="self.refuse != self.accept",message="accept and refuse must be different words"
// +kubebuilder:validation:XValidation:rule="has(self.termsURL) == has(self.termsDigest)",message="termsURL and termsDigest are set together: terms are accepted as they were"
type NoticeText struct {
	// language of the words.
	// +required
	Language NoticeLanguage `json:"language,omitempty"`
	// banner is the first layer: who, why, what is stored, and what accepting means.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	Banner string `json:"banner,omitempty"`
	// accept is the button that accepts.
	// +required
	Accept ButtonLabel `json:"accept,omitempty"`
	// acceptAndSend is the send button until the visitor has accepted.
	// +required
	AcceptAndSend ButtonLabel `json:"acceptAndSend,omitempty"`
	// acceptAndStart is the button that accepts and starts a scenario.
	// +required
	AcceptAndStart ButtonLabel `json:"acceptAndStart,omitempty"`
	// refuse is the button that refuses, as large and as near as the one that accepts.
	// +required
	Refuse ButtonLabel `json:"refuse,omitempty"`
	// details is the link to the second layer.
	// +required
	Details ButtonLabel `json:"details,omitempty"`
	// choices is the permanent link by which a visitor changes the choice or withdraws it.
	// +required
	Choices ButtonLabel `json:"choices,omitempty"`
	// purposes of the second layer.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=40
	Purposes []PurposeText `json:"purposes,omitempty"`
	// changes says what changed since the last Material version. Who accepted that one is told so when asked again.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Changes string `json:"changes,omitempty"`
	// termsURL is where the terms of the service are.
	// +optional
	TermsURL WebURL `json:"termsURL,omitempty"`
	// termsDigest is the SHA-256 of the terms.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	TermsDigest string `json:"termsDigest,omitempty"`
	// privacyURL is where the information of Article 13 is.
	// +required
	PrivacyURL WebURL `json:"privacyURL,omitempty"`
}

// ConsentNotice is one version of the words. It is immutable once published; the ledger keeps all versions.
//
// +kubebuilder:validation:XValidation:rule="self.texts.exists(t, t.language == 'fr') && self.texts.exists(t, t.language == 'en')",message="a notice has texts in fr and en at least"
// +kubebuilder:validation:XValidation:rule="self.change == 'Material' || !self.texts.exists(t, has(t.changes))",message="changes are of a Material notice: an Editorial one asks nobody again"
type ConsentNotice struct {
	// version of the notice.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Version int32 `json:"version,omitempty"`
	// change that the version is. Words that change meaning are Material: the author says so.
	// +required
	Change NoticeChange `json:"change,omitempty"`
	// effectiveTime from which the version is shown; at once when absent.
	// +optional
	EffectiveTime *metav1.Time `json:"effectiveTime,omitempty"`
	// texts by language.
	// +required
	// +listType=map
	// +listMapKey=language
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=12
	Texts []NoticeText `json:"texts,omitempty"`
}
