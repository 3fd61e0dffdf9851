package judge

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
)

// accepts is which word of a policy allows a method. What is not here (api, operator-withdraw) grants nothing: nobody else
// consents in a person's place.
var accepts = map[consent.Method]v1alpha1.AcceptanceMethod{
	consent.MethodMessage:        v1alpha1.AcceptMessage,
	consent.MethodButton:         v1alpha1.AcceptButton,
	consent.MethodCheckbox:       v1alpha1.AcceptCheckbox,
	consent.MethodTriggerButton:  v1alpha1.AcceptTriggerButton,
	consent.MethodDoubleOptIn:    v1alpha1.AcceptDoubleOptIn,
	consent.MethodAssertedBySite: v1alpha1.AcceptSiteAssertion,
}

// ownAct are the methods that can say nothing but consent to one purpose.
var ownAct = []consent.Method{consent.MethodCheckbox, consent.MethodButton, consent.MethodDoubleOptIn}

// optIn are those by which a person chooses one purpose against a signal that says no to all.
var optIn = []consent.Method{consent.MethodCheckbox, consent.MethodDoubleOptIn}

// RestsOnConsent tells whether a purpose needs consent: as its legal basis, or beside another one, because only explicit consent allows what
// it does (Articles 9(2)(a), 22(2)(c) and 49(1)(a)).
func RestsOnConsent(purpose *v1alpha1.ConsentPurpose) bool {
	return purpose.LegalBasis == v1alpha1.BasisConsent || purpose.ConsentKind == v1alpha1.ConsentExplicit || len(purpose.SpecialCategories) > 0
}

// method objects to acts that the policy does not list for the purpose, and to those that can never be its acceptance: a message
// or a site's word for what the visitor did not ask for (Planet49, C-673/17; Article 7(4)), anything but an act of its own where
// the person may be a child (Article 8).
func method(c ruling, purpose v1alpha1.ConsentPurpose) Refusal {
	how := c.act.Method
	word, known := accepts[how]
	listed := known && slices.Contains(purpose.Acceptance, word)
	// What a mail will ask again is asked for by any act of its own.
	asked := doubled(purpose) && slices.Contains(ownAct, how)
	if !listed && !asked {
		return RefusedMethod
	}
	if purpose.MinimumAge > 0 && !slices.Contains(ownAct, how) {
		return RefusedMethod
	}
	switch how {
	case consent.MethodMessage:
		w := c.rules.Spec.Widget
		if purpose.Necessity != v1alpha1.NecessityRequestedService || w.Acceptance != v1alpha1.WidgetMessage || w.StorageBasis == v1alpha1.StorageConsent || !c.act.BannerSeen {
			return RefusedMethod // who writes asks for the service, and does not consent to storage that it can be had without
		}
	case consent.MethodAssertedBySite:
		said := c.rules.Spec.SiteAssertion
		if purpose.Necessity != v1alpha1.NecessityRequestedService || said.Mode != v1alpha1.AssertionAccepted || !slices.Contains(said.Purposes, purpose.Name) {
			return RefusedMethod
		}
	default:
	}
	return ""
}

// sight objects to what the widget itself says that nobody saw: a page can hide the words and leave the button, or the box.
func sight(c ruling, _ v1alpha1.ConsentPurpose) Refusal {
	if c.act.Unseen && c.act.Method != consent.MethodAssertedBySite { // of which the widget shows nothing
		return RefusedMethod
	}
	return ""
}

// words objects to consent by an act under other words than the purpose's own (Articles 4(11) and 7(2)). The banner tells of the terms and of
// storage: its button, the start of a scenario, a message and a site's word accept these, and consent to no purpose, whatever the policy
// lists. A button is consent where it can be the purpose's own: to an optional one, which no banner asks for, and to nothing beside.
func words(c ruling, purpose v1alpha1.ConsentPurpose) Refusal {
	alone := c.act.Method != consent.MethodButton || c.grants() == 1
	if !RestsOnConsent(&purpose) || bears(&purpose, c.act.Method) && alone {
		return ""
	}
	if doubled(purpose) && c.act.Method == consent.MethodButton {
		return "" // of what a mail asks again the button grants nothing
	}
	return RefusedMethod
}

// bears tells whether such an act can be consent to the purpose, where it rests on consent; anything else any act can accept.
func bears(purpose *v1alpha1.ConsentPurpose, how consent.Method) bool {
	return !RestsOnConsent(purpose) || slices.Contains(optIn, how) || how == consent.MethodButton && purpose.Necessity == v1alpha1.NecessityOptional
}

// assertion objects to a site's word that is no news: about what the person has denied since, what has ended, or what meant something else,
// it counts only if its banner was answered later than that was recorded. So a word that stands in a page for ever renews nothing. A time
// that is still to come is no time: it would outlive every withdrawal.
func assertion(c ruling, purpose v1alpha1.ConsentPurpose) Refusal {
	before, decided := c.before[string(purpose.Name)]
	if c.act.Method != consent.MethodAssertedBySite || !decided || c.standing(before.Purpose) == consent.StandingGranted {
		return ""
	}
	if c.act.AssertedAt.After(before.RecordedAt) && !c.act.AssertedAt.After(c.now.Add(skew)) {
		return ""
	}
	return RefusedAssertion
}

// age objects to who does not say to be old enough. What is confirmed by mail is asked there: of the act before it nothing was recorded,
// and a client may have mailed to somebody who was never asked.
func age(c ruling, purpose v1alpha1.ConsentPurpose) Refusal {
	if c.act.OldEnoughFor >= purpose.MinimumAge {
		return ""
	}
	return RefusedAge
}

func doubled(purpose v1alpha1.ConsentPurpose) bool {
	return purpose.DoubleOptIn == v1alpha1.RequirementRequired
}
