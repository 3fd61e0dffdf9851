package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HoldOperator compares a column with a literal.
//
// +kubebuilder:validation:Enum=Equal;NotEqual;Less;LessOrEqual;Greater;GreaterOrEqual;IsNull;IsNotNull
type HoldOperator string

// Values of HoldOperator.
const (
	HoldEqual          HoldOperator = "Equal"
	HoldNotEqual       HoldOperator = "NotEqual"
	HoldLess           HoldOperator = "Less"
	HoldLessOrEqual    HoldOperator = "LessOrEqual"
	HoldGreater        HoldOperator = "Greater"
	HoldGreaterOrEqual HoldOperator = "GreaterOrEqual"
	HoldIsNull         HoldOperator = "IsNull"
	HoldIsNotNull      HoldOperator = "IsNotNull"
)

// HeldCondition is true for a row whose column compares so with the literal. A NULL compares with nothing, and such a row
// counts as held unless the operator is IsNotNull: nobody can say that it is not.
//
// +kubebuilder:validation:XValidation:rule="(self.operator in ['IsNull', 'IsNotNull']) != has(self.literal)",message="literal is set exactly when the operator compares with one"
type HeldCondition struct {
	// column of the table.
	// +required
	Column Identifier `json:"column,omitempty"`
	// operator of the comparison.
	// +required
	Operator HoldOperator `json:"operator,omitempty"`
	// literal in the text form of the column's type, such as 2024-01-31. Never an identifier of a person: hold people by subject or subjectRefs.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Literal string `json:"literal,omitempty"`
}

// HeldTable is the rows of a table for which all conditions are true; all rows when there are none.
type HeldTable struct {
	// register of the table.
	// +required
	Register ObjectName `json:"register,omitempty"`
	// store of the register.
	// +required
	Store PartName `json:"store,omitempty"`
	// schema of the table.
	// +optional
	// +default="public"
	Schema Identifier `json:"schema,omitempty"`
	// table of the store's dataset.
	// +required
	Table Identifier `json:"table,omitempty"`
	// where narrows the rows.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Where []HeldCondition `json:"where,omitempty"`
}

// HoldRelease lifts a hold before its date.
type HoldRelease struct {
	// reason why the hold is not needed any more; nothing about a person.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// noticeSentTime is when the person was told that their restriction ends, which is before it does (Article 18(3)).
	// +optional
	NoticeSentTime *metav1.Time `json:"noticeSentTime,omitempty"`
}

