package v1alpha1

// Condition types of an ErasureRequest, beside Ready, Reconciling and Stalled. Ready is True at the end of the request:
// its reason is then one of the values of ErasureEnd, the subject Secret is gone and the certificate is written. Before the
// end Ready is False with the reason of the first condition that is not True yet. A refusal of which the person was not told is
// an end, and not Ready.
const (
	// ConditionAccepted is True when the subject could be read, the registers exist and the clock is set.
	ConditionAccepted = "Accepted"
	// ConditionPlanned is True when every store has a plan.
	ConditionPlanned = "Planned"
	// ConditionApproved is True when the plan that stands in status was approved, or needs no approval.
	ConditionApproved = "Approved"
	// ConditionExecuted is True when every store has committed the erasure.
	ConditionExecuted = "Executed"
	// ConditionVerified is True when the verifier found nothing of the person in any store, but what is kept.
	ConditionVerified = "Verified"
	// ConditionRecipientsInformed is True when each recipient was told, or it is written why not (Article 19).
	ConditionRecipientsInformed = "RecipientsInformed"
	// ConditionPersonInformed exists from the end of a request on which action was taken, and is True when the person was told of it
	// (Article 12(3)). Ready does not wait for it. A refusal is told before it is Ready, and has none.
	ConditionPersonInformed = "PersonInformed"
	// ConditionOverdue exists, and is True, while dueTime has passed without an end, or without the person having been told of it
	// (Article 12(3)), or of a refusal (Article 12(4)).
	ConditionOverdue = "Overdue"
)

// Reasons of Accepted.
const (
	// ReasonAccepted means that nothing is in the way of a plan.
	ReasonAccepted = "Accepted"
	// ReasonOfficerMissing means accepted, but without an officer: the due times are in UTC and know no public holidays.
	ReasonOfficerMissing = "OfficerMissing"
	// ReasonSubjectMissing means that the subject Secret does not exist.
	ReasonSubjectMissing = "SubjectMissing"
	// ReasonSubjectEmpty means that the subject Secret holds no identifier, or an empty one.
	ReasonSubjectEmpty = "SubjectEmpty"
	// ReasonSubjectUnreadable means that the Secret is not of type Opaque or has a key that is not an identifier. It is
	// then not a subject Secret: Rempart does not delete it.
	ReasonSubjectUnreadable = "SubjectUnreadable"
	// ReasonEmailMalformed means that the subject Secret has an e-mail address that nobody can have, such as one with a name before it.
	ReasonEmailMalformed = "EmailMalformed"
	// ReasonPhoneMalformed means that the subject Secret has a telephone number that nobody can have, such as one with letters.
	ReasonPhoneMalformed = "PhoneMalformed"
	// ReasonCharacterUnseen means that an identifier of the subject Secret has a character that cannot be seen.
	ReasonCharacterUnseen = "CharacterUnseen"
	// ReasonSubjectChanged means that the Secret holds another person than the one that was accepted.
	ReasonSubjectChanged = "SubjectChanged"
	// ReasonSubjectKeyMissing means that the key of the accepted reference was destroyed: the person cannot be compared.
	ReasonSubjectKeyMissing = "SubjectKeyMissing"
	// ReasonRegisterMissing means that a register that the request names does not exist, or that the namespace has none.
	ReasonRegisterMissing = "RegisterMissing"
	// ReasonTooManyStores means that the chosen registers have more stores than one request can follow.
	ReasonTooManyStores = "TooManyStores"
	// ReasonTooManyRecipients means that the registers have more recipients than one request can tell (Article 19). It is a
	// reason of RecipientsInformed too, where the registers grew since.
	ReasonTooManyRecipients = "TooManyRecipients"
	// ReasonReceivedInFuture means that receivedTime has not come yet.
	ReasonReceivedInFuture = "ReceivedInFuture"
	// ReasonClockNotSet means that the times of the request and the law profile give no due time.
	ReasonClockNotSet = "ClockNotSet"
	// ReasonAwaitingIdentity means that a question to the person is open (Article 12(6)): the clock is stopped.
	ReasonAwaitingIdentity = "AwaitingIdentity"
)

