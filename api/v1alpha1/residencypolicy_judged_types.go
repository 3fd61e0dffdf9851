package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// JudgedPlace is one place of a class.
type JudgedPlace struct {
	// provider of the place.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// region of the place.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// country of the place.
	// +optional
	Country Country `json:"country,omitempty"`
	// zone of the country.
	// +optional
	Zone LegalZone `json:"zone,omitempty"`
}

// JudgedStorageClass is the judgement of a StorageClass.
type JudgedStorageClass struct {
	// name of the class.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// uid of the class.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// digest is sha256 of provisioner, parameters and topologies.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// verdict of the class.
	// +required
	Verdict PlacementVerdict `json:"verdict,omitempty"`
	// reason of the verdict.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message says in words what was found. Refusals of the admission policy rempart-claims quote it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
	// places where the class keeps data.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Places []JudgedPlace `json:"places,omitempty"`
}

// NodeCounts counts the cluster's nodes by verdict.
type NodeCounts struct {
	// allowed nodes.
	// +optional
	Allowed *int32 `json:"allowed,omitempty"`
	// denied nodes.
	// +optional
	Denied *int32 `json:"denied,omitempty"`
	// unknown nodes.
	// +optional
	Unknown *int32 `json:"unknown,omitempty"`
}

// ResidencyViolation is something that is where it may not be, or whose place is unknown.
type ResidencyViolation struct {
	// rule that is violated.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Rule string `json:"rule,omitempty"`
	// kind of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// namespace of the object; of its claim, for a volume.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// class of the claim or the volume.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Class string `json:"class,omitempty"`
	// region or zone that decided, as its provider writes it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// country that decided; absent when it is not known.
	// +optional
	Country Country `json:"country,omitempty"`
	// reason of the verdict.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`
	// message for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// firstSeenTime is when a scan first found it.
	// +optional
	FirstSeenTime *metav1.Time `json:"firstSeenTime,omitempty"`
}
