package residency

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Loosens tells what a change of a policy lets in that was refused before; empty when nothing. When it cannot be told,
// it counts as loosening.
func Loosens(before, after v1alpha1.ResidencyPolicySpec) string {
	old, now := Compile("", before, ""), Compile("", after, "")
	switch wider := now.widerThan(old); {
	case wider == "enforcement":
		return wider
	case before.Role == v1alpha1.PolicyRoleDefault && after.Role != v1alpha1.PolicyRoleDefault:
		return "role"
	case wider != "":
		return wider
	case before.Provider != after.Provider:
		return "provider"
	case !adds(old.declared, now.declared):
		return "locations"
	case !adds(old.declarations, now.declarations):
		return "storage.declarations"
	case before.Storage.Quota != v1alpha1.QuotaOff && after.Storage.Quota == v1alpha1.QuotaOff:
		return "storage.quota"
	case !adds(old.servers, now.servers):
		return "storage.servers"
	case old.restricted && !now.restricted:
		return "nodes.evidence"
	case now.regionAffinity && !old.regionAffinity:
		return "nodes.affinity"
	case old.everyPod && !now.everyPod:
		return "workloads.scope"
	case !equality.Semantic.DeepEqual(before.Namespaces, after.Namespaces) && after.Namespaces.Mode != v1alpha1.NamespacesAll:
		return "namespaces"
	case slices.ContainsFunc(after.Namespaces.Excluded, func(n v1alpha1.ObjectName) bool { return !slices.Contains(before.Namespaces.Excluded, n) }):
		return "namespaces.excluded"
	default:
		return ""
	}
}

// widerThan names the first field by which rules let in what others refuse; empty when there is none.
func (r *Rules) widerThan(old *Rules) string {
	switch {
	case old.Enforcement == v1alpha1.EnforcementEnforce && r.Enforcement != v1alpha1.EnforcementEnforce:
		return "enforcement"
	case slices.ContainsFunc(r.zones, func(z v1alpha1.LegalZone) bool { return !slices.Contains(old.zones, z) }):
		return "allowed.zones"
	case !within(r.allowed, old.allowed):
		return "allowed.countries"
	case !within(old.denied, r.denied):
		return "denied.countries"
	case old.regions != nil && (r.regions == nil || !within(r.regions, old.regions)):
		return "allowed.regions"
	default:
		return ""
	}
}

// AllowsMore names the first field by which a policy lets in, for a namespace, what another refuses; empty when there is
// none: a register may go from the other to it. What either says of where things are is evidence, and does not count.
func AllowsMore(old, now *Rules, namespace string) string {
	if old.Enforcement == v1alpha1.EnforcementAudit {
		return "" // it refuses nothing
	}
	if wider := now.widerThan(old); wider != "" {
		return wider
	}
	of := func(rules *Rules) []v1alpha1.ResidencyException {
		return slices.DeleteFunc(slices.Clone(rules.exceptions), func(e v1alpha1.ResidencyException) bool { return string(e.Namespace) != namespace })
	}
	if Excepts(of(old), of(now)) != "" {
		return "exceptions"
	}
	return ""
}

func within[K comparable](small, large map[K]struct{}) bool {
	for key := range small {
		if !has(large, key) {
			return false
		}
	}
	return true
}

// adds tells whether every declaration of now was there before: none is new or changed.
func adds[K comparable, V any](before, now map[K]V) bool {
	for key, value := range now {
		if was, found := before[key]; !found || !equality.Semantic.DeepEqual(was, value) {
			return false
		}
	}
	return true
}

// Contradictions returns what a policy declares against the table of regions or against itself, in the order of the list.
func Contradictions(spec v1alpha1.ResidencyPolicySpec) []string {
	var found []string
	rules := Compile("", spec, "")
	for i, location := range spec.Locations {
		place := rules.Locate(location.Provider, location.Region, "")
		switch {
		case place.Reason == ReasonConflicting:
			found = append(found, fmt.Sprintf("spec.locations[%d] says that %s %s is in %s: the table of regions, or another entry, says otherwise", i, location.Provider, cut(location.Region), location.Country))
		case ZoneOf(location.Country, "") == v1alpha1.ZoneUnknown:
			found = append(found, fmt.Sprintf("spec.locations[%d].country %s is no ISO 3166-1 code", i, location.Country))
		}
	}
	for i, declaration := range spec.Storage.Declarations {
		switch {
		case declaration.Country == "":
			if place := rules.placeOfDeclaration(declaration); !place.Known() {
				found = append(found, fmt.Sprintf("spec.storage.declarations[%d].location: %s; declare it in spec.locations, or declare the country", i, place.Words()))
			}
		case ZoneOf(declaration.Country, "") == v1alpha1.ZoneUnknown:
			found = append(found, fmt.Sprintf("spec.storage.declarations[%d].country %s is no ISO 3166-1 code", i, declaration.Country))
		}
	}
	for i, server := range spec.Storage.Servers {
		switch place := rules.locateServer(hostOf(server.Host)); {
		case place.Reason == ReasonConflicting:
			found = append(found, fmt.Sprintf("spec.storage.servers[%d] says that %s is in %s: another entry says otherwise", i, cut(server.Host), server.Country))
		case !place.Known():
			found = append(found, fmt.Sprintf("spec.storage.servers[%d].country %s is no ISO 3166-1 code", i, server.Country))
		}
	}
	for _, list := range []map[v1alpha1.Country]struct{}{rules.allowed, rules.denied} {
		for _, country := range slices.Sorted(maps.Keys(list)) {
			if ZoneOf(country, "") == v1alpha1.ZoneUnknown {
				found = append(found, fmt.Sprintf("country %s is no ISO 3166-1 code", country))
			}
		}
	}
	return found
}

// UnknownProviders returns providers that a policy names and the table of regions lacks: their codes are known only as
// far as spec.locations declares them.
func UnknownProviders(spec v1alpha1.ResidencyPolicySpec) []string {
	var unknown []string
	look := func(provider string) {
		if provider != "" && provider != ProviderCustom && !KnownProvider(provider) && !slices.Contains(unknown, provider) {
			unknown = append(unknown, provider)
		}
	}
	look(spec.Provider)
	for _, location := range spec.Locations {
		look(location.Provider)
	}
	for _, region := range spec.Allowed.Regions {
		look(region.Provider)
	}
	return unknown
}
