package judge

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// Weigh returns decisions as they count today. A grant to what rests on consent, by an act that cannot be consent to it, was recorded when that was
// not refused, or when the purpose did not rest on consent: nobody can demonstrate by it that the person consented (Article 7(1)). It is
// stale, as consent to other words is, and can be withdrawn. So is a grant of which the act is not known.
func Weigh(purposes map[string]v1alpha1.ConsentPurpose, states []consent.State) []consent.State {
	weighed := states
	for i, state := range states {
		purpose, known := purposes[state.Purpose]
		if !known || state.Decision != consent.Granted || bears(&purpose, state.Method) {
			continue
		}
		if &weighed[0] == &states[0] {
			weighed = slices.Clone(states) // others may read these
		}
		weighed[i].Void = true
	}
	return weighed
}
