package v1alpha1

// Condition types of DataRegister, beside Ready, Reconciling and Stalled.
const (
	// ConditionComplete is True when the record has all that Article 30 asks for. Findings say what is missing.
	ConditionComplete = "Complete"
	// ConditionResident is True when every store is where the residency policy allows.
	ConditionResident = "Resident"
	// ConditionProvisioned is True when every managed store runs, and every store has the login roles and the ledger
	// that erasure needs.
	ConditionProvisioned = "Provisioned"
	// ConditionAccurate is True when every store was read and holds what its dataset declares, and nothing that looks
	// like personal data beside it.
	ConditionAccurate = "Accurate"
)

// Reasons of DataRegister.
const (
	// ReasonRegisterReady means that every store answers, is provisioned, and is where the policy allows.
	ReasonRegisterReady = "StoresAnswer"
	// ReasonNoStores means that the register names no store, so that there is nothing to judge.
	ReasonNoStores = "NoStores"
	// ReasonDatabaseStarting means that the pod of a managed store is not ready.
	ReasonDatabaseStarting = "DatabaseStarting"
	// ReasonPaused means that a managed store has replicas 0.
	ReasonPaused = "Paused"
	// ReasonScanPending means that a store was not yet read as it is now declared.
	ReasonScanPending = "ScanPending"
	// ReasonCredentialsMissing means that a Secret that the connection names is absent or lacks a key.
	ReasonCredentialsMissing = "CredentialsMissing"
	// ReasonWorkloadMissing means that the workload that workloadRef names does not exist or has no pod on a node.
	ReasonWorkloadMissing = "WorkloadMissing"

	// ReasonUnreachable means that there is no connection to a store: host, port or network.
	ReasonUnreachable = "Unreachable"
	// ReasonAuthenticationFailed means that a store refuses the credentials.
	ReasonAuthenticationFailed = "AuthenticationFailed"
	// ReasonAuthenticationWeak means that a store wants a password in clear or as MD5, or asks for none, and that no certificate proves
	// that it is the store.
	ReasonAuthenticationWeak = "AuthenticationWeak"
	// ReasonDatabaseMissing means that a store has no such database.
	ReasonDatabaseMissing = "DatabaseMissing"
	// ReasonTLSFailed means that a store offers no TLS, or that its certificate is not trusted.
	ReasonTLSFailed = "TLSFailed"
	// ReasonPrivilegeMissing means that a login role lacks a privilege that the dataset needs.
	ReasonPrivilegeMissing = "PrivilegeMissing"
	// ReasonRoleTooStrong means that a login role may do more than it should.
	ReasonRoleTooStrong = "RoleTooStrong"
	// ReasonLedgerMissing means that the table rempart.ledger does not exist.
	ReasonLedgerMissing = "LedgerMissing"
	// ReasonTableMissing means that a declared table does not exist.
	ReasonTableMissing = "TableMissing"
	// ReasonColumnMissing means that a declared column does not exist.
	ReasonColumnMissing = "ColumnMissing"
	// ReasonUndeclared means that tables or columns look like personal data and are not in the dataset.
	ReasonUndeclared = "Undeclared"
	// ReasonPlanImpossible means that a constraint of the store forbids what the dataset orders.
	ReasonPlanImpossible = "PlanImpossible"
	// ReasonScanFailed means that the scan ended without saying what it saw; it is tried again.
	ReasonScanFailed = "ScanFailed"

	// ReasonRestored means that a store came back from a backup, and that people who were erased since run again.
	ReasonRestored = "Restored"
	// ReasonLedgerLost means that the ledger of a store forgot requests, and that only a person can tell whether the store came back from a
	// backup: spec.stores[].loss.
	ReasonLedgerLost = "LedgerLost"

	// ReasonProvisioned means that roles, grants and ledger are in place.
	ReasonProvisioned = "Provisioned"
	// ReasonAccurate means that every store is as declared.
	ReasonAccurate = "AsDeclared"
	// ReasonComplete means that nothing of Article 30 is missing.
	ReasonComplete = "ContentWhole"
	// ReasonContentMissing means that findings of severity Error say what Article 30 misses.
	ReasonContentMissing = "ContentMissing"

	// ReasonResident means that every store is where the policy allows.
	ReasonResident = "PlacesAllowed"
	// ReasonPlaceNotAllowed means that a store is where the policy does not allow.
	ReasonPlaceNotAllowed = "PlaceNotAllowed"
	// ReasonPlaceUnknown means that nothing proves where a store is: treated as not allowed.
	ReasonPlaceUnknown = "PlaceUnknown"
	// ReasonPlaceNotObserved means that a store is on no node yet.
	ReasonPlaceNotObserved = "PlaceNotObserved"
	// ReasonStorageClassNotAllowed means that the class of a managed store may keep data outside of the allowed places,
	// or that nothing proves where; the store is not created.
	ReasonStorageClassNotAllowed = "StorageClassNotAllowed"
	// ReasonNoAllowedRegion means that no region is allowed for a managed store; it is not created.
	ReasonNoAllowedRegion = "NoAllowedRegion"

	// ReasonStoreClaimed means that an older register, or another store of this one, names the same database.
	ReasonStoreClaimed = "StoreClaimed"
	// ReasonStorageShrunk means that the spec asks for less storage than the volume has.
	ReasonStorageShrunk = "StorageShrunk"
	// ReasonStorageClassChanged means that the spec names another class than the volume has.
	ReasonStorageClassChanged = "StorageClassChanged"
	// ReasonStorageNotExpandable means that the volume could not grow: its class or its policy does not allow it.
	ReasonStorageNotExpandable = "StorageNotExpandable"
	// ReasonDataKept means, in an event, that volumes and credentials outlive the register.
	ReasonDataKept = "DataKept"
	// ReasonDataDeleted means, in an event, that volumes and credentials were deleted with the register.
	ReasonDataDeleted = "DataDeleted"
)
