package residency

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const today = v1alpha1.Date("2026-11-24")

// dataDigest changes with every file of data: raise DataVersion with it.
const dataDigest = "c31943c047ffd7bdf6a86339aa90402abb5f34afa6b5e6364f930e289a26bdca"

func TestTheDataVersionIsRaisedWithTheData(t *testing.T) {
	sum := sha256.New()
	for _, file := range []string{"adequacy.csv", "cloud_regions.csv", "drivers.yaml", "geo_eu_eea.csv", "geo_territories.csv"} {
		content, err := data.ReadFile("data/" + file)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(content)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != dataDigest {
		t.Errorf("the embedded data changed: raise DataVersion and set dataDigest to %s", got)
	}
}

func TestEveryRegionOfTheTableHasTheZoneOfLawThatItsRowSays(t *testing.T) {
	zones := map[string]v1alpha1.LegalZone{"EU": v1alpha1.ZoneEU, "EEA": v1alpha1.ZoneEEA, "ADEQUATE": v1alpha1.ZoneAdequate,
		"ADEQUATE_PARTIAL": v1alpha1.ZoneAdequatePartial, "THIRD": v1alpha1.ZoneThird, "UNKNOWN": v1alpha1.ZoneUnknown}
	rules, rows := BuiltIn(today), 0
	err := eachRow("cloud_regions.csv", func(row map[string]string) error {
		rows++
		place := rules.Locate(row["provider"], row["region"], "")
		if want := zones[row["gdpr_zone"]]; place.Law != want {
			t.Errorf("%s %s: %s, want %s", row["provider"], row["region"], place.Law, want)
		}
		if string(place.Country) != row["country"] {
			t.Errorf("%s %s: country %q, want %q", row["provider"], row["region"], place.Country, row["country"])
		}
		return nil
	})
	if err != nil || rows < 500 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

func TestCountriesAreSeenAsTheLawSeesThemOnTheDay(t *testing.T) {
	for _, test := range []struct {
		country v1alpha1.Country
		on      v1alpha1.Date
		want    v1alpha1.LegalZone
	}{
		{"FR", today, v1alpha1.ZoneEU}, {"RE", today, v1alpha1.ZoneEU}, {"MF", today, v1alpha1.ZoneEU}, {"AX", today, v1alpha1.ZoneEU},
		{"EL", today, v1alpha1.ZoneEU}, {"NO", today, v1alpha1.ZoneEEA}, {"LI", today, v1alpha1.ZoneEEA},
		{"PM", today, v1alpha1.ZoneThird}, {"NC", today, v1alpha1.ZoneThird}, {"GL", today, v1alpha1.ZoneThird}, {"SJ", today, v1alpha1.ZoneThird},
		{"BL", today, v1alpha1.ZoneThird}, {"SX", today, v1alpha1.ZoneThird}, {"CN", today, v1alpha1.ZoneThird}, {"MC", today, v1alpha1.ZoneThird},
		{"CH", today, v1alpha1.ZoneAdequate}, {"FO", today, v1alpha1.ZoneAdequate}, {"US", today, v1alpha1.ZoneAdequatePartial},
		{"UK", today, v1alpha1.ZoneAdequate}, {"GB", "2031-12-27", v1alpha1.ZoneAdequate}, {"GB", "2031-12-28", v1alpha1.ZoneThird},
		{"GB", "2021-06-27", v1alpha1.ZoneThird}, {"BR", "2026-01-25", v1alpha1.ZoneThird}, {"BR", "2026-01-26", v1alpha1.ZoneAdequate},
		{"US", "", v1alpha1.ZoneThird}, {"EU", today, v1alpha1.ZoneUnknown}, {"", today, v1alpha1.ZoneUnknown}, {"fr", today, v1alpha1.ZoneUnknown},
		{"ZZ", today, v1alpha1.ZoneUnknown}, {"FRA", today, v1alpha1.ZoneUnknown},
	} {
		if got := ZoneOf(test.country, test.on); got != test.want {
			t.Errorf("%s on %s: %s, want %s", test.country, test.on, got, test.want)
		}
	}
}

func TestTheISOListHoldsEveryStateOfTheData(t *testing.T) {
	if got := len(strings.Fields(isoCodes)); got != 249 {
		t.Errorf("%d codes, want 249", got)
	}
	for country := range facts().eu {
		if !has(iso, country) {
			t.Errorf("%s is not an ISO code", country)
		}
	}
}
