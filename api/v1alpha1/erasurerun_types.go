package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RunMode is whether a run only plans, or erases, or erases again people who came back with a backup.
//
// +kubebuilder:validation:Enum=Plan;Execute;Replay
type RunMode string

// Values of RunMode.
const (
	RunPlan    RunMode = "Plan"
	RunExecute RunMode = "Execute"
	RunReplay  RunMode = "Replay"
)

// RestoreKind is how a store came back from a backup, as far as its identity shows: system identifier and timeline of its server, and OID
// of its database.
//
// +kubebuilder:validation:Enum=OtherServer;OtherTimeline;OtherDatabase;SameServer;NotKnown
type RestoreKind string

// Values of RestoreKind.
const (
	// RestoreOtherServer means that another server answers: a dump was loaded there, or the server was made anew.
	RestoreOtherServer RestoreKind = "OtherServer"
	// RestoreOtherTimeline means that the server went back in time: recovery of a base backup, or to a point in time.
	RestoreOtherTimeline RestoreKind = "OtherTimeline"
	// RestoreOtherDatabase means that another database of the same server has the name: a dump was loaded there.
	RestoreOtherDatabase RestoreKind = "OtherDatabase"
	// RestoreSameServer means that the database is the same one: files were put back, a dump was loaded into it, or its ledger alone was
	// lost. A person tells which.
	RestoreSameServer RestoreKind = "SameServer"
	// RestoreNotKnown means that the store does not tell its identity to the verifier, or that another server or database answers whose
	// ledger has no row of the store. A person tells whether it was restored.
	RestoreNotKnown RestoreKind = "NotKnown"
)

// RunRestore is why a run erases again: what a scan saw of a store that came back from a backup.
type RunRestore struct {
	// kind is what was seen.
	// +required
	Kind RestoreKind `json:"kind,omitempty"`
	// seenTime is when a scan saw it.
	// +required
	SeenTime *metav1.Time `json:"seenTime,omitempty"`
	// fromTime is when the first of the run's requests was executed that the store has forgotten: the backup is older.
	// +required
	FromTime *metav1.Time `json:"fromTime,omitempty"`
	// toTime is when the last of them was executed.
	// +required
	ToTime *metav1.Time `json:"toTime,omitempty"`
}

// RunRequest is one request that a run serves.
type RunRequest struct {
	// name of the ErasureRequest in the namespace.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// uid of the ErasureRequest.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// attempt counts the earlier runs of the request at this store that ended without a result. It makes the run's name new.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt *int32 `json:"attempt,omitempty"`
}

// ErasureRunSpec is one run against one store. It does not change.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run does not change"
// +kubebuilder:validation:XValidation:rule="self.mode == 'Replay' || !has(self.restore)",message="restore is set only when mode is Replay"
// +kubebuilder:validation:XValidation:rule="(self.mode == 'Execute') == has(self.planDigest)",message="planDigest is set exactly when mode is Execute"
type ErasureRunSpec struct {
	// registerRef names the DataRegister in the namespace.
	// +required
	RegisterRef LocalRef `json:"registerRef,omitzero"`
	// kind of the target.
	// +optional
	// +default="Store"
	Kind TargetKind `json:"kind,omitempty"`
	// store of the register, or the name of the ConsentPolicy.
	// +required
	Store PartName `json:"store,omitempty"`
	// mode of the run.
	// +required
	Mode RunMode `json:"mode,omitempty"`
	// requests that the run serves.
	// +required
	// +listType=map
	// +listMapKey=uid
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	Requests []RunRequest `json:"requests,omitempty"`
	// planDigest that was approved; a run whose plan differs stops.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PlanDigest string `json:"planDigest,omitempty"`
	// restore is why people are erased again, in mode Replay.
	// +optional
	Restore *RunRestore `json:"restore,omitempty"`
	// epoch fences runs of one store: the ledger refuses a lower one.
	// +required
	// +kubebuilder:validation:Minimum=1
	Epoch int64 `json:"epoch,omitempty"`
	// image of the eraser, recorded at the start: a Job's template does not change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`
}

// RunTable is a table with what is done to its rows: a column of the counts of all outcomes of a run.
type RunTable struct {
	// table with its schema.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	Table string `json:"table,omitempty"`
	// action on the rows.
	// +required
	Action TableErasure `json:"action,omitempty"`
	// article of the Regulation under which rows are kept; set exactly when action is Keep.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law that orders to keep.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// holdRef names the LegalHold that keeps the rows, where one does.
	// +optional
	HoldRef ObjectName `json:"holdRef,omitempty"`
}

// RunDay is the last day on which kept rows must be kept.
type RunDay struct {
	// column is the place in status.tables, from 0.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	Column *int32 `json:"column,omitempty"`
	// untilOn is the day.
	// +required
	UntilOn Date `json:"untilOn,omitempty"`
}

// RunOutcome is the result for one request. Pending means that nothing was done, and that the request may run again;
// Failed that only a person can help.
type RunOutcome struct {
	// uid of the ErasureRequest.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// result for the request.
	// +required
	Result TargetResult `json:"result,omitempty"`
	// reason of the result, where there is one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// rows of the request in each of status.tables, in their order; what is missing at the end is zero.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=512
	Rows []int64 `json:"rows,omitempty"`
	// until says how long rows are kept, where the register says it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=128
	Until []RunDay `json:"until,omitempty"`
}

