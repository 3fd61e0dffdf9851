package age

import (
	"slices"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/law/data"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

func TestEveryStateHasAnAgeWithItsSource(t *testing.T) {
	for _, country := range deadline.Countries() {
		if a, ok := Of(country); !ok || a.Years < 13 || a.Years > 16 || a.Source == "" {
			t.Errorf("%s: %+v, %v", country, a, ok)
		}
	}
	rows, err := data.Rows(data.ConsentAge)
	if err != nil || len(rows) != len(table()) {
		t.Errorf("%d rows, %d ages: %v", len(rows), len(table()), err)
	}
	for _, row := range rows {
		if !slices.Contains([]string{"verified", "partly-verified", "unverified"}, row["confidence"]) {
			t.Errorf("%s: %q says nothing of its source", row["country"], row["confidence"])
		}
	}
}

func TestAgesOfSomeStates(t *testing.T) {
	for country, want := range map[string]Age{
		"FR": {15, "Art. 45 loi Informatique et Libertés", true},
		"DE": {16, "Article 8(1) itself, no derogation", true},
		"AT": {14, "§4(4) DSG", true},
		"EL": {15, "Art. 21 Law 4624/2019", false},
		"SE": {13, "2 kap. 4 § Act 2018:218", true},
		"GB": {13, "s.9 DPA 2018", false},
	} {
		if got, ok := Of(country); !ok || got.Years != want.Years || got.Confirmed != want.Confirmed || !strings.HasPrefix(got.Source, want.Source) {
			t.Errorf("%s: %+v, %v", country, got, ok)
		}
	}
	for _, country := range []string{"US", "", "fr"} {
		if _, ok := Of(country); ok {
			t.Errorf("%q has an age", country)
		}
	}
}
