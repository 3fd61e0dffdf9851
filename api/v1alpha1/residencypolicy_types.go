package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Enforcement is whether a violation is refused or only recorded.
//
// +kubebuilder:validation:Enum=Enforce;Audit
type Enforcement string

// Values of Enforcement.
const (
	EnforcementEnforce Enforcement = "Enforce"
	EnforcementAudit   Enforcement = "Audit"
)

// PolicyRole tells the policy of registers that name none.
//
// +kubebuilder:validation:Enum=Default;Named
type PolicyRole string

// Values of PolicyRole.
const (
	PolicyRoleDefault PolicyRole = "Default"
	PolicyRoleNamed   PolicyRole = "Named"
)

// AllowedZone is a zone of the law that a policy may allow.
//
// +kubebuilder:validation:Enum=EU;EEA;Adequate;AdequatePartial
type AllowedZone string

// Values of AllowedZone.
const (
	AllowedZoneEU              AllowedZone = "EU"
	AllowedZoneEEA             AllowedZone = "EEA"
	AllowedZoneAdequate        AllowedZone = "Adequate"
	AllowedZoneAdequatePartial AllowedZone = "AdequatePartial"
)

// LegalZone is how the law sees a country on a given day. Unknown is refused.
//
// +kubebuilder:validation:Enum=EU;EEA;Adequate;AdequatePartial;Third;Unknown
type LegalZone string

// Values of LegalZone.
const (
	ZoneEU              LegalZone = "EU"
	ZoneEEA             LegalZone = "EEA"
	ZoneAdequate        LegalZone = "Adequate"
	ZoneAdequatePartial LegalZone = "AdequatePartial"
	ZoneThird           LegalZone = "Third"
	ZoneUnknown         LegalZone = "Unknown"
)

// NamespaceMode is which namespaces a policy judges.
//
// +kubebuilder:validation:Enum=All;Selected
type NamespaceMode string

// Values of NamespaceMode.
const (
	NamespacesAll      NamespaceMode = "All"
	NamespacesSelected NamespaceMode = "Selected"
)

// NodeEvidence is what locates a node.
//
// +kubebuilder:validation:Enum=TopologyLabels;RestrictedLabels
type NodeEvidence string

// Values of NodeEvidence.
const (
	EvidenceTopologyLabels   NodeEvidence = "TopologyLabels"
	EvidenceRestrictedLabels NodeEvidence = "RestrictedLabels"
)

// NodeAffinityKind is what pins governed pods to allowed nodes.
//
// +kubebuilder:validation:Enum=RestrictedLabel;TopologyRegion
type NodeAffinityKind string

// Values of NodeAffinityKind.
const (
	AffinityRestrictedLabel NodeAffinityKind = "RestrictedLabel"
	AffinityTopologyRegion  NodeAffinityKind = "TopologyRegion"
)

// WorkloadScope is which pods of the policy's namespaces are placed.
//
// +kubebuilder:validation:Enum=Governed;All
type WorkloadScope string

// Values of WorkloadScope.
const (
	WorkloadsGoverned WorkloadScope = "Governed"
	WorkloadsAll      WorkloadScope = "All"
)

// QuotaMode is whether the operator keeps a ResourceQuota in each namespace that a policy judges.
//
// +kubebuilder:validation:Enum=Manage;Off
type QuotaMode string

// Values of QuotaMode.
const (
	QuotaManage QuotaMode = "Manage"
	QuotaOff    QuotaMode = "Off"
)

// PlacementVerdict is the judgement of a place.
//
// +kubebuilder:validation:Enum=Allowed;Denied;Unknown
type PlacementVerdict string

// Values of PlacementVerdict.
const (
	VerdictAllowed PlacementVerdict = "Allowed"
	VerdictDenied  PlacementVerdict = "Denied"
	VerdictUnknown PlacementVerdict = "Unknown"
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