// LegalHoldSpec is what must be kept, by which article, and until when. Only untilOn and release change.
//
// +kubebuilder:validation:XValidation:rule="[has(self.subject), has(self.subjectRefs), has(self.tables)].filter(x, x).size() <= 1",message="set at most one of subject, subjectRefs and tables"
// +kubebuilder:validation:XValidation:rule="has(self.subject) || has(self.subjectRefs) || has(self.tables) || has(self.registers)",message="say what is held: subject, subjectRefs, tables or registers"
// +kubebuilder:validation:XValidation:rule="!has(self.tables) || !has(self.registers)",message="tables name their registers; set registers without them"
// +kubebuilder:validation:XValidation:rule="self.article == oldSelf.article && self.legalReference == oldSelf.legalReference && self.reason == oldSelf.reason && has(self.subject) == has(oldSelf.subject) && (!has(self.subject) || self.subject == oldSelf.subject) && has(self.subjectRefs) == has(oldSelf.subjectRefs) && (!has(self.subjectRefs) || self.subjectRefs == oldSelf.subjectRefs) && has(self.registers) == has(oldSelf.registers) && (!has(self.registers) || self.registers == oldSelf.registers) && has(self.tables) == has(oldSelf.tables) && (!has(self.tables) || self.tables == oldSelf.tables)",message="a hold does not change: only untilOn and release may be set; make a new hold"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.release) || (has(self.release) && self.release == oldSelf.release && self.untilOn == oldSelf.untilOn)",message="the hold was released; make a new one"
// +kubebuilder:validation:XValidation:rule="!self.article.startsWith('18') || has(self.subject) || has(self.subjectRefs)",message="a restriction is of the person who obtained it (Article 18(1)); set subject or subjectRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.release) || !self.article.startsWith('18') || has(self.release.noticeSentTime)",message="the person is told before their restriction ends (Article 18(3)); say when in release.noticeSentTime"
// +kubebuilder:validation:XValidation:rule="!has(self.release) || !has(self.release.noticeSentTime) || self.article.startsWith('18')",message="release.noticeSentTime belongs to a restriction (Article 18)"
type LegalHoldSpec struct {
	// article of the Regulation that excepts the data from erasure, such as 17(3)(e), or under which the person obtained a restriction, 18(1)(a) to (d). A restriction ends by release alone.
	// +required
	// +kubebuilder:validation:Pattern=`^(17\(3\)\([a-e]\)|18\(1\)\([a-d]\))$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law, the claim or the order that asks to keep the data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// reason for people; nothing about the person.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// untilOn is the last day of the hold. It ends when that day is over everywhere; a restriction is to be looked at again then. An earlier day than before needs the verb release.
	// +required
	UntilOn Date `json:"untilOn,omitempty"`
	// subject names the person whose data are held, in a Secret as for an ErasureRequest. Rempart deletes it once references to the person are in status.
	// +optional
	Subject *ErasureSubject `json:"subject,omitempty"`
	// subjectRefs are references to people: status.subjectRef of an ErasureRequest of this namespace, which stands for each identifier of that request, or status.recallRefs, each of which stands for one. While no request of the namespace has a subjectRef, the hold keeps everybody.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^(hmac|recall)-sha256:[a-z0-9][-a-z0-9]{0,62}:[0-9a-f]{64}$`
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=160
	SubjectRefs []string `json:"subjectRefs,omitempty"`
	// registers to which the hold is limited; alone, all that they hold, of everybody.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Registers []ObjectName `json:"registers,omitempty"`
	// tables whose rows are held, whomever they are about. What a held row refers to is held with it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Tables []HeldTable `json:"tables,omitempty"`
	// release lifts the hold, once, by somebody with the verb release on legalholds.
	// +optional
	Release *HoldRelease `json:"release,omitempty"`
}

// LegalHoldStatus is what became of the hold. It holds no identifier of a person.
type LegalHoldStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready and InForce; while true also Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// subjectRefs are references to the person of spec.subject: of all identifiers together, and of each alone; or those of spec.subjectRefs that requests were found for, and of each identifier of these.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=4352
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=160
	SubjectRefs []string `json:"subjectRefs,omitempty"`
	// subjectSecretUID is the UID of the Secret that was read; another Secret of the same name is never deleted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SubjectSecretUID string `json:"subjectSecretUID,omitempty"`
	// subjectDeletedTime is when the subject Secret was deleted, or found gone, or left to a request that names it.
	// +optional
	SubjectDeletedTime *metav1.Time `json:"subjectDeletedTime,omitempty"`
}

// LegalHold keeps data from erasure while the law asks for it (Article 17(3)), or while a person has their processing restricted
// (Article 18).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lhold,categories=gdpr
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="In-Force",type=string,JSONPath=`.status.conditions[?(@.type=="InForce")].status`
// +kubebuilder:printcolumn:name="Article",type=string,JSONPath=`.spec.article`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.untilOn`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type LegalHold struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the hold.
	// +required
	Spec LegalHoldSpec `json:"spec,omitzero"`
	// status is what became of the hold.
	// +optional
	// +default={"observedGeneration":-1}
	Status LegalHoldStatus `json:"status,omitzero"`
}

// LegalHoldList is a list of LegalHold.
//
// +kubebuilder:object:root=true
type LegalHoldList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LegalHold `json:"items"`
}
