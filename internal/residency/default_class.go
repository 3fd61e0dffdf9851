package residency

import "github.com/rempart-dev/rempart/api/v1alpha1"

// FillIn is the class that a claim gets which names none, where the cluster has no default one; empty when it gets none.
// The policies that enforce decide: those that name a class name the same one, and all of them allow it. What only audits
// changes nothing.
func (g *Guard) FillIn() string {
	if g == nil {
		return ""
	}
	policies, name := g.enforcing().Policies, ""
	for _, policy := range policies {
		switch named := policy.Rules.defaultClass; {
		case named == "" || named == name:
		case name != "":
			return ""
		default:
			name = named
		}
	}
	for _, policy := range policies {
		if policy.Classes[name].Verdict != v1alpha1.VerdictAllowed {
			return ""
		}
	}
	return name
}
