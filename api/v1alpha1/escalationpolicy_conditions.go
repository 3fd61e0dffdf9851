package v1alpha1

// Reasons of EscalationPolicy. Its only condition type of its own is Ready.
const (
	// ReasonChannelsExist means that every channel that the policy names exists.
	ReasonChannelsExist = "ChannelsExist"
	// ReasonChannelMissing means that a channel that the policy names does not exist.
	ReasonChannelMissing = "ChannelMissing"
)
