package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExceptionRule is a rule of residency that an exception lifts. Placement lifts node too: a pod that may be placed anywhere
// may run anywhere.
//
// +kubebuilder:validation:Enum=storage-class;volume;inline-volume;placement;node
type ExceptionRule string

// Values of ExceptionRule.
const (
	ExceptionStorageClass ExceptionRule = "storage-class"
	ExceptionVolume       ExceptionRule = "volume"
	ExceptionInlineVolume ExceptionRule = "inline-volume"
	ExceptionPlacement    ExceptionRule = "placement"
	ExceptionNode         ExceptionRule = "node"
)

// ExceptionKind is a kind of object for which an exception can be made.
//
// +kubebuilder:validation:Enum=PersistentVolumeClaim;PersistentVolume;Pod;Deployment;StatefulSet;DaemonSet;ReplicaSet;ReplicationController;Job;CronJob
type ExceptionKind string

// ExceptionState is where an exception is in its life.
//
// +kubebuilder:validation:Enum=Active;ExpiresSoon;Expired
type ExceptionState string

// Values of ExceptionState.
const (
	ExceptionActive ExceptionState = "Active"
	// ExceptionExpiresSoon is the last thirty days. The exception still counts.
	ExceptionExpiresSoon ExceptionState = "ExpiresSoon"
	// ExceptionExpired lifts nothing any more.
	ExceptionExpired ExceptionState = "Expired"
)

// ExceptionNotice is whom the operator tells that an exception ends soon.
//
// +kubebuilder:validation:Enum=Officers;NoRegister;NoChannel
type ExceptionNotice string

// Values of ExceptionNotice.
const (
	// NoticeOfficers: a Notification exists for each channel of the officers of the registers in the exception's namespace.
	NoticeOfficers ExceptionNotice = "Officers"
	// NoticeNoRegister: no register is in the namespace, so no officer is known. The event alone tells.
	NoticeNoRegister ExceptionNotice = "NoRegister"
	// NoticeNoChannel: the officers of the registers there do not exist, or have no channel. The event alone tells.
	NoticeNoChannel ExceptionNotice = "NoChannel"
)

// ResidencyException lifts one rule for objects of one namespace until an instant, on a ground of Article 46 or 49.
//
// +kubebuilder:validation:XValidation:rule="!has(self.objectName) || has(self.kind)",message="objectName needs kind"
// +kubebuilder:validation:XValidation:rule="self.mechanism != 'Adequacy'",message="an exception rests on Article 46 or 49; where adequacy is decided (Article 45), allow the zone or the country"
type ResidencyException struct {
	// name of the exception.
	// +required
	Name PartName `json:"name,omitempty"`
	// rule that is lifted.
	// +required
	Rule ExceptionRule `json:"rule,omitempty"`
	// namespace of the objects.
	// +required
	Namespace PartName `json:"namespace,omitempty"`
	// kind of the objects, or of what makes them; every kind when absent.
	// +optional
	Kind ExceptionKind `json:"kind,omitempty"`
	// objectName is the name of the one object; every object of the kind when absent.
	// +optional
	ObjectName ObjectName `json:"objectName,omitempty"`
	// mechanism of the transfer: safeguards of Article 46, or a derogation of Article 49.
	// +required
	Mechanism TransferMechanism `json:"mechanism,omitempty"`
	// reference of the document that the mechanism rests on.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reference string `json:"reference,omitempty"`
	// reason for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// approvedBy is who approved it, by role or office.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	ApprovedBy string `json:"approvedBy,omitempty"`
	// expiresTime is the instant from which it lifts nothing, at most a year after it was added or prolonged.
	// +required
	ExpiresTime *metav1.Time `json:"expiresTime,omitempty"`
}

// ExceptionStatus is the state of one exception.
type ExceptionStatus struct {
	// name of the exception.
	// +required
	Name PartName `json:"name,omitempty"`
	// state of the exception.
	// +required
	State ExceptionState `json:"state,omitempty"`
	// notice says whom the operator tells that the exception ends soon; absent before the last thirty days.
	// +optional
	Notice ExceptionNotice `json:"notice,omitempty"`
}
