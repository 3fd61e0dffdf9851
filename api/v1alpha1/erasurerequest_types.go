package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErasureSubject names the Secret that says who the person is.
type ErasureSubject struct {
	// secretRef names a Secret in the namespace with the keys email, phone, accountID, customerID, deviceID, consentSubject, consentReceipt or custom, one identifier each. Rempart deletes it when the request ends.
	// +required
	SecretRef SecretRef `json:"secretRef,omitzero"`
}

// RegisterChoice is which registers of the namespace the request concerns.
//
// +kubebuilder:validation:XValidation:rule="(has(self.mode) && self.mode == 'Named') == has(self.names)",message="names is set exactly when mode is Named"
type RegisterChoice struct {
	// mode of the choice.
	// +optional
	// +default="All"
	Mode RegisterMode `json:"mode,omitempty"`
	// names of the registers when mode is Named.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Names []ObjectName `json:"names,omitempty"`
}

// ErasureDecision is a person's decision. It is given once, by somebody who has the verb approve on erasurerequests.
//
// +kubebuilder:validation:XValidation:rule="(self.verdict == 'Refused') == has(self.reason)",message="reason is set exactly when verdict is Refused (Article 12(4))"
// +kubebuilder:validation:XValidation:rule="!has(self.reason) || !(self.reason in ['ManifestlyUnfounded', 'Excessive', 'FreedomOfExpression', 'Archiving']) || has(self.note)",message="this refusal needs a note that demonstrates it (Articles 12(5), 17(3) and 89(1))"
// +kubebuilder:validation:XValidation:rule="!has(self.reason) || !(self.reason in ['LegalObligation', 'PublicTask', 'PublicHealth']) || has(self.legalReference)",message="this refusal needs legalReference: the law that it rests on (Article 17(3))"
// +kubebuilder:validation:XValidation:rule="!has(self.reason) || !(self.reason in ['LegalObligation', 'LegalClaims']) || has(self.untilOn)",message="this refusal needs untilOn: the day on which the obligation or the limitation ends (Article 17(3))"
// +kubebuilder:validation:XValidation:rule="!has(self.reason) || self.reason != 'LegalClaims' || has(self.legalReference) || has(self.note)",message="this refusal needs the claim in legalReference, or the reasoned risk of one in note (Article 17(3)(e))"
// +kubebuilder:validation:XValidation:rule="self.verdict == 'Refused' || (!has(self.legalReference) && !has(self.untilOn))",message="legalReference and untilOn belong to a refusal"
type ErasureDecision struct {
	// verdict of the decision.
	// +required
	Verdict ErasureVerdict `json:"verdict,omitempty"`
	// reason of a refusal.
	// +optional
	Reason RefusalReason `json:"reason,omitempty"`
	// note to the decision; nothing about the person.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Note string `json:"note,omitempty"`
	// legalReference is the law or the claim that a refusal rests on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// untilOn is the day on which the reason of a refusal ends.
	// +optional
	UntilOn Date `json:"untilOn,omitempty"`
	// stamp is who decided, and when. Admission writes it; what a user writes is replaced.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
	// planDigest is the digest of the plan that was approved; that of status when absent.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PlanDigest string `json:"planDigest,omitempty"`
}