// ErasureRunStatus is what the run came to.
type ErasureRunStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Executed, Verified.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// outcomes of the requests. The list is atomic, so that a run of 1000 requests stays within what the API server stores.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=1000
	Outcomes []RunOutcome `json:"outcomes,omitempty"`
	// tables are the columns of the counts of the outcomes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=512
	Tables []RunTable `json:"tables,omitempty"`
	// admitted is how many requests the run works for; the others were left out, each with its reason.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Admitted *int32 `json:"admitted,omitempty"`
	// executedRequests is of how many of the admitted requests the store has committed the erasure, as the last Job that ended says:
	// a run of several transactions has a new Job every few minutes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ExecutedRequests *int32 `json:"executedRequests,omitempty"`
	// executedRows is how many rows it changed or deleted for them.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ExecutedRows *int64 `json:"executedRows,omitempty"`
	// seenAttempts is the number of the newest Job that was there: it is written before a Job is made that may erase. One that is not there
	// was deleted by somebody, or could not be made, and another follows it.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SeenAttempts *int32 `json:"seenAttempts,omitempty"`
	// untouchedAttempts is how many Jobs, from the first on, are known to have ended before the store could commit anything: the store
	// was not reached, or another run held its lock.
	// +optional
	// +kubebuilder:validation:Minimum=0
	UntouchedAttempts *int32 `json:"untouchedAttempts,omitempty"`
	// turns is how many Jobs ended, when their time was over, with a part of the run committed, or could only ask the ledger; they do not count as
	// attempts that failed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Turns *int32 `json:"turns,omitempty"`
	// counted is for how many of these, in the order of spec.requests, the counts are known.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Counted *int32 `json:"counted,omitempty"`
	// holds of the register that the run knows, in the order in which it met them. A hold is Ready when each run knows it or has ended.
	// +optional
	// +listType=map
	// +listMapKey=uid
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=256
	Holds []HoldRecord `json:"holds,omitempty"`
	// withheldTime is when a hold that arrived stopped the run: from then on it only asks the ledger whether it had committed.
	// +optional
	WithheldTime *metav1.Time `json:"withheldTime,omitempty"`
	// clockOffSeconds is by how much the last time that the store said of the run was before startedTime (negative) or ahead of the operator's clock, where that
	// is more than five minutes. Then committedTime or verifiedTime is the nearest that the operator's clock allows: from five minutes before startedTime to the present.
	// +optional
	ClockOffSeconds *int64 `json:"clockOffSeconds,omitempty"`
	// checkTime is since when the run only asks the ledger whether it had committed, every five minutes: it cannot go on, and a Job of it may have
	// committed.
	// +optional
	CheckTime *metav1.Time `json:"checkTime,omitempty"`
	// checkReason is why it cannot go on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	CheckReason string `json:"checkReason,omitempty"`
	// stopReason is why the run was stopped after the store had committed the erasure of some of its requests. What was committed
	// stands: admitted are these requests. The others are Pending, and run again by themselves.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	StopReason string `json:"stopReason,omitempty"`
	// stoppedRequests is how many requests left the run when it was stopped.
	// +optional
	// +kubebuilder:validation:Minimum=0
	StoppedRequests *int32 `json:"stoppedRequests,omitempty"`
	// planDigest of the plan that the run made.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PlanDigest string `json:"planDigest,omitempty"`
	// reason why the run failed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message for people: why it failed, or what to know about it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// attempts is the number of Jobs that were begun; the ledger of the store turns a second one into a check.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts *int32 `json:"attempts,omitempty"`
	// ledgerPosition is the row of the store's ledger that proves the run.
	// +optional
	LedgerPosition *int64 `json:"ledgerPosition,omitempty"`
	// startedTime is when the first Job was made.
	// +optional
	StartedTime *metav1.Time `json:"startedTime,omitempty"`
	// committedTime is when the erasure was committed.
	// +optional
	CommittedTime *metav1.Time `json:"committedTime,omitempty"`
	// verifiedTime is when the verifier ended.
	// +optional
	VerifiedTime *metav1.Time `json:"verifiedTime,omitempty"`
	// endedTime is when the run ended.
	// +optional
	EndedTime *metav1.Time `json:"endedTime,omitempty"`
	// evidence of a run of mode Replay that began: its certificate, and its leaf in the evidence log.
	// +optional
	Evidence *ErasureEvidence `json:"evidence,omitempty"`
}

// ErasureRun is one run against one store, for 1 to 1000 requests. Rempart alone creates it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=erun,categories=gdpr
// +kubebuilder:printcolumn:name="Register",type=string,JSONPath=`.spec.registerRef.name`
// +kubebuilder:printcolumn:name="Store",type=string,JSONPath=`.spec.store`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Requests",type=integer,JSONPath=`.status.admitted`
// +kubebuilder:printcolumn:name="Executed",type=integer,JSONPath=`.status.executedRequests`
// +kubebuilder:printcolumn:name="Counted",type=integer,JSONPath=`.status.counted`
// +kubebuilder:printcolumn:name="Attempts",type=integer,JSONPath=`.status.attempts`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ErasureRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the run.
	// +required
	Spec ErasureRunSpec `json:"spec,omitzero"`
	// status is what the run came to.
	// +optional
	// +default={"observedGeneration":-1}
	Status ErasureRunStatus `json:"status,omitzero"`
}

// ErasureRunList is a list of ErasureRun.
//
// +kubebuilder:object:root=true
type ErasureRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ErasureRun `json:"items"`
}
