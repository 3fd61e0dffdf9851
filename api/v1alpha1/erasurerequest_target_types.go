package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KeptRows is what the law orders to keep, and why.
type KeptRows struct {
	// table with its schema.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	Table string `json:"table,omitempty"`
	// rows that are kept.
	// +optional
	Rows *int64 `json:"rows,omitempty"`
	// article of the Regulation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law that orders to keep.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// untilOn is when the last of the rows may be erased.
	// +optional
	UntilOn Date `json:"untilOn,omitempty"`
	// holdRef names the LegalHold that keeps the rows, where one does.
	// +optional
	HoldRef ObjectName `json:"holdRef,omitempty"`
}

// HoldRecord is a LegalHold that deferred a part of a request, as it was when it was met. It stays in status when the hold is gone.
type HoldRecord struct {
	// name of the LegalHold.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// uid of the LegalHold.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// article of the Regulation that excepts the data from erasure.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law, the claim or the order that asks to keep the data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// untilOn is the last day of the hold, as last seen.
	// +required
	UntilOn Date `json:"untilOn,omitempty"`
	// sinceTime is when the request was first deferred by it.
	// +optional
	SinceTime *metav1.Time `json:"sinceTime,omitempty"`
	// createdTime is when the hold was made: a deferral that was told earlier is not about it.
	// +optional
	CreatedTime *metav1.Time `json:"createdTime,omitempty"`
	// endedTime is when the hold was seen to keep nothing of the request any more.
	// +optional
	EndedTime *metav1.Time `json:"endedTime,omitempty"`
}

