package breach

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
	"github.com/rempart-dev/rempart/internal/law/profile"
)

// maxClockHistory is how many corrections status keeps.
const maxClockHistory = 64

// clock starts from awareness where it is declared, even days ago; until then a provisional one runs from detection and
// has no legal limit. A processor's clock is the one of Article 33(2), where the law has no number either. Start
// instants are facts: a correction keeps the old one in the history.
func (s *state) clock() {
	start, source := timeOf(s.spec.DetectedTime), v1alpha1.ClockProvisional
	if s.aware() {
		start, source = timeOf(s.spec.AwareTime), v1alpha1.ClockDeclared
	}
	clock := &v1alpha1.BreachClock{Source: source, StartTime: stamped(start), LawProfile: s.periods.Name}
	switch {
	case source == v1alpha1.ClockProvisional:
		clock.DueTime = stamped(start.Add(s.hours(profile.BreachProvisional)))
	case s.processor():
		clock.DueTime = stamped(start.Add(s.hours(profile.BreachControllers)))
	default:
		d := deadline.Hours(start, int(s.hours(profile.BreachAuthority)/time.Hour), s.Zone)
		clock.DueTime, clock.LegalDueTime = stamped(d.DueTime), stamped(d.LegalDueTime)
	}
	s.new.Clock = clock
	s.at(clock.DueTime.Add(time.Second)) // the safe target is passed just after it
	s.at(timeOf(clock.LegalDueTime))
	s.keepHistory()
}

func (s *state) keepHistory() {
	old := s.old.Clock
	switch {
	case old == nil:
		s.events = append(s.events, Event{Reason: v1alpha1.ReasonClockStarted, Action: "Count", Message: clockWords(s.new.Clock.Source)})
	case !old.StartTime.Equal(s.new.Clock.StartTime) || old.Source != s.new.Clock.Source:
		s.new.ClockHistory = append(s.new.ClockHistory, v1alpha1.ClockChange{Time: stamped(s.Now), OldStartTime: old.StartTime, OldSource: old.Source})
		if extra := len(s.new.ClockHistory) - maxClockHistory; extra > 0 {
			s.new.ClockHistory = s.new.ClockHistory[extra:]
		}
		s.events = append(s.events, Event{Reason: v1alpha1.ReasonClockStarted, Action: "Count", Message: clockWords(s.new.Clock.Source)})
	}
}

func clockWords(source v1alpha1.ClockSource) string {
	if source == v1alpha1.ClockDeclared {
		return "Awareness is declared; the clock counts from it"
	}
	return "A provisional clock counts from detection"
}

// clockStart is the instant from which a stage counts; false while that clock does not run.
func (s *state) clockStart(clock v1alpha1.StageClock) (time.Time, bool) {
	var start *metav1.Time
	switch clock {
	case v1alpha1.ClockDetection:
		start = s.spec.DetectedTime
	case v1alpha1.ClockAwareness:
		start = s.spec.AwareTime
	case v1alpha1.ClockAssessment:
		if s.new.AssessedOutcome != v1alpha1.RiskUndetermined {
			start = s.new.AssessedTime
		}
	}
	return timeOf(start), start != nil
}
