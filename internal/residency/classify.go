package residency

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// unlocated are schemes of providerID that say nothing of a provider: clusters on one machine or in one's own rooms.
var unlocated = []string{"", "kind", "k3s"}

// Candidates are the providers that a name may mean: a provider of the table (or Custom) means itself, a scheme of
// providerID the providers that write it, and kind, k3s or no name every provider. Nil for a name that nobody has.
func (r *Rules) Candidates(name string) []string {
	switch {
	case KnownProvider(name) || name == ProviderCustom:
		return []string{name}
	case slices.Contains(unlocated, name):
		return everyProvider()
	default:
		return schemes[name]
	}
}

// Classify finds the place of a region or zone when the provider is only a name or a scheme that several share: the code
// is judged for every candidate. If they agree on one country the place is theirs, else it is unknown.
func (r *Rules) Classify(provider, region, zone string) Place {
	candidates := r.Candidates(provider)
	if len(candidates) == 0 {
		return Place{Provider: provider, Region: region, Zone: zone, Law: v1alpha1.ZoneUnknown, Reason: ReasonProviderUnknown}
	}
	return r.placeAmong(candidates, region, zone, "")
}

// Region is a row of the table of regions, with the zone of law that its country has on a civil day.
type Region struct {
	Provider, Region string
	// Kind is region, location, local-zone, wavelength-zone, object-storage, multi-region or pseudo.
	Kind string
	// Country is empty where the code is no single place.
	Country v1alpha1.Country
	City    string
	Law     v1alpha1.LegalZone
	Verdict v1alpha1.PlacementVerdict
	// Parent is the region whose label a local zone carries.
	Parent string
	// Note says what is peculiar; Source and Confidence where the fact was found and how sure it is.
	Note, Source, Confidence string
}

// Regions lists the table of regions of a provider, of all for an empty name, as these rules judge them, sorted by
// provider, in the order of the table.
func (r *Rules) Regions(provider string) []Region {
	var list []Region
	err := eachRow("cloud_regions.csv", func(row map[string]string) error {
		if provider != "" && provider != row["provider"] {
			return nil
		}
		place := r.locate(row["provider"], row["region"], "")
		verdict, _ := r.JudgePlace(place)
		parent, isParent := strings.CutPrefix(row["partition_or_parent"], "parent ")
		if !isParent {
			parent = ""
		}
		list = append(list, Region{Provider: row["provider"], Region: row["region"], Kind: row["kind"], Country: place.Country, City: row["city"],
			Law: place.Law, Verdict: verdict, Parent: parent, Note: row["note"], Source: row["source"], Confidence: row["confidence"]})
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("residency: embedded data: %v", err)) // as in facts: a fault of the build
	}
	slices.SortStableFunc(list, func(a, b Region) int { return strings.Compare(a.Provider, b.Provider) })
	return list
}
