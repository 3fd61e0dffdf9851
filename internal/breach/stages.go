package breach

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// mostRepeats is how often a stage is repeated when its repeatAtMost is absent.
const mostRepeats = 20

// escalate fires the stages that are due: a stage fires once and is a fact, so that neither a restart nor a later
// change of the policy fires it again. After downtime the missed ones fire at once, in order, with their true age.
func (s *state) escalate() {
	s.acknowledge()
	if s.told[v1alpha1.ConditionReady].Status != metav1.ConditionTrue && s.Policy != nil && s.Officer != nil {
		s.fireDue()
		s.fireUnanswered()
		s.repeat()
		s.next()
	} else {
		s.new.NextStage, s.new.NextStageTime = "", nil
	}
	s.told[v1alpha1.ConditionAcknowledged] = s.acknowledged()
}

// acknowledge writes into the stages who answered.
func (s *state) acknowledge() {
	for i := range s.new.Stages {
		stage := &s.new.Stages[i]
		if stage.AcknowledgedTime != nil {
			continue
		}
		for _, a := range s.spec.Acknowledgements {
			if a.Stage == stage.Name {
				at := s.Now
				if a.Stamp != nil && a.Stamp.Time != nil {
					at = a.Stamp.Time.Time
				}
				stage.AcknowledgedTime = stamped(at)
				break
			}
		}
	}
}

// unanswered tells whether a stage that fired asks to be acknowledged and was not.
func unanswered(stage v1alpha1.StageStatus) bool {
	return stage.AcknowledgeDueTime != nil && stage.AcknowledgedTime == nil
}

// isAcknowledged: somebody answered, and no stage waits for an answer.
func (s *state) isAcknowledged() bool {
	answered := false
	for _, stage := range s.new.Stages {
		if unanswered(stage) {
			return false
		}
		answered = answered || stage.AcknowledgedTime != nil
	}
	return answered
}

func (s *state) acknowledged() metav1.Condition {
	if s.isAcknowledged() {
		return yes(v1alpha1.ConditionAcknowledged, v1alpha1.ReasonAcknowledged, "Every stage that asks for it was acknowledged")
	}
	for _, stage := range s.new.Stages {
		if unanswered(stage) {
			return no(v1alpha1.ConditionAcknowledged, v1alpha1.ReasonUnanswered, fmt.Sprintf("Stage %s waits to be acknowledged", stage.Name))
		}
	}
	return no(v1alpha1.ConditionAcknowledged, v1alpha1.ReasonUnanswered, "No stage was acknowledged")
}

// fireDue fires what time alone makes due, the longest due first.
func (s *state) fireDue() {
	type candidate struct {
		stage *v1alpha1.EscalationStage
		due   time.Time
	}
	var ripe []candidate
	for i := range s.Policy.Spec.Stages {
		stage := &s.Policy.Spec.Stages[i]
		due, runs := s.dueTime(stage)
		if !runs || s.fired(stage.Name) != nil || s.spared(stage) {
			continue
		}
		if s.Now.Before(due) {
			s.at(due)
			continue
		}
		ripe = append(ripe, candidate{stage, due})
	}
	slices.SortStableFunc(ripe, func(a, b candidate) int { return a.due.Compare(b.due) })
	for _, c := range ripe {
		s.fire(c.stage, "")
	}
}

// fireUnanswered fires, for each stage that nobody acknowledged in time, the stage after it.
func (s *state) fireUnanswered() {
	stages := s.Policy.Spec.Stages
	for i := range stages {
		fired := s.fired(stages[i].Name)
		if fired == nil || !unanswered(*fired) {
			continue
		}
		if s.Now.Before(fired.AcknowledgeDueTime.Time) {
			s.at(fired.AcknowledgeDueTime.Time)
			continue
		}
		if next := s.after(i); next != nil && s.fired(next.Name) == nil {
			s.fire(next, stages[i].Name)
		}
	}
}

// after is the stage that follows the i-th and is not spared; nil when there is none.
func (s *state) after(i int) *v1alpha1.EscalationStage {
	for j := i + 1; j < len(s.Policy.Spec.Stages); j++ {
		if stage := &s.Policy.Spec.Stages[j]; !s.spared(stage) {
			return stage
		}
	}
	return nil
}

