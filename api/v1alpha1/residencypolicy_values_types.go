package v1alpha1

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
