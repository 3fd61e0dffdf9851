// Package judge decides what an act of a person grants, refuses or withdraws (Articles 4(11), 6(1)(a), 7 and 8 of the GDPR). It
// trusts no page: what a page should not have sent is refused by name here. To withdraw needs no leave.
package judge

import (
	"bytes"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// Refusal is why an act grants nothing. The empty Refusal refuses nothing.
type Refusal string

// The refusals.
const (
	// RefusedMalformed: no choice, or two about one purpose.
	RefusedMalformed Refusal = "act_malformed"
	// RefusedStale: the words that were shown mean something else than those of today. They must be shown again.
	RefusedStale Refusal = "notice_stale"
	// RefusedPurpose: there is no such purpose, or it is archived.
	RefusedPurpose Refusal = "purpose_unknown"
	// RefusedMethod: the purpose cannot be accepted by such an act.
	RefusedMethod Refusal = "method_not_allowed"
	// RefusedAssertion: a site says that a person accepted what the person has withdrawn or refused since, or what has ended since, by its
	// time or by new terms.
	RefusedAssertion Refusal = "assertion_after_withdrawal"
	// RefusedAge: the person did not say to be as old as the purpose needs (Article 8(1)).
	RefusedAge Refusal = "age_not_asserted"
)

// Rules are what is asked now.
type Rules struct {
	Spec *v1alpha1.ConsentPolicySpec
	// Material is the digest of what the current notice means.
	Material []byte
}

// Choice is what a person decided about a purpose.
type Choice struct {
	Purpose  string
	Decision consent.Decision
}

// Act is what came from a page, a mail or a client, after its notice token was checked.
type Act struct {
	Choices []Choice
	Method  consent.Method
	// Shown are the words that the person saw, with what they meant; no digest of that: a version that is not known any more.
	Shown consent.NoticeRef
	// BannerSeen is what the widget says of the banner: it was in view, and not covered, when the message was sent.
	BannerSeen bool
	// Unseen is what the widget says of the words of any act: they were hidden, covered or out of view.
	Unseen bool
	// OldEnoughFor is the highest age that the person says to have, zero for "no" and for no answer. No age is ever asked for.
	OldEnoughFor int32
	// GPC tells that the browser sent Global Privacy Control.
	GPC bool
	// AssertedAt is when a site's own banner got what the site asserts.
	AssertedAt time.Time
}

// Verdict is what is to be recorded.
type Verdict struct {
	// Refusal names why nothing is granted; Choices are then only the withdrawals that the act also had. They are recorded:
	// a person may withdraw whatever else is wrong with the act (Article 7(3)).
	Refusal Refusal
	// Choices are the events, in the order of the act. None means that there is nothing to record.
	Choices []consent.Choice
	// Pending are purposes that wait for a mailed token to be confirmed. Nothing of them is recorded.
	Pending []string
	// LeftOut are optional purposes that Global Privacy Control keeps off. Nothing of them is recorded.
	LeftOut []string
}

// skew is how far ahead a page's clock may be.
const skew = 5 * time.Minute

// Judge decides about an act of a person whose last decisions are before.
func Judge(r Rules, act Act, before []consent.State, now time.Time) Verdict {
	c := ruling{rules: r, act: act, now: now, before: map[string]consent.State{}}
	for _, state := range before {
		c.before[state.Purpose] = state
	}
	verdict := Verdict{Refusal: c.refusal()}
	for _, choice := range act.Choices {
		switch {
		case slices.ContainsFunc(verdict.Choices, func(e consent.Choice) bool { return e.Purpose == choice.Purpose }):
			// The act is malformed; one withdrawal is enough.
		case choice.Decision != consent.Granted:
			verdict.Choices = append(verdict.Choices, c.denial(choice.Purpose))
		case verdict.Refusal == "":
			c.grant(choice.Purpose, &verdict)
		}
	}
	if verdict.Refusal != "" {
		verdict.Choices = slices.DeleteFunc(verdict.Choices, func(e consent.Choice) bool { return e.Type != consent.EventWithdrawn })
		return verdict
	}
	verdict.Choices = append(c.service(verdict.Choices), verdict.Choices...)
	return verdict
}

// Withdraw returns the events of a withdrawal: of the named purposes, or of all that were granted when none is named. It never
// fails, whatever became of notice and purposes since; what is not granted needs no event.
func Withdraw(before []consent.State, purposes []string) []consent.Choice {
	var choices []consent.Choice
	for _, state := range before {
		if state.Decision == consent.Granted && (len(purposes) == 0 || slices.Contains(purposes, state.Purpose)) {
			choices = append(choices, consent.Choice{Type: consent.EventWithdrawn, Purpose: state.Purpose, Decision: consent.Denied})
		}
	}
	return choices
}

// EndsStorage tells whether events withdraw the last of what was granted. Then the device keeps nothing but that, so that consent to
// storage, where it was given, ends with it.
func EndsStorage(before []consent.State, events []consent.Choice) bool {
	withdrawn := false
	for _, e := range events {
		if e.Decision == consent.Granted {
			return false
		}
		withdrawn = withdrawn || e.Type == consent.EventWithdrawn
	}
	for _, state := range before {
		if state.Decision == consent.Granted && !slices.ContainsFunc(events, func(e consent.Choice) bool { return e.Purpose == state.Purpose }) {
			return false
		}
	}
	return withdrawn
}

// StorageWithdrawn is the event of who withdraws consent to storage on their device. It is about no purpose, as the consent was.
func StorageWithdrawn() consent.Choice {
	return consent.Choice{Type: consent.EventWithdrawn, Decision: consent.Denied}
}

// Erasures returns the purposes whose data is to be erased because of these events (Article 17(1)(b)): those that the events withdraw
// and for which the policy says StopAndErase, in the order of the policy, and those of that kind that the person had withdrawn before, so
// that what only they share goes with the last of them. None where the events withdraw no such purpose: an expiry is no withdrawal.
func Erasures(spec *v1alpha1.ConsentPolicySpec, before []consent.State, events []consent.Choice) []string {
	var names []string
	asked := false
	for _, purpose := range spec.Purposes {
		if purpose.OnWithdrawal != v1alpha1.WithdrawalStopAndErase {
			continue
		}
		name := string(purpose.Name)
		now := slices.ContainsFunc(events, func(e consent.Choice) bool { return e.Purpose == name && e.Type == consent.EventWithdrawn })
		granted := slices.ContainsFunc(events, func(e consent.Choice) bool { return e.Purpose == name && e.Decision == consent.Granted })
		earlier := slices.ContainsFunc(before, func(s consent.State) bool { return s.Purpose == name && s.Decision == consent.Denied })
		if now || earlier && !granted {
			names = append(names, name)
		}
		asked = asked || now
	}
	if !asked {
		return nil
	}
	return names
}

// ruling is one judgement.
type ruling struct {
	rules  Rules
	act    Act
	before map[string]consent.State
	now    time.Time
}

// objections are asked of each purpose that an act grants, in this order; the first one that objects names the refusal.
var objections = []func(ruling, v1alpha1.ConsentPurpose) Refusal{method, sight, words, assertion, age}

// refusal is the first objection to the act.
func (c ruling) refusal() Refusal {
	if c.malformed() {
		return RefusedMalformed
	}
	for _, choice := range c.act.Choices {
		_, listed := c.purpose(choice.Purpose)
		if _, decided := c.before[choice.Purpose]; !listed && !decided {
			return RefusedPurpose
		}
	}
	if c.grants() > 0 && (len(c.rules.Material) == 0 || !bytes.Equal(c.act.Shown.Material, c.rules.Material)) {
		return RefusedStale
	}
	for _, choice := range c.act.Choices {
		if choice.Decision != consent.Granted {
			continue
		}
		purpose, listed := c.purpose(choice.Purpose)
		if !listed || purpose.Lifecycle == v1alpha1.LifecycleArchived {
			return RefusedPurpose
		}
		for _, object := range objections {
			if refusal := object(c, purpose); refusal != "" {
				return refusal
			}
		}
	}
	return ""
}

// grants is how many purposes the act grants.
func (c ruling) grants() int {
	n := 0
	for _, choice := range c.act.Choices {
		if choice.Decision == consent.Granted {
			n++
		}
	}
	return n
}

func (c ruling) malformed() bool {
	seen := map[string]bool{}
	for _, choice := range c.act.Choices {
		if seen[choice.Purpose] {
			return true
		}
		seen[choice.Purpose] = true
	}
	return len(seen) == 0
}

func (c ruling) purpose(name string) (v1alpha1.ConsentPurpose, bool) {
	i := slices.IndexFunc(c.rules.Spec.Purposes, func(p v1alpha1.ConsentPurpose) bool { return string(p.Name) == name })
	if i < 0 {
		return v1alpha1.ConsentPurpose{}, false
	}
	return c.rules.Spec.Purposes[i], true
}

// standing is what the last decision about a purpose is worth now; empty when there is none.
func (c ruling) standing(purpose string) consent.Standing {
	state, decided := c.before[purpose]
	if !decided {
		return ""
	}
	return state.Standing(c.rules.Material, c.now)
}
