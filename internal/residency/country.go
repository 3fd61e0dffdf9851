package residency

import (
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// isoCodes are the officially assigned ISO 3166-1 alpha-2 codes.
const isoCodes = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE " +
	"GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP " +
	"KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF " +
	"NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN " +
	"SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA " +
	"ZM ZW"

var iso = func() map[v1alpha1.Country]struct{} {
	codes := map[v1alpha1.Country]struct{}{}
	for code := range strings.FieldsSeq(isoCodes) {
		codes[v1alpha1.Country(code)] = struct{}{}
	}
	return codes
}()

// Canonical returns the ISO code of a country: UK is GB and EL is GR, as EU institutions write them.
func Canonical(country v1alpha1.Country) v1alpha1.Country {
	switch country {
	case "UK":
		return "GB"
	case "EL":
		return "GR"
	default:
		return country
	}
}

// ZoneOf returns how the law sees a country on a civil day: the Union's territory (outermost regions included), the EEA,
// adequacy in force (Article 45; the day of expiry is the last one), else a third country. What is no country code is
// Unknown. An empty day is before every adequacy decision.
func ZoneOf(country v1alpha1.Country, on v1alpha1.Date) v1alpha1.LegalZone {
	t, country := facts(), Canonical(country)
	if has(t.eu, country) {
		return v1alpha1.ZoneEU
	}
	if has(t.eea, country) {
		return v1alpha1.ZoneEEA
	}
	for _, decision := range t.adequacy[country] {
		if decision.from <= on && (decision.until == "" || on <= decision.until) {
			if decision.partial {
				return v1alpha1.ZoneAdequatePartial
			}
			return v1alpha1.ZoneAdequate
		}
	}
	if has(iso, country) || has(t.third, country) {
		return v1alpha1.ZoneThird
	}
	return v1alpha1.ZoneUnknown
}

func has[K comparable](set map[K]struct{}, key K) bool {
	_, ok := set[key]
	return ok
}

// Day is the civil day of an instant, in UTC.
func Day(at time.Time) v1alpha1.Date { return v1alpha1.Date(at.UTC().Format(time.DateOnly)) }
