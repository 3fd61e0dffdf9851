package gate

import (
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// Usable are the purposes that may be pursued for one person at one instant. The zero value has none.
type Usable struct{ purposes map[string]bool }

// Has tells whether a purpose is one of them.
func (u Usable) Has(purpose string) bool { return u.purposes[purpose] }

// Only are those of the purposes that are among the given ones: what passes is then for these and for nothing else.
func (u Usable) Only(purposes []string) Usable {
	some := Usable{map[string]bool{}}
	for _, purpose := range purposes {
		if u.Has(purpose) {
			some.purposes[purpose] = true
		}
	}
	return some
}

// Usable judges each purpose by the person's last decisions.
//
// An archived purpose never is usable. One that rests on consent is while the consent is granted, not expired and not stale. One
// on another basis is without a decision, for what the person asked for even against one (Article 6(1)(b)); an Optional one
// ends with a refusal or a withdrawal, for that is an objection (Article 21).
func (g *Gate) Usable(states []consent.State, now time.Time) Usable {
	last := map[string]consent.State{}
	for _, state := range states {
		// Two states about one purpose are not expected; the one that denies counts.
		if before, twice := last[state.Purpose]; !twice || state.Decision == consent.Denied || before.Standing(g.material, now) == consent.StandingGranted {
			last[state.Purpose] = state
		}
	}
	u := Usable{map[string]bool{}}
	for _, purpose := range g.purposes {
		state, decided := last[purpose.Name]
		if purpose.Active && usable(purpose, decided, state.Standing(g.material, now)) {
			u.purposes[purpose.Name] = true
		}
	}
	return u
}

func usable(purpose Purpose, decided bool, standing consent.Standing) bool {
	switch purpose.Basis {
	case BasisConsent:
		return decided && standing == consent.StandingGranted
	case BasisOther:
		return purpose.Necessity == RequestedService || purpose.Necessity == Optional && (!decided || standing != consent.StandingDenied)
	default:
		return false
	}
}
