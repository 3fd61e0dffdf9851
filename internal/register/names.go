// Package register decides about DataRegisters: the children that a managed store needs, when a store is scanned, and
// what can be said of the record. It is pure: time, chance and the world are inputs.
package register

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Port is the port of a managed PostgreSQL store.
const Port = database.Port

// Login roles of a managed store.
const (
	EraserUser   = "rempart_eraser"
	VerifierUser = "rempart_verifier"
)

// Name returns the name of a managed store's StatefulSet, Service and database NetworkPolicy.
func Name(register, store string) string { return register + "-" + store }

// EraserPolicyName returns the name of the NetworkPolicy of a store's eraser pods.
func EraserPolicyName(register, store string) string {
	return cut(Name(register, store), 56) + "-eraser"
}

// ClaimName returns the name of the volume claim of a managed store.
func ClaimName(register, store string) string { return database.ClaimName(Name(register, store)) }

// PodName returns the name of the pod of a managed store.
func PodName(register, store string) string { return database.PodName(Name(register, store)) }

// SecretName returns the name of the Secret with the generated credentials of a role of a managed store.
func SecretName(register, store string, role task.Role) string {
	return Name(register, store) + "-" + string(role)
}

// cut shortens a name and keeps it distinct by a digest of the whole.
func cut(name string, most int) string {
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:most-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// Store returns the store of that name; nil when the register has none.
func Store(register *v1alpha1.DataRegister, name string) *v1alpha1.DataStore {
	for i := range register.Spec.Stores {
		if string(register.Spec.Stores[i].Name) == name {
			return &register.Spec.Stores[i]
		}
	}
	return nil
}

// StoreStatus returns the status of the store of that name; nil when there is none yet.
func StoreStatus(register *v1alpha1.DataRegister, name string) *v1alpha1.StoreStatus {
	for i := range register.Status.Stores {
		if string(register.Status.Stores[i].Name) == name {
			return &register.Status.Stores[i]
		}
	}
	return nil
}

// Roles returns the Secret, by name, of each login role of a store. Only a managed store has an Admin.
func Roles(register *v1alpha1.DataRegister, store *v1alpha1.DataStore) map[task.Role]string {
	if store.Connection != nil {
		return map[task.Role]string{
			task.Eraser:   string(store.Connection.EraserSecretRef.Name),
			task.Verifier: string(store.Connection.VerifierSecretRef.Name),
		}
	}
	names := map[task.Role]string{}
	for _, role := range []task.Role{task.Admin, task.Eraser, task.Verifier} {
		names[role] = SecretName(register.Name, string(store.Name), role)
	}
	return names
}

// Connection returns how a pod in the register's namespace reaches a store. A managed store has no certificate: its
// traffic stays in the namespace, between pods that NetworkPolicies let talk.
func Connection(register *v1alpha1.DataRegister, store *v1alpha1.DataStore) task.Connection {
	if c := store.Connection; c != nil {
		return task.Connection{Host: c.Host, Port: portOf(c), Database: string(c.Database), TLS: task.TLS{Mode: c.TLS.Mode}}
	}
	return task.Connection{Host: Name(register.Name, string(store.Name)) + "." + register.Namespace + ".svc", Port: Port,
		Database: database.Name(store.Managed), TLS: task.TLS{Mode: v1alpha1.TLSDisable}}
}

func portOf(c *v1alpha1.StoreConnection) int32 {
	if c.Port == 0 {
		return Port
	}
	return c.Port
}

// CASecret returns the Secret with the roots that a store's connection trusts; empty when there is none.
func CASecret(store *v1alpha1.DataStore) string {
	if store.Connection == nil || store.Connection.TLS.CASecretRef == nil {
		return ""
	}
	return string(store.Connection.TLS.CASecretRef.Name)
}

// Endpoint returns host:port of a store.
func Endpoint(register *v1alpha1.DataRegister, store *v1alpha1.DataStore) string {
	c := Connection(register, store)
	return address(c.Host, c.Port)
}

// address joins host and port; an IPv6 address stands in brackets.
func address(host string, port int32) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// Affinity pins a pod to nodes of the allowed regions. Nil regions pin nothing; callers that need a place refuse them.
func Affinity(regions []string) *corev1ac.NodeAffinityApplyConfiguration {
	if len(regions) == 0 {
		return nil
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(regions)))
	return corev1ac.NodeAffinity().WithRequiredDuringSchedulingIgnoredDuringExecution(
		corev1ac.NodeSelector().WithNodeSelectorTerms(corev1ac.NodeSelectorTerm().WithMatchExpressions(
			corev1ac.NodeSelectorRequirement().WithKey(corev1.LabelTopologyRegion).WithOperator(corev1.NodeSelectorOpIn).WithValues(sorted...))))
}

// StoreNames returns the names of the stores that the spec has or that the status remembers, sorted.
func StoreNames(r *v1alpha1.DataRegister) []string {
	names := map[string]struct{}{}
	for i := range r.Spec.Stores {
		names[string(r.Spec.Stores[i].Name)] = struct{}{}
	}
	for i := range r.Status.Stores {
		names[string(r.Status.Stores[i].Name)] = struct{}{}
	}
	return slices.Sorted(maps.Keys(names))
}
