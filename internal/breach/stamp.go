package breach

import (
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Verbs beside the usual ones that changes of an incident need.
const (
	// VerbDecide: verdict, awareness, risk, closure.
	VerbDecide = "decide"
	// VerbSubmit: submissions to authorities, and controllers told.
	VerbSubmit = "submit"
	// VerbAcknowledge: acknowledgements of stages.
	VerbAcknowledge = "acknowledge"
)

// Stamp writes into updated who decided what, and when, and puts back each stamp that a user wrote. Old is nil when the
// incident is created. It changes stamps only, and nothing when nothing was decided.
func Stamp(old, updated *v1alpha1.BreachIncident, user string, now time.Time) {
	before := &v1alpha1.BreachIncidentSpec{}
	if old != nil {
		before = &old.Spec
	}
	after := &updated.Spec
	mine := func() *v1alpha1.DecisionStamp { return &v1alpha1.DecisionStamp{By: user, Time: stamped(now)} }

	after.DecisionStamp = before.DecisionStamp.DeepCopy()
	if old == nil || verdictChanged(before, after) {
		after.DecisionStamp = mine()
	}
	if after.Risk != nil {
		after.Risk.Stamp = mine()
		if before.Risk != nil && sameRisk(*before.Risk, *after.Risk) {
			after.Risk.Stamp = before.Risk.Stamp.DeepCopy()
		}
	}
	for i := range after.Submissions {
		after.Submissions[i].Stamp = mine()
		if i < len(before.Submissions) && sameSubmission(before.Submissions[i], after.Submissions[i]) {
			after.Submissions[i].Stamp = before.Submissions[i].Stamp.DeepCopy()
		}
	}
	for i := range after.Acknowledgements {
		after.Acknowledgements[i].Stamp = mine()
		if i < len(before.Acknowledgements) && sameAcknowledgement(before.Acknowledgements[i], after.Acknowledgements[i]) {
			after.Acknowledgements[i].Stamp = before.Acknowledgements[i].Stamp.DeepCopy()
		}
	}
	if after.Closure != nil {
		after.Closure.Stamp = mine()
		if before.Closure != nil && before.Closure.Summary == after.Closure.Summary {
			after.Closure.Stamp = before.Closure.Stamp.DeepCopy()
		}
	}
}

// VerbsFor returns the verbs that a user needs for this change, beside create or update. Whoever may create an incident
// may report a suspicion; anything beyond is a decision.
func VerbsFor(old, updated *v1alpha1.BreachIncident) []string {
	before := &v1alpha1.BreachIncidentSpec{Verdict: v1alpha1.BreachSuspected}
	if old != nil {
		before = &old.Spec
	}
	after := &updated.Spec
	var verbs []string
	if verdictChanged(before, after) || riskChanged(before, after) || !equal(summary(before), summary(after)) {
		verbs = append(verbs, VerbDecide)
	}
	if !equal(unstampedSubmissions(before), unstampedSubmissions(after)) || told(before) != told(after) {
		verbs = append(verbs, VerbSubmit)
	}
	if !equal(unstampedAcknowledgements(before), unstampedAcknowledgements(after)) {
		verbs = append(verbs, VerbAcknowledge)
	}
	return verbs
}

func verdictChanged(before, after *v1alpha1.BreachIncidentSpec) bool {
	return before.Verdict != after.Verdict || before.VerdictReason != after.VerdictReason ||
		!before.AwareTime.Equal(after.AwareTime) || before.AwareReason != after.AwareReason
}

func riskChanged(before, after *v1alpha1.BreachIncidentSpec) bool {
	switch {
	case before.Risk == nil || after.Risk == nil:
		return before.Risk != after.Risk
	default:
		return !sameRisk(*before.Risk, *after.Risk)
	}
}

func sameRisk(a, b v1alpha1.RiskDecision) bool {
	a.Stamp, b.Stamp = nil, nil
	return equal(a, b)
}

func sameSubmission(a, b v1alpha1.Submission) bool {
	a.Stamp, b.Stamp = nil, nil
	return equal(a, b)
}

func sameAcknowledgement(a, b v1alpha1.Acknowledgement) bool {
	a.Stamp, b.Stamp = nil, nil
	return equal(a, b)
}

func unstampedSubmissions(spec *v1alpha1.BreachIncidentSpec) []v1alpha1.Submission {
	list := spec.DeepCopy().Submissions
	for i := range list {
		list[i].Stamp = nil
	}
	return list
}

func unstampedAcknowledgements(spec *v1alpha1.BreachIncidentSpec) []v1alpha1.Acknowledgement {
	list := spec.DeepCopy().Acknowledgements
	for i := range list {
		list[i].Stamp = nil
	}
	return list
}

func summary(spec *v1alpha1.BreachIncidentSpec) string {
	if spec.Closure == nil {
		return ""
	}
	return spec.Closure.Summary
}

// told counts the controllers who were told.
func told(spec *v1alpha1.BreachIncidentSpec) int {
	n := 0
	for _, c := range spec.Controllers {
		if c.InformedTime != nil {
			n++
		}
	}
	return n
}
