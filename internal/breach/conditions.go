package breach

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// conditions says in the API's words how the incident stands. Acknowledged follows once stages have fired.
func (s *state) conditions() {
	s.told = conditionsByType{}
	for _, judge := range []func() metav1.Condition{s.ready, s.awareness, s.assessed, s.authorityNotified, s.subjectsInformed, s.controllersInformed} {
		c := judge()
		s.told[c.Type] = c
	}
	if overdue, is := s.overdue(); is {
		s.told[v1alpha1.ConditionOverdue] = overdue
	}
	if stalled, is := s.stalled(); is {
		s.told[v1alpha1.ConditionStalled] = stalled
	}
	s.tellChanges()
}

func yes(t, reason, message string) metav1.Condition {
	return condition.New(t, metav1.ConditionTrue, reason, message)
}

func no(t, reason, message string) metav1.Condition {
	return condition.New(t, metav1.ConditionFalse, reason, message)
}

func (s *state) ready() metav1.Condition {
	const t = v1alpha1.ConditionReady
	switch {
	case s.dismissed():
		return yes(t, v1alpha1.ReasonDismissed, "It was no personal data breach; the record stays (Article 33(5))")
	case !s.aware():
		return no(t, v1alpha1.ReasonSuspected, "Nobody has said whether personal data were compromised; confirm with awareTime, or dismiss with a reason")
	case s.spec.Closure != nil && s.duties.met():
		return yes(t, v1alpha1.ReasonClosed, "Every duty is met and the incident is closed")
	case s.recordedOnly():
		return yes(t, v1alpha1.ReasonRecordedOnly, "A risk is unlikely: the record is the only duty (Article 33(5))")
	}
	return s.awaiting()
}

// awaiting names the first duty that a person owes.
func (s *state) awaiting() metav1.Condition {
	const t = v1alpha1.ConditionReady
	incomplete := s.duties.authority.Reason == v1alpha1.ReasonSubmittedIncomplete
	switch {
	case !s.processor() && (s.outcome() == "" || s.outcome() == v1alpha1.RiskUndetermined):
		return no(t, v1alpha1.ReasonAwaitingAssessment, "The risk is not assessed; until it is, it counts as one: notify the authority, incomplete if need be (Article 33(4))")
	case open(s.duties.authority) && !incomplete:
		return no(t, v1alpha1.ReasonAwaitingAuthority, "A person must notify the authority and enter it in submissions (Article 33(1))")
	case open(s.duties.subjects):
		return no(t, v1alpha1.ReasonAwaitingSubjects, "The people concerned must be told without undue delay (Article 34(1))")
	case open(s.duties.controllers):
		return no(t, v1alpha1.ReasonAwaitingControllers, fmt.Sprintf("%d of %d controllers were told; the others must be, without undue delay (Article 33(2))", s.informed(), len(s.spec.Controllers)))
	case incomplete:
		return no(t, v1alpha1.ReasonAwaitingComplement, "The authority was told in part; send what was missing (Article 33(4))")
	default:
		return no(t, v1alpha1.ReasonAwaitingClosure, "Every duty is met; close the incident with its facts, effects and measures (Article 33(5))")
	}
}

func (s *state) awareness() metav1.Condition {
	switch {
	case s.dismissed():
		return no(v1alpha1.ConditionAware, v1alpha1.ReasonDismissed, "It was no personal data breach")
	case s.aware():
		return yes(v1alpha1.ConditionAware, v1alpha1.ReasonDeclared, "Awareness is declared; the clock counts from awareTime")
	default:
		return no(v1alpha1.ConditionAware, v1alpha1.ReasonNotDeclared, "Awareness is not declared; a provisional clock counts from detectedTime")
	}
}

func (s *state) assessed() metav1.Condition {
	switch s.outcome() {
	case "":
		return no(v1alpha1.ConditionAssessed, v1alpha1.ReasonNotAssessed, "Nobody has assessed the risk")
	case v1alpha1.RiskUndetermined:
		return no(v1alpha1.ConditionAssessed, v1alpha1.ReasonUndetermined, "The risk is being assessed; until then it counts as one")
	default:
		return yes(v1alpha1.ConditionAssessed, v1alpha1.ReasonDecided, "A person decided: "+string(s.outcome()))
	}
}

func (s *state) authorityNotified() metav1.Condition {
	const t = v1alpha1.ConditionAuthorityNotified
	switch d := s.duties.authority; {
	case d.State == v1alpha1.DutyNotRequired:
		return yes(t, v1alpha1.ReasonNotRequired, "The authority need not be told")
	case d.Reason == v1alpha1.ReasonWithdrawn:
		return yes(t, v1alpha1.ReasonWithdrawn, "The notification was withdrawn")
	case d.State == v1alpha1.DutyMet:
		return yes(t, v1alpha1.ReasonNotified, "A complete notification was made")
	case d.Reason == v1alpha1.ReasonSubmittedIncomplete:
		return no(t, v1alpha1.ReasonSubmittedIncomplete, "A first notification was made; its complement is owed (Article 33(4))")
	default:
		return no(t, v1alpha1.ReasonPending, "The authority was not told")
	}
}

