package register

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// IndexClaims names the index of the cache that finds registers by what their stores claim (ClaimKeys).
const IndexClaims = "dataregister.claims"

// A Claim is what a store of a register holds against every other register: its database, as host:port/database, or the
// workload that runs it, as "kind namespace/name". Two registers with the same key claim the same data. Two stores of one
// register may share a workload, which may run two databases, but no database.
type Claim struct {
	Store    v1alpha1.PartName
	Key      string
	Workload bool
}

// Claims returns what the register claims, in the order of its stores.
func Claims(register *v1alpha1.DataRegister) []Claim {
	claims := make([]Claim, 0, len(register.Spec.Stores))
	for i := range register.Spec.Stores {
		store := &register.Spec.Stores[i]
		c := Connection(register, store)
		claims = append(claims, Claim{Store: store.Name, Key: address(canonicalHost(c.Host, register.Namespace), c.Port) + "/" + c.Database})
		if ref := store.WorkloadRef; ref != nil {
			claims = append(claims, Claim{Store: store.Name, Key: fmt.Sprintf("%s %s/%s", ref.Kind, register.Namespace, ref.Name), Workload: true})
		}
	}
	return claims
}

// ClaimKeys are the keys of the register's claims.
func ClaimKeys(register *v1alpha1.DataRegister) []string {
	claims := Claims(register)
	keys := make([]string, len(claims))
	for i := range claims {
		keys[i] = claims[i].Key
	}
	return keys
}

// canonicalHost writes one host one way: lower case, no final dot, addresses in their short form, and names of Services
// as <service>.<namespace> whichever way they were written. A name of two labels may be a Service of another namespace or
// a public name: it is the same key either way.
func canonicalHost(host, namespace string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().String()
	}
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	if !strings.Contains(host, ".") {
		host += "." + namespace
	}
	return host
}

// Twice returns the first claim of the register to a database that an earlier one of its stores claims as well.
func Twice(r *v1alpha1.DataRegister) (Claim, bool) {
	seen := map[string]struct{}{}
	for _, claim := range Claims(r) {
		if _, twice := seen[claim.Key]; twice && !claim.Workload {
			return claim, true
		}
		seen[claim.Key] = struct{}{}
	}
	return Claim{}, false
}

// Rival returns the register that has claimed before what r claims, and that claim of r; nil when none has. The older
// register wins, the UID deciding a tie: two that were admitted at the same instant, by two replicas, do not both get the
// store. A register is its own rival when two of its stores name the same database.
func Rival(r *v1alpha1.DataRegister, others []v1alpha1.DataRegister) (*v1alpha1.DataRegister, Claim) {
	if claim, twice := Twice(r); twice {
		return r, claim
	}
	mine := map[string]Claim{}
	for _, claim := range Claims(r) {
		if _, has := mine[claim.Key]; !has {
			mine[claim.Key] = claim
		}
	}
	for i := range others {
		other := &others[i]
		if other.UID == r.UID || !older(other, r) {
			continue
		}
		for _, key := range ClaimKeys(other) {
			if claim, both := mine[key]; both {
				return other, claim
			}
		}
	}
	return nil, Claim{}
}

func older(a, b *v1alpha1.DataRegister) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}
