package policy

import (
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

// Unasked says which purposes the widget never asks for: what is optional, or rests on consent, is asked for by a box of its own, and by
// nothing else. A page or a mail may ask for it all the same, so that it objects to nothing.
func Unasked(spec *v1alpha1.ConsentPolicySpec) []string {
	var unasked []string
	for i := range spec.Purposes {
		p := &spec.Purposes[i]
		boxed := p.Necessity == v1alpha1.NecessityOptional || judge.RestsOnConsent(p)
		if boxed && !archived(p) && !slices.Contains(p.Acceptance, v1alpha1.AcceptCheckbox) {
			unasked = append(unasked, fmt.Sprintf("purpose %q needs consent and does not list Checkbox in acceptance: the widget never asks for it", p.Name))
		}
	}
	return unasked
}
