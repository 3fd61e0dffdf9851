package residency

import (
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// BuiltInPolicy is what refusals call the rules that hold where no ResidencyPolicy does: the Union only, enforced.
const BuiltInPolicy = "built-in default policy"

type placeKey struct{ provider, code string }

// Rules are one policy, compiled for one civil day. They do not change.
type Rules struct {
	// Name of the policy; empty for the built-in one.
	Name        string
	Enforcement v1alpha1.Enforcement

	on           v1alpha1.Date
	provider     string
	zones        []v1alpha1.LegalZone
	allowed      map[v1alpha1.Country]struct{}
	denied       map[v1alpha1.Country]struct{}
	regions      map[placeKey]struct{}
	declared     map[placeKey]v1alpha1.Country // an empty country: declared twice, differently
	declarations map[string]v1alpha1.StorageDeclaration
	servers      map[string]v1alpha1.Country // by normalised host; an empty country: declared twice, differently
	restricted   bool
	// regionAffinity pins pods by region, everyPod places pods that no register governs too.
	regionAffinity, everyPod bool
	// exceptions of the policy, whether they have ended or not.
	exceptions []v1alpha1.ResidencyException
	// quota keeps a ResourceQuota in the policy's namespaces.
	quota bool
	// defaultClass is the class of claims that are made without one; empty for none.
	defaultClass string
}

// BuiltIn returns the rules that hold where no ResidencyPolicy does.
func BuiltIn(on v1alpha1.Date) *Rules {
	return Compile("", v1alpha1.ResidencyPolicySpec{Enforcement: v1alpha1.EnforcementEnforce}, on)
}

// Compile prepares a policy for judging on a civil day.
func Compile(name string, spec v1alpha1.ResidencyPolicySpec, on v1alpha1.Date) *Rules {
	r := &Rules{Name: name, Enforcement: spec.Enforcement, on: on, provider: spec.Provider, zones: allowedZones(spec.Allowed.Zones),
		allowed: countries(spec.Allowed.Countries), denied: countries(spec.Denied.Countries), declared: map[placeKey]v1alpha1.Country{},
		declarations: map[string]v1alpha1.StorageDeclaration{}, restricted: spec.Nodes.Evidence == v1alpha1.EvidenceRestrictedLabels,
		regionAffinity: spec.Nodes.Affinity == v1alpha1.AffinityTopologyRegion, everyPod: spec.Workloads.Scope == v1alpha1.WorkloadsAll,
		quota:      name != "" && spec.Enforcement != v1alpha1.EnforcementAudit && spec.Storage.Quota != v1alpha1.QuotaOff,
		exceptions: spec.Exceptions, defaultClass: string(spec.Storage.DefaultClassName)}
	if len(spec.Allowed.Regions) > 0 {
		r.regions = map[placeKey]struct{}{}
		for _, allowed := range spec.Allowed.Regions {
			r.regions[placeKey{allowed.Provider, normalise(allowed.Provider, allowed.Region)}] = struct{}{}
		}
	}
	for _, location := range spec.Locations {
		key, country := placeKey{location.Provider, normalise(location.Provider, location.Region)}, Canonical(location.Country)
		if before, twice := r.declared[key]; twice && before != country {
			country = ""
		}
		r.declared[key] = country
	}
	for _, declaration := range spec.Storage.Declarations {
		r.declarations[string(declaration.StorageClassName)] = declaration
	}
	r.servers = serversOf(spec.Storage.Servers)
	return r
}

// allowedZones returns the zones of law in the order of the law. Members of the Union are EEA states: EEA allows both.
func allowedZones(zones []v1alpha1.AllowedZone) []v1alpha1.LegalZone {
	if len(zones) == 0 {
		return []v1alpha1.LegalZone{v1alpha1.ZoneEU}
	}
	var out []v1alpha1.LegalZone
	if slices.Contains(zones, v1alpha1.AllowedZoneEU) || slices.Contains(zones, v1alpha1.AllowedZoneEEA) {
		out = append(out, v1alpha1.ZoneEU)
	}
	for _, zone := range []v1alpha1.AllowedZone{v1alpha1.AllowedZoneEEA, v1alpha1.AllowedZoneAdequate, v1alpha1.AllowedZoneAdequatePartial} {
		if slices.Contains(zones, zone) {
			out = append(out, v1alpha1.LegalZone(zone))
		}
	}
	return out
}

func countries(list []v1alpha1.Country) map[v1alpha1.Country]struct{} {
	set := map[v1alpha1.Country]struct{}{}
	for _, country := range list {
		set[Canonical(country)] = struct{}{}
	}
	return set
}

// Locate finds the place of a region or zone of a provider, with what the policy declares. An empty provider stands for
// the policy's.
func (r *Rules) Locate(provider, region, zone string) Place {
	if provider == "" {
		provider = r.provider
	}
	return r.locate(provider, region, zone)
}

// LocateCountry makes a place of a declared country.
func (r *Rules) LocateCountry(country v1alpha1.Country) Place {
	country = Canonical(country)
	p := Place{Country: country, Law: ZoneOf(country, r.on), Reason: ReasonDeclared}
	if p.Law == v1alpha1.ZoneUnknown {
		p.Country = ""
	}
	return p
}

// JudgePlace is the verdict on one place.
func (r *Rules) JudgePlace(p Place) (v1alpha1.PlacementVerdict, Reason) {
	switch {
	case !p.Known():
		return v1alpha1.VerdictUnknown, p.Reason
	case has(r.denied, p.Country):
		return v1alpha1.VerdictDenied, ReasonCountryDenied
	case !slices.Contains(r.zones, p.Law) && !has(r.allowed, p.Country):
		return v1alpha1.VerdictDenied, ReasonZoneNotAllowed
	case r.regions != nil && !r.listed(p):
		return v1alpha1.VerdictDenied, ReasonRegionNotListed
	case p.Reason == ReasonDeclared:
		return v1alpha1.VerdictAllowed, ReasonDeclared
	default:
		return v1alpha1.VerdictAllowed, ReasonAllowed
	}
}

// listed tells whether the region of a place is among the only ones allowed.
func (r *Rules) listed(p Place) bool {
	if p.Region != "" && has(r.regions, placeKey{p.Provider, normalise(p.Provider, p.Region)}) {
		return true
	}
	zone := normalise(p.Provider, p.Zone)
	if zone == "" {
		return false
	}
	if has(r.regions, placeKey{p.Provider, zone}) {
		return true
	}
	parent, regular := r.parentOf(p.Provider, zone)
	return regular && has(r.regions, placeKey{p.Provider, parent})
}

// Allows says in words what the policy allows, for refusals.
func (r *Rules) Allows() string {
	words := make([]string, 0, len(r.zones)+len(r.allowed))
	for _, zone := range r.zones {
		words = append(words, string(zone))
	}
	words = append(words, sorted(r.allowed)...)
	text := strings.Join(words, ", ")
	if len(r.denied) > 0 {
		text += " without " + strings.Join(sorted(r.denied), ", ")
	}
	if r.regions != nil {
		text += ", listed regions only"
	}
	return text
}

func sorted(set map[v1alpha1.Country]struct{}) []string {
	out := make([]string, 0, len(set))
	for country := range set {
		out = append(out, string(country))
	}
	slices.Sort(out)
	return out
}

// Title names the rules in messages: ResidencyPolicy eu-only, or the built-in default policy.
func (r *Rules) Title() string {
	if r.Name == "" {
		return "the " + BuiltInPolicy
	}
	return "ResidencyPolicy " + r.Name
}
