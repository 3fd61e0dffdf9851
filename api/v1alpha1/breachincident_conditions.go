package v1alpha1

// Condition types of BreachIncident, beside Ready, Reconciling and Stalled. Overdue is shared with ErasureRequest.
const (
	// ConditionAware is True when awareTime is stated: the 72 hours of Article 33(1) count.
	ConditionAware = "Aware"
	// ConditionAssessed is True when a person decided on the risk.
	ConditionAssessed = "Assessed"
	// ConditionAuthorityNotified is True when the authority was told all, or need not be told (Article 33(1)).
	ConditionAuthorityNotified = "AuthorityNotified"
	// ConditionSubjectsInformed is True when the people concerned were told, or need not be told (Article 34).
	ConditionSubjectsInformed = "SubjectsInformed"
	// ConditionControllersInformed is True when a processor told each controller (Article 33(2)).
	ConditionControllersInformed = "ControllersInformed"
	// ConditionAcknowledged is True when every stage that asks for it was acknowledged.
	ConditionAcknowledged = "Acknowledged"
)

// Reasons of BreachIncident.
const (
	// ReasonClosed means that a person closed the incident and every duty is met.
	ReasonClosed = "Closed"
	// ReasonRecordedOnly means that a risk is unlikely, so that the record is the only duty (Article 33(5)).
	ReasonRecordedOnly = "RecordedOnly"
	// ReasonDismissed means that it was no personal data breach. The record stays.
	ReasonDismissed = "Dismissed"
	// ReasonSuspected means that nobody has said yet whether personal data were compromised.
	ReasonSuspected = "Suspected"
	// ReasonAwaitingAssessment means that nobody has decided on the risk. Until then it counts as one.
	ReasonAwaitingAssessment = "AwaitingAssessment"
	// ReasonAwaitingAuthority means that a person must notify the authority.
	ReasonAwaitingAuthority = "AwaitingAuthority"
	// ReasonAwaitingSubjects means that the people concerned must be told.
	ReasonAwaitingSubjects = "AwaitingSubjects"
	// ReasonAwaitingControllers means that controllers must be told.
	ReasonAwaitingControllers = "AwaitingControllers"
	// ReasonAwaitingComplement means that the authority was told in part and waits for the rest (Article 33(4)).
	ReasonAwaitingComplement = "AwaitingComplement"
	// ReasonAwaitingClosure means that a person must close the incident.
	ReasonAwaitingClosure = "AwaitingClosure"
	// ReasonDeclared means that awareness was declared.
	ReasonDeclared = "Declared"
	// ReasonNotDeclared means that awareness was not declared.
	ReasonNotDeclared = "NotDeclared"
	// ReasonDecided means that the outcome of the assessment is known.
	ReasonDecided = "Decided"
	// ReasonNotAssessed means that there is no assessment.
	ReasonNotAssessed = "NotAssessed"
	// ReasonUndetermined means that the assessment has no outcome yet.
	ReasonUndetermined = "Undetermined"
	// ReasonNotified means that a complete notification was made.
	ReasonNotified = "Complete"
	// ReasonNotRequired means that the law asks for nothing here.
	ReasonNotRequired = "NotRequired"
	// ReasonWithdrawn means that the notification was withdrawn.
	ReasonWithdrawn = "Withdrawn"
	// ReasonPending means that nothing was done yet.
	ReasonPending = "Pending"
	// ReasonSubmittedIncomplete means that a first notification was made, and its complement is owed.
	ReasonSubmittedIncomplete = "SubmittedIncomplete"
	// ReasonPeopleInformed means that those who must be told were told.
	ReasonPeopleInformed = "Informed"
	// ReasonExempt means that Article 34(3) exempts.
	ReasonExempt = "Exempt"
	// ReasonPartial means that some were told.
	ReasonPartial = "Partial"
	// ReasonAcknowledged means that every stage that asks for it was acknowledged.
	ReasonAcknowledged = "Acknowledged"
	// ReasonUnanswered means that a stage waits to be acknowledged, or none was yet.
	ReasonUnanswered = "Unanswered"
	// ReasonSafeTargetPassed means that the safe target of a duty has passed.
	ReasonSafeTargetPassed = "SafeTargetPassed"
	// ReasonLegalLimitPassed means that the legal limit of Article 33(1) has passed.
	ReasonLegalLimitPassed = "LegalLimitPassed"
	// ReasonUndeclaredTooLong means that the incident was neither declared nor dismissed in 72 hours from detection.
	ReasonUndeclaredTooLong = "UndeclaredTooLong"
	// ReasonPolicyMissing means that the EscalationPolicy does not exist: nobody can be told.
	ReasonPolicyMissing = "PolicyMissing"
	// ReasonNobodyTold is the reason of an event: a stage fired and no channel is set for those it should tell.
	ReasonNobodyTold = "NobodyTold"
	// ReasonStageFired is the reason of an event: a stage fired.
	ReasonStageFired = "StageFired"
	// ReasonClockStarted is the reason of an event: a clock started, or its start was corrected.
	ReasonClockStarted = "ClockStarted"
	// ReasonRecordKept means that a deletion waits until the record need no longer be kept.
	ReasonRecordKept = "RecordKept"
	// ReasonRecordSealed is the reason of an event: the namespace goes, and a copy of the record was sealed.
	ReasonRecordSealed = "RecordSealed"
)
