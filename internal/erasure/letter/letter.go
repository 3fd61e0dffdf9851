// Package letter writes what a person is told of a refusal (Article 12(4)): the reasons, the right to complain to a supervisory
// authority, and the judicial remedy. It knows nobody: whoever sends it puts the name in.
package letter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/law/authority"
)

// members is where the authorities of all states are listed, for who has none of their own.
const members = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"

// Of writes the letter of a refused request, in a language that has texts; English otherwise. Officer is nil where none is known:
// then the places for organisation and authority are left to fill in, in square brackets, as the name is.
func Of(request *v1alpha1.ErasureRequest, officer *v1alpha1.DataProtectionOfficer, language v1alpha1.Language) string {
	words, ok := languages[language]
	if !ok {
		words = languages[v1alpha1.LanguageEnglish]
	}
	decision := request.Spec.Decision
	if decision == nil {
		decision = &v1alpha1.ErasureDecision{}
	}
	reason := []string{fmt.Sprintf("%s (%s).", words.reasons[decision.Reason], words.article(erasure.RefusalArticle(decision.Reason)))}
	for _, line := range []struct{ label, value string }{{words.law, decision.LegalReference}, {words.until, string(decision.UntilOn)}, {words.note, decision.Note}} {
		if line.value != "" {
			reason = append(reason, fmt.Sprintf(line.label, line.value))
		}
	}
	return strings.Join([]string{
		fmt.Sprintf(words.subject, request.Spec.RequestID),
		words.greeting,
		fmt.Sprintf(words.opening, receivedOn(request)),
		strings.Join(reason, "\n"),
		fmt.Sprintf(words.complaint, competent(officer, words)),
		words.court,
		contact(officer, words),
	}, "\n\n") + "\n"
}

// receivedOn is the civil day of the receipt, where the clock of the request reads days.
func receivedOn(request *v1alpha1.ErasureRequest) string {
	zone, err := time.LoadLocation(request.Status.TimeZone)
	if err != nil || request.Spec.ReceivedTime == nil {
		zone = time.UTC
	}
	if request.Spec.ReceivedTime == nil {
		return ""
	}
	return request.Spec.ReceivedTime.In(zone).Format(time.DateOnly)
}

// competent names the authority of the organisation, with its site.
func competent(officer *v1alpha1.DataProtectionOfficer, words text) string {
	if officer == nil {
		return words.noAuthority
	}
	country, stated := officer.Spec.Organisation.Country, officer.Spec.SupervisoryAuthority
	if stated.Country != "" {
		country = stated.Country
	}
	found, known := authority.Competent(string(country), officer.Spec.Organisation.Sector == v1alpha1.SectorPublic)
	if stated.Name != "" && stated.Name != found.Name { // the site of another is not theirs
		return stated.Name
	}
	switch {
	case !known:
		return words.noAuthority
	case found.Website == "":
		return found.Name
	default:
		return found.Name + ", " + found.Website
	}
}

// contact is who writes, and the officer whom the person may ask (Article 38(4)).
func contact(officer *v1alpha1.DataProtectionOfficer, words text) string {
	if officer == nil {
		return words.noOrganisation
	}
	lines := []string{officer.Spec.Organisation.LegalName}
	if o := officer.Spec.Officer; o.Name != "" {
		ways := slices.DeleteFunc([]string{fmt.Sprintf(words.officer, o.Name), o.Email, o.Phone}, func(way string) bool { return way == "" })
		lines = append(lines, strings.Join(ways, ", "))
	}
	return strings.Join(lines, "\n")
}