// Reasons of Planned, Approved, Executed, Verified and RecipientsInformed. A target's reason of package task, such as
// TableMissing or Unreachable, is a reason of Planned or Executed too.
const (
	// ReasonPlanned means that every store has a plan.
	ReasonPlanned = "Planned"
	// ReasonPlanning means that a plan is being made.
	ReasonPlanning = "Planning"
	// ReasonNotAccepted means that the request is not accepted, so nothing else was begun.
	ReasonNotAccepted = "NotAccepted"
	// ReasonNotPlanned means that there is no plan to judge yet.
	ReasonNotPlanned = "NotPlanned"
	// ReasonApproved means that a person with the verb approve approved the plan.
	ReasonApproved = "Approved"
	// ReasonAutomatic means that execution Automatic asks for no approval.
	ReasonAutomatic = "Automatic"
	// ReasonAwaitingApproval means that a person must decide.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonPlanOnly means that execution PlanOnly asks for no approval and no execution.
	ReasonPlanOnly = "PlanOnly"
	// ReasonPlanChanged means that the plan is no longer the one that was approved.
	ReasonPlanChanged = "PlanChanged"
	// ReasonRefused means that a person refused the request.
	ReasonRefused = "Refused"
	// ReasonNotApproved means that an execution needs an approval first.
	ReasonNotApproved = "NotApproved"
	// ReasonExecuting means that an execution is under way or about to begin.
	ReasonExecuting = "Executing"
	// ReasonExecuted means that every store has committed.
	ReasonExecuted = "Executed"
	// ReasonNotExecuted means that there is nothing to verify, or to tell, yet.
	ReasonNotExecuted = "NotExecuted"
	// ReasonVerified means that the verifier found nothing but what is kept.
	ReasonVerified = "Verified"
	// ReasonCommitUnknown means that no run could say whether a store committed.
	ReasonCommitUnknown = "CommitUnknown"
	// ReasonInformed means that the channel of each recipient accepted a notice.
	ReasonInformed = "Informed"
	// ReasonNoRecipients means that the registers name no recipient to tell.
	ReasonNoRecipients = "NoRecipients"
	// ReasonInforming means that messages to recipients are under way.
	ReasonInforming = "Informing"
	// ReasonRequestIDTaken means that an older request has the requestID and is about another person, or was for a plan alone.
	ReasonRequestIDTaken = "RequestIDTaken"
	// ReasonPurposeUnknown means that no activity of the chosen registers has a purpose of the request.
	ReasonPurposeUnknown = "PurposeUnknown"
	// ReasonSomeImpossible means that it is written why some recipients could not be told.
	ReasonSomeImpossible = "SomeImpossible"
	// ReasonRecipientsUnknown means that a register in which rows were erased was deleted before its recipients were listed: whom it
	// named is for a person to find out and to tell.
	ReasonRecipientsUnknown = "RecipientsUnknown"
	// ReasonTold means that the person was told what was done.
	ReasonTold = "Told"
	// ReasonNotYetTold means that the request has ended and that nobody said that the person knows how.
	ReasonNotYetTold = "NotYetTold"
	// ReasonDueTimePassed means that the safe target of the answer has passed.
	ReasonDueTimePassed = "DueTimePassed"
	// ReasonForgetting means that the request has ended and that its subject Secret is being deleted.
	ReasonForgetting = "Forgetting"
	// ReasonAwaitingNotice means that the request was refused and that the person was not told yet (Article 12(4)).
	ReasonAwaitingNotice = "AwaitingNotice"
	// ReasonCertifying means that the request has ended and that its certificate is being written and logged.
	ReasonCertifying = "Certifying"
	// ReasonEvidenceDamaged means that the evidence log does not hold, or contradicts the request: somebody changed it.
	ReasonEvidenceDamaged = "EvidenceDamaged"
	// ReasonEvidenceKeyLost means that the key of the evidence log is gone, or is not the one that was published.
	ReasonEvidenceKeyLost = "EvidenceKeyLost"
	// ReasonDeleting means that the request was deleted and waits for a run that has begun.
	ReasonDeleting = "Deleting"
)

// Reasons of a recipient's result.
const (
	// ReasonNoChannel means that the register names no channel to the recipient, and does not say why they are not told. It is
	// a reason of RecipientsInformed too.
	ReasonNoChannel = "NoChannel"
	// ReasonNoticeAccepted means that the recipient's channel accepted a notice of the erasure, which names the request and not the person.
	ReasonNoticeAccepted = "NoticeAccepted"
	// ReasonUndelivered means that every attempt to tell the recipient failed.
	ReasonUndelivered = "Undelivered"
	// ReasonRegisterGone means that the recipient's register was deleted before the recipient was told: nothing says by which
	// channel, or why not.
	ReasonRegisterGone = "RegisterGone"
)
