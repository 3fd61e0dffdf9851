// Package breach decides what a personal data breach asks of an organisation: which clock runs, how severe it looks,
// which duties are open, and whom to tell now (Articles 33 and 34). It declares nothing, rates nothing and writes to no
// authority: people do.
package breach

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/authority"
	"github.com/rempart-dev/rempart/internal/law/profile"
)

// Input is all that a decision about an incident needs, read at one instant.
type Input struct {
	Incident *v1alpha1.BreachIncident
	// Officer is nil when the object that officerRef names does not exist.
	Officer *v1alpha1.DataProtectionOfficer
	// Policy is nil when the object that escalationPolicyRef names does not exist.
	Policy *v1alpha1.EscalationPolicy
	// Channels that exist, by name.
	Channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel
	// Notifications of this incident that exist.
	Notifications []v1alpha1.Notification
	// Zone of the officer; UTC when nil.
	Zone *time.Location
	Now  time.Time
}

// An Event is a change that a person cares about.
type Event struct {
	Warning                 bool
	Reason, Action, Message string
}

// Verdict is what came of a pass.
type Verdict struct {
	// Status is the whole status but for observedGeneration and conditions.
	Status v1alpha1.BreachIncidentStatus
	// Conditions that were judged.
	Conditions []metav1.Condition
	// Gone are condition types that exist only while true, and are not.
	Gone   []string
	Events []Event
	// Wait until the next instant at which something is due, at most an hour.
	Wait time.Duration
}

// longestWait bounds how long nobody looks: a clock that was set wrong is noticed within the hour.
const longestWait = time.Hour

// state is an incident with everything that was worked out about it, in the order in which it is worked out.
type state struct {
	Input
	spec *v1alpha1.BreachIncidentSpec
	old  *v1alpha1.BreachIncidentStatus
	// new is the status to be.
	new v1alpha1.BreachIncidentStatus
	// periods of the law profile that the case is bound to.
	periods profile.Profile
	duties  duties
	told    conditionsByType
	// messages that this pass asks for, and events that it causes.
	messages []message
	events   []Event
	// due are the instants in the future at which something may change.
	due []time.Time
}

type conditionsByType map[string]metav1.Condition

func assess(in Input) *state {
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	in.Now = in.Now.Truncate(time.Second).UTC()
	s := &state{Input: in, spec: &in.Incident.Spec, old: &in.Incident.Status, new: *in.Incident.Status.DeepCopy()}
	s.bind()
	s.assessment()
	s.clock()
	s.new.Severity = Severity(s.spec)
	s.judgeDuties()
	s.authorities()
	s.conditions()
	s.escalate()
	s.complement()
	s.fallback()
	s.close()
	return s
}

// bind keeps the law profile under which the case started.
func (s *state) bind() {
	name := profile.Default
	if s.Officer != nil && s.Officer.Spec.LawProfile != "" {
		name = s.Officer.Spec.LawProfile
	}
	if s.old.Clock != nil && s.old.Clock.LawProfile != "" {
		name = s.old.Clock.LawProfile
	}
	if periods, err := profile.Find(name); err == nil {
		s.periods = periods
	} else if periods, err := profile.Find(profile.Default); err == nil {
		s.periods = periods
	}
}

// hours of a rule; the embedded table is tested to have each of them.
func (s *state) hours(rule string) time.Duration {
	n, err := s.periods.Hours(rule)
	if err != nil {
		return 72 * time.Hour
	}
	return time.Duration(n) * time.Hour
}

// assessment keeps since when the present outcome is decided: by the stamp, or else when it was first seen.
func (s *state) assessment() {
	outcome := s.outcome()
	if outcome == "" {
		s.new.AssessedOutcome, s.new.AssessedTime = "", nil
		return
	}
	if outcome == s.old.AssessedOutcome && s.old.AssessedTime != nil {
		return
	}
	at := metav1.NewTime(s.Now)
	if stamp := s.spec.Risk.Stamp; stamp != nil && stamp.Time != nil {
		at = *stamp.Time
	}
	s.new.AssessedOutcome, s.new.AssessedTime = outcome, &at
}

func (s *state) outcome() v1alpha1.RiskOutcome {
	if s.spec.Risk == nil {
		return ""
	}
	return s.spec.Risk.Outcome
}

func (s *state) dismissed() bool { return s.spec.Verdict == v1alpha1.BreachDismissed }

func (s *state) aware() bool { return s.spec.AwareTime != nil }

func (s *state) processor() bool { return s.spec.Role == v1alpha1.BreachRoleProcessor }

// authorities that a controller notifies; a person confirms them.
func (s *state) authorities() {
	s.new.Authorities = nil
	if s.Officer == nil || s.processor() {
		return
	}
	organisation, own := &s.Officer.Spec.Organisation, &s.Officer.Spec.SupervisoryAuthority
	country := organisation.Country
	if own.Country != "" {
		country = own.Country
	}
	a, ok := authority.Competent(string(country), organisation.Sector == v1alpha1.SectorPublic)
	if !ok {
		return
	}
	competent := v1alpha1.CompetentAuthority{Code: a.Code, Name: a.Name, NotificationURL: a.NotificationURL, Basis: a.Basis}
	if own.Name != "" {
		competent.Name = own.Name
	}
	if own.NotificationURL != "" {
		competent.NotificationURL = own.NotificationURL
	}
	s.new.Authorities = []v1alpha1.CompetentAuthority{competent}
}

// close records when the last duty ended. A duty that opens again, as by a rising risk, takes it back.
func (s *state) close() {
	switch {
	case s.told[v1alpha1.ConditionReady].Status != metav1.ConditionTrue:
		s.new.ClosedTime = nil
	case s.new.ClosedTime == nil:
		at := metav1.NewTime(s.Now)
		if closure := s.spec.Closure; closure != nil && closure.Stamp != nil && closure.Stamp.Time != nil {
			at = *closure.Stamp.Time
		}
		s.new.ClosedTime = &at
	}
}

// at remembers an instant at which something may change.
func (s *state) at(instant time.Time) {
	if instant.After(s.Now) {
		s.due = append(s.due, instant)
	}
}

// wait until the next of these instants.
func (s *state) wait() time.Duration {
	wait := longestWait
	for _, instant := range s.due {
		wait = min(wait, instant.Sub(s.Now))
	}
	return max(wait, time.Second)
}

// Judge says how the incident stands. The messages that Desired asked for exist by now.
func Judge(in Input) Verdict {
	s := assess(in)
	verdict := Verdict{Status: s.new, Events: s.events, Wait: s.wait()}
	for _, t := range reported {
		if c, ok := s.told[t]; ok {
			verdict.Conditions = append(verdict.Conditions, c)
		} else if t == v1alpha1.ConditionOverdue {
			verdict.Gone = append(verdict.Gone, t)
		}
	}
	return verdict
}

// reported are the condition types in the order of their work.
var reported = []string{
	v1alpha1.ConditionReady, v1alpha1.ConditionAware, v1alpha1.ConditionAssessed, v1alpha1.ConditionAuthorityNotified,
	v1alpha1.ConditionSubjectsInformed, v1alpha1.ConditionControllersInformed, v1alpha1.ConditionAcknowledged,
	v1alpha1.ConditionOverdue, v1alpha1.ConditionStalled,
}

func equal(a, b any) bool { return equality.Semantic.DeepEqual(a, b) }

func timeOf(t *metav1.Time) time.Time { return ptr.Deref(t, metav1.Time{}).Time }

func stamped(t time.Time) *metav1.Time {
	at := metav1.NewTime(t.Truncate(time.Second))
	return &at
}
