package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Sector tells private from public bodies: legitimate interests and the one-stop shop differ between them.
//
// +kubebuilder:validation:Enum=Private;Public
type Sector string

// Sectors.
const (
	SectorPrivate Sector = "Private"
	SectorPublic  Sector = "Public"
)

// OfficerType tells staff from a service contract (Article 37(6)).
//
// +kubebuilder:validation:Enum=Internal;External
type OfficerType string

// Officer types.
const (
	OfficerInternal OfficerType = "Internal"
	OfficerExternal OfficerType = "External"
)

// ApprovalMode is how many people an erasure needs.
//
// +kubebuilder:validation:Enum=OnePerson;FourEyes
type ApprovalMode string

// Approval modes.
const (
	ApprovalOnePerson ApprovalMode = "OnePerson"
	ApprovalFourEyes  ApprovalMode = "FourEyes"
)

// Organisation is the controller or processor that the officer serves.
type Organisation struct {
	// legalName is the registered name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	LegalName string `json:"legalName,omitempty"`
	// registrationNumber in the trade register, such as a SIREN.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RegistrationNumber string `json:"registrationNumber,omitempty"`
	// address of the seat.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Address string `json:"address,omitempty"`
	// country of the main establishment. It decides the supervisory authority and the public holidays.
	// +required
	Country Country `json:"country,omitempty"`
	// website of the organisation.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Website string `json:"website,omitempty"`
	// sector of the organisation; Private when absent.
	// +optional
	// +default="Private"
	Sector Sector `json:"sector,omitempty"`
	// size class, in the words of the authority's form.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Size string `json:"size,omitempty"`
	// sizeDescription explains the size class.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	SizeDescription string `json:"sizeDescription,omitempty"`
	// activityCode of the main activity, such as a NACE code.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	ActivityCode string `json:"activityCode,omitempty"`
}

// Officer is the data protection officer (Articles 37 to 39).
type Officer struct {
	// name of the officer or of the firm that serves as one.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// email at which data subjects and the authority reach the officer (Article 37(7)).
	// +optional
	// +kubebuilder:validation:Pattern=`^[^@\s]+@[^@\s]+\.[^@\s]+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	Email string `json:"email,omitempty"`
	// phone of the officer.
	// +optional
	// +kubebuilder:validation:Pattern=`^\+?[0-9 ().-]+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=32
	Phone string `json:"phone,omitempty"`
	// type of appointment.
	// +optional
	// +default="Internal"
	Type OfficerType `json:"type,omitempty"`
	// appointedOn is the day of the appointment.
	// +optional
	AppointedOn Date `json:"appointedOn,omitempty"`
	// authorityReference is the number that the authority gave to the appointment.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	AuthorityReference string `json:"authorityReference,omitempty"`
}

// SupervisoryAuthority is the authority that is competent for the organisation (Articles 55 and 56).
type SupervisoryAuthority struct {
	// country of the authority; the organisation's when absent.
	// +optional
	Country Country `json:"country,omitempty"`
	// name of the authority; from the list of authorities when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name,omitempty"`
	// notificationURL at which a person notifies a breach; from the list of authorities when absent.
	// +optional
	// +kubebuilder:validation:Pattern=`^https://`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	NotificationURL string `json:"notificationURL,omitempty"`
}

// Digest is a regular summary to the officer.
type Digest struct {
	// schedule in cron form, in the officer's time zone.
	// +required
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=100
	Schedule string `json:"schedule,omitempty"`
	// channels that carry the digest; those of the officer when absent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Channels []ObjectName `json:"channels,omitempty"`
}

