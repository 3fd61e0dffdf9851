package residency

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// rows reads a table of testdata: one map per line, by column.
func rows(t *testing.T, file string) []map[string]string {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		out = append(out, row)
	}
	return out
}

func TestACodeMeansWhatItsProviderMeans(t *testing.T) {
	rules := BuiltIn(today)
	for _, row := range rows(t, "cloud_region_code_collisions.csv") {
		for meaning := range strings.SplitSeq(row["meaning_by_provider"], "; ") {
			provider, country, _ := strings.Cut(meaning, "=")
			if got := rules.Classify(provider, row["region_code"], ""); string(got.Country) != country {
				t.Errorf("%s %s: %q %q, want %s", provider, row["region_code"], got.Country, got.Reason, country)
			}
		}
		got := rules.Classify("", row["region_code"], "")
		if differ := row["country_conflict"] == "DIFFERENT_COUNTRY"; differ != (got.Reason == ReasonProviderAmbiguous) {
			t.Errorf("%s without a provider: %q %q, countries differ: %v", row["region_code"], got.Country, got.Reason, differ)
		}
	}
}

func TestTheFormsOfKnownProvidersAreUnderstood(t *testing.T) {
	names := map[string]string{"openstack family (OVH, OTC, Infomaniak, Cleura)": "openstack"}
	unknown := []string{"fra02"} // a data centre of the classic infrastructure, which the table lacks
	rules := BuiltIn(today)
	for _, row := range rows(t, "k8s_provider_ids.csv") {
		provider := row["provider"]
		if name, is := names[provider]; is {
			provider = name
		}
		if strings.HasPrefix(provider, "bare metal") {
			continue
		}
		for _, region := range examples(row["region_label_example"]) {
			if got := rules.Classify(provider, region, ""); !got.Known() {
				t.Errorf("%s region %q: %s", provider, region, got.Reason)
			}
		}
		region := examples(row["region_label_example"])[0]
		for _, zone := range examples(row["zone_label_example"]) {
			if got := rules.Classify(provider, region, zone); got.Known() == slices.Contains(unknown, zone) && !strings.HasPrefix(zone, "eu-de-0") {
				t.Errorf("%s zone %q: %q %s", provider, zone, got.Country, got.Reason)
			}
		}
	}
}

// examples splits a cell of alternatives.
func examples(cell string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(cell, " or ", " / "), func(r rune) bool { return r == ' ' }) {
		if part = strings.Trim(part, `"`); part != "/" && part != "(none)" {
			out = append(out, part)
		}
	}
	return out
}

func TestSharedNamesAreJudgedForEveryCandidate(t *testing.T) {
	rules := BuiltIn(today)
	for _, test := range []struct {
		provider, region, zone string
		country                v1alpha1.Country
		reason                 Reason
	}{
		{"openstack", "GRA11", "nova", "FR", ""},
		{"openstack", "eu-de", "eu-de-01", "DE", ""},
		{"openstack", "dc3-a", "", "CH", ""},
		{"openstack", "RegionOne", "nova", "", ReasonProviderUnknown},
		{"hcloud", "fsn1", "", "DE", ""},
		{"gce", "europe-west9", "europe-west9-b", "FR", ""},
		{"", "eu-west-3", "", "FR", ""},
		{"", "eu-west-2", "", "", ReasonProviderAmbiguous},
		{"kind", "eu-west-1", "", "", ReasonProviderAmbiguous},
		{"k3s", "", "", "", ReasonProviderUnknown},
		{"kind", "europe", "", "", ReasonNoSinglePlace},
		{"nobody", "eu-west-3", "", "", ReasonProviderUnknown},
		{"AWS", "eu-west-3", "", "", ReasonProviderUnknown},
		{"аws", "eu-west-3", "", "", ReasonProviderUnknown}, // a Cyrillic a
		{ProviderCustom, "eu-west-3", "", "", ReasonRegionUnknown},
	} {
		if got := rules.Classify(test.provider, test.region, test.zone); got.Country != test.country || got.Reason != test.reason {
			t.Errorf("%q %q %q: %q %q, want %q %q", test.provider, test.region, test.zone, got.Country, got.Reason, test.country, test.reason)
		}
	}
}

func TestCodesThatLookEuropeanAreNot(t *testing.T) {
	abroad := 0
	for _, region := range BuiltIn(today).Regions("") {
		looks := strings.HasPrefix(lower(region.Region), "eu")
		if looks && region.Country != "" && region.Law != v1alpha1.ZoneEU {
			abroad++
		}
		if region.Law != v1alpha1.ZoneEU && region.Verdict == v1alpha1.VerdictAllowed {
			t.Errorf("%s %s is allowed, and lies in %s", region.Provider, region.Region, region.Country)
		}
	}
	if abroad != 19 {
		t.Errorf("%d codes start with eu and lie outside of the Union, want 19", abroad)
	}
}

func TestEveryTrapOfTheTableIsSeenUnderItsParent(t *testing.T) {
	rules, zones := BuiltIn(today), 0
	for _, region := range rules.Regions("") {
		if region.Parent == "" {
			continue
		}
		zones++
		if got := rules.Locate(region.Provider, region.Parent, region.Region); got.Country != region.Country {
			t.Errorf("%s %s under %s: %q, want %s", region.Provider, region.Region, region.Parent, got.Country, region.Country)
		}
		for _, junk := range []string{"a", "-1", "1", "b"} {
			if got := rules.Locate(region.Provider, region.Parent, region.Region+junk); got.Known() {
				t.Errorf("%s %s is %s", region.Provider, region.Region+junk, got.Country)
			}
		}
	}
	if zones < 15 {
		t.Errorf("%d local zones with a parent", zones)
	}
}

