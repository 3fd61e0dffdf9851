package v1alpha1

// ConsentMail is the mail server of the controller by which the service mails people the links of their page. A mail has a person's
// address and a link that opens what is recorded of them, so the server's place is judged as that of the ledger is.
type ConsentMail struct {
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
	// tls mode. There is none without TLS.
	// +optional
	// +default="StartTLS"
	TLS MailTLS `json:"tls,omitempty"`
	// from is the sender's address.
	// +required
	// +kubebuilder:validation:Pattern=`^[^@\s<>]+@[^@\s<>]+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	From string `json:"from,omitempty"`
	// place of the mail server.
	// +required
	Place ExternalStore `json:"place,omitzero"`
	// credentialsSecretRef names a Secret with the keys username and password.
	// +optional
	CredentialsSecretRef *SecretRef `json:"credentialsSecretRef,omitempty"`
	// caSecretRef names a Secret whose key ca.crt holds the trusted roots, in PEM.
	// +optional
	CASecretRef *SecretRef `json:"caSecretRef,omitempty"`
}
