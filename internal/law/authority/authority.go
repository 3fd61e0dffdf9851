// Package authority knows the supervisory authorities, which of them is competent for a breach, and where a person
// notifies them. The product itself never writes to one.
package authority

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/rempart-dev/rempart/internal/law/data"
)

// Bases of an authority's competence, for BreachIncident status. A person confirms it.
const (
	// BasisLeadAuthority is the authority of the main establishment (Article 56(1)).
	BasisLeadAuthority = "LeadAuthority"
	// BasisOwnState is a public body's own state (Article 55(2)).
	BasisOwnState = "OwnState"
	// BasisLandOfEstablishment says that in Germany the authority of the Land decides.
	BasisLandOfEstablishment = "LandOfEstablishment"
)

// Authority is one supervisory authority.
type Authority struct {
	// Code is its country, by ISO 3166-1, or the code of a German Land.
	Code string
	// Name in its own language.
	Name string
	// Website on which a person finds how to complain (Article 77); empty where the competent authority is not one of the list.
	Website string
	// NotificationURL is where a person notifies; the EDPB's list where the authority's own form is not verified.
	NotificationURL string
	// Basis of its competence.
	Basis string
}

// Of returns the authority of a state of the European Economic Area.
func Of(country string) (Authority, bool) {
	if country == "EL" {
		country = "GR"
	}
	a, ok := table()[country]
	return a, ok
}

// Competent returns the authority that an organisation notifies: by its country, and by whether it is a public body.
// Without an establishment in the European Economic Area there is no lead authority, and the answer is false.
func Competent(country string, public bool) (Authority, bool) {
	a, ok := Of(country)
	switch {
	case !ok:
		return Authority{}, false
	case a.Code == "DE":
		a.Basis = BasisLandOfEstablishment
		a.Name, a.Website = "Datenschutzaufsichtsbehörde des Landes", ""
	case public:
		a.Basis = BasisOwnState
	default:
		a.Basis = BasisLeadAuthority
	}
	return a, true
}

// Domain tells whether a host is, or lies below, the domain of an authority or of the EDPB.
func Domain(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(domains(), func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

var table = sync.OnceValue(func() map[string]Authority {
	all := map[string]Authority{}
	rows, err := data.Rows(data.SupervisoryAuthorities)
	if err != nil {
		return all // a test reads the embedded table
	}
	for _, row := range rows {
		a := Authority{Code: row["country"], Name: row["name"], Website: row["website"], NotificationURL: row["edpb_fallback"]}
		if row["channel_confidence"] == "verified" && row["notification_url"] != "" {
			a.NotificationURL = row["notification_url"]
		}
		all[a.Code] = a
	}
	return all
})

// domains are those of the authorities' sites, mail addresses and forms. Portals that serve every office of a state,
// such as altinn.no, are left in: a channel to them is as wrong.
var domains = sync.OnceValue(func() []string {
	found := []string{"edpb.europa.eu", "edps.europa.eu"}
	rows, err := data.Rows(data.SupervisoryAuthorities)
	if err != nil {
		return found
	}
	for _, row := range rows {
		for _, column := range []string{"website", "notification_url"} {
			if u, err := url.Parse(row[column]); err == nil && u.Hostname() != "" {
				found = append(found, registrable(u.Hostname()))
			}
		}
		if _, domain, ok := strings.Cut(row["email"], "@"); ok {
			found = append(found, strings.ToLower(domain))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
})

// shared are suffixes under which a state puts many offices: a host below them is taken whole.
var shared = []string{"bund.de", "gov.cy", "gov.cz", "gov.lv", "gov.pl", "gov.sk", "gob.es", "lrv.lt", "public.lu", "org.mt"}

// registrable shortens a host to the domain that its owner registered: www.cnil.fr and notifications.cnil.fr are cnil.fr.
func registrable(host string) string {
	host = strings.ToLower(strings.TrimPrefix(host, "www."))
	labels := strings.Split(host, ".")
	keep := 2
	if len(labels) > 2 && slices.Contains(shared, strings.Join(labels[len(labels)-2:], ".")) {
		keep = 3
	}
	return strings.Join(labels[max(0, len(labels)-keep):], ".")
}