// fire makes a stage a fact and tells its audiences.
func (s *state) fire(stage *v1alpha1.EscalationStage, missed v1alpha1.PartName) {
	status := v1alpha1.StageStatus{Name: stage.Name, FiredTime: stamped(s.Now)}
	if within := hoursOf(stage.AcknowledgeWithin); within > 0 {
		status.AcknowledgeDueTime = stamped(s.Now.Add(within))
		s.at(status.AcknowledgeDueTime.Time)
	}
	s.new.Stages = append(s.new.Stages, status)
	s.acknowledge()
	words := fmt.Sprintf("Stage %s fired", stage.Name)
	if missed != "" {
		words = fmt.Sprintf("Stage %s fired: nobody acknowledged stage %s", stage.Name, missed)
	}
	s.events = append(s.events, Event{Warning: true, Reason: v1alpha1.ReasonStageFired, Action: "Escalate", Message: words})
	if !s.tell(stage, 1, missed) {
		s.events = append(s.events, Event{Warning: true, Reason: v1alpha1.ReasonNobodyTold, Action: "Escalate",
			Message: fmt.Sprintf("Stage %s fired and no channel is set for those whom it should tell", stage.Name)})
	}
}

// repeat tells again what was told, on the grid of repeatEvery from the firing. Of several missed repeats one is sent.
func (s *state) repeat() {
	for i := range s.Policy.Spec.Stages {
		stage := &s.Policy.Spec.Stages[i]
		every, status := hoursOf(stage.RepeatEvery), s.fired(stage.Name)
		if every <= 0 || status == nil || s.spared(stage) {
			continue
		}
		most := int64(mostRepeats)
		if stage.RepeatAtMost > 0 {
			most = int64(stage.RepeatAtMost)
		}
		n := min(int64(s.Now.Sub(status.FiredTime.Time)/every), most)
		if n < most {
			s.at(status.FiredTime.Add(time.Duration(n+1) * every))
		}
		if n <= int64(ptr.Deref(status.Repeats, 0)) {
			continue
		}
		status.Repeats = ptr.To(int32(n))
		status.LastRepeatTime = stamped(status.FiredTime.Add(time.Duration(n) * every))
		s.tell(stage, int32(n)+1, "")
	}
}

// next tells people what is coming: the earliest stage that is neither fired nor spared.
func (s *state) next() {
	s.new.NextStage, s.new.NextStageTime = "", nil
	for i := range s.Policy.Spec.Stages {
		stage := &s.Policy.Spec.Stages[i]
		due, runs := s.dueTime(stage)
		if !runs || s.fired(stage.Name) != nil || s.spared(stage) {
			continue
		}
		if s.new.NextStageTime == nil || due.Before(s.new.NextStageTime.Time) {
			s.new.NextStage, s.new.NextStageTime = stage.Name, stamped(due)
		}
	}
}

func (s *state) dueTime(stage *v1alpha1.EscalationStage) (time.Time, bool) {
	start, runs := s.clockStart(stage.Clock)
	return start.Add(hoursOf(stage.After)), runs
}

func (s *state) fired(name v1alpha1.PartName) *v1alpha1.StageStatus {
	for i := range s.new.Stages {
		if s.new.Stages[i].Name == name {
			return &s.new.Stages[i]
		}
	}
	return nil
}

// spared tells whether one of a stage's unless conditions holds. A first notification to the authority, though
// incomplete, spares the stages that urge to notify: what is owed then is the complement, without a limit.
func (s *state) spared(stage *v1alpha1.EscalationStage) bool {
	return slices.ContainsFunc(stage.Unless, func(conditionType string) bool {
		switch conditionType {
		case v1alpha1.ConditionAcknowledged:
			return s.answeredBefore(stage.Name)
		case v1alpha1.ConditionAuthorityNotified:
			return s.toldAuthority()
		default:
			return s.told[conditionType].Status == metav1.ConditionTrue
		}
	})
}

// answeredBefore tells whether somebody answered and no stage before the named one waits for an answer. Later stages do
// not count: a stage that was spared is not fired because another one began to wait.
func (s *state) answeredBefore(name v1alpha1.PartName) bool {
	answered := false
	for i := range s.Policy.Spec.Stages {
		earlier := s.fired(s.Policy.Spec.Stages[i].Name)
		switch {
		case s.Policy.Spec.Stages[i].Name == name:
			return answered
		case earlier == nil:
		case unanswered(*earlier):
			return false
		default:
			answered = answered || earlier.AcknowledgedTime != nil
		}
	}
	return answered
}

// hoursOf reads a period that the API's pattern has checked; absent or malformed is zero.
func hoursOf(h v1alpha1.Hours) time.Duration {
	p, err := deadline.ParsePeriod(string(h))
	if err != nil {
		return 0
	}
	return time.Duration(p.Hours) * time.Hour
}
