package erasure

import (
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// StageOverdue is the stage of the message that the safe target has passed.
const StageOverdue v1alpha1.PartName = "overdue"

// refusalStage begins the stages of telling the person of a refusal (Article 12(4)): who was reminded of the answer is told of them too.
const refusalStage v1alpha1.PartName = "refusal-"

// Passed tells whether a stage is that of a safe target that has passed.
func Passed(stage v1alpha1.PartName) bool {
	return strings.TrimPrefix(string(stage), string(refusalStage)) == string(StageOverdue)
}

// reminders are the stages before the safe target of an answer (Article 12(3)), the last one first. How long before is our
// choice.
var reminders = []struct {
	before time.Duration
	stage  v1alpha1.PartName
}{{2 * 24 * time.Hour, "due-in-2-days"}, {7 * 24 * time.Hour, "due-in-7-days"}, {15 * 24 * time.Hour, "due-in-15-days"}}

// Reminder returns the stage of which the officer is to be told now; empty when there is none: the request has ended and nothing is owed, its clock
// stands still, or the person knows of the legal hold that is all it waits for. Only the latest stage counts, so that a long
// restart repeats none.
func Reminder(request *v1alpha1.ErasureRequest, now time.Time) v1alpha1.PartName {
	s := &request.Status
	if s.End != "" && !Untold(request) && !answerDue(request) || s.DueTime == nil || request.DeletionTimestamp != nil || s.End == "" && settledByHold(request, now) {
		return ""
	}
	stage := v1alpha1.PartName("")
	for _, r := range slices.Backward(reminders) {
		if !now.Before(s.DueTime.Add(-r.before)) {
			stage = r.stage
		}
	}
	if overdue(s, now) {
		stage = StageOverdue
	}
	if stage != "" && Untold(request) {
		return refusalStage + stage
	}
	return stage
}

// settledByHold tells whether a hold is all that the request waits for, as its status says, and the person was told of it.
func settledByHold(request *v1alpha1.ErasureRequest, now time.Time) bool {
	d := request.Spec.Deferral
	if d == nil || d.NoticeSentTime.After(now) || len(request.Status.Targets) == 0 {
		return false
	}
	for i := range request.Status.Holds {
		if h := &request.Status.Holds[i]; h.EndedTime == nil && h.CreatedTime != nil && h.CreatedTime.After(d.NoticeSentTime.Time) {
			return false
		}
	}
	for i := range request.Status.Targets {
		if t := &request.Status.Targets[i]; !Final(t.Result) && !waitsForHold(t) {
			return false
		}
	}
	return true
}
