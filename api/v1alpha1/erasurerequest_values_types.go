package v1alpha1

// ErasureGround is the point of Article 17(1) that the person relies on.
//
// +kubebuilder:validation:Enum=Article17_1_a;Article17_1_b;Article17_1_c;Article17_1_d;Article17_1_e;Article17_1_f
type ErasureGround string

// Values of ErasureGround.
const (
	GroundPointA ErasureGround = "Article17_1_a"
	GroundPointB ErasureGround = "Article17_1_b"
	GroundPointC ErasureGround = "Article17_1_c"
	GroundPointD ErasureGround = "Article17_1_d"
	GroundPointE ErasureGround = "Article17_1_e"
	GroundPointF ErasureGround = "Article17_1_f"
)

// ErasureObjection is what the person objects to (Article 21): processing for direct marketing, or processing for legitimate
// interests or a public task on grounds of their particular situation.
//
// +kubebuilder:validation:Enum=DirectMarketing;ParticularSituation
type ErasureObjection string

// Values of ErasureObjection.
const (
	// ObjectionDirectMarketing is absolute (Article 21(2) and (3)).
	ObjectionDirectMarketing ErasureObjection = "DirectMarketing"
	// ObjectionParticularSituation is weighed against compelling legitimate grounds (Article 21(1)).
	ObjectionParticularSituation ErasureObjection = "ParticularSituation"
)

// DueMove is why due times that were shown moved.
//
// +kubebuilder:validation:Enum=Extended;Question;OfficerFound;LawData;Refused
type DueMove string

// Values of DueMove.
const (
	// MovedByExtension: the answer was extended in time (Article 12(3)).
	MovedByExtension DueMove = "Extended"
	// MovedByQuestion: a question to the person stopped the clock, or its answer came (Article 12(6)).
	MovedByQuestion DueMove = "Question"
	// MovedByOfficer: an officer was found, whose zone and holidays count from then on.
	MovedByOfficer DueMove = "OfficerFound"
	// MovedByLawData: a new version of Rempart has other public holidays. It moves the legal limit alone.
	MovedByLawData DueMove = "LawData"
	// MovedByRefusal: a refusal is told within the month of Article 12(4), which no extension lengthens.
	MovedByRefusal DueMove = "Refused"
)

// RegisterMode is which registers a request concerns.
//
// +kubebuilder:validation:Enum=All;Named
type RegisterMode string

// Values of RegisterMode.
const (
	RegistersAll   RegisterMode = "All"
	RegistersNamed RegisterMode = "Named"
)

// ErasureExecution is when an accepted request is executed.
//
// +kubebuilder:validation:Enum=PlanOnly;AfterApproval;Automatic
type ErasureExecution string

// Values of ErasureExecution.
const (
	ExecutionPlanOnly      ErasureExecution = "PlanOnly"
	ExecutionAfterApproval ErasureExecution = "AfterApproval"
	ExecutionAutomatic     ErasureExecution = "Automatic"
)

// ErasureVerdict is the decision of a person.
//
// +kubebuilder:validation:Enum=Approved;Refused
type ErasureVerdict string

// Values of ErasureVerdict.
const (
	ErasureApproved ErasureVerdict = "Approved"
	ErasureRefused  ErasureVerdict = "Refused"
)

// RefusalReason is why a request is refused (Articles 12(5) and 17(3)).
//
// +kubebuilder:validation:Enum=ManifestlyUnfounded;Excessive;IdentityNotProven;FreedomOfExpression;LegalObligation;PublicTask;PublicHealth;Archiving;LegalClaims
type RefusalReason string

// Values of RefusalReason.
const (
	RefusalManifestlyUnfounded RefusalReason = "ManifestlyUnfounded"
	RefusalExcessive           RefusalReason = "Excessive"
	RefusalIdentityNotProven   RefusalReason = "IdentityNotProven"
	RefusalFreedomOfExpression RefusalReason = "FreedomOfExpression"
	RefusalLegalObligation     RefusalReason = "LegalObligation"
	RefusalPublicTask          RefusalReason = "PublicTask"
	RefusalPublicHealth        RefusalReason = "PublicHealth"
	RefusalArchiving           RefusalReason = "Archiving"
	RefusalLegalClaims         RefusalReason = "LegalClaims"
)

