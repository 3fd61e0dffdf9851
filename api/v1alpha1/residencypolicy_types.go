package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AllowedPlaces is where personal data may be.
type AllowedPlaces struct {
	// zones of the law; EU when absent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Zones []AllowedZone `json:"zones,omitempty"`
	// countries are allowed beside the zones.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Countries []Country `json:"countries,omitempty"`
	// regions if present, are the only ones allowed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Regions []ProviderRegion `json:"regions,omitempty"`
}

// DeniedPlaces is where personal data may never be. It wins over what is allowed.
type DeniedPlaces struct {
	// countries are denied.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Countries []Country `json:"countries,omitempty"`
}

// ProviderRegion is a region of one provider. A region code means nothing without its provider.
type ProviderRegion struct {
	// provider as in the table of regions, or Custom.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// region as the provider writes it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
}

// DeclaredLocation is a region that the table of regions lacks, such as an own data centre.
type DeclaredLocation struct {
	// provider as in the table of regions, or Custom.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// region as the nodes' labels write it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// country where the region is.
	// +required
	Country Country `json:"country,omitempty"`
	// evidence is how the country is known, such as a contract.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Evidence string `json:"evidence,omitempty"`
}

// PolicyNamespaces is where claims are judged. A namespace that holds a DataRegister is always judged.
//
// +kubebuilder:validation:XValidation:rule="self.mode == 'Selected' ? has(self.selector) : !has(self.selector)",message="selector is set exactly when mode is Selected"
type PolicyNamespaces struct {
	// mode of the choice. All when absent.
	// +optional
	// +default="All"
	Mode NamespaceMode `json:"mode,omitempty"`
	// selector of the namespaces when mode is Selected.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// excluded namespaces, beside the operator's and those of Kubernetes itself.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Excluded []ObjectName `json:"excluded,omitempty"`
}

// PolicyNodes is how nodes are located.
type PolicyNodes struct {
	// evidence that locates a node.
	// +optional
	// +default="TopologyLabels"
	Evidence NodeEvidence `json:"evidence,omitempty"`
	// affinity that pins governed pods: the label that the operator keeps on allowed nodes, or the region, which is weaker
	// and which autoscalers of nodes understand.
	// +optional
	// +default="RestrictedLabel"
	Affinity NodeAffinityKind `json:"affinity,omitempty"`
}

// PolicyWorkloads is which pods are placed.
type PolicyWorkloads struct {
	// scope of placement: pods that a DataRegister governs, or every pod of the policy's namespaces.
	// +optional
	// +default="Governed"
	Scope WorkloadScope `json:"scope,omitempty"`
}

// StorageDeclaration locates a StorageClass that cannot be proven, by country or by region.
//
// +kubebuilder:validation:XValidation:rule="has(self.country) != has(self.location)",message="exactly one of country and location is set"
type StorageDeclaration struct {
	// storageClassName that is located.
	// +required
	StorageClassName ObjectName `json:"storageClassName,omitempty"`
	// provisioner that the class must have for the declaration to count.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Provisioner string `json:"provisioner,omitempty"`
	// digest of the class, as in status.storageClasses. If present, the class is Unknown once its provisioner, parameters
	// or topologies are others.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	Digest string `json:"digest,omitempty"`
	// country where the class keeps data.
	// +optional
	Country Country `json:"country,omitempty"`
	// location is the region where the class keeps data.
	// +optional
	Location *ProviderRegion `json:"location,omitempty"`
	// evidence is how the place is known.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Evidence string `json:"evidence,omitempty"`
	// reviewOn is the day after which the declaration no longer counts.
	// +optional
	ReviewOn Date `json:"reviewOn,omitempty"`
}

// StorageServer locates a server of network storage (NFS, SMB, iSCSI, Ceph).
type StorageServer struct {
	// host is the server's name or address, in lower case and without a port, as volumes name it.
	// +required
	// +kubebuilder:validation:Pattern=`^[a-z0-9:]([a-z0-9.:-]*[a-z0-9:])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// country where the server keeps data.
	// +required
	Country Country `json:"country,omitempty"`
	// evidence is how the country is known.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Evidence string `json:"evidence,omitempty"`
}

