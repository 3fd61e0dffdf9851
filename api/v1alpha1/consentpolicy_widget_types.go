package v1alpha1

// WidgetAcceptance is whether sending a message can be the visitor's act, or only a button.
//
// +kubebuilder:validation:Enum=Message;Explicit
type WidgetAcceptance string

// Values of WidgetAcceptance.
const (
	WidgetMessage  WidgetAcceptance = "Message"
	WidgetExplicit WidgetAcceptance = "Explicit"
)

// StorageBasis is why the visitor's device may store something after the act (Article 5(3) of Directive 2002/58/EC).
//
// +kubebuilder:validation:Enum=StrictlyNecessary;Consent
type StorageBasis string

// Values of StorageBasis.
const (
	StorageStrictlyNecessary StorageBasis = "StrictlyNecessary"
	StorageConsent           StorageBasis = "Consent"
)

// WidgetStore is where the device keeps the choice after the act: for the site, for the tab, or for all subdomains.
//
// +kubebuilder:validation:Enum=Local;Tab;Cookie
type WidgetStore string

// Values of WidgetStore.
const (
	StoreLocal  WidgetStore = "Local"
	StoreTab    WidgetStore = "Tab"
	StoreCookie WidgetStore = "Cookie"
)

// Feature is whether a part of the widget is in use.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type Feature string

// Values of Feature.
const (
	FeatureEnabled  Feature = "Enabled"
	FeatureDisabled Feature = "Disabled"
)

// WidgetProof is whether a visitor's events are linked to each other by a secret on the device.
//
// +kubebuilder:validation:Enum=Linked;Aggregate
type WidgetProof string

// Values of WidgetProof.
const (
	ProofLinked    WidgetProof = "Linked"
	ProofAggregate WidgetProof = "Aggregate"
)

// DoNotTrackMode is whether the signal DNT counts. Global Privacy Control always does.
//
// +kubebuilder:validation:Enum=Ignored;Honoured
type DoNotTrackMode string

// Values of DoNotTrackMode.
const (
	DoNotTrackIgnored  DoNotTrackMode = "Ignored"
	DoNotTrackHonoured DoNotTrackMode = "Honoured"
)

// AssertionMode is whether the word of the site's own page counts.
//
// +kubebuilder:validation:Enum=Refused;Accepted
type AssertionMode string

// Values of AssertionMode.
const (
	AssertionRefused  AssertionMode = "Refused"
	AssertionAccepted AssertionMode = "Accepted"
)

// ConsentPeriod is how long a choice counts: an ISO 8601 period in calendar units of at most 13 months, such as P6M.
//
// +kubebuilder:validation:Pattern=`^P(1Y(1M)?|([1-9]|1[0-3])M|([1-9]|[1-4][0-9]|5[0-6])W|([1-9][0-9]?|[12][0-9][0-9]|3[0-8][0-9])D)$`
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=5
type ConsentPeriod string

// SessionPeriod is an ISO 8601 duration in whole minutes or hours of at most a day, such as PT30M.
//
// +kubebuilder:validation:Pattern=`^PT([1-9][0-9]{0,2}M|([1-9]|1[0-9]|2[0-4])H)$`
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=6
type SessionPeriod string

// Origin is the origin of a page: https, host, and port where it is another than 443. http is for this machine only.
//
// +kubebuilder:validation:Pattern=`^(https://[a-z0-9]([-a-z0-9.]*[a-z0-9])?|http://(localhost|127\.0\.0\.1))(:[1-9][0-9]{0,4})?$`
// +kubebuilder:validation:MinLength=9
// +kubebuilder:validation:MaxLength=253
type Origin string

// TriggerText is the first bubble of a trigger in one language.
type TriggerText struct {
	// language of the words.
	// +required
	Language NoticeLanguage `json:"language,omitempty"`
	// text of the bubble.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	Text string `json:"text,omitempty"`
}

// SiteTrigger is a scenario that a page offers. It starts only after the visitor accepted it.
type SiteTrigger struct {
	// id of the trigger.
	// +required
	ID PartName `json:"id,omitempty"`
	// texts by language.
	// +required
	// +listType=map
	// +listMapKey=language
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Texts []TriggerText `json:"texts,omitempty"`
}

