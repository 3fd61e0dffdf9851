package residency

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// ProviderCustom is the provider of own data centres: only declared locations are known.
const ProviderCustom = "Custom"

// Reason is why a place, a class or a node is judged as it is. Reasons are API: they appear in status and in refusals.
type Reason string

// Reasons.
const (
	// ReasonAllowed means that every place is allowed.
	ReasonAllowed Reason = "Allowed"
	// ReasonDeclared means that the place is declared, not observed.
	ReasonDeclared Reason = "Declared"
	// ReasonZoneNotAllowed means that the country's zone of law is not among the allowed ones.
	ReasonZoneNotAllowed Reason = "ZoneNotAllowed"
	// ReasonCountryDenied means that the policy denies the country.
	ReasonCountryDenied Reason = "CountryDenied"
	// ReasonRegionNotListed means that the policy allows listed regions only, and this is none.
	ReasonRegionNotListed Reason = "RegionNotListed"
	// ReasonTopologyOpen means that nothing keeps the class on allowed nodes, and some nodes are not allowed.
	ReasonTopologyOpen Reason = "TopologyOpen"
	// ReasonClassMissing means that there is no such class.
	ReasonClassMissing Reason = "ClassMissing"
	// ReasonClassEmpty means that the claim names the empty class, which binds hand-made volumes.
	ReasonClassEmpty Reason = "ClassEmpty"
	// ReasonClassAbsent means that no class is named and the cluster has no default one.
	ReasonClassAbsent Reason = "ClassAbsent"
	// ReasonProvisionerUnknown means that the driver is not in the list of drivers.
	ReasonProvisionerUnknown Reason = "ProvisionerUnknown"
	// ReasonParameterUnknown means that a parameter may move the data, and its meaning is not known.
	ReasonParameterUnknown Reason = "ParameterUnknown"
	// ReasonPointer means that a parameter points at something that exists elsewhere.
	ReasonPointer Reason = "PointerParameter"
	// ReasonReplicated means that the class keeps copies whose place is not known.
	ReasonReplicated Reason = "ReplicaPlaceUnknown"
	// ReasonTopologyUnknown means that a topology key or term says nothing that is known.
	ReasonTopologyUnknown Reason = "TopologyUnknown"
	// ReasonStaticVolumes means that the class has hand-made volumes, each of which lies where it lies.
	ReasonStaticVolumes Reason = "StaticVolumes"
	// ReasonNoEvidence means that nothing says where the data would be.
	ReasonNoEvidence Reason = "NoEvidence"
	// ReasonProviderUnknown means that no provider is known, and a region code means nothing without one.
	ReasonProviderUnknown Reason = "ProviderUnknown"
	// ReasonProviderAmbiguous means that providers in question use the same code for different countries.
	ReasonProviderAmbiguous Reason = "ProviderAmbiguous"
	// ReasonRegionUnknown means that the provider has no such region in the table.
	ReasonRegionUnknown Reason = "RegionUnknown"
	// ReasonZoneUnknown means that the zone is neither in the table nor of the regular form for its region.
	ReasonZoneUnknown Reason = "ZoneUnknown"
	// ReasonNoSinglePlace means that the code is a multi-region or a logical location.
	ReasonNoSinglePlace Reason = "NoSinglePlace"
	// ReasonConflicting means that what is known contradicts itself.
	ReasonConflicting Reason = "Conflicting"
)

// Place is somewhere data can be. Country is empty when it could not be found, and Reason says why.
type Place struct {
	Provider string
	// Region and Zone are codes as they were written.
	Region, Zone string
	Country      v1alpha1.Country
	Law          v1alpha1.LegalZone
	// Reason is empty for a place of the table, ReasonDeclared for a declared one, else why it is unknown.
	Reason Reason
}

// Known tells whether the country was found.
func (p Place) Known() bool { return p.Country != "" }

// Code returns the most precise code of the place.
func (p Place) Code() string {
	if p.Zone != "" {
		return p.Zone
	}
	return p.Region
}

// zoneForms are the regular forms of zone names: what is left without the match is the region.
var zoneForms = map[string]*regexp.Regexp{
	"aws":              regexp.MustCompile(`^[a-z]$`),
	"outscale":         regexp.MustCompile(`^[a-z]$`),
	"alibaba":          regexp.MustCompile(`^-?[a-z]$`),
	"gcp":              regexp.MustCompile(`^-[a-z]$`),
	"azure":            regexp.MustCompile(`^-[1-9]$`),
	"scaleway":         regexp.MustCompile(`^-[1-9]$`),
	"hetzner":          regexp.MustCompile(`^-dc[1-9][0-9]?$`),
	"ibm":              regexp.MustCompile(`^-[1-9]$`),
	"oci":              regexp.MustCompile(`^-ad-[1-9]$`),
	"opentelekomcloud": regexp.MustCompile(`^-0[1-9]$`),
	"ovh":              regexp.MustCompile(`^-[a-z]$`),
	"stackit":          regexp.MustCompile(`^-(?:[1-9]|m)$`),
	"infomaniak":       regexp.MustCompile(`^-[0-9]{2}$`),
	ProviderCustom:     regexp.MustCompile(`^-[a-z0-9]{1,16}$`),
}

