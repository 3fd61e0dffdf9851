// Package policy decides about ConsentPolicies: which ledger is whose, what people have accepted, which changes ask them
// again, the children that the service needs, and what can be said of it. It is pure: time, chance and the world are
// inputs.
package policy

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// LabelComponent of the service's children; the database's is that of every managed database.
const (
	ComponentService     = "consentd"
	ComponentDatabase    = "database"
	ComponentCredentials = "credentials"
	ComponentCheckpoint  = "checkpoint"
	ComponentForgotten   = "forgotten"
)

// Role is a login role of the ledger's database.
type Role string

// Roles of the ledger. Only the migration has the Admin's credentials.
const (
	Admin     Role = "admin"
	App       Role = "app"
	Sequencer Role = "sequencer"
	Pruner    Role = "pruner"
)

// Roles in a fixed order.
var Roles = []Role{Admin, App, Sequencer, Pruner}

// users are the login roles of a managed ledger.
var users = map[Role]string{Admin: database.AdminUser, App: "consent_app", Sequencer: "consent_seq", Pruner: "consent_prune"}

// ServiceName returns the name of the Deployment, the Service, the Ingress or route and what else guards the service.
func ServiceName(policy string) string { return place.Service(policy) }

// ConfigName returns the name of the Secret with policy.json.
func ConfigName(policy string) string { return policy + "-consentd-config" }

// KeysName returns the name of the Secret with the keys that Rempart made.
func KeysName(policy string) string { return policy + "-consentd-keys" }

// DatabaseName returns the name of the managed database's StatefulSet, Service and NetworkPolicy.
func DatabaseName(policy string) string { return place.Database(policy) }

// CredentialsName returns the name of the Secret with the generated credentials of a role of a managed ledger.
func CredentialsName(policy string, role Role) string {
	return DatabaseName(policy) + "-" + string(role)
}

// CheckpointName returns the name of the ConfigMap, in the operator's namespace, that keeps the tenant's checkpoint.
func CheckpointName(tenant string) string { return "consent-checkpoint-" + tenant }

// ForgottenName returns the name of a ConfigMap, in the operator's namespace, with marks of who was forgotten in the tenant's ledger. Parts
// are numbered from 1.
func ForgottenName(tenant string, part int) string {
	return numbered("consent-forgotten-"+tenant, part)
}

// MarksName returns the name of the Secret with the same marks that the service mounts.
func MarksName(policy string, part int) string { return numbered(policy+"-consentd-forgotten", part) }

func numbered(name string, part int) string {
	if part == 1 {
		return name
	}
	return name + "-" + strconv.Itoa(part)
}

// EraserName returns the name of the ServiceAccount and the NetworkPolicy of the eraser's pods that work on the ledger.
func EraserName(policy string) string { return place.Eraser(policy) }

// Host returns the name of the service within the cluster.
func Host(p *v1alpha1.ConsentPolicy) string { return place.Host(p.Namespace, p.Name) }

// tenantSpace keeps tenants apart from other names that are hashed.
const tenantSpace = "gdpr.rempart.dev/consent/tenant"

// TenantID returns the ledger's tenant of a namespace and a name: the same for ever, also when the object is made again.
// It is a UUID of version 8, whose meaning is its maker's own (RFC 9562, section 5.8): the first bits of a SHA-256.
func TenantID(namespace, name string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", tenantSpace, namespace, name))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id.String()
}

// identity labels and selects what belongs to a part of a policy.
func identity(policy, component string) map[string]string {
	return map[string]string{v1alpha1.LabelConsentPolicy: policy, v1alpha1.LabelComponent: component}
}

// labels of a child are its identity, and who made it.
func labels(policy, component string) map[string]string {
	all := identity(policy, component)
	all[v1alpha1.LabelManagedBy] = v1alpha1.ManagedByRempart
	return all
}

// governed adds the register to labels: pods and claims are then placed, and looked after, as its residency policy says.
func governed(p *v1alpha1.ConsentPolicy, all map[string]string) map[string]string {
	all[v1alpha1.LabelRegister] = string(p.Spec.RegisterRef.Name)
	return all
}