// ConsentSite is a site whose pages load the widget.
//
// +kubebuilder:validation:XValidation:rule="self.languages.exists(l, l == self.defaultLanguage)",message="defaultLanguage must be one of languages"
// +kubebuilder:validation:XValidation:rule="!has(self.triggers) || self.triggers.all(t, self.languages.all(l, t.texts.exists(x, x.language == l)))",message="a trigger has a text in each of the site's languages"
type ConsentSite struct {
	// id of the site. It is public: a page holds no secret.
	// +required
	ID PartName `json:"id,omitempty"`
	// origins of the site's pages.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Origins []Origin `json:"origins,omitempty"`
	// languages of the widget on the site.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Languages []NoticeLanguage `json:"languages,omitempty"`
	// defaultLanguage of pages in a language that the site has no words for.
	// +required
	DefaultLanguage NoticeLanguage `json:"defaultLanguage,omitempty"`
	// triggers that pages offer.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Triggers []SiteTrigger `json:"triggers,omitempty"`
}

// ConsentWidget is how the widget asks and what it keeps. Global Privacy Control is always honoured.
//
// +kubebuilder:validation:XValidation:rule="(self.store == 'Cookie') == has(self.cookieDomain)",message="cookieDomain is set exactly when store is Cookie"
// +kubebuilder:validation:XValidation:rule="self.storageBasis != 'Consent' || self.acceptance == 'Explicit'",message="storageBasis Consent needs acceptance Explicit: a message is no consent to storage"
type ConsentWidget struct {
	// acceptance by the widget. Explicit, a button only, is what we recommend.
	// +optional
	// +default="Explicit"
	Acceptance WidgetAcceptance `json:"acceptance,omitempty"`
	// storageBasis of what the device keeps after the act. With Consent it is a button that accepts, never a message, and the ledger
	// records a consent to storage, which is about no purpose.
	// +optional
	// +default="StrictlyNecessary"
	StorageBasis StorageBasis `json:"storageBasis,omitempty"`
	// store on the device.
	// +optional
	// +default="Local"
	Store WidgetStore `json:"store,omitempty"`
	// cookieDomain that subdomains share when store is Cookie.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	CookieDomain string `json:"cookieDomain,omitempty"`
	// consentTTL is how long an acceptance counts. At most P13M.
	// +optional
	// +default="P6M"
	ConsentTTL ConsentPeriod `json:"consentTTL,omitempty"`
	// sessionTTL is how long the id of a conversation outlives the last message.
	// +optional
	// +default="PT30M"
	SessionTTL SessionPeriod `json:"sessionTTL,omitempty"`
	// readAtLoad is whether the visitor's own choice is read when the page loads, or only at the visitor's first act.
	// +optional
	// +default="Enabled"
	ReadAtLoad Feature `json:"readAtLoad,omitempty"`
	// rememberRefusal is whether a refusal before any acceptance is kept on the device. Disabled, it leaves no trace.
	// +optional
	// +default="Disabled"
	RememberRefusal Feature `json:"rememberRefusal,omitempty"`
	// ephemeral is whether a visitor who refuses may converse in memory only.
	// +optional
	// +default="Disabled"
	Ephemeral Feature `json:"ephemeral,omitempty"`
	// proof is whether the device keeps a secret that links a visitor's events.
	// +optional
	// +default="Linked"
	Proof WidgetProof `json:"proof,omitempty"`
	// doNotTrack is whether the signal DNT counts like Global Privacy Control.
	// +optional
	// +default="Honoured"
	DoNotTrack DoNotTrackMode `json:"doNotTrack,omitempty"`
	// sendURL gets accepted messages by POST. Absent, the page's own code gets them.
	// +optional
	SendURL WebURL `json:"sendURL,omitempty"`
}

// SiteAssertion is what the word of the site's own page is worth (consentReceived). The controller must be able to prove
// it by other means: evidenceURL says where.
//
// +kubebuilder:validation:XValidation:rule="(self.mode == 'Accepted') == has(self.purposes)",message="purposes are set exactly when mode is Accepted"
// +kubebuilder:validation:XValidation:rule="self.mode == 'Accepted' || !has(self.evidenceURL)",message="evidenceURL is for mode Accepted"
type SiteAssertion struct {
	// mode of assertions. Refused when absent.
	// +optional
	// +default="Refused"
	Mode AssertionMode `json:"mode,omitempty"`
	// purposes that the site may assert; RequestedService only.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=40
	Purposes []PartName `json:"purposes,omitempty"`
	// evidenceURL is where the site's own proof is kept. Without it the proof is not complete.
	// +optional
	EvidenceURL WebURL `json:"evidenceURL,omitempty"`
}
