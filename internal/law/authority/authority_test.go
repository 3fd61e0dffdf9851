package authority

import (
	"testing"

	"github.com/rempart-dev/rempart/internal/law/data"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

func TestEveryStateHasAnAuthority(t *testing.T) {
	for _, country := range deadline.Countries() {
		a, ok := Of(country)
		if !ok || a.Name == "" || a.NotificationURL == "" {
			t.Errorf("%s: %+v, %v", country, a, ok)
		}
	}
	if _, ok := Competent("GB", false); ok {
		t.Error("an organisation outside the EEA has no lead authority")
	}
}

func TestOnlyVerifiedFormsAreShown(t *testing.T) {
	if a, _ := Of("FR"); a.NotificationURL != "https://notifications.cnil.fr/notifications/" {
		t.Errorf("FR: %s", a.NotificationURL)
	}
	if a, _ := Of("DK"); a.NotificationURL != "https://www.edpb.europa.eu/notify-data-breach_en" {
		t.Errorf("DK: %s", a.NotificationURL)
	}
}

func TestTheBasisOfCompetence(t *testing.T) {
	for _, c := range []struct {
		country string
		public  bool
		want    string
	}{{"FR", false, BasisLeadAuthority}, {"FR", true, BasisOwnState}, {"DE", false, BasisLandOfEstablishment}, {"DE", true, BasisLandOfEstablishment}} {
		if a, _ := Competent(c.country, c.public); a.Basis != c.want {
			t.Errorf("%s public=%v: %s", c.country, c.public, a.Basis)
		}
	}
}

func TestDomainsOfAuthorities(t *testing.T) {
	for _, host := range []string{"cnil.fr", "www.cnil.fr", "notifications.cnil.fr", "CNIL.FR.", "mail.dsb.gv.at", "edpb.europa.eu", "bfdi.bund.de", "x.uodo.gov.pl", "forms.dataprotection.ie"} {
		if !Domain(host) {
			t.Errorf("%s is an authority's", host)
		}
	}
	for _, host := range []string{"example.eu", "notcnil.fr", "cnil.fr.example.eu", "bund.de", "gov.pl", "europa.eu", "gob.es", ""} {
		if Domain(host) {
			t.Errorf("%s is no authority's", host)
		}
	}
}

func TestTablesAreReadable(t *testing.T) {
	for _, table := range []string{data.SupervisoryAuthorities, data.GermanLandAuthorities, data.OneStopShopRules, data.DeadlineRules, data.ConsentAge} {
		if rows, err := data.Rows(table); err != nil || len(rows) == 0 {
			t.Errorf("%v", err)
		}
	}
}