func TestMultiRegionsAndLogicalLocationsAreNowhere(t *testing.T) {
	rules := BuiltIn(today)
	for _, region := range rules.Regions("") {
		if region.Kind != "multi-region" && region.Kind != "pseudo" {
			continue
		}
		for _, zone := range []string{"", region.Region, region.Region + "-a", region.Region + "-1"} {
			if got := rules.Locate(region.Provider, region.Region, zone); got.Known() {
				t.Errorf("%s %s zone %q is %s", region.Provider, region.Region, zone, got.Country)
			}
		}
	}
}

// alike are runes that look like others.
var alike = map[rune]rune{'e': 'е', 'a': 'а', 'o': 'о', 'c': 'с', 'p': 'р', 'i': 'і', 's': 'ѕ', '1': 'l', '-': '‐', 'w': 'ԝ'}

func TestLookAlikesAreUnknown(t *testing.T) {
	rules := BuiltIn(today)
	for _, region := range rules.Regions("") {
		for i, letter := range region.Region {
			twin, has := alike[letter]
			if !has {
				continue
			}
			code := region.Region[:i] + string(twin) + region.Region[i+1:]
			if got := rules.Locate(region.Provider, code, ""); got.Known() {
				t.Errorf("%s %q is %s", region.Provider, code, got.Country)
			}
		}
	}
}

// drawCode draws a code of the table, a zone of one, or junk.
func drawCode(t *rapid.T, label string, table []Region) string {
	region := rapid.SampledFrom(table).Draw(t, label).Region
	return rapid.OneOf(rapid.Just(""), rapid.Just(region), rapid.String(),
		rapid.Map(rapid.SampledFrom([]string{"a", "-a", "-1", "1", "-dc1", " ", "-AD-1", "nova", "0"}), func(suffix string) string { return region + suffix }),
		rapid.SampledFrom([]string{"nova", "0", "1"}), rapid.Just(strings.ToUpper(region)), rapid.StringMatching(`eu-[a-z]{2,6}-[0-9]{1,2}[a-z]?`),
	).Draw(t, label+" as")
}

// TestMoreEvidenceNeverWidens states the laws of reading a code: what is allowed with a region and a zone is allowed by
// the zone alone (or by the region, where the zone says nothing), and what neither half places, the whole does not.
func TestMoreEvidenceNeverWidens(t *testing.T) {
	rules := BuiltIn(today)
	table := rules.Regions("")
	names := append(Providers(), "", "kind", "openstack", "gce", ProviderCustom, "nobody")
	rapid.Check(t, func(t *rapid.T) {
		provider := rapid.SampledFrom(names).Draw(t, "provider")
		region, zone := drawCode(t, "region", table), drawCode(t, "zone", table)
		verdict := func(region, zone string) v1alpha1.PlacementVerdict {
			v, _ := rules.JudgePlace(rules.Classify(provider, region, zone))
			return v
		}
		whole, byRegion, byZone := verdict(region, zone), verdict(region, ""), verdict("", zone)
		if whole == v1alpha1.VerdictAllowed && byRegion != v1alpha1.VerdictAllowed && byZone != v1alpha1.VerdictAllowed {
			t.Fatalf("%q %q %q is allowed, and neither half is", provider, region, zone)
		}
		if byZone == v1alpha1.VerdictDenied && whole == v1alpha1.VerdictAllowed {
			t.Fatalf("%q: region %q lets the denied zone %q in", provider, region, zone)
		}
	})
}

// TestMoreCandidatesNeverWiden: a name that several providers share is allowed only if no candidate is denied, and at
// least one is allowed.
func TestMoreCandidatesNeverWiden(t *testing.T) {
	rules := BuiltIn(today)
	table := rules.Regions("")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"", "kind", "openstack", "k3s"}).Draw(t, "name")
		region, zone := drawCode(t, "region", table), drawCode(t, "zone", table)
		if v, _ := rules.JudgePlace(rules.Classify(name, region, zone)); v != v1alpha1.VerdictAllowed {
			return
		}
		allowed := false
		for _, provider := range rules.Candidates(name) {
			v, _ := rules.JudgePlace(rules.Locate(provider, region, zone))
			if v == v1alpha1.VerdictDenied {
				t.Fatalf("%q %q %q is allowed, and denied at %s", name, region, zone, provider)
			}
			allowed = allowed || v == v1alpha1.VerdictAllowed
		}
		if !allowed {
			t.Fatalf("%q %q %q is allowed, and at no provider", name, region, zone)
		}
	})
}

func TestAdequacyIsJudgedOnTheDay(t *testing.T) {
	for _, test := range []struct {
		on   v1alpha1.Date
		want v1alpha1.LegalZone
	}{{"2021-06-27", v1alpha1.ZoneThird}, {"2021-06-28", v1alpha1.ZoneAdequate}, {"2031-12-27", v1alpha1.ZoneAdequate}, {"2031-12-28", v1alpha1.ZoneThird}} {
		if got := BuiltIn(test.on).Classify("aws", "eu-west-2", "").Law; got != test.want {
			t.Errorf("London on %s: %s, want %s", test.on, got, test.want)
		}
	}
	if got := BuiltIn(today).Classify("aws", "us-east-1", "").Law; got != v1alpha1.ZoneAdequatePartial {
		t.Errorf("the decision on the United States covers listed organisations only: %s", got)
	}
}
