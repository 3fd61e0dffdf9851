package judge

import (
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// grant adds what becomes of a purpose that nobody objects to.
func (c ruling) grant(name string, verdict *Verdict) {
	purpose, _ := c.purpose(name)
	switch {
	case c.act.GPC && purpose.Necessity == v1alpha1.NecessityOptional && !slices.Contains(optIn, c.act.Method):
		verdict.LeftOut = append(verdict.LeftOut, name)
	case doubled(purpose) && c.act.Method != consent.MethodDoubleOptIn:
		verdict.Pending = append(verdict.Pending, name)
	case c.act.Method == consent.MethodAssertedBySite && c.standing(name) == consent.StandingGranted:
		// Once is enough: the marker, or a second signal, says nothing new.
	default:
		verdict.Choices = append(verdict.Choices,
			consent.Choice{Type: c.kind(purpose), Purpose: name, Decision: consent.Granted, ValidUntil: until(c.now, c.rules.Spec.Widget.ConsentTTL)})
	}
}

// kind is the event of a grant. Only what rests on consent is called consent: the rest is a service that was asked for.
func (c ruling) kind(purpose v1alpha1.ConsentPurpose) consent.EventType {
	before, decided := c.before[string(purpose.Name)]
	switch {
	case !RestsOnConsent(&purpose):
		return consent.EventTermsAccepted
	case decided && before.Decision == consent.Granted && !before.Void:
		return consent.EventReconfirmed
	default:
		return consent.EventGiven
	}
}

// denial is the event of a denial: a withdrawal of what was granted, however old, else a refusal.
func (c ruling) denial(purpose string) consent.Choice {
	denied := consent.Choice{Type: consent.EventRefused, Purpose: purpose, Decision: consent.Denied}
	if before, decided := c.before[purpose]; decided && before.Decision == consent.Granted {
		denied.Type = consent.EventWithdrawn
	}
	return denied
}

// service are the two events of whoever accepts a service that is asked for, by an act in the widget: its terms, and what it
// stores on the device (Article 5(3) of Directive 2002/58/EC). They are about no purpose, and consent to none. Where what is stored rests on
// consent, because the service could be had without, the second is a consent of its own: consent.given that names no purpose.
func (c ruling) service(grants []consent.Choice) []consent.Choice {
	inWidget := slices.Contains([]consent.Method{consent.MethodMessage, consent.MethodButton, consent.MethodTriggerButton}, c.act.Method)
	asked := slices.ContainsFunc(grants, func(e consent.Choice) bool {
		purpose, _ := c.purpose(e.Purpose)
		return e.Decision == consent.Granted && purpose.Necessity == v1alpha1.NecessityRequestedService
	})
	if !inWidget || !asked {
		return nil
	}
	storage := consent.Choice{Type: consent.EventStorageAcknowledged, Decision: consent.Granted}
	if c.rules.Spec.Widget.StorageBasis == v1alpha1.StorageConsent {
		storage = consent.Choice{Type: consent.EventGiven, Decision: consent.Granted, ValidUntil: until(c.now, c.rules.Spec.Widget.ConsentTTL)}
	}
	if slices.ContainsFunc(grants, func(e consent.Choice) bool { return e.Type == consent.EventTermsAccepted }) {
		return []consent.Choice{storage}
	}
	return []consent.Choice{{Type: consent.EventTermsAccepted, Decision: consent.Granted}, storage}
}

// standard and longest are how long a choice counts: six months, as for choices about cookies (CNIL 2020-092), and the most that
// a policy may say.
const (
	standard = "P6M"
	longest  = "P13M"
)

// until is when a consent of this instant ends: the same time of day, in UTC, on the date that the period leads to, or on the
// last day of a month that has no such date (Regulation 1182/71, Article 3(2)(c)). A period that is none, or too long, is not
// given by admission; it does not make a consent last.
func until(now time.Time, ttl v1alpha1.ConsentPeriod) time.Time {
	if ttl == "" {
		ttl = standard
	}
	end, most := after(now, string(ttl)), after(now, longest)
	if end.After(most) {
		return most
	}
	return end
}

func after(now time.Time, text string) time.Time {
	period, err := deadline.ParsePeriod(text)
	if err != nil {
		return now
	}
	now = now.UTC()
	date := deadline.CivilDate(now, time.UTC).Add(period)
	clock := now.Sub(now.Truncate(24 * time.Hour))
	return time.Date(date.Year, date.Month, date.Day, 0, 0, 0, 0, time.UTC).Add(clock).Truncate(time.Microsecond)
}
