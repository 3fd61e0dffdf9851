package v1alpha1

// An ErasureRun has the conditions Ready, Executed (mode Execute), Verified (mode Execute), Reconciling and Stalled. Ready
// is True when the run ended well: reason Planned or Verified. A run that ended otherwise is False and Stalled with its
// reason, which may be one of package task. Reasons beside those of ErasureRequest:
const (
	// ReasonStarting means that no Job was begun yet.
	ReasonStarting = "Starting"
	// ReasonQueued means that an earlier run of the store has not ended, or that as many runs work as may at once.
	ReasonQueued = "Queued"
	// ReasonJobRunning means that a Job works.
	ReasonJobRunning = "JobRunning"
	// ReasonRetrying means that a Job ended without a result, and that the next one is due.
	ReasonRetrying = "Retrying"
	// ReasonPodEnding means that the Job was deleted by somebody, or its pod is, and that the pod has not ended.
	ReasonPodEnding = "PodEnding"
	// ReasonNodeLost means that a pod of the run was to have ended a minute ago, and that its node does not end it. Whether the node is off, only
	// people know: they delete the Node, or taint it node.kubernetes.io/out-of-service.
	ReasonNodeLost = "NodeLost"
	// ReasonPartlyCommitted means that a run was stopped after the store had committed the erasure of some of its requests. These are
	// verified and counted; the others are planned again by themselves.
	ReasonPartlyCommitted = "PartlyCommitted"
	// ReasonReporting means that the store has committed and was verified, and that counts are still to be fetched.
	ReasonReporting = "Reporting"
	// ReasonCheckingLedger means that it is not known whether the store committed, and that its ledger is asked.
	ReasonCheckingLedger = "CheckingLedger"
	// ReasonRunStopped means that the run was stopped, since the subject of one of its requests was lost or changed, or another purpose came to need the store; the next run serves the others.
	ReasonRunStopped = "RunStopped"
	// ReasonSubjectLost means that the store committed the erasure of a request, and that its subject was gone before anybody was looked for.
	ReasonSubjectLost = "SubjectLost"
	// ReasonNoRoom means that the request did not fit into the run; the next run serves it.
	ReasonNoRoom = "NoRoom"
	// ReasonCountsMissing means that the counts of the request are in the ledger of the store only.
	// ReasonCountedWithOthers means that no row was counted for a request, and some were for another of its run: those that both share are counted there.
	ReasonCountedWithOthers = "CountedWithOthers"
	ReasonCountsMissing     = "CountsMissing"
	// ReasonTaskTooLarge means that the dataset of the store does not fit into a Secret.
	ReasonTaskTooLarge = "TaskTooLarge"
	// ReasonNothingAdmitted means that no request of the run may run any more.
	ReasonNothingAdmitted = "NothingAdmitted"
	// ReasonStoreMissing means that the register no longer has the store, or the store no dataset.
	ReasonStoreMissing = "StoreMissing"
	// ReasonNotSearchable is the reason of a target that finds people by none of the identifiers that the request gave.
	ReasonNotSearchable = "NotSearchable"
	// ReasonPurposeChanged means that the store does not hold data for the purposes of the request alone any more.
	ReasonPurposeChanged = "PurposeChanged"
	// ReasonNoDataset is the reason of a target that is left to a person, since the register has no dataset for the store.
	ReasonNoDataset = "NoDataset"
	// ReasonNotOurs means that the run was not made by Rempart for a register of the namespace. It does nothing.
	ReasonNotOurs = "NotOurs"
	// ReasonCancelled means that the run was deleted before it began.
	ReasonCancelled = "Cancelled"
	// ReasonImageChanged means that the operator was upgraded between the making of the run and its start.
	ReasonImageChanged = "ImageChanged"
	// ReasonRequestDeleted means that the request was deleted before the run began.
	ReasonRequestDeleted = "RequestDeleted"
	// ReasonRequestEnded means that the request ended before the run began.
	ReasonRequestEnded = "RequestEnded"
)
