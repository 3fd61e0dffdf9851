package breach

import (
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/profile"
)

// Reasons of an obligation's state, beside those of the conditions.
const (
	reasonProcessor    = "Processor"
	reasonController   = "Controller"
	reasonRiskUnlikely = "RiskUnlikely"
	reasonNotHighRisk  = "NotHighRisk"
)

// duties are the four obligations of Articles 33 and 34.
type duties struct {
	authority, subjects, controllers, record v1alpha1.Obligation
}

func (d duties) list() []v1alpha1.Obligation {
	return []v1alpha1.Obligation{d.authority, d.subjects, d.controllers, d.record}
}

// met tells whether everybody who must be told was told.
func (d duties) met() bool { return !open(d.authority) && !open(d.subjects) && !open(d.controllers) }

func open(o v1alpha1.Obligation) bool {
	return o.State == v1alpha1.DutyOpen || o.State == v1alpha1.DutyOverdue
}

func (s *state) judgeDuties() {
	s.duties.authority = s.obligation(v1alpha1.DutyAuthority, "33(1)", s.authorityDuty)
	s.duties.subjects = s.obligation(v1alpha1.DutySubjects, "34(1)", s.subjectsDuty)
	s.duties.controllers = s.obligation(v1alpha1.DutyControllers, "33(2)", s.controllersDuty)
	s.duties.record = s.obligation(v1alpha1.DutyRecord, "33(5)", s.recordDuty)
	s.new.Obligations = s.duties.list()
}

// A standing is how a duty stands, with the instant after which it is overdue; zero when it cannot be.
type standing struct {
	state  v1alpha1.DutyState
	reason string
	due    time.Time
	// soft is a due time that nobody is late for.
	soft bool
}

func (s *state) obligation(duty v1alpha1.DutyName, article string, judge func() standing) v1alpha1.Obligation {
	st := judge()
	o := v1alpha1.Obligation{Duty: duty, Article: article, State: st.state, Reason: st.reason}
	if st.state != v1alpha1.DutyOpen || st.due.IsZero() {
		return o
	}
	o.DueTime = stamped(st.due)
	if st.soft {
		s.at(st.due)
		return o
	}
	s.at(st.due.Add(time.Second))
	if s.Now.After(st.due) {
		o.State = v1alpha1.DutyOverdue
	}
	return o
}

func (s *state) authorityDuty() standing {
	submitted, first := s.submitted()
	switch {
	case s.dismissed():
		return standing{state: v1alpha1.DutyNotRequired, reason: v1alpha1.ReasonDismissed}
	case s.processor():
		return standing{state: v1alpha1.DutyNotRequired, reason: reasonProcessor}
	case submitted == v1alpha1.SubmissionComplete:
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonNotified}
	case submitted == v1alpha1.SubmissionWithdraw:
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonWithdrawn}
	case s.outcome() == v1alpha1.RiskUnlikely:
		return standing{state: v1alpha1.DutyNotRequired, reason: reasonRiskUnlikely}
	case submitted == v1alpha1.SubmissionIncomplete: // the complement has no limit in law, so nobody is late for it
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonSubmittedIncomplete, due: first.Add(s.hours(profile.BreachComplement)), soft: true}
	case !s.aware():
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonNotDeclared}
	default: // no decision, or Undetermined, counts as a risk: notify, incomplete if need be
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonPending, due: timeOf(s.new.Clock.DueTime)}
	}
}

// submitted is how far the authorities were told, and when first: the last entry to each authority counts. Incomplete to
// one is incomplete; withdrawn from all is withdrawn. Empty when nothing was submitted.
func (s *state) submitted() (v1alpha1.SubmissionCompleteness, time.Time) {
	last := map[string]v1alpha1.SubmissionCompleteness{}
	var first time.Time
	for _, submission := range s.spec.Submissions {
		last[submission.Authority] = submission.Completeness
		if at := timeOf(submission.SubmittedTime); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	var all v1alpha1.SubmissionCompleteness
	for _, completeness := range last {
		switch {
		case completeness == v1alpha1.SubmissionIncomplete:
			return completeness, first
		case completeness == v1alpha1.SubmissionComplete || all == "":
			all = completeness
		}
	}
	return all, first
}

func (s *state) subjectsDuty() standing {
	c := s.spec.Communication
	switch {
	case s.dismissed():
		return standing{state: v1alpha1.DutyNotRequired, reason: v1alpha1.ReasonDismissed}
	case s.processor():
		return standing{state: v1alpha1.DutyNotRequired, reason: reasonProcessor}
	case c != nil && c.Status == v1alpha1.CommunicationSent:
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonPeopleInformed}
	case c != nil && c.Status == v1alpha1.CommunicationExempt:
		return standing{state: v1alpha1.DutyExempt, reason: v1alpha1.ReasonExempt}
	case s.outcome() == v1alpha1.RiskHigh && !s.aware():
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonNotDeclared}
	case s.outcome() == v1alpha1.RiskHigh:
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonPending, due: timeOf(s.new.AssessedTime).Add(s.hours(profile.BreachSubjects))}
	case s.outcome() == v1alpha1.RiskRisk, s.outcome() == v1alpha1.RiskUnlikely:
		return standing{state: v1alpha1.DutyNotRequired, reason: reasonNotHighRisk}
	default:
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonAwaitingAssessment}
	}
}

func (s *state) controllersDuty() standing {
	switch {
	case s.dismissed():
		return standing{state: v1alpha1.DutyNotRequired, reason: v1alpha1.ReasonDismissed}
	case !s.processor():
		return standing{state: v1alpha1.DutyNotRequired, reason: reasonController}
	case !s.aware():
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonNotDeclared}
	}
	due := timeOf(s.new.Clock.DueTime)
	switch informed := s.informed(); {
	case informed == len(s.spec.Controllers):
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonPeopleInformed}
	case informed > 0:
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonPartial, due: due}
	default:
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonPending, due: due}
	}
}

func (s *state) informed() int {
	n := 0
	for _, c := range s.spec.Controllers {
		if c.InformedTime != nil {
			n++
		}
	}
	return n
}

func (s *state) recordDuty() standing {
	switch {
	case s.dismissed():
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonDismissed}
	case s.aware() && s.spec.Closure != nil && s.duties.met():
		return standing{state: v1alpha1.DutyMet, reason: v1alpha1.ReasonClosed}
	case s.recordedOnly():
		return standing{state: v1alpha1.DutyMet, reason: reasonRiskUnlikely}
	default:
		return standing{state: v1alpha1.DutyOpen, reason: v1alpha1.ReasonAwaitingClosure}
	}
}

// recordedOnly: a risk is unlikely, so that writing it down is all (Article 33(5)).
func (s *state) recordedOnly() bool {
	return s.aware() && !s.processor() && s.outcome() == v1alpha1.RiskUnlikely && s.duties.met()
}

// toldAuthority tells whether an authority heard of the breach, even in part, or need not: nobody is then urged on.
func (s *state) toldAuthority() bool {
	return !open(s.duties.authority) || s.duties.authority.Reason == v1alpha1.ReasonSubmittedIncomplete
}
