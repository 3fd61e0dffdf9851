package v1alpha1

// ClientRight is what a client of the service may do.
//
// +kubebuilder:validation:Enum=Check;Filter;Link;Erase;Export;Read
type ClientRight string

// Values of ClientRight.
const (
	RightCheck  ClientRight = "Check"
	RightFilter ClientRight = "Filter"
	RightLink   ClientRight = "Link"
	RightErase  ClientRight = "Erase"
	RightExport ClientRight = "Export"
	RightRead   ClientRight = "Read"
)

// ProofErasure is what an erasure leaves of the proof (Article 17(3)(e)).
//
// +kubebuilder:validation:Enum=KeepProof;EraseProof
type ProofErasure string

// Values of ProofErasure.
const (
	ProofKept   ProofErasure = "KeepProof"
	ProofErased ProofErasure = "EraseProof"
)

// ServiceReplicas is how many pods serve.
//
// +kubebuilder:validation:XValidation:rule="!has(self.max) || self.max >= self.min",message="max must not be less than min"
type ServiceReplicas struct {
	// min is the number of pods, or the least of them when max is more.
	// +optional
	// +default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Min int32 `json:"min,omitempty"`
	// max is the most pods under load; as many as min when absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Max int32 `json:"max,omitempty"`
}

// LedgerConnection is how to reach a database of the ledger that Rempart does not run. Each role has a login of its own.
//
// +kubebuilder:validation:XValidation:rule="[self.appSecretRef.name, self.sequencerSecretRef.name, self.prunerSecretRef.name].all(n, n != self.adminSecretRef.name)",message="the administrator's credentials must not be those of another role"
// +kubebuilder:validation:XValidation:rule="self.appSecretRef.name != self.sequencerSecretRef.name && self.appSecretRef.name != self.prunerSecretRef.name && self.sequencerSecretRef.name != self.prunerSecretRef.name",message="appSecretRef, sequencerSecretRef and prunerSecretRef must name different Secrets"
// +kubebuilder:validation:XValidation:rule="self.tls.mode != 'Require'",message="tls.mode is VerifyFull or Disable: a server whose name nobody verifies may be anybody's"
type LedgerConnection struct {
	// host of the database.
	// +required
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// port of the database; 5432 when absent.
	// +optional
	// +default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// database that holds the ledger.
	// +required
	Database Identifier `json:"database,omitempty"`
	// tls of the connection.
	// +required
	TLS ConnectionTLS `json:"tls,omitzero"`
	// place of the database.
	// +required
	Place ExternalStore `json:"place,omitzero"`
	// adminSecretRef names the credentials that make roles and tables, keys username and password. Only the migration has them.
	// +required
	AdminSecretRef SecretRef `json:"adminSecretRef,omitzero"`
	// appSecretRef names the credentials of the role that appends and reads, keys username and password.
	// +required
	AppSecretRef SecretRef `json:"appSecretRef,omitzero"`
	// sequencerSecretRef names the credentials of the role that numbers events and signs, keys username and password.
	// +required
	SequencerSecretRef SecretRef `json:"sequencerSecretRef,omitzero"`
	// prunerSecretRef names the credentials of the role that removes what is past its retention, keys username and password.
	// +required
	PrunerSecretRef SecretRef `json:"prunerSecretRef,omitzero"`
}

// LedgerDatabase is the ledger's PostgreSQL.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.managed) != has(self.connection)",message="set exactly one of managed and connection"
// +kubebuilder:validation:XValidation:rule="has(self.managed) == has(oldSelf.managed)",message="a ledger that Rempart runs cannot become another's, nor the reverse: delete the policy with deletionPolicy Retain, move the data, and create it again"
type LedgerDatabase struct {
	// managed is a database that Rempart runs.
	// +optional
	Managed *ManagedStore `json:"managed,omitempty"`
	// connection reaches a database that Rempart does not run.
	// +optional
	Connection *LedgerConnection `json:"connection,omitempty"`
}

// ConsentClient is a workload that may ask the service.
type ConsentClient struct {
	// serviceAccount of the workload, in the same namespace. Its tokens have the audience consentd.
	// +required
	ServiceAccount ObjectName `json:"serviceAccount,omitempty"`
	// rights of the workload.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=6
	Rights []ClientRight `json:"rights,omitempty"`
}

