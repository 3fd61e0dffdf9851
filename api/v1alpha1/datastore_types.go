package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StoreEngine is the database software of a store.
//
// +kubebuilder:validation:Enum=PostgreSQL
type StoreEngine string

// Values of StoreEngine.
const (
	EnginePostgreSQL StoreEngine = "PostgreSQL"
)

// DeletionPolicy is what becomes of a managed store's data when the register goes.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// Values of DeletionPolicy.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// TLSMode is how a connection to a store is protected.
//
// +kubebuilder:validation:Enum=Disable;Require;VerifyFull
type TLSMode string

// Values of TLSMode.
const (
	TLSDisable    TLSMode = "Disable"
	TLSRequire    TLSMode = "Require"
	TLSVerifyFull TLSMode = "VerifyFull"
)

// BackupKind is what makes the backups of a store.
//
// +kubebuilder:validation:Enum=Velero;CloudNativePG;VolumeSnapshot;Declared
type BackupKind string

// Values of BackupKind.
const (
	BackupVelero         BackupKind = "Velero"
	BackupCloudNativePG  BackupKind = "CloudNativePG"
	BackupVolumeSnapshot BackupKind = "VolumeSnapshot"
	BackupDeclared       BackupKind = "Declared"
)

// PlacementEvidence is how the place of a store is known.
//
// +kubebuilder:validation:Enum=Observed;Declared;Unknown
type PlacementEvidence string

// Values of PlacementEvidence.
const (
	PlacementObserved PlacementEvidence = "Observed"
	PlacementDeclared PlacementEvidence = "Declared"
	PlacementUnknown  PlacementEvidence = "Unknown"
)

// StorageRequest is the volume of a managed store.
type StorageRequest struct {
	// size of the volume. It can grow where the class allows, and never shrink.
	// +required
	Size resource.Quantity `json:"size,omitzero"`
	// storageClassName of the volume. It cannot change for a volume that exists. The class must keep data where the residency policy allows.
	// +required
	StorageClassName ObjectName `json:"storageClassName,omitempty"`
}

