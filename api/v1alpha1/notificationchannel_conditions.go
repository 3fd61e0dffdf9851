package v1alpha1

// Reasons of NotificationChannel. Its condition types are Ready and Reachable, which it shares with DataProtectionOfficer.
const (
	// ReasonConfigured means that the channel's Secrets exist and have their keys, and its address may be reached.
	ReasonConfigured = "Configured"
	// ReasonSecretMissing means that a Secret does not exist in the operator's namespace.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretIncomplete means that a Secret lacks a key.
	ReasonSecretIncomplete = "SecretIncomplete"
	// ReasonAddressNotAllowed means that the address is one that notifications may not reach.
	ReasonAddressNotAllowed = "AddressNotAllowed"
	// ReasonLastDelivered means that the last message was accepted.
	ReasonLastDelivered = "LastDelivered"
	// ReasonLastFailed means that the last message was not accepted.
	ReasonLastFailed = "LastFailed"
	// ReasonNeverUsed means that no message was sent through the channel yet.
	ReasonNeverUsed = "NeverUsed"
)
