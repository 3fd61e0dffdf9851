package export

import (
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// Profile is the schema of the records: ISO/IEC TS 27560 with what the GDPR wants, in DPV.
const Profile = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"

// context gives the terms their namespaces, and says which of their values are terms too.
var context = map[string]any{
	"dct":     "http://purl.org/dc/terms/",
	"dpv":     "https://w3id.org/dpv#",
	"eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
	"foaf":    "http://xmlns.com/foaf/0.1/",
	"loc":     "https://w3id.org/dpv/loc#",
	"rempart": "https://gdpr.rempart.dev/consent/v1#",
	"rdf":     "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
	"skos":    "http://www.w3.org/2004/02/skos/core#",

	"dct:conformsTo":       link("dct:conformsTo"),
	"dpv:hasApplicableLaw": link("dpv:hasApplicableLaw"),
	"dpv:hasDataSource":    link("dpv:hasDataSource"),
	"dpv:hasJurisdiction":  link("dpv:hasJurisdiction"),
	"dpv:hasLegalBasis":    link("dpv:hasLegalBasis"),
	"dpv:hasLocation":      link("dpv:hasLocation"),
	"foaf:page":            link("foaf:page"),
	"skos:broader":         link("skos:broader"),
}

// link is a relation to a thing that has a name of its own.
func link(relation string) map[string]string {
	return map[string]string{"@id": relation, "@type": "@id"}
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

// bases are the points of the Regulation on which consent to a purpose rests.
func bases(purpose v1alpha1.ConsentPurpose) []string {
	found := []string{"eu-gdpr:A6-1-a"}
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
}

// sensitivities are DPV's words for data.
var sensitivities = map[v1alpha1.Sensitivity]string{
	v1alpha1.SensitivitySensitive: "dpv:SensitivePersonalData",
	v1alpha1.SensitivitySpecial:   "dpv:SpecialCategoryPersonalData",
}

// term makes a purpose's word of the vocabulary a name with a prefix.
func term(word string) string {
	if word == "" || strings.Contains(word, ":") {
		return word
	}
	return "dpv:" + word
}