// GatewayRef names a Gateway (gateway.networking.k8s.io), or one of its listeners, that lets pages reach the service.
type GatewayRef struct {
	// name of the Gateway.
	// +required
	Name ObjectName `json:"name,omitempty"`
	// namespace of the Gateway; that of the policy when absent. Which namespaces a Gateway lets in is said by its listeners
	// (allowedRoutes), and by nobody else.
	// +optional
	Namespace PartName `json:"namespace,omitempty"`
	// sectionName is the listener; each of the Gateway that fits host when absent.
	// +optional
	SectionName ObjectName `json:"sectionName,omitempty"`
}

// ConsentRateLimit bounds what one network (/24 of IPv4, /48 of IPv6) asks of one site, in each replica. What a person needs to withdraw is
// not refused for it.
type ConsentRateLimit struct {
	// perSecond is how many requests there may be in the long run.
	// +optional
	// +default=20
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	PerSecond int32 `json:"perSecond,omitempty"`
	// burst is how many there may be at once.
	// +optional
	// +default=200
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Burst int32 `json:"burst,omitempty"`
}

// NetworkRange is a range of addresses in CIDR notation, as its first address: 10.0.0.0/8. Nobody may name half of the internet: whoever
// is in the range is believed about where others are.
//
// +kubebuilder:validation:MinLength=9
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked() && cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 8 : 7)",message="a range of addresses is written by its first one (10.0.0.0/8), and is no larger than /8 of IPv4 or /7 of IPv6"
type NetworkRange string

