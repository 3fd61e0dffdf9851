package v1alpha1

// Condition types of Notification, beside Ready, Reconciling and Stalled.
const (
	// ConditionDeadLettered exists, and is True, when the message was given up. It is an end.
	ConditionDeadLettered = "DeadLettered"
)

// Reasons of Notification.
const (
	// ReasonDelivered means that the receiving server accepted the message.
	ReasonDelivered = "Delivered"
	// ReasonSending means that an attempt is under way or was cut short; it is made again.
	ReasonSending = "Sending"
	// ReasonAttemptFailed means that the last attempt failed and another one follows.
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonThrottled means that the channel has carried its most messages of an hour.
	ReasonThrottled = "Throttled"
	// ReasonRefusedForGood means that the receiver refused in a way that trying again does not mend.
	ReasonRefusedForGood = "RefusedForGood"
	// ReasonRetriesExhausted means that the channel's retryFor has passed.
	ReasonRetriesExhausted = "RetriesExhausted"
	// ReasonNotMadeHere means that the object was not written by Rempart. It is never sent.
	ReasonNotMadeHere = "NotMadeByRempart"
)