// DataProtectionOfficerSpec states who answers for personal data, and how to reach them.
type DataProtectionOfficerSpec struct {
	// organisation that the officer serves.
	// +required
	Organisation Organisation `json:"organisation,omitzero"`
	// officer who was appointed.
	// +required
	Officer Officer `json:"officer,omitzero"`
	// supervisoryAuthority that is competent.
	// +optional
	SupervisoryAuthority SupervisoryAuthority `json:"supervisoryAuthority,omitzero"`
	// timeZone is the IANA zone in which civil dates are read, such as Europe/Paris.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
	// holidays is the country whose public holidays count (Regulation 1182/71, Article 2(1)); the organisation's when absent.
	// +optional
	Holidays Country `json:"holidays,omitempty"`
	// language of messages to the officer.
	// +optional
	// +default="en"
	Language Language `json:"language,omitempty"`
	// approval is who may approve an erasure from a register of this officer: any person with the verb approve, or, with FourEyes, one who did not make the request.
	// +optional
	// +default="OnePerson"
	Approval ApprovalMode `json:"approval,omitempty"`
	// lawProfile names the set of periods and thresholds that apply.
	// +optional
	// +default="eu-gdpr-2016"
	// +kubebuilder:validation:Enum=eu-gdpr-2016
	LawProfile string `json:"lawProfile,omitempty"`
	// channels reach the officer.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Channels []ObjectName `json:"channels,omitempty"`
	// managementChannels reach the management.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ManagementChannels []ObjectName `json:"managementChannels,omitempty"`
	// digest that the officer receives regularly.
	// +optional
	Digest *Digest `json:"digest,omitempty"`
}

// DataProtectionOfficerStatus is what was last counted.
type DataProtectionOfficerStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Appointed, Reachable.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// registers is the number of DataRegisters that name this officer.
	// +optional
	Registers *int32 `json:"registers,omitempty"`
	// openErasureRequests is the number of requests that have not ended, in namespaces whose registers name this officer.
	// +optional
	OpenErasureRequests *int32 `json:"openErasureRequests,omitempty"`
	// overdueErasureRequests is how many of them are past their due time.
	// +optional
	OverdueErasureRequests *int32 `json:"overdueErasureRequests,omitempty"`
	// openBreaches is the number of incidents of this officer with a duty open.
	// +optional
	OpenBreaches *int32 `json:"openBreaches,omitempty"`
	// overdueBreaches is how many of them are overdue.
	// +optional
	OverdueBreaches *int32 `json:"overdueBreaches,omitempty"`
	// nextDeadlineTime is the earliest due time of everything that is open.
	// +optional
	NextDeadlineTime *metav1.Time `json:"nextDeadlineTime,omitempty"`
	// nextDeadlineFor names the object that is due next, as Kind namespace/name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=600
	NextDeadlineFor string `json:"nextDeadlineFor,omitempty"`
	// lastDigestTime is when the last digest was handed to the channels.
	// +optional
	LastDigestTime *metav1.Time `json:"lastDigestTime,omitempty"`
}

// DataProtectionOfficer is an organisation, its data protection officer, its supervisory authority, and how to
// reach the officer (Articles 37 to 39).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=dpo,categories=gdpr
// +kubebuilder:printcolumn:name="Organisation",type=string,JSONPath=`.spec.organisation.legalName`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Registers",type=integer,JSONPath=`.status.registers`
// +kubebuilder:printcolumn:name="Erasures",type=integer,JSONPath=`.status.openErasureRequests`
// +kubebuilder:printcolumn:name="Breaches",type=integer,JSONPath=`.status.openBreaches`
// +kubebuilder:printcolumn:name="Next deadline",type=string,format=date-time,JSONPath=`.status.nextDeadlineTime`
// +kubebuilder:printcolumn:name="For",type=string,JSONPath=`.status.nextDeadlineFor`,priority=1
type DataProtectionOfficer struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec states who answers for personal data.
	// +required
	Spec DataProtectionOfficerSpec `json:"spec,omitzero"`
	// status is what was last counted.
	// +optional
	// +default={"observedGeneration":-1}
	Status DataProtectionOfficerStatus `json:"status,omitzero"`
}

// DataProtectionOfficerList is a list of DataProtectionOfficer.
//
// +kubebuilder:object:root=true
type DataProtectionOfficerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DataProtectionOfficer `json:"items"`
}
