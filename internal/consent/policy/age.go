package policy

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/age"
)

// Younger says which purposes take the consent of children who are younger than the controller's country has it (Article 8(1)). It objects
// to nothing: the age is that of the child's state, which nobody knows here, and counts for services that are offered to a child only. A
// purpose that asks no age, or rests on another basis, says nothing of children.
func Younger(spec *v1alpha1.ConsentPolicySpec, country v1alpha1.Country) []string {
	law, known := age.Of(string(country))
	if !known {
		return nil
	}
	source := "source"
	if !law.Confirmed {
		source = "source, to be confirmed"
	}
	var younger []string
	for i := range spec.Purposes {
		p := &spec.Purposes[i]
		if p.LegalBasis == v1alpha1.BasisConsent && !archived(p) && p.MinimumAge > 0 && p.MinimumAge < law.Years {
			younger = append(younger, fmt.Sprintf("purpose %q has minimumAge %d: children of %s consent by themselves from %d (Article 8(1)), others as their own state has it; %s: %s",
				p.Name, p.MinimumAge, country, law.Years, source, law.Source))
		}
	}
	return younger
}
