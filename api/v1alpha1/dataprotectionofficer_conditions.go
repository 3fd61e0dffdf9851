package v1alpha1

// Condition types of DataProtectionOfficer, beside Ready, Reconciling and Stalled.
const (
	// ConditionAppointed is True when all is there that Article 37(7) asks to publish and to tell the authority.
	ConditionAppointed = "Appointed"
	// ConditionReachable is True when the last notification to a channel of the officer arrived; Unknown until the first.
	ConditionReachable = "Reachable"
)

// Reasons of DataProtectionOfficer.
const (
	// ReasonCounted means that everything the officer answers for was counted.
	ReasonCounted = "Counted"
	// ReasonDigestScheduleUnreadable means that spec.digest.schedule is no cron expression.
	ReasonDigestScheduleUnreadable = "DigestScheduleUnreadable"
	// ReasonDigestWithoutChannel means that spec.digest is set, and no channel could carry it.
	ReasonDigestWithoutChannel = "DigestWithoutChannel"
	// ReasonTimeZoneUnknown means that spec.timeZone is not in the IANA database.
	ReasonTimeZoneUnknown = "TimeZoneUnknown"
	// ReasonAppointed means that name, contact and day of appointment are known.
	ReasonAppointed = "AppointmentWhole"
	// ReasonContactMissing means that the officer has neither e-mail address nor phone.
	ReasonContactMissing = "ContactMissing"
	// ReasonAppointmentDateMissing means that the day of the appointment is not known.
	ReasonAppointmentDateMissing = "AppointmentDateMissing"
	// ReasonLastMessageArrived means that the last notification to the officer was accepted.
	ReasonLastMessageArrived = "LastMessageArrived"
	// ReasonLastMessageFailed means that the last notification to the officer was not accepted.
	ReasonLastMessageFailed = "LastMessageFailed"
	// ReasonNoMessageYet means that nothing was sent to the officer yet.
	ReasonNoMessageYet = "NoMessageYet"
	// ReasonChannelsMissing means that spec.channels is empty.
	ReasonChannelsMissing = "ChannelsMissing"
)
