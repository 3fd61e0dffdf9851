// Package letter writes what a person is told of their request: what was done (Article 12(3)), and, of what was refused or is kept, the
// reasons, the right to complain to a supervisory authority, and the judicial remedy (Article 12(4)). It knows nobody: whoever sends it
// puts the name in.
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

// Of writes the letter that answers a request, in a language that has texts; English otherwise. Officer is nil where none is known:
// then the places for organisation and authority are left to fill in, in square brackets, as the name is.
func Of(request *v1alpha1.ErasureRequest, officer *v1alpha1.DataProtectionOfficer, language v1alpha1.Language) string {
	words, ok := languages[language]
	if !ok {
		words = languages[v1alpha1.LanguageEnglish]
	}
	parts := []string{fmt.Sprintf(words.subject, request.Spec.RequestID), words.greeting}
	end := request.Status.End
	if !erasure.Answers(end) {
		parts = append(parts, fmt.Sprintf(words.opening, receivedOn(request)), strings.Join(refusal(request, words), "\n"))
	} else {
		parts = append(parts, action(request, words)...)
	}
	if end != v1alpha1.EndErased || blind(request) { // no action was taken on a part, or on the whole (Article 12(4))
		parts = append(parts, fmt.Sprintf(words.complaint, competent(officer, words)), words.court)
	}
	return strings.Join(append(parts, contact(officer, words)), "\n\n") + "\n"
}

// refusal is why a request is refused, line by line.
func refusal(request *v1alpha1.ErasureRequest, words text) []string {
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
	return reason
}

// action is what was done on a request, paragraph by paragraph: what was erased, what was not concerned or not searched, what is kept by
// law, and until when backups have the rest.
func action(request *v1alpha1.ErasureRequest, words text) []string {
	status := &request.Status
	kept, end := keptOf(status.Targets, words), status.End
	if end == v1alpha1.EndPartlyErased && len(kept) == 0 { // but for what is done by hand
		end = v1alpha1.EndErased
	}
	parts := []string{fmt.Sprintf(words.done[end], receivedOn(request))}
	if purposes := request.Spec.Purposes; len(purposes) > 0 {
		var names []string
		for _, name := range purposes {
			names = append(names, string(name))
		}
		parts = append(parts, fmt.Sprintf(words.purposes, strings.Join(names, ", ")))
	}
	if blind(request) {
		parts = append(parts, words.unsearched)
	}
	if stores := byHand(status.Targets); len(stores) > 0 {
		parts = append(parts, fmt.Sprintf(words.byHand, strings.Join(stores, ", ")))
	}
	if len(kept) > 0 {
		parts = append(parts, words.kept+"\n"+strings.Join(kept, "\n"))
	}
	if clear := status.BackupsClearTime; clear != nil {
		parts = append(parts, fmt.Sprintf(words.backups, clear.In(zoneOf(request)).Format(time.DateOnly)))
	}
	return parts
}

// blind tells whether a store could not be searched, since it finds people by no identifier that was given.
func blind(request *v1alpha1.ErasureRequest) bool {
	return slices.ContainsFunc(request.Status.Targets, func(t v1alpha1.ErasureTarget) bool { return t.Reason == v1alpha1.ReasonNotSearchable })
}

// byHand are the stores that were left to a person, who says in the letter what they did there.
func byHand(targets []v1alpha1.ErasureTarget) []string {
	var stores []string
	for i := range targets {
		if t := &targets[i]; t.Result == v1alpha1.TargetManual {
			stores = append(stores, string(t.Register)+"/"+string(t.Store))
		}
	}
	return stores
}

// keptOf are the laws that keep something, each once with its last day. What tables are called is nothing that the person asked for.
func keptOf(targets []v1alpha1.ErasureTarget, words text) []string {
	var lines []string
	for i := range targets {
		for _, k := range targets[i].Kept {
			line := "- " + words.article(k.Article)
			if k.LegalReference != "" {
				line += ", " + k.LegalReference
			}
			if k.UntilOn != "" {
				line += ", " + fmt.Sprintf(words.keptUntil, k.UntilOn)
			}
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// receivedOn is the civil day of the receipt, where the clock of the request reads days.
func receivedOn(request *v1alpha1.ErasureRequest) string {
	if request.Spec.ReceivedTime == nil {
		return ""
	}
	return request.Spec.ReceivedTime.In(zoneOf(request)).Format(time.DateOnly)
}

// zoneOf is where the clock of the request reads days; UTC where nothing is known.
func zoneOf(request *v1alpha1.ErasureRequest) *time.Location {
	zone, err := time.LoadLocation(request.Status.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
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
