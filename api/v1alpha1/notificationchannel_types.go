package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ChannelType is the technique of a channel.
//
// +kubebuilder:validation:Enum=SMTP;Webhook
type ChannelType string

// Values of ChannelType.
const (
	ChannelSMTP    ChannelType = "SMTP"
	ChannelWebhook ChannelType = "Webhook"
)

// MailTLS is how a connection to a mail server is protected. There is no unprotected mode.
//
// +kubebuilder:validation:Enum=StartTLS;Implicit
type MailTLS string

// Values of MailTLS.
const (
	MailTLSStartTLS MailTLS = "StartTLS"
	MailTLSImplicit MailTLS = "Implicit"
)

// SMTPChannel delivers by mail. Delivered means that the server answered 250 after DATA (RFC 5321).
type SMTPChannel struct {
	// host of the mail server.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// port of the mail server; 587 when absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +default=587
	Port int32 `json:"port,omitempty"`
	// tls mode.
	// +optional
	// +default="StartTLS"
	TLS MailTLS `json:"tls,omitempty"`
	// from is the sender's address.
	// +required
	// +kubebuilder:validation:Pattern=`^[^@\s<>]+@[^@\s<>]+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	From string `json:"from,omitempty"`
	// to are the addresses of the recipients: members of the organisation, never data subjects.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:MinLength=3
	// +kubebuilder:validation:items:Pattern=`^[^@\s<>]+@[^@\s<>]+$`
	To []string `json:"to,omitempty"`
	// credentialsSecretRef names a Secret in the operator's namespace with the keys username and password.
	// +optional
	CredentialsSecretRef *SecretRef `json:"credentialsSecretRef,omitempty"`
	// caSecretRef names a Secret in the operator's namespace whose key ca.crt holds the trusted roots, in PEM.
	// +optional
	CASecretRef *SecretRef `json:"caSecretRef,omitempty"`
}

// WebhookChannel delivers by an HTTPS POST in the form of Standard Webhooks (headers webhook-id, webhook-timestamp, webhook-signature).
// Delivered means a 2xx answer.
type WebhookChannel struct {
	// url that receives the message. http is accepted only for addresses that the operator's configuration allows.
	// +required
	// +kubebuilder:validation:Pattern=`^https?://[^@\s]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`
	// signingSecretRef names a Secret in the operator's namespace whose key secret signs the message, and previous too while rotating.
	// +optional
	SigningSecretRef *SecretRef `json:"signingSecretRef,omitempty"`
	// caSecretRef names a Secret in the operator's namespace whose key ca.crt holds the trusted roots, in PEM.
	// +optional
	CASecretRef *SecretRef `json:"caSecretRef,omitempty"`
}

// NotificationChannelSpec is one way to tell somebody.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'SMTP' ? has(self.smtp) && !has(self.webhook) : has(self.webhook) && !has(self.smtp)",message="set exactly the member that type names: smtp for SMTP, webhook for Webhook"
type NotificationChannelSpec struct {
	// type of the channel; the member of that name is set.
	// +required
	Type ChannelType `json:"type,omitempty"`
	// smtp is set when type is SMTP.
	// +optional
	SMTP *SMTPChannel `json:"smtp,omitempty"`
	// webhook is set when type is Webhook.
	// +optional
	Webhook *WebhookChannel `json:"webhook,omitempty"`
	// language of the messages; the officer's when absent.
	// +optional
	Language Language `json:"language,omitempty"`
	// retryFor is how long a message is tried before it is dead-lettered.
	// +optional
	// +default="PT24H"
	RetryFor Hours `json:"retryFor,omitempty"`
	// perHour is the most messages that the channel carries in an hour.
	// +optional
	// +default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	PerHour int32 `json:"perHour,omitempty"`
}

// NotificationChannelStatus is what the last deliveries showed.
type NotificationChannelStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reachable.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// lastDeliveredTime is when a message was last accepted.
	// +optional
	LastDeliveredTime *metav1.Time `json:"lastDeliveredTime,omitempty"`
	// lastFailureTime is when a message was last not accepted.
	// +optional
	LastFailureTime *metav1.Time `json:"lastFailureTime,omitempty"`
}

// NotificationChannel is one way to tell people of the organisation something. It never reaches data subjects or authorities.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=nchan,categories=gdpr
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].status`
// +kubebuilder:printcolumn:name="Last delivered",type=string,format=date-time,JSONPath=`.status.lastDeliveredTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type NotificationChannel struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is one way to tell somebody.
	// +required
	Spec NotificationChannelSpec `json:"spec,omitzero"`
	// status is what the last deliveries showed.
	// +optional
	// +default={"observedGeneration":-1}
	Status NotificationChannelStatus `json:"status,omitzero"`
}

// NotificationChannelList is a list of NotificationChannel.
//
// +kubebuilder:object:root=true
type NotificationChannelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NotificationChannel `json:"items"`
}