// ErasureDeferral says that the person knows that a part of their data is kept for now.
type ErasureDeferral struct {
	// noticeSentTime is when the person was told what is kept and why, of the right to complain and of the judicial remedy (Article 12(4)).
	// +required
	NoticeSentTime *metav1.Time `json:"noticeSentTime,omitempty"`
	// stamp is who stated noticeSentTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// LawData is the state of the law's data by which due times are computed. The periods are those of the start of the request, and
// kept; holidays are facts, and a corrected one moves the legal limit.
type LawData struct {
	// profileDigest is SHA-256 over the periods of lawProfile when they were bound.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	ProfileDigest string `json:"profileDigest,omitempty"`
	// answerPeriod is the period of the answer (Article 12(3)), ISO 8601.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	AnswerPeriod string `json:"answerPeriod,omitempty"`
	// refusalPeriod is the period of telling a refusal (Article 12(4)), ISO 8601.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	RefusalPeriod string `json:"refusalPeriod,omitempty"`
	// questionPeriod is within what a question stops the clock (Article 12(6)), ISO 8601.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	QuestionPeriod string `json:"questionPeriod,omitempty"`
	// calendar is the country and the version of the public holidays that were last counted with, such as FR/2026-11.3; absent where none count.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Calendar string `json:"calendar,omitempty"`
}

// MovedDueTime is a pair of due times that was shown until it moved.
type MovedDueTime struct {
	// movedTime is when it moved.
	// +required
	MovedTime *metav1.Time `json:"movedTime,omitempty"`
	// reason of the move.
	// +required
	Reason DueMove `json:"reason,omitempty"`
	// dueTime of before.
	// +required
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// legalDueTime of before.
	// +required
	LegalDueTime *metav1.Time `json:"legalDueTime,omitempty"`
}

// TableCount is what happened, or will happen, to a person's rows in one table.
type TableCount struct {
	// table with its schema.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	Table string `json:"table,omitempty"`
	// action on the rows.
	// +required
	Action TableErasure `json:"action,omitempty"`
	// rows concerned.
	// +optional
	Rows *int64 `json:"rows,omitempty"`
}

// ErasureTarget is one store, or one ledger of consents, that the request concerns.
type ErasureTarget struct {
	// register of the store, or that the ConsentPolicy names.
	// +required
	Register ObjectName `json:"register,omitempty"`
	// kind of the target.
	// +optional
	// +default="Store"
	Kind TargetKind `json:"kind,omitempty"`
	// store of the register, or the name of the ConsentPolicy.
	// +required
	Store PartName `json:"store,omitempty"`
	// runRef names the ErasureRun that works, or worked, on it.
	// +optional
	RunRef ObjectName `json:"runRef,omitempty"`
	// result in this store.
	// +required
	Result TargetResult `json:"result,omitempty"`
	// reason of the result, where there is one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message for people, where something needs doing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// rowsDeleted in this store.
	// +optional
	RowsDeleted *int64 `json:"rowsDeleted,omitempty"`
	// rowsMasked in this store.
	// +optional
	RowsMasked *int64 `json:"rowsMasked,omitempty"`
	// rowsDetached in this store.
	// +optional
	RowsDetached *int64 `json:"rowsDetached,omitempty"`
	// rowsKept in this store.
	// +optional
	RowsKept *int64 `json:"rowsKept,omitempty"`
	// tables with what was planned, then with what was done.
	// +optional
	// +listType=map
	// +listMapKey=table
	// +listMapKey=action
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=128
	Tables []TableCount `json:"tables,omitempty"`
	// kept rows with the law that orders it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=32
	Kept []KeptRows `json:"kept,omitempty"`
	// tablesOmitted is how many entries tables has no room for. The sums of rows count them.
	// +optional
	// +kubebuilder:validation:Minimum=1
	TablesOmitted *int32 `json:"tablesOmitted,omitempty"`
	// keptOmitted is how many entries kept has no room for: the run has them. The sums of rows count them.
	// +optional
	// +kubebuilder:validation:Minimum=1
	KeptOmitted *int32 `json:"keptOmitted,omitempty"`
	// planDigest is the digest of the latest plan.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PlanDigest string `json:"planDigest,omitempty"`
	// heldBy names the LegalHolds in force that forbid to erase the person from this store.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	HeldBy []ObjectName `json:"heldBy,omitempty"`
	// deferredBy names the LegalHolds that kept rows in the last execution, when result is Deferred.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	DeferredBy []ObjectName `json:"deferredBy,omitempty"`
	// attempts is the number of runs that ended without a result for this request. It spaces the next ones.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts *int32 `json:"attempts,omitempty"`
	// retryTime is when the store may be tried again, after a run without a result.
	// +optional
	RetryTime *metav1.Time `json:"retryTime,omitempty"`
	// missingTime is when the place was first seen to be no longer in its register with a dataset, or its policy gone. If it does not come back within a day, it is left to a person.
	// +optional
	MissingTime *metav1.Time `json:"missingTime,omitempty"`
	// epoch of the last run whose end is counted here; an older one is never counted again.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Epoch *int64 `json:"epoch,omitempty"`
	// plannedTime is when the plan was made.
	// +optional
	PlannedTime *metav1.Time `json:"plannedTime,omitempty"`
	// executedTime is when the erasure was committed.
	// +optional
	ExecutedTime *metav1.Time `json:"executedTime,omitempty"`
	// verifiedTime is when the verifier found nothing.
	// +optional
	VerifiedTime *metav1.Time `json:"verifiedTime,omitempty"`
}

// InformedRecipient is a recipient that must be told of the erasure (Article 19).
type InformedRecipient struct {
	// register that names the recipient.
	// +required
	Register ObjectName `json:"register,omitempty"`
	// name of the recipient; not-known where the register was deleted before its recipients were listed here.
	// +required
	Name PartName `json:"name,omitempty"`
	// result so far.
	// +required
	Result RecipientResult `json:"result,omitempty"`
	// reason why it is impossible, in the register's words where it says so; what is missing; or NoticeAccepted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Reason string `json:"reason,omitempty"`
	// erasedTime is the last commit that the notice is about. A later one, such as of what a legal hold had kept, is told by another notice.
	// +optional
	ErasedTime *metav1.Time `json:"erasedTime,omitempty"`
	// notices is the number of the last notice, from 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Notices *int32 `json:"notices,omitempty"`
}

// ErasureEvidence is what proves how the request ended: its certificate, and where the evidence log has it.
type ErasureEvidence struct {
	// certificateRef names the ConfigMap of the namespace that holds the certificate, under certificate.json.
	// +required
	CertificateRef LocalRef `json:"certificateRef,omitzero"`
	// digest is sha256:<hex> of the certificate.
	// +required
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// logIndex is the place of the certificate in the evidence log, from 0.
	// +required
	// +kubebuilder:validation:Minimum=0
	LogIndex *int64 `json:"logIndex,omitempty"`
	// proof that the log has the certificate, as C2SP tlog-proof: kubectl gdpr verify --log reads it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Proof string `json:"proof,omitempty"`
}
