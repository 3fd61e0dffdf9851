// Package residency follows the chain from a StorageClass or a node to a country, and from the country to a verdict
// under a ResidencyPolicy. What it cannot prove is Unknown, and Unknown is refused. It is pure: tables are embedded,
// the day is an input.
package residency

import (
	"embed"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// DataVersion names the state of the embedded tables; it is shown in the status of policies.
const DataVersion = "2026-11.3"

//go:embed data/*.csv data/drivers.yaml
var data embed.FS

// regionKind is what a row of the table of regions is.
type regionKind string

const (
	kindLocalZone  regionKind = "local-zone"
	kindWavelength regionKind = "wavelength-zone"
)

// regionRow is one row of the table of regions.
type regionRow struct {
	code    string
	kind    regionKind
	country v1alpha1.Country // empty: no single place
	parent  string           // region whose label a local zone carries; empty when none
}

// local tells a zone that lies apart from its region, maybe in another country.
func (r regionRow) local() bool { return r.kind == kindLocalZone || r.kind == kindWavelength }

// adequacyRow is an adequacy decision (Article 45). Days are civil dates; an empty expiry never comes.
type adequacyRow struct {
	from, until v1alpha1.Date
	partial     bool
}

// tables are the embedded facts, read once.
type tables struct {
	regions  map[string]map[string]regionRow // provider → normalised code
	eu, eea  map[v1alpha1.Country]struct{}   // eea: EEA states that are not EU members
	third    map[v1alpha1.Country]struct{}   // territories with a code of their own outside of the Union's territory
	adequacy map[v1alpha1.Country][]adequacyRow
	drivers  map[string]driver // provisioner → driver
	readable []string          // provisioners in the order of the file, for documentation
}

// facts returns the embedded tables. They are compiled in: a fault in them is a fault of the build, found by the tests.
var facts = sync.OnceValue(func() *tables {
	t, err := load()
	if err != nil {
		panic(fmt.Sprintf("residency: embedded data: %v", err))
	}
	return t
})

func load() (*tables, error) {
	t := &tables{regions: map[string]map[string]regionRow{}, eu: map[v1alpha1.Country]struct{}{}, eea: map[v1alpha1.Country]struct{}{},
		third: map[v1alpha1.Country]struct{}{}, adequacy: map[v1alpha1.Country][]adequacyRow{}, drivers: map[string]driver{}}
	for file, add := range map[string]func(row map[string]string) error{
		"cloud_regions.csv": t.addRegion, "geo_eu_eea.csv": t.addState, "geo_territories.csv": t.addTerritory, "adequacy.csv": t.addAdequacy,
	} {
		if err := eachRow(file, add); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return t, t.addDrivers()
}

func eachRow(file string, add func(map[string]string) error) error {
	f, err := data.Open("data/" + file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows[1:] {
		named := make(map[string]string, len(row))
		for i, column := range rows[0] {
			named[column] = row[i]
		}
		if err := add(named); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) addRegion(row map[string]string) error {
	provider := row["provider"]
	if t.regions[provider] == nil {
		t.regions[provider] = map[string]regionRow{}
	}
	parent, isParent := strings.CutPrefix(row["partition_or_parent"], "parent ")
	if !isParent {
		parent = ""
	}
	added := regionRow{code: row["region"], kind: regionKind(row["kind"]), country: v1alpha1.Country(row["country"]), parent: parent}
	key := normalise(provider, row["region"])
	if known, twice := t.regions[provider][key]; twice && known.country != added.country {
		return fmt.Errorf("region %s %s has two countries", provider, row["region"])
	}
	t.regions[provider][key] = added
	return nil
}

func (t *tables) addState(row map[string]string) error {
	country := v1alpha1.Country(row["iso2"])
	if row["is_eu"] == "true" {
		t.eu[country] = struct{}{}
	} else if row["is_eea"] == "true" {
		t.eea[country] = struct{}{}
	}
	return nil
}

// addTerritory keeps the territories that have an ISO 3166-1 code of their own; the others are where their parent is.
func (t *tables) addTerritory(row map[string]string) error {
	code := row["code"]
	switch {
	case len(code) != 2:
	case row["is_eu_territory"] == "true":
		t.eu[v1alpha1.Country(code)] = struct{}{}
	default:
		t.third[v1alpha1.Country(code)] = struct{}{}
	}
	return nil
}

func (t *tables) addAdequacy(row map[string]string) error {
	if row["kind"] == "INTERNATIONAL_ORG" {
		return nil
	}
	country := v1alpha1.Country(row["code"])
	t.adequacy[country] = append(t.adequacy[country], adequacyRow{from: v1alpha1.Date(row["adopted"]),
		until: v1alpha1.Date(row["expires"]), partial: row["coverage"] != "FULL"})
	return nil
}

func (t *tables) addDrivers() error {
	content, err := data.ReadFile("data/drivers.yaml")
	if err != nil {
		return fmt.Errorf("reading drivers.yaml: %w", err)
	}
	var file struct {
		Drivers []driver `json:"drivers"`
	}
	if err := yaml.UnmarshalStrict(content, &file); err != nil {
		return fmt.Errorf("reading drivers.yaml: %w", err)
	}
	for _, d := range file.Drivers {
		if err := d.check(t); err != nil {
			return err
		}
		for _, name := range d.Names {
			if _, twice := t.drivers[name]; twice {
				return fmt.Errorf("driver %s is listed twice", name)
			}
			t.drivers[name] = d
			t.readable = append(t.readable, name)
		}
	}
	return nil
}

// Providers lists the providers of the table of regions, sorted.
func Providers() []string { return slices.Sorted(maps.Keys(facts().regions)) }

// KnownProvider tells whether the table of regions has the provider.
func KnownProvider(provider string) bool {
	_, known := facts().regions[provider]
	return known
}