// IdentityMethod is how the identity of the person was checked (Article 12(6)).
//
// +kubebuilder:validation:Enum=LoggedInAccount;ConfirmedChannel;Document;Representative;NotNeeded
type IdentityMethod string

// Values of IdentityMethod.
const (
	IdentityLoggedInAccount  IdentityMethod = "LoggedInAccount"
	IdentityConfirmedChannel IdentityMethod = "ConfirmedChannel"
	IdentityDocument         IdentityMethod = "Document"
	IdentityRepresentative   IdentityMethod = "Representative"
	IdentityNotNeeded        IdentityMethod = "NotNeeded"
)

// TargetResult is what became of the request in one store.
//
// +kubebuilder:validation:Enum=Pending;Planned;Deferred;Erased;PartlyKept;Nothing;Failed;Manual
type TargetResult string

// Values of TargetResult.
const (
	TargetPending TargetResult = "Pending"
	TargetPlanned TargetResult = "Planned"
	// TargetDeferred means that a store committed the erasure but for rows on legal hold; the rest follows when the hold ends.
	TargetDeferred   TargetResult = "Deferred"
	TargetErased     TargetResult = "Erased"
	TargetPartlyKept TargetResult = "PartlyKept"
	TargetNothing    TargetResult = "Nothing"
	TargetFailed     TargetResult = "Failed"
	// TargetManual means that Rempart looked for nothing in a store and erased nothing, for its register has no dataset for it; or that the store left the register before it was erased.
	TargetManual TargetResult = "Manual"
)

// TargetKind is what a target of an erasure is.
//
// +kubebuilder:validation:Enum=Store;ConsentLedger
type TargetKind string

// Values of TargetKind.
const (
	// TargetStore is a store of a DataRegister.
	TargetStore TargetKind = "Store"
	// TargetConsentLedger is the ledger of a ConsentPolicy.
	TargetConsentLedger TargetKind = "ConsentLedger"
)

// RecipientResult is whether a recipient was told (Article 19).
//
// +kubebuilder:validation:Enum=Pending;Informed;Impossible
type RecipientResult string

// Values of RecipientResult.
const (
	RecipientPending    RecipientResult = "Pending"
	RecipientInformed   RecipientResult = "Informed"
	RecipientImpossible RecipientResult = "Impossible"
)

// ErasureEnd is how a request ended.
//
// +kubebuilder:validation:Enum=Erased;PartlyErased;NothingErased;NothingFound;Refused;PlannedOnly;AlreadyExecuted
type ErasureEnd string

// Values of ErasureEnd.
const (
	// EndErased means that all rows of the person were erased, and that the verifier found nothing.
	EndErased ErasureEnd = "Erased"
	// EndPartlyErased means that some rows are kept, each with the article that orders or allows it, or that a store without a dataset
	// is left to a person (Manual).
	EndPartlyErased ErasureEnd = "PartlyErased"
	// EndNothingErased means that rows of the person were found and all are kept, each with the article that orders or allows it: the
	// person is told why, as with a refusal (Article 12(4)).
	EndNothingErased ErasureEnd = "NothingErased"
	// EndNothingFound means that no store that was searched held a row of the person, or that there was none to search: the message of
	// Ready says which.
	EndNothingFound ErasureEnd = "NothingFound"
	// EndRefused means that a person refused the request, with a reason (Article 12(4)).
	EndRefused ErasureEnd = "Refused"
	// EndPlannedOnly means that execution PlanOnly asked for no more than a plan.
	EndPlannedOnly ErasureEnd = "PlannedOnly"
	// EndAlreadyExecuted means that an older request has the same requestID; this one ran nothing.
	EndAlreadyExecuted ErasureEnd = "AlreadyExecuted"
)