// PolicyStorage is how storage is judged.
type PolicyStorage struct {
	// defaultClassName is the StorageClass of claims that are made without one where the cluster has no default one, in
	// namespaces that the policy judges. The policy must allow it. A policy that audits fills in nothing.
	// +optional
	DefaultClassName ObjectName `json:"defaultClassName,omitempty"`
	// declarations for classes that cannot be proven.
	// +optional
	// +listType=map
	// +listMapKey=storageClassName
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Declarations []StorageDeclaration `json:"declarations,omitempty"`
	// quota is whether the operator keeps a ResourceQuota in each namespace that the policy judges, which grants nothing of
	// the classes that it does not allow. Managed when absent.
	// +optional
	// +default="Manage"
	Quota QuotaMode `json:"quota,omitempty"`
	// servers of network storage. A server that is not listed is in no known place.
	// +optional
	// +listType=map
	// +listMapKey=host
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Servers []StorageServer `json:"servers,omitempty"`
}

// ResidencyPolicySpec is where personal data may be.
type ResidencyPolicySpec struct {
	// enforcement of the policy.
	// +required
	Enforcement Enforcement `json:"enforcement,omitempty"`
	// role of the policy. One policy at most is the Default.
	// +optional
	// +default="Named"
	Role PolicyRole `json:"role,omitempty"`
	// allowed places.
	// +optional
	Allowed AllowedPlaces `json:"allowed,omitzero"`
	// denied places.
	// +optional
	Denied DeniedPlaces `json:"denied,omitzero"`
	// namespaces that are judged.
	// +optional
	Namespaces PolicyNamespaces `json:"namespaces,omitzero"`
	// provider of the cluster's nodes, as in the table of regions, or Custom.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// locations that the table of regions lacks.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Locations []DeclaredLocation `json:"locations,omitempty"`
	// nodes are located so.
	// +optional
	Nodes PolicyNodes `json:"nodes,omitzero"`
	// storage is judged so.
	// +optional
	Storage PolicyStorage `json:"storage,omitzero"`
	// workloads are placed so.
	// +optional
	Workloads PolicyWorkloads `json:"workloads,omitzero"`
	// exceptions lift one rule each, for objects of one namespace and for a time.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Exceptions []ResidencyException `json:"exceptions,omitempty"`
}

// ResidencyPolicyStatus is what the policy means for this cluster now.
type ResidencyPolicyStatus struct {
	// observedGeneration is the generation that the last pass saw; -1 before the first.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Enforcing, Compliant.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// storageClasses of the cluster, allowed ones first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=256
	StorageClasses []JudgedStorageClass `json:"storageClasses,omitempty"`
	// nodes of the cluster by verdict.
	// +optional
	Nodes NodeCounts `json:"nodes,omitzero"`
	// violations by objects that exist, worst first: what is abroad before what nobody can locate.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Violations []ResidencyViolation `json:"violations,omitempty"`
	// violationsTotal is the number of violations, those beyond the list included.
	// +optional
	ViolationsTotal *int32 `json:"violationsTotal,omitempty"`
	// exceptions with their states, in the order of spec.exceptions.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Exceptions []ExceptionStatus `json:"exceptions,omitempty"`
	// dataVersion of the table of regions.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	DataVersion string `json:"dataVersion,omitempty"`
	// lastScanTime is when the judgement last changed.
	// +optional
	LastScanTime *metav1.Time `json:"lastScanTime,omitempty"`
}

// ResidencyPolicy is where personal data may be (Articles 44 to 49).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=respol,categories=gdpr
// +kubebuilder:printcolumn:name="Enforcement",type=string,JSONPath=`.spec.enforcement`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.role`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Compliant",type=string,JSONPath=`.status.conditions[?(@.type=="Compliant")].status`
// +kubebuilder:printcolumn:name="Violations",type=integer,JSONPath=`.status.violationsTotal`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50",message="the name of a ResidencyPolicy has at most 50 characters"
type ResidencyPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is where personal data may be.
	// +required
	Spec ResidencyPolicySpec `json:"spec,omitzero"`
	// status is what the policy means for this cluster now.
	// +optional
	// +default={"observedGeneration":-1}
	Status ResidencyPolicyStatus `json:"status,omitzero"`
}

// ResidencyPolicyList is a list of ResidencyPolicy.
//
// +kubebuilder:object:root=true
type ResidencyPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResidencyPolicy `json:"items"`
}
