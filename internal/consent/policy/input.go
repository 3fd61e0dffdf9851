package policy

import (
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Issuer is who signs the tokens of ServiceAccounts: the cluster's issuer, and its public keys (RFC 7517).
type Issuer struct {
	Issuer string          `json:"issuer"`
	JWKS   json.RawMessage `json:"jwks"`
}

// Operator is the ServiceAccount by which services know the operator.
type Operator struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// Input is what one pass knows before it writes.
type Input struct {
	Policy *v1alpha1.ConsentPolicy
	// Officer and Register that the policy names; nil when there is none.
	Officer  *v1alpha1.DataProtectionOfficer
	Register *v1alpha1.DataRegister
	// Regions are the allowed ones, as nodes are labelled.
	Regions []string
	// Class is the judgement of a managed ledger's storage class, Declared that of the place of another ledger.
	Class, Declared register.Place
	// MailPlace is the judgement of the declared place of the mail server; the zero one where there is none.
	MailPlace register.Place
	// StatefulSet and Claim of a managed ledger, and Deployment of the service; nil while there is none.
	StatefulSet *appsv1.StatefulSet
	Claim       *corev1.PersistentVolumeClaim
	Deployment  *appsv1.Deployment
	// GrowthRefused says that the API server refused to enlarge the claim.
	GrowthRefused bool
	// Missing names the Secret that is absent or lacks a key; empty when all are there.
	Missing string
	// Marks are the marks of the Secrets: one that is made anew has another mark.
	Marks []string
	// Keys is the metadata of the Secret of keys that Rempart made; nil when there is none.
	Keys metav1.Object
	// NoRoom names the key beside which there is no room for another old one; empty where there is, or nobody asks.
	NoRoom string
	// Issuers of tokens; none when they could not be read.
	Issuers []Issuer
	// Operator is who makes requests of people's wishes to be erased.
	Operator Operator
	// RoutesServed says that the cluster has routes of Gateway API. Nobody asks where the policy wants none.
	RoutesServed bool
	// Checkpoint that was copied out of the ledger before; the zero one when none was.
	Checkpoint Checkpoint
	// Forgotten are those whom the ledger has said to have forgotten.
	Forgotten Forgotten
	// Image of consentd.
	Image string
	Now   time.Time
}

// Seen is what is observed after the children were written.
type Seen struct {
	// Places of the nodes that service and database run on. None while no pod is on a node.
	Places []register.Place
	// Route of Gateway API as it is now, with what the Gateway says of it; nil where there is none.
	Route *unstructured.Unstructured
	// Ingress of before the policy named a Gateway; nil where there is none, and where the policy names no Gateway.
	Ingress *networkingv1.Ingress
	// Answer of the service; nil when it gave none.
	Answer *Answer
}

// Answer is what the service says of itself: the body of GET /internal/v1/status. It holds no personal data.
type Answer struct {
	TenantID string `json:"tenantID"`
	// PolicyDigest is "sha256:" and the SHA-256, in hex, of the policy.json that is served; empty where it is not told.
	PolicyDigest string `json:"policyDigest"`
	// PolicyRefused says that the file that is there now is not served, because it is broken or changes published words.
	PolicyRefused bool         `json:"policyRefused"`
	Notice        NoticeAnswer `json:"notice"`
	Sites         []SiteAnswer `json:"sites"`
	Ledger        LedgerAnswer `json:"ledger"`
	Audit         AuditAnswer  `json:"audit"`
	// Keys are those that the service has, and those that rows of the ledger may need.
	Keys []KeyAnswer `json:"keys"`
}

// KeyAnswer is a key of the ledger. Without an Entry the service lacks it; without Rows nobody has counted them.
type KeyAnswer struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Current bool   `json:"current"`
	Entry   string `json:"entry"`
	Rows    *int64 `json:"rows"`
}

// NoticeAnswer is the notice that the service shows.
type NoticeAnswer struct {
	Version        int32  `json:"version"`
	MaterialDigest string `json:"materialDigest"`
}

// SiteAnswer is the script that a site's pages load. Digest is "sha256:" and hex; Bytes are compressed.
type SiteAnswer struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Integrity string `json:"integrity"`
	Digest    string `json:"digest"`
	Bytes     int64  `json:"bytes"`
}

// LedgerAnswer is the newest checkpoint: size and root as in the note (base64), and the signed note itself.
type LedgerAnswer struct {
	Size           int64      `json:"size"`
	CheckpointTime *time.Time `json:"checkpointTime"`
	Root           string     `json:"root"`
	Checkpoint     string     `json:"checkpoint"`
}

// AuditAnswer is the last self-audit. Without a time there was none yet.
type AuditAnswer struct {
	Verified bool       `json:"verified"`
	Time     *time.Time `json:"time"`
}

// managedLedger tells whether Rempart runs the ledger's database.
func (in Input) managedLedger() bool { return in.Policy.Spec.Service.Database.Managed != nil }

// known tells whether all that policy.json says is known and may be served: who the controller is, purposes that the
// register records, a notice whose time has come, and who signs the tokens of clients, of which the
// eraser is always one.
func (in Input) known() bool {
	return in.Officer != nil && in.Register != nil && len(Unregistered(&in.Policy.Spec, in.Register)) == 0 &&
		InEffect(&in.Policy.Spec, in.Now) != nil && len(in.Issuers) > 0
}

// placeable tells whether the ledger may be where it is to be.
func (in Input) placeable() bool {
	if in.managedLedger() {
		return len(in.Regions) > 0 && in.Class.Verdict == v1alpha1.VerdictAllowed
	}
	return len(in.Regions) > 0 && in.Declared.Verdict == v1alpha1.VerdictAllowed
}

// ledgerReady tells whether the ledger's database can be reached, as far as one can know.
func (in Input) ledgerReady() bool {
	return in.Missing == "" && (!in.managedLedger() || database.Ready(in.StatefulSet))
}

// running tells whether a pod of the service is ready.
func running(live *appsv1.Deployment) bool { return live != nil && live.Status.ReadyReplicas > 0 }

// settled tells whether all pods of the service are of the newest template.
func settled(live *appsv1.Deployment) bool {
	return running(live) && live.Status.ObservedGeneration >= live.Generation && live.Status.UpdatedReplicas >= live.Status.Replicas
}