// installations are providers whose region codes carry the site's installation: its number, as GRA11 for GRA, or the
// letter of a local zone, as EU-WEST-LZ-LUX-A for eu-west-lz-lux.
var installations = map[string]*regexp.Regexp{
	"ovh": regexp.MustCompile(`^(?:(gra|sbg|rbx|de|uk|waw|bhs|sgp|syd)[1-9][0-9]?|([a-z]+-[a-z]+-lz-[a-z]{3})-[a-z])$`),
}

// sayNothing are zone labels that drivers set where a region has no zones, or for a disk that is in all of them.
var sayNothing = map[string][]string{"azure": {"", "0", "1", "2"}, "ovh": {"nova"}, "opentelekomcloud": {"nova"}, "infomaniak": {"nova"}}

// normalise writes a code as the provider's driver compares it: exactly, but for providers that ignore case.
// Only ASCII is folded: a look-alike stays unknown.
func normalise(provider, code string) string {
	switch provider {
	case "azure":
		return strings.ReplaceAll(lower(code), " ", "")
	case "oci", "ovh":
		return lower(code)
	case "ionos":
		return strings.ReplaceAll(lower(code), "/", "-")
	default:
		return code
	}
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// locate finds the place of a region and a zone, either of which may be empty, of one provider. The zone is read before
// the region: local zones lie in other countries under their parent's region.
func (r *Rules) locate(provider, region, zone string) Place {
	p := Place{Provider: provider, Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown}
	if slices.Contains(sayNothing[provider], zone) && region != "" {
		zone = ""
	}
	switch {
	case provider == "":
		p.Reason = ReasonProviderUnknown
	case region == "" && zone == "":
		p.Reason = ReasonNoEvidence
	case zone == "":
		p.Country, p.Reason = r.region(provider, region)
	default:
		p.Country, p.Reason = r.zone(provider, region, zone)
	}
	if p.Country != "" {
		p.Law = ZoneOf(p.Country, r.on)
	}
	return p
}

// region finds the country of a region. A declaration fills what the table lacks; against the table it is a conflict.
func (r *Rules) region(provider, code string) (v1alpha1.Country, Reason) {
	key := normalise(provider, code)
	row, listed := rowOf(provider, key)
	declared, isDeclared := r.declared[placeKey{provider, key}]
	switch {
	case isDeclared && declared == "": // declared twice, differently
		return "", ReasonConflicting
	case isDeclared && listed && row.country != "" && row.country != declared:
		return "", ReasonConflicting
	case listed && row.country != "":
		return row.country, ""
	case isDeclared:
		return declared, ReasonDeclared
	case listed:
		return "", ReasonNoSinglePlace
	default:
		return "", ReasonRegionUnknown
	}
}

// rowOf finds the row of a normalised code, or of the site that it is an installation of.
func rowOf(provider, key string) (regionRow, bool) {
	row, listed := facts().regions[provider][key]
	if form := installations[provider]; !listed && form != nil {
		if site := form.FindStringSubmatch(key); site != nil {
			row, listed = facts().regions[provider][site[1]+site[2]]
		}
	}
	return row, listed
}

// zone finds the country of a zone, with the region that goes with it, when one is given.
func (r *Rules) zone(provider, region, zone string) (v1alpha1.Country, Reason) {
	key := normalise(provider, zone)
	country, reason := r.region(provider, zone)
	switch {
	case country != "" && !r.agrees(provider, region, key, country):
		return "", ReasonConflicting
	case country != "": // listed, as local zones and regions of a single zone are, or declared
		return country, reason
	case reason != ReasonRegionUnknown:
		return "", reason
	}
	parent, regular := r.parentOf(provider, key)
	if !regular {
		return "", ReasonZoneUnknown
	}
	if region != "" && normalise(provider, region) != parent {
		return "", ReasonConflicting
	}
	return r.region(provider, parent)
}

// parentOf cuts the regular form of a zone off, longest region first. A local zone is itself a zone and has none.
func (r *Rules) parentOf(provider, zone string) (string, bool) {
	form := zoneForms[provider]
	if form == nil {
		return "", false
	}
	for cut := len(zone) - 1; cut > 0; cut-- {
		if !form.MatchString(zone[cut:]) {
			continue
		}
		if row, _ := rowOf(provider, zone[:cut]); row.local() {
			continue
		}
		if country, _ := r.region(provider, zone[:cut]); country != "" {
			return zone[:cut], true
		}
	}
	return "", false
}

// agrees tells whether a region label may stand beside a listed zone: it is the
// zone itself, its parent, or, where no parent is known, in the same country.
func (r *Rules) agrees(provider, region, zoneKey string, country v1alpha1.Country) bool {
	if region == "" || normalise(provider, region) == zoneKey {
		return true
	}
	if row, _ := rowOf(provider, zoneKey); row.local() && row.parent != "" {
		return row.parent == normalise(provider, region)
	}
	beside, _ := r.region(provider, region)
	return beside != "" && beside == country
}