// ResourceAmounts are compute resources, per container.
type ResourceAmounts struct {
	// cpu cores.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// memory bytes.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// StoreResources bounds the database container.
type StoreResources struct {
	// requests are reserved.
	// +optional
	Requests ResourceAmounts `json:"requests,omitzero"`
	// limits are the most.
	// +optional
	Limits ResourceAmounts `json:"limits,omitzero"`
}

// ManagedStore is a database that Rempart runs: StatefulSet, volume, Service, NetworkPolicy and credentials, pinned to allowed regions.
type ManagedStore struct {
	// image of the database, with the conventions of the official postgres image (POSTGRES_PASSWORD_FILE, PGDATA).
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`
	// version is the major version of the database.
	// +optional
	// +kubebuilder:validation:Pattern=`^\d{1,2}$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Version string `json:"version,omitempty"`
	// storage of the database.
	// +required
	Storage StorageRequest `json:"storage,omitzero"`
	// replicas of the database: 0 pauses it, 1 runs it.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	Replicas *int32 `json:"replicas,omitempty"`
	// resources of the database container.
	// +optional
	Resources StoreResources `json:"resources,omitzero"`
	// database that is created.
	// +optional
	// +default="app"
	Database Identifier `json:"database,omitempty"`
	// runAsUser is the user of the image; 999 when absent.
	// +optional
	// +default=999
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// deletionPolicy is what becomes of the volume and the credentials when the register or the store goes.
	// +optional
	// +default="Retain"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ExternalStore is the declared place of a store outside the cluster.
//
// +kubebuilder:validation:XValidation:rule="has(self.country) != (has(self.provider) && has(self.region))",message="set either provider and region, or country"
type ExternalStore struct {
	// provider as in the table of regions.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Provider string `json:"provider,omitempty"`
	// region as the provider writes it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// country of the store.
	// +optional
	Country Country `json:"country,omitempty"`
	// evidence is how the place is known.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Evidence string `json:"evidence,omitempty"`
}

// WorkloadRef names the workload in the namespace that runs a store.
type WorkloadRef struct {
	// kind of the workload.
	// +required
	Kind WorkloadKind `json:"kind,omitempty"`
	// name of the workload.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// WorkloadKind is a kind of workload that can run a store.
//
// +kubebuilder:validation:Enum=StatefulSet;Deployment
type WorkloadKind string

// Values of WorkloadKind.
const (
	WorkloadStatefulSet WorkloadKind = "StatefulSet"
	WorkloadDeployment  WorkloadKind = "Deployment"
)

// ConnectionTLS protects a connection.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'VerifyFull' || has(self.caSecretRef)",message="mode VerifyFull needs caSecretRef"
type ConnectionTLS struct {
	// mode of protection.
	// +required
	Mode TLSMode `json:"mode,omitempty"`
	// caSecretRef names a Secret whose key ca.crt holds the trusted roots.
	// +optional
	CASecretRef *SecretRef `json:"caSecretRef,omitempty"`
}

// StoreConnection is how to reach a store that Rempart does not run. The two roles differ: the verifier must not be able to write.
//
// +kubebuilder:validation:XValidation:rule="self.eraserSecretRef.name != self.verifierSecretRef.name",message="eraserSecretRef and verifierSecretRef must name different Secrets: who erases does not verify"
type StoreConnection struct {
	// host of the store.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// port of the store; 5432 when absent.
	// +optional
	// +default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// database within the store.
	// +required
	Database Identifier `json:"database,omitempty"`
	// tls of the connection.
	// +required
	TLS ConnectionTLS `json:"tls,omitzero"`
	// eraserSecretRef names the credentials of the role that erases, keys username and password.
	// +required
	EraserSecretRef SecretRef `json:"eraserSecretRef,omitzero"`
	// verifierSecretRef names the credentials of the role that only reads, keys username and password.
	// +required
	VerifierSecretRef SecretRef `json:"verifierSecretRef,omitzero"`
}

// StoreBackups is how long a backup can still contain an erased person.
type StoreBackups struct {
	// kind of backup.
	// +required
	Kind BackupKind `json:"kind,omitempty"`
	// retention of the backups.
	// +required
	Retention Period `json:"retention,omitempty"`
}

// DataStore is one store of personal data: exactly one of managed, workloadRef and external.
//
// +kubebuilder:validation:XValidation:rule="[has(self.managed), has(self.workloadRef), has(self.external)].filter(x, x).size() == 1",message="set exactly one of managed, workloadRef and external"
// +kubebuilder:validation:XValidation:rule="has(self.managed) != has(self.connection)",message="connection is set exactly when the store is not managed"
type DataStore struct {
	// name of the store. At most 40 characters, since children carry it in their names.
	// +required
	// +kubebuilder:validation:MaxLength=40
	Name PartName `json:"name,omitempty"`
	// engine of the store.
	// +required
	Engine StoreEngine `json:"engine,omitempty"`
	// managed is a store that Rempart runs.
	// +optional
	Managed *ManagedStore `json:"managed,omitempty"`
	// workloadRef names what runs the store, in the namespace.
	// +optional
	WorkloadRef *WorkloadRef `json:"workloadRef,omitempty"`
	// external is the place of a store outside the cluster.
	// +optional
	External *ExternalStore `json:"external,omitempty"`
	// connection reaches a store that Rempart does not run.
	// +optional
	Connection *StoreConnection `json:"connection,omitempty"`
	// dataset is the map of the store.
	// +optional
	Dataset *Dataset `json:"dataset,omitempty"`
	// backups of the store.
	// +optional
	Backups *StoreBackups `json:"backups,omitempty"`
	// loss states why the store's ledger forgot requests, where the store does not show it.
	// +optional
	Loss *StoreLoss `json:"loss,omitempty"`
}

// LossCause is why a store's ledger forgot requests.
//
// +kubebuilder:validation:Enum=Restored;LedgerLost
type LossCause string

// Values of LossCause.
const (
	// LossRestored means that the store came back from a backup, with people who were erased: they are erased again.
	LossRestored LossCause = "Restored"
	// LossLedger means that the ledger alone was lost: who is in the store now came by themselves, and nobody is erased again.
	LossLedger LossCause = "LedgerLost"
)

// StoreLoss is a person's statement of why a store's ledger forgot requests.
type StoreLoss struct {
	// seenTime is the restoredTime in the status of the store that this is about: a later loss needs a statement of its own.
	// +required
	SeenTime *metav1.Time `json:"seenTime,omitempty"`
	// cause of it.
	// +required
	Cause LossCause `json:"cause,omitempty"`
}

// StoreStatus is what was last observed of a store.
type StoreStatus struct {
	// name of the store.
	// +required
	Name PartName `json:"name,omitempty"`
	// country where the store is.
	// +optional
	Country Country `json:"country,omitempty"`
	// region where the store is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// zone of the country.
	// +optional
	Zone LegalZone `json:"zone,omitempty"`
	// placement is how the place is known.
	// +optional
	Placement PlacementEvidence `json:"placement,omitempty"`
	// endpoint is host:port of the store.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Endpoint string `json:"endpoint,omitempty"`
	// lastScanTime is when the live schema was last read.
	// +optional
	LastScanTime *metav1.Time `json:"lastScanTime,omitempty"`
	// identity is system identifier and timeline of the store's server and OID of its database, where its verifier may ask for them.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Identity string `json:"identity,omitempty"`
	// lostRequests is how many requests that were executed here the store's ledger does not have: it came back from a backup, or lost its ledger. After a restore that shows they run again by themselves.
	// +optional
	// +kubebuilder:validation:Minimum=0
	LostRequests *int32 `json:"lostRequests,omitempty"`
	// lost are the UIDs of the first of these requests.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Lost []string `json:"lost,omitempty"`
	// heldRequests is how many more it does not have whose people a legal hold keeps whole. They run again when the hold is over; nobody else waits for that.
	// +optional
	// +kubebuilder:validation:Minimum=0
	HeldRequests *int32 `json:"heldRequests,omitempty"`
	// held are the UIDs of the first of these requests.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Held []string `json:"held,omitempty"`
	// restoredTime is when the store was last seen to have come back from a backup, or to have lost its ledger.
	// +optional
	RestoredTime *metav1.Time `json:"restoredTime,omitempty"`
	// restoreKind is what was seen of it then.
	// +optional
	RestoreKind RestoreKind `json:"restoreKind,omitempty"`
	// scansLeft is how many more scans it takes, since the restore was seen, until the ledger was asked for every request: one asks for 10,000.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ScansLeft *int32 `json:"scansLeft,omitempty"`
	// scans counts the scans that ended; it names the next one.
	// +optional
	Scans *int64 `json:"scans,omitempty"`
	// datasetDigest is the digest of the dataset and the connection that the last scan used.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=71
	DatasetDigest string `json:"datasetDigest,omitempty"`
	// scanReason is what the last scan came to; Accurate when all was as declared.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ScanReason string `json:"scanReason,omitempty"`
	// scanMessage says which tables and columns scanReason is about. It never holds a value of a row.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ScanMessage string `json:"scanMessage,omitempty"`
	// scanFailures counts the scans in a row that were not Accurate; the wait for the next one grows with it.
	// +optional
	ScanFailures *int32 `json:"scanFailures,omitempty"`
	// undeclaredTables that refer to declared ones or hold a subject key, and are not in the dataset.
	// +optional
	UndeclaredTables *int32 `json:"undeclaredTables,omitempty"`
	// undeclaredColumns that look like subject keys, and are not in the dataset.
	// +optional
	UndeclaredColumns *int32 `json:"undeclaredColumns,omitempty"`
}