// ErasureRefusalNotice says that the person knows of the refusal.
type ErasureRefusalNotice struct {
	// sentTime is when the person was told of the refusal and its reasons, of the right to complain to a supervisory authority, and of the judicial remedy (Article 12(4)). Not before the request; the decision may be recorded after the letter. It is stated once.
	// +required
	SentTime *metav1.Time `json:"sentTime,omitempty"`
	// stamp is who stated sentTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// ErasureAnswerNotice says that the person knows what was done.
type ErasureAnswerNotice struct {
	// sentTime is when the person was told what was done on their request (Article 12(3)), and of what is kept and their rights where something is (Article 12(4)). Not before the request. It is stated once.
	// +required
	SentTime *metav1.Time `json:"sentTime,omitempty"`
	// stamp is who stated sentTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// ErasureExtension extends the answer to three months from receipt (Article 12(3)).
type ErasureExtension struct {
	// reason of the extension, as told to the person; nothing about the person.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// noticeSentTime is when the person was told.
	// +required
	NoticeSentTime *metav1.Time `json:"noticeSentTime,omitempty"`
	// stamp is who stated noticeSentTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	Stamp *DecisionStamp `json:"stamp,omitempty"`
}

// IdentityCheck is how it is known that the person is who they say, or the question that is open.
//
// +kubebuilder:validation:XValidation:rule="!has(self.answeredTime) || has(self.askedTime)",message="answeredTime needs askedTime"
// +kubebuilder:validation:XValidation:rule="!has(self.answeredTime) || !has(self.askedTime) || self.answeredTime >= self.askedTime",message="answeredTime is before askedTime"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.askedTime) || (has(self.askedTime) && self.askedTime == oldSelf.askedTime)",message="askedTime was stated; it does not change, since it may stop the clock (Article 12(6))"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.answeredTime) || (has(self.answeredTime) && self.answeredTime == oldSelf.answeredTime)",message="answeredTime was stated; it does not change, since the clock went on from it (Article 12(6))"
type IdentityCheck struct {
	// method of the check.
	// +optional
	Method IdentityMethod `json:"method,omitempty"`
	// askedTime is when more information was asked for; not before receivedTime. It is stated once.
	// +optional
	AskedTime *metav1.Time `json:"askedTime,omitempty"`
	// answeredTime is when it came. It is stated once.
	// +optional
	AnsweredTime *metav1.Time `json:"answeredTime,omitempty"`
	// askedStamp is who stated askedTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	AskedStamp *DecisionStamp `json:"askedStamp,omitempty"`
	// answeredStamp is who stated answeredTime, and when. Admission writes it; what a user writes is replaced.
	// +optional
	AnsweredStamp *DecisionStamp `json:"answeredStamp,omitempty"`
}

// Stored requests keep what no rule forbade when they were made: that askedTime is not before receivedTime is asked of a new
// question alone, for neither time changes any more and the request could not be decided on. The rules of IdentityCheck are
// not asked while it does not change (CRD ratcheting).

// ErasureRequestSpec is one person's request to be erased. Only decision, refusalNotice, answerNotice, extension, deferral and identityCheck may be added.
//
// +kubebuilder:validation:XValidation:rule="self.requestID == oldSelf.requestID && self.receivedTime == oldSelf.receivedTime && self.subject == oldSelf.subject && self.ground == oldSelf.ground && self.registers == oldSelf.registers && has(self.purposes) == has(oldSelf.purposes) && (!has(self.purposes) || self.purposes == oldSelf.purposes) && has(self.objection) == has(oldSelf.objection) && (!has(self.objection) || self.objection == oldSelf.objection) && self.execution == oldSelf.execution && has(self.requestedBy) == has(oldSelf.requestedBy) && (!has(self.requestedBy) || self.requestedBy == oldSelf.requestedBy)",message="a request does not change: only decision, refusalNotice, answerNotice, extension, deferral and identityCheck may be set; make a new request"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decision) || (has(self.decision) && self.decision == oldSelf.decision)",message="the decision was given; it does not change"
// +kubebuilder:validation:XValidation:rule="!has(self.refusalNotice) || (has(self.decision) && self.decision.verdict == 'Refused')",message="refusalNotice says when the person was told of a refusal; there is none (Article 12(4))"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.refusalNotice) || (has(self.refusalNotice) && self.refusalNotice == oldSelf.refusalNotice)",message="the person was told of the refusal; when does not change"
// +kubebuilder:validation:XValidation:rule="!has(self.refusalNotice) || !has(self.refusalNotice.sentTime) || self.refusalNotice.sentTime >= self.receivedTime",message="refusalNotice.sentTime is before the request: nobody was told of the refusal of what they had not asked for"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.answerNotice) || (has(self.answerNotice) && self.answerNotice == oldSelf.answerNotice)",message="the person was told what was done; when does not change"
// +kubebuilder:validation:XValidation:rule="!has(self.answerNotice) || !has(self.answerNotice.sentTime) || self.answerNotice.sentTime >= self.receivedTime",message="answerNotice.sentTime is before the request: nobody was told what was done on what they had not asked for"
// +kubebuilder:validation:XValidation:rule="!has(self.objection) || self.ground == 'Article17_1_c'",message="objection belongs to ground Article17_1_c"
// +kubebuilder:validation:XValidation:rule="!has(self.objection) || self.objection != 'DirectMarketing' || !has(self.decision) || !has(self.decision.reason) || self.decision.reason == 'IdentityNotProven'",message="an objection to direct marketing is not refused (Article 21(3)); what another purpose or a claim needs is kept by a LegalHold or the dataset, and the rest is erased"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.extension) || (has(self.extension) && self.extension == oldSelf.extension)",message="the extension was given; there is one only (Article 12(3))"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.deferral) || (has(self.deferral) && self.deferral.noticeSentTime >= oldSelf.deferral.noticeSentTime)",message="the person was told of the deferral; state a later noticeSentTime when they were told of another hold"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.identityCheck) || has(self.identityCheck)",message="identityCheck was stated; it is not removed"
// +kubebuilder:validation:XValidation:rule="!has(self.identityCheck) || !has(self.identityCheck.askedTime) || self.identityCheck.askedTime >= self.receivedTime || (oldSelf.hasValue() && has(oldSelf.value().identityCheck) && has(oldSelf.value().identityCheck.askedTime))",optionalOldSelf=true,message="identityCheck.askedTime is before receivedTime"
type ErasureRequestSpec struct {
	// requestID is the idempotency key: a second request with the same one runs nothing. Not an identifier of the person.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RequestID string `json:"requestID,omitempty"`
	// receivedTime is when the request reached the organisation. The month of Article 12(3) counts from it.
	// +required
	ReceivedTime *metav1.Time `json:"receivedTime,omitempty"`
	// subject of the request.
	// +required
	Subject ErasureSubject `json:"subject,omitzero"`
	// ground of the request.
	// +optional
	// +default="Article17_1_a"
	Ground ErasureGround `json:"ground,omitempty"`
	// objection that a ground of Article17_1_c is, where it is known. One to direct marketing is not refused (Article 21(3)).
	// +optional
	Objection ErasureObjection `json:"objection,omitempty"`
	// registers that the request concerns.
	// +optional
	// +default={"mode":"All"}
	Registers RegisterChoice `json:"registers,omitzero"`
	// purposes that the request is about, where consent to them was withdrawn (Article 17(1)(b)): only stores that no other purpose needs are concerned, and no consent ledger. Absent, the request is about the whole person.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=40
	Purposes []PartName `json:"purposes,omitempty"`
	// execution of the request.
	// +optional
	// +default="AfterApproval"
	Execution ErasureExecution `json:"execution,omitempty"`
	// requestedBy is who made the object, and when. Admission writes it; what a user writes is replaced.
	// +optional
	RequestedBy *DecisionStamp `json:"requestedBy,omitempty"`
	// identityCheck of the person.
	// +optional
	IdentityCheck *IdentityCheck `json:"identityCheck,omitempty"`
	// decision of a person.
	// +optional
	Decision *ErasureDecision `json:"decision,omitempty"`
	// refusalNotice says when the person was told of the refusal (Article 12(4)). Until then the clock of the request runs on.
	// +optional
	RefusalNotice *ErasureRefusalNotice `json:"refusalNotice,omitempty"`
	// answerNotice says when the person was told what was done (Article 12(3)). It is stated after the end; until then the clock of the request runs on.
	// +optional
	AnswerNotice *ErasureAnswerNotice `json:"answerNotice,omitempty"`
	// extension of the period.
	// +optional
	Extension *ErasureExtension `json:"extension,omitempty"`
	// deferral answers the person about a part that is on legal hold: from then on the request is not overdue for it.
	// +optional
	Deferral *ErasureDeferral `json:"deferral,omitempty"`
}

// ErasureRequestStatus is what became of the request. It holds no identifier of the person.
type ErasureRequestStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Accepted, Planned, Approved, Executed, Verified, RecipientsInformed, after the end PersonInformed; while true also OnLegalHold, Overdue, Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// subjectRef is hmac-sha256:<key id>:<hex> of the person's identifiers. Deleted keys make it meaningless.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=160
	SubjectRef string `json:"subjectRef,omitempty"`
	// recallRefs are recall-sha256:<key id>:<hex> of each identifier alone, under a key of the namespace: by them alone the person is found again when a store comes back from a backup.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=160
	RecallRefs []string `json:"recallRefs,omitempty"`
	// subjectSecretUID is the UID of the Secret that was read; another Secret of the same name is never deleted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SubjectSecretUID string `json:"subjectSecretUID,omitempty"`
	// lawProfile by which the due times were computed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	LawProfile string `json:"lawProfile,omitempty"`
	// timeZone in which civil dates are read, bound when the request was accepted; absent when no officer was found.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
	// holidays is the country whose public holidays count, bound with timeZone.
	// +optional
	Holidays Country `json:"holidays,omitempty"`
	// dueTime is the safe target for the answer; absent while a question to the person is open (Article 12(6)).
	// +optional
	DueTime *metav1.Time `json:"dueTime,omitempty"`
	// legalDueTime is the legal limit for the answer (Article 12(3)).
	// +optional
	LegalDueTime *metav1.Time `json:"legalDueTime,omitempty"`
	// lawData is by which data of the law the due times are computed.
	// +optional
	LawData *LawData `json:"lawData,omitempty"`
	// dueHistory are due times that were shown and moved, with why; the latest 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	DueHistory []MovedDueTime `json:"dueHistory,omitempty"`
	// findings are what the law says of this request and the purposes that it touches, for who decides. They keep nothing from running.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Findings []Finding `json:"findings,omitempty"`
	// planDigest is the digest of all plans of the request; this is what a decision approves.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	PlanDigest string `json:"planDigest,omitempty"`
	// approvedPlanDigest is the planDigest that was approved; an execution under another one does not start.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	ApprovedPlanDigest string `json:"approvedPlanDigest,omitempty"`
	// targets of the request.
	// +optional
	// +listType=map
	// +listMapKey=register
	// +listMapKey=kind
	// +listMapKey=store
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Targets []ErasureTarget `json:"targets,omitempty"`
	// holds that deferred a part of the request, those that are over included.
	// +optional
	// +listType=map
	// +listMapKey=uid
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Holds []HoldRecord `json:"holds,omitempty"`
	// recipients of the data.
	// +optional
	// +listType=map
	// +listMapKey=register
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=512
	Recipients []InformedRecipient `json:"recipients,omitempty"`
	// backupsClearTime is when the last backup that can hold the person expires; absent when no day is known of a store that was changed, or a copy does not go by itself.
	// +optional
	BackupsClearTime *metav1.Time `json:"backupsClearTime,omitempty"`
	// backupsUnclear are the stores and ledgers that were changed and of which no day is known on which their last backup goes, with the objects that nothing removes by itself.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=3072
	BackupsUnclear []string `json:"backupsUnclear,omitempty"`
	// end is how the request ended: a recorded fact that is never computed again.
	// +optional
	End ErasureEnd `json:"end,omitempty"`
	// endedTime is when the request ended. From then on only the end of the subject Secret and the evidence are recorded.
	// +optional
	EndedTime *metav1.Time `json:"endedTime,omitempty"`
	// subjectDeletedTime is when the subject Secret was deleted, or found gone.
	// +optional
	SubjectDeletedTime *metav1.Time `json:"subjectDeletedTime,omitempty"`
	// evidence of the end. A request is Ready only when it is there.
	// +optional
	Evidence *ErasureEvidence `json:"evidence,omitempty"`
}

// ErasureRequest is one person's request to be erased (Article 17).
//
// +kubebuilder:validation:XValidation:rule="!has(self.spec.decision) || self.spec.decision.verdict != 'Approved' || has(self.spec.decision.planDigest) || (has(self.status) && has(self.status.planDigest))",message="there is no plan yet: approve when Planned is True, or name the planDigest"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.answerNotice) || !oldSelf.hasValue() || has(oldSelf.value().spec.answerNotice) || (has(self.status) && has(self.status.end) && self.status.end in ['Erased', 'PartlyErased', 'NothingErased', 'NothingFound'])",optionalOldSelf=true,message="answerNotice says when the person was told what was done; nothing was done yet, or nothing but a plan, a repetition or a refusal (refusalNotice)"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ereq,categories=gdpr
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Approved",type=string,JSONPath=`.status.conditions[?(@.type=="Approved")].status`
// +kubebuilder:printcolumn:name="Verified",type=string,JSONPath=`.status.conditions[?(@.type=="Verified")].status`
// +kubebuilder:printcolumn:name="Due",type=string,format=date-time,JSONPath=`.status.dueTime`
// +kubebuilder:printcolumn:name="Overdue",type=string,JSONPath=`.status.conditions[?(@.type=="Overdue")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ErasureRequest struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the request.
	// +required
	Spec ErasureRequestSpec `json:"spec,omitzero"`
	// status is what became of the request.
	// +optional
	// +default={"observedGeneration":-1}
	Status ErasureRequestStatus `json:"status,omitzero"`
}

// ErasureRequestList is a list of ErasureRequest.
//
// +kubebuilder:object:root=true
type ErasureRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ErasureRequest `json:"items"`
}
