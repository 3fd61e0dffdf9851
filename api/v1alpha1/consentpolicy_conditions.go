package v1alpha1

// Condition types of ConsentPolicy, beside Ready, Reconciling, Stalled, and Provisioned and Resident, which mean the same
// as for DataRegister, for the service and its database.
// Condition types of ConsentPolicy, beside Ready, Reconciling and Stalled. Provisioned and Resident are those of
// DataRegister, for the service and its database; Verified is True when the last self-audit found ledger and log in
// agreement, and the log only ever grew.
const (
	// ConditionPublished is True when the words, purposes and widget that the policy asks for are in the ledger and served.
	ConditionPublished = "Published"
	// ConditionProofComplete is True when nothing counts as consent that only somebody else can prove, and who was forgotten is known
	// outside of the ledger.
	ConditionProofComplete = "ProofComplete"
	// ConditionKeysComplete is True when the service has every key that rows of the ledger need.
	ConditionKeysComplete = "KeysComplete"
	// ConditionWishesHandled is True when a request of erasure was made of each wish of a person on their page.
	ConditionWishesHandled = "WishesHandled"
)

// Reasons of ConsentPolicy, beside those of other kinds that it shares: OfficerMissing, RegisterMissing, CredentialsMissing,
// Paused, and what is said of volumes and places.
const (
	// ReasonServing means that the service answers with what the policy asks for.
	ReasonServing = "Serving"
	// ReasonServiceStarting means that no pod of the service is ready.
	ReasonServiceStarting = "ServiceStarting"
	// ReasonServiceSilent means that the service has ready pods and did not answer.
	ReasonServiceSilent = "ServiceSilent"
	// ReasonServiceOutdated means that the service is of another version than the operator, and does not know what it is asked.
	ReasonServiceOutdated = "ServiceOutdated"
	// ReasonPurposeNotRegistered means that the register lacks a purpose, or has it with another legal basis.
	ReasonPurposeNotRegistered = "PurposeNotRegistered"
	// ReasonNoticeNotInEffect means that the effectiveTime of every notice is still to come.
	ReasonNoticeNotInEffect = "NoticeNotInEffect"
	// ReasonLedgerStarting means that the database of the ledger does not answer yet.
	ReasonLedgerStarting = "LedgerStarting"
	// ReasonServicePlaced means that database and service are where the register's policy allows.
	ReasonServicePlaced = "ServicePlaced"
	// ReasonServiceProvisioned means that database, keys and service run.
	ReasonServiceProvisioned = "ServiceProvisioned"
	// ReasonGatewayAPIMissing means that the policy names a Gateway, and the cluster has no Gateway API.
	ReasonGatewayAPIMissing = "GatewayAPIMissing"
	// ReasonRoutePending means that the Gateway has not said yet whether it takes the route.
	ReasonRoutePending = "RoutePending"
	// ReasonRouteNotAccepted means that the Gateway does not take the route.
	ReasonRouteNotAccepted = "RouteNotAccepted"
	// ReasonRouteUnresolved means that the Gateway takes the route and does not find the service by it.
	ReasonRouteUnresolved = "RouteUnresolved"
	// ReasonIssuerUnknown means that the API server did not tell who issues the tokens of ServiceAccounts.
	ReasonIssuerUnknown = "IssuerUnknown"

	// ReasonNoticePublished means that the notice is in the ledger and shown.
	ReasonNoticePublished = "NoticePublished"
	// ReasonPolicyRefused means that the service does not take in the policy as it is, and serves the one of before.
	ReasonPolicyRefused = "PolicyRefused"
	// ReasonNoticePending means that the service still shows another notice.
	ReasonNoticePending = "NoticePending"

	// ReasonAssertionEvidenceMissing means that the word of a site counts, and the policy names no place of its proof.
	ReasonAssertionEvidenceMissing = "AssertionEvidenceMissing"
	// ReasonOwnProof means that each acceptance is an act that the ledger recorded, or has its proof at the named place.
	ReasonOwnProof = "OwnProof"

	// ReasonNoWishWaits means that a request was made of each wish to be erased.
	ReasonNoWishWaits = "NoWishWaits"
	// ReasonWishesWaiting means that more people asked than requests are made at once.
	ReasonWishesWaiting = "WishesWaiting"
	// ReasonTooManyWishes means that so many requests of wishes have no end that no more are made.
	ReasonTooManyWishes = "TooManyWishes"
	// ReasonErasureRequested is the event that requests were made of wishes.
	ReasonErasureRequested = "ErasureRequested"
	// ReasonRequestRemoved is the event that the request of a wish was removed before its end.
	ReasonRequestRemoved = "RequestRemoved"
	// ReasonKeyReplaced is the event that tells that another key that Rempart made is used from now on.
	ReasonKeyReplaced = "KeyReplaced"
	// ReasonForgottenFull means that more people were forgotten than the list outside of the ledger has room for.
	ReasonForgottenFull = "ForgottenFull"
	// ReasonKeysThere means that the service has every key that rows of the ledger need.
	ReasonKeysThere = "KeysThere"
	// ReasonKeyMissing means that rows of the ledger may need a key that is in no Secret of the policy.
	ReasonKeyMissing = "KeyMissing"
	// ReasonNoRoomForKey means that as many old keys stand beside one as there is room for, so that none takes its place.
	ReasonNoRoomForKey = "NoRoomForKey"

	// ReasonAuditPassed means that the last self-audit found ledger and log in agreement.
	ReasonAuditPassed = "AuditPassed"
	// ReasonAuditPending means that there was no self-audit yet.
	ReasonAuditPending = "AuditPending"
	// ReasonContradicted means that ledger and log disagree, or that the log does not continue the checkpoint that was
	// copied before: somebody changed or cut what was recorded.
	ReasonContradicted = "Contradicted"
)
