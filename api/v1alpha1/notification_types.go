package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NotificationEvent is why a message is sent.
//
// +kubebuilder:validation:Enum=StageFired;ComplementDue;DeadLettered;RecipientErasure;ErasureOverdue;OfficerDigest;ExceptionExpiring;ConsentCheckpoint;ErasureDue
type NotificationEvent string

// Values of NotificationEvent.
const (
	EventStageFired       NotificationEvent = "StageFired"
	EventComplementDue    NotificationEvent = "ComplementDue"
	EventDeadLettered     NotificationEvent = "DeadLettered"
	EventRecipientErasure NotificationEvent = "RecipientErasure"
	EventErasureOverdue   NotificationEvent = "ErasureOverdue"
	EventOfficerDigest    NotificationEvent = "OfficerDigest"
	// EventExceptionExpiring: an exception of a ResidencyPolicy ends within thirty days.
	EventExceptionExpiring NotificationEvent = "ExceptionExpiring"
	// EventConsentCheckpoint: the log of a ConsentPolicy has grown, and its state is to be kept elsewhere too.
	EventConsentCheckpoint NotificationEvent = "ConsentCheckpoint"
	EventErasureDue        NotificationEvent = "ErasureDue"
)

// DeliveryResult is what an attempt came to.
//
// +kubebuilder:validation:Enum=Accepted;Timeout;Unresolved;Blocked;TLSFailed;Refused;ServerError;ChannelMissing
type DeliveryResult string

// Values of DeliveryResult.
const (
	DeliveryAccepted       DeliveryResult = "Accepted"
	DeliveryTimeout        DeliveryResult = "Timeout"
	DeliveryUnresolved     DeliveryResult = "Unresolved"
	DeliveryBlocked        DeliveryResult = "Blocked"
	DeliveryTLSFailed      DeliveryResult = "TLSFailed"
	DeliveryRefused        DeliveryResult = "Refused"
	DeliveryServerError    DeliveryResult = "ServerError"
	DeliveryChannelMissing DeliveryResult = "ChannelMissing"
)

// ObjectRef names the object that a message is about.
type ObjectRef struct {
	// kind of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// name of the object.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// uid of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// NotificationCause is why the message exists.
type NotificationCause struct {
	// event that caused the message.
	// +required
	Event NotificationEvent `json:"event,omitempty"`
	// stage of the escalation, for events of a stage; the recipient of the data, for RecipientErasure; the time of the
	// schedule, for OfficerDigest; the exception and its end, for ExceptionExpiring; the day, for ConsentCheckpoint.
	// +optional
	Stage PartName `json:"stage,omitempty"`
	// ordinal counts repetitions of the same cause; 1 when absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Ordinal int32 `json:"ordinal,omitempty"`
}

// NotificationRecipient is who receives the message. The address is read from the channel when sending.
type NotificationRecipient struct {
	// role of the recipient.
	// +required
	Role AudienceRole `json:"role,omitempty"`
	// index of the address within the channel; 1 is the first.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Index int32 `json:"index,omitempty"`
}

// NotificationParameter is a value for the template. Only names, times and numbers are allowed.
type NotificationParameter struct {
	// name of the parameter.
	// +required
	// +kubebuilder:validation:Pattern=`^[a-z][A-Za-z0-9]*$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// value of the parameter.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}

// NotificationSpec is one message to one recipient. It does not change.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a notification does not change; it is one message, written once"
type NotificationSpec struct {
	// objectRef names the object that the message is about: one of the same namespace, or one of a kind without namespace.
	// +required
	ObjectRef ObjectRef `json:"objectRef,omitzero"`
	// cause of the message.
	// +required
	Cause NotificationCause `json:"cause,omitzero"`
	// channelRef names the NotificationChannel.
	// +required
	ChannelRef ClusterRef `json:"channelRef,omitzero"`
	// recipient of the message.
	// +required
	Recipient NotificationRecipient `json:"recipient,omitzero"`
	// template is the name of the embedded text.
	// +required
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9-]*$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Template string `json:"template,omitempty"`
	// language of the text.
	// +required
	Language Language `json:"language,omitempty"`
	// parameters fill the text.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Parameters []NotificationParameter `json:"parameters,omitempty"`
	// idempotencyKey is SHA-256, in hex, of object UID, cause, channel and recipient; each attempt carries it.
	// +required
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
}

// NotificationStatus is what became of the message.
type NotificationStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, DeadLettered.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// attempts is the number of attempts that were begun.
	// +optional
	Attempts *int32 `json:"attempts,omitempty"`
	// firstAttemptTime is when the first attempt was begun.
	// +optional
	FirstAttemptTime *metav1.Time `json:"firstAttemptTime,omitempty"`
	// lastAttemptTime is when the last attempt was begun.
	// +optional
	LastAttemptTime *metav1.Time `json:"lastAttemptTime,omitempty"`
	// nextAttemptTime is when the next attempt is due.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`
	// deliveredTime is when the message was accepted.
	// +optional
	DeliveredTime *metav1.Time `json:"deliveredTime,omitempty"`
	// lastResult of the last attempt.
	// +optional
	LastResult DeliveryResult `json:"lastResult,omitempty"`
	// messageID under which the receiving server knows the message.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	MessageID string `json:"messageID,omitempty"`
}

// Notification is one message to one recipient: a durable outbox. Rempart alone creates it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=notif,categories=gdpr
// +kubebuilder:printcolumn:name="Object",type=string,JSONPath=`.spec.objectRef.name`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.spec.cause.stage`
// +kubebuilder:printcolumn:name="Channel",type=string,JSONPath=`.spec.channelRef.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.lastResult`
// +kubebuilder:printcolumn:name="Attempts",type=integer,JSONPath=`.status.attempts`
// +kubebuilder:printcolumn:name="Delivered",type=string,format=date-time,JSONPath=`.status.deliveredTime`
type Notification struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the message.
	// +required
	Spec NotificationSpec `json:"spec,omitzero"`
	// status is what became of the message.
	// +optional
	// +default={"observedGeneration":-1}
	Status NotificationStatus `json:"status,omitzero"`
}

// NotificationList is a list of Notification.
//
// +kubebuilder:object:root=true
type NotificationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Notification `json:"items"`
}
