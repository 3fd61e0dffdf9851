package v1alpha1

// A LegalHold has the conditions Ready and InForce, and while true Reconciling and Stalled. Ready is True when no run can
// erase any more what the hold keeps, and again when the hold is over.
const (
	// ConditionInForce is True while the hold forbids erasures: from the moment it is read, whether Ready or not.
	ConditionInForce = "InForce"
	// ConditionOnLegalHold, of an ErasureRequest, exists and is True while a hold defers a part of it.
	ConditionOnLegalHold = "OnLegalHold"
)

// Reasons of Ready and InForce. A subject that cannot be read has the reasons of an ErasureRequest's condition Accepted;
// until it can, the hold keeps everybody's data: nobody can say whose it means.
const (
	// ReasonInForce means that the hold forbids erasures, and that none is under way.
	ReasonInForce = "InForce"
	// ReasonTakingEffect means that an erasure that began before the hold is being stopped, or waited for.
	ReasonTakingEffect = "TakingEffect"
	// ReasonExpired means that the last day of the hold is over.
	ReasonExpired = "Expired"
	// ReasonReferenceUnknown means that no request of the namespace has a reference of spec.subjectRefs: the hold keeps everybody's data.
	ReasonReferenceUnknown = "ReferenceUnknown"
	// ReasonReleased means that the hold was lifted before its date.
	ReasonReleased = "Released"
)

// ReasonOnLegalHold means, of a condition or of a target, that a LegalHold forbids the erasure.
const ReasonOnLegalHold = "OnLegalHold"

// ReasonTooManyHolds means that more holds concern a register than a run can keep account of; it erases nothing.
const ReasonTooManyHolds = "TooManyHolds"
