package export

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Profile is the schema of the records: ISO/IEC TS 27560 with what the GDPR wants, in DPV.
const Profile = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"

// context gives the terms their namespaces, and says which of their values are terms too.
var context = map[string]any{
	// A reader of the older version knows no JSON as a value, and is to refuse rather than to misread.
	"@version": 1.1,

	"dct":      "http://purl.org/dc/terms/",
	"dpv":      "https://w3id.org/dpv#",
	"eu-gdpr":  "https://w3id.org/dpv/legal/eu/gdpr#",
	"foaf":     "http://xmlns.com/foaf/0.1/",
	"legal-eu": "https://w3id.org/dpv/legal/eu#",
	"loc":      "https://w3id.org/dpv/loc#",
	"rempart":  "https://gdpr.rempart.dev/consent/v1#",
	"rdf":      "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
	"skos":     "http://www.w3.org/2004/02/skos/core#",
	"xsd":      "http://www.w3.org/2001/XMLSchema#",

	"dct:conformsTo":       link("dct:conformsTo"),
	"dpv:hasApplicableLaw": link("dpv:hasApplicableLaw"),
	"dpv:hasDataSource":    link("dpv:hasDataSource"),
	"dpv:hasJurisdiction":  link("dpv:hasJurisdiction"),
	"dpv:hasLegalBasis":    link("dpv:hasLegalBasis"),
	"dpv:hasLocation":      link("dpv:hasLocation"),
	"foaf:page":            link("foaf:page"),
	"skos:broader":         link("skos:broader"),

	"dct:date":  typed("dct:date", "xsd:dateTime"),
	"dct:valid": typed("dct:valid", "xsd:duration"),
	// DPV's guide writes the value of a duration as plain text; other values are no durations.
	"dpv:TemporalDuration": map[string]any{
		"@id": "dpv:TemporalDuration", "@context": map[string]any{"rdf:value": typed("rdf:value", "xsd:duration")},
	},
}

// link is a relation to a thing that has a name of its own.
func link(relation string) map[string]string {
	return typed(relation, "@id")
}

// typed is a relation whose values all have a type.
func typed(relation, typ string) map[string]string {
	return map[string]string{"@id": relation, "@type": typ}
}

// states are DPV's words for what became of a consent.
var states = map[consent.EventType]string{
	consent.EventGiven:       "dpv:ConsentGiven",
	consent.EventRefused:     "dpv:ConsentRefused",
	consent.EventWithdrawn:   "dpv:ConsentWithdrawn",
	consent.EventExpired:     "dpv:ConsentExpired",
	consent.EventReconfirmed: "dpv:RenewedConsentGiven",
}

// kind is DPV's word for how consent was stated. Implied consent has no place here: it is none (Article 4(11)).
func kind(explicit bool) string {
	if explicit {
		return "dpv:ExplicitlyExpressedConsent"
	}
	return "dpv:ExpressedConsent"
}

// points are where Article 6(1) has a legal basis.
var points = map[v1alpha1.LegalBasis]string{
	v1alpha1.BasisConsent:             "eu-gdpr:A6-1-a",
	v1alpha1.BasisContract:            "eu-gdpr:A6-1-b",
	v1alpha1.BasisLegalObligation:     "eu-gdpr:A6-1-c",
	v1alpha1.BasisVitalInterests:      "eu-gdpr:A6-1-d",
	v1alpha1.BasisPublicTask:          "eu-gdpr:A6-1-e",
	v1alpha1.BasisLegitimateInterests: "eu-gdpr:A6-1-f",
}

// bases are the points of the Regulation on which a purpose rests that was consented to.
func bases(purpose v1alpha1.ConsentPurpose) []string {
	found := []string{points[purpose.LegalBasis]}
	if len(purpose.SpecialCategories) > 0 {
		found = append(found, "eu-gdpr:A9-2-a")
	}
	return found
}

// recipients are DPV's words for who gets the data.
var recipients = map[v1alpha1.RecipientKind][]string{
	v1alpha1.RecipientProcessor:  {"dpv:Recipient", "dpv:DataProcessor"},
	v1alpha1.RecipientController: {"dpv:Recipient", "dpv:ThirdParty"},
	v1alpha1.RecipientAuthority:  {"dpv:Recipient", "dpv:Authority"},
	v1alpha1.RecipientInternal:   {"dpv:Recipient"},
	v1alpha1.RecipientPublic:     {"dpv:Recipient"},
}

// sensitivities are DPV's words for data.
var sensitivities = map[v1alpha1.Sensitivity]string{
	v1alpha1.SensitivitySensitive: "dpv:SensitivePersonalData",
	v1alpha1.SensitivitySpecial:   "dpv:SpecialCategoryPersonalData",
}

// words are what stands for terms: a name with the prefix of DPV's own vocabularies, or without one.
var words = regexp.MustCompile(`^((dpv|eu-gdpr|legal-eu):)?[A-Za-z0-9-]+$`)

// term reads what a policy says of a purpose's kind: a term of a vocabulary, or else a note. A name without a prefix is DPV's.
// What is no absolute name would be left out by a reader of linked data without a word.
func term(word string) (name, note string) {
	switch {
	case word != "" && page(word) == word:
		return word, ""
	case !words.MatchString(word):
		return "", word
	case strings.Contains(word, ":"):
		return word, ""
	default:
		return "dpv:" + word, ""
	}
}

// page is the absolute address of a website, as a browser reads what people write; empty where it is none.
func page(site string) string {
	if site != "" && !strings.Contains(site, "://") {
		site = "https://" + site
	}
	address, err := url.Parse(site)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return ""
	}
	return address.String()
}

// period is a period as XML Schema writes it (XSD 1.1, part 2, 3.3.6): it has no weeks.
func period(p v1alpha1.Period) string {
	read, err := deadline.ParsePeriod(string(p))
	if err != nil || read.Weeks == 0 {
		return string(p)
	}
	read.Weeks, read.Days = 0, read.Days+7*read.Weeks
	return read.String()
}