// ConsentService is the service consentd, which runs where the register's residency policy allows.
//
// +kubebuilder:validation:XValidation:rule="has(self.host) || (!has(self.ingressClassName) && !has(self.tlsSecretRef))",message="ingressClassName and tlsSecretRef need host"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayRef) || has(self.host)",message="gatewayRef needs host"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayRef) || (!has(self.ingressClassName) && !has(self.tlsSecretRef))",message="gatewayRef takes the place of the Ingress: ingressClassName and tlsSecretRef are for that, and the certificate is the Gateway's"
// +kubebuilder:validation:XValidation:rule="!has(self.mail) || has(self.host)",message="mail needs host: whom a link is mailed to opens it from outside of the cluster"
// +kubebuilder:validation:XValidation:rule="!has(self.signingKeyNumber) || !has(self.signingSecretRef)",message="signingKeyNumber is of the key that Rempart makes: with signingSecretRef, put the new key into that Secret as signing, and the one of before beside it as signing-before"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.signingKeyNumber) || has(self.signingSecretRef) || (has(self.signingKeyNumber) && self.signingKeyNumber >= oldSelf.signingKeyNumber)",message="signingKeyNumber only grows: a key whose place was taken does not come back"
// +kubebuilder:validation:XValidation:rule="!has(self.pepperNumber) || !has(self.pepperSecretRef)",message="pepperNumber is of the pepper that Rempart makes: with pepperSecretRef, put another one into that Secret, first as pepper-next"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.pepperNumber) || has(self.pepperSecretRef) || (has(self.pepperNumber) && self.pepperNumber >= oldSelf.pepperNumber)",message="pepperNumber only grows: a pepper whose place was taken does not come back"
// +kubebuilder:validation:XValidation:rule="!has(self.kekNumber) || !has(self.kekSecretRef)",message="kekNumber is of the key that Rempart makes: with kekSecretRef, put another one into that Secret, first as kek-next"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.kekNumber) || has(self.kekSecretRef) || (has(self.kekNumber) && self.kekNumber >= oldSelf.kekNumber)",message="kekNumber only grows: a key whose place was taken does not come back"
type ConsentService struct {
	// replicas that serve. Two when absent.
	// +optional
	// +default={}
	Replicas ServiceReplicas `json:"replicas,omitzero"`
	// resources of the service's container.
	// +optional
	Resources StoreResources `json:"resources,omitzero"`
	// host by which pages reach the service, of one policy of the cluster. Absent, the service has neither Ingress nor route.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$`
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`
	// ingressClassName of the Ingress; the cluster's default class when absent.
	// +optional
	IngressClassName ObjectName `json:"ingressClassName,omitempty"`
	// tlsSecretRef names the certificate of host, of type kubernetes.io/tls.
	// +optional
	TLSSecretRef *SecretRef `json:"tlsSecretRef,omitempty"`
	// gatewayRef names the Gateway by which pages reach host, in the place of an Ingress. It needs Gateway API in the cluster.
	// +optional
	GatewayRef *GatewayRef `json:"gatewayRef,omitempty"`
	// database of the ledger.
	// +required
	Database LedgerDatabase `json:"database,omitzero"`
	// checkpointIntervalSeconds is how soon an event is in a signed checkpoint.
	// +optional
	// +default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	CheckpointIntervalSeconds int32 `json:"checkpointIntervalSeconds,omitempty"`
	// clients of the service.
	// +optional
	// +listType=map
	// +listMapKey=serviceAccount
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Clients []ConsentClient `json:"clients,omitempty"`
	// signingSecretRef names the Ed25519 seed that signs checkpoints and receipts, key signing, 32 bytes. Rempart makes one
	// when absent. To replace it, put the new seed in its place and the old one beside it, key signing-before.
	// +optional
	SigningSecretRef *SecretRef `json:"signingSecretRef,omitempty"`
	// signingKeyNumber counts the signing keys that Rempart has made; 1 when absent. A larger one lets Rempart make another,
	// which takes the place of the one of before.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	SigningKeyNumber int32 `json:"signingKeyNumber,omitempty"`
	// pepperSecretRef names the pepper of links to people, key pepper, 32 bytes. Rempart makes one when absent. One that is to
	// take its place is put beside it as pepper-next; those whose place it took stay as pepper-before, pepper-before-2 and so
	// on while status.keys says that rows need them.
	// +optional
	PepperSecretRef *SecretRef `json:"pepperSecretRef,omitempty"`
	// pepperNumber counts the peppers that Rempart has made; 1 when absent. A larger one lets Rempart make another.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	PepperNumber int32 `json:"pepperNumber,omitempty"`
	// kekSecretRef names the key that wraps people's keys, key kek, 32 bytes. Rempart makes one when absent. Others stay beside
	// it as those of the pepper do: kek-next, kek-before and so on.
	// +optional
	KEKSecretRef *SecretRef `json:"kekSecretRef,omitempty"`
	// kekNumber counts the keys for people's keys that Rempart has made; 1 when absent. A larger one lets Rempart make another.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	KEKNumber int32 `json:"kekNumber,omitempty"`
	// witnessChannelRef names the NotificationChannel that gets checkpoints, so that they are kept elsewhere too.
	// +optional
	WitnessChannelRef *ClusterRef `json:"witnessChannelRef,omitempty"`
	// rateLimit of one network that asks one site. 20 requests a second and 200 at once when absent.
	// +optional
	RateLimit *ConsentRateLimit `json:"rateLimit,omitempty"`
	// trustedProxies are the ranges of the proxies whose X-Forwarded-For says from which network somebody asks. Absent, they are the
	// private ranges where there is a host, and none where there is not.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	TrustedProxies []NetworkRange `json:"trustedProxies,omitempty"`
	// mail lets the service mail people the link of their page when they ask for it there. Absent, it mails nothing.
	// +optional
	Mail *ConsentMail `json:"mail,omitempty"`
}

// ConsentLedger is how long proof is kept.
type ConsentLedger struct {
	// proofRetention is how long an event is kept after it lost its effect.
	// +optional
	// +default="P5Y"
	ProofRetention Period `json:"proofRetention,omitempty"`
	// onErasure is what an erasure leaves of the proof.
	// +optional
	// +default="KeepProof"
	OnErasure ProofErasure `json:"onErasure,omitempty"`
}

// GateField is a field of a record, and the purposes that may use it.
type GateField struct {
	// name of the field.
	// +required
	Name FieldPath `json:"name,omitempty"`
	// purposes any of which lets the field pass. Each lists the field in its dataFields.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=40
	Purposes []PartName `json:"purposes,omitempty"`
}

// GateRecord is a kind of record that the gate filters.
type GateRecord struct {
	// name of the record.
	// +required
	Name PartName `json:"name,omitempty"`
	// fields that can pass. All others are dropped.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Fields []GateField `json:"fields,omitempty"`
}

// ConsentGate is which fields pass for which purposes. Unknown fields and records are always dropped.
type ConsentGate struct {
	// records that are filtered.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Records []GateRecord `json:"records,omitempty"`
	// cacheSeconds is how long an answer may be kept; 0 keeps none.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	CacheSeconds *int32 `json:"cacheSeconds,omitempty"`
}