func (s *state) subjectsInformed() metav1.Condition {
	const t = v1alpha1.ConditionSubjectsInformed
	switch s.duties.subjects.State {
	case v1alpha1.DutyNotRequired:
		return yes(t, v1alpha1.ReasonNotRequired, "The people concerned need not be told")
	case v1alpha1.DutyMet:
		return yes(t, v1alpha1.ReasonPeopleInformed, "The people concerned were told")
	case v1alpha1.DutyExempt:
		return yes(t, v1alpha1.ReasonExempt, "Article 34(3) exempts from telling the people concerned")
	default:
		return no(t, v1alpha1.ReasonPending, "The people concerned were not told")
	}
}

func (s *state) controllersInformed() metav1.Condition {
	const t = v1alpha1.ConditionControllersInformed
	switch d := s.duties.controllers; {
	case d.State == v1alpha1.DutyNotRequired:
		return yes(t, v1alpha1.ReasonNotRequired, "There is no controller to tell")
	case d.State == v1alpha1.DutyMet:
		return yes(t, v1alpha1.ReasonPeopleInformed, "Each controller was told")
	case d.Reason == v1alpha1.ReasonPartial:
		return no(t, v1alpha1.ReasonPartial, fmt.Sprintf("%d of %d controllers were told", s.informed(), len(s.spec.Controllers)))
	default:
		return no(t, v1alpha1.ReasonPending, "No controller was told")
	}
}

// overdue exists only while true.
func (s *state) overdue() (metav1.Condition, bool) {
	const t = v1alpha1.ConditionOverdue
	legal := timeOf(s.new.Clock.LegalDueTime)
	switch {
	case s.dismissed():
		return metav1.Condition{}, false
	case !s.aware():
		return yes(t, v1alpha1.ReasonUndeclaredTooLong, "Nobody declared or dismissed the suspicion within 72 hours of detection"), s.Now.After(timeOf(s.new.Clock.DueTime))
	case s.duties.authority.State == v1alpha1.DutyOverdue && !legal.IsZero() && !s.Now.Before(legal):
		return yes(t, v1alpha1.ReasonLegalLimitPassed, "The legal limit for telling the authority has passed; notify now, with reasons for the delay (Article 33(1))"), true
	case s.duties.authority.State == v1alpha1.DutyOverdue:
		return yes(t, v1alpha1.ReasonSafeTargetPassed, "72 hours have passed since awareness and the authority was not told (Article 33(1))"), true
	case s.duties.subjects.State == v1alpha1.DutyOverdue:
		return yes(t, v1alpha1.ReasonSafeTargetPassed, "The people concerned were not told in the time set for it (Article 34(1))"), true
	case s.duties.controllers.State == v1alpha1.DutyOverdue:
		return yes(t, v1alpha1.ReasonSafeTargetPassed, "A controller was not told in the time set for it (Article 33(2))"), true
	default:
		return metav1.Condition{}, false
	}
}

// stalled: without officer or policy there is nobody to tell, and only a person can mend it.
func (s *state) stalled() (metav1.Condition, bool) {
	const t = v1alpha1.ConditionStalled
	switch {
	case s.told[v1alpha1.ConditionReady].Status == metav1.ConditionTrue:
		return metav1.Condition{}, false
	case s.Officer == nil:
		return yes(t, v1alpha1.ReasonOfficerMissing, fmt.Sprintf("DataProtectionOfficer %q does not exist, so nobody can be told; the clock runs", s.spec.OfficerRef.Name)), true
	case s.Policy == nil:
		return yes(t, v1alpha1.ReasonPolicyMissing, fmt.Sprintf("EscalationPolicy %q does not exist, so nobody can be told; the clock runs", s.spec.EscalationPolicyRef.Name)), true
	default:
		return metav1.Condition{}, false
	}
}

// tellChanges makes events of what changed since the last pass.
func (s *state) tellChanges() {
	before := conditionsByType{}
	for _, c := range s.old.Conditions {
		before[c.Type] = c
	}
	if now, is := s.told[v1alpha1.ConditionOverdue]; is && (before[now.Type].Status != metav1.ConditionTrue || before[now.Type].Reason != now.Reason) {
		s.events = append(s.events, Event{Warning: true, Reason: now.Reason, Action: "Judge", Message: now.Message})
	}
	if now := s.told[v1alpha1.ConditionReady]; now.Status == metav1.ConditionTrue && (before[now.Type].Status != metav1.ConditionTrue || before[now.Type].Reason != now.Reason) {
		s.events = append(s.events, Event{Reason: now.Reason, Action: "Judge", Message: now.Message})
	}
	if now, is := s.told[v1alpha1.ConditionStalled]; is && before[now.Type].Reason != now.Reason {
		s.events = append(s.events, Event{Warning: true, Reason: now.Reason, Action: "Judge", Message: now.Message})
	}
}
