package breach

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// tolerance is how far another clock may be ahead of ours.
const tolerance = 5 * time.Minute

// Validate returns what admission must refuse beyond the schema, one sentence each with the field in front: ValidateTimes,
// entries that are only added, and a closure with an open duty. Old is nil when the incident is created.
func Validate(incident, old *v1alpha1.BreachIncident, now time.Time) []string {
	refused := ValidateTimes(incident, old, now)
	refused = append(refused, validateRecord(incident, old)...)
	return append(refused, validateClosure(incident, old, now)...)
}

// ValidateTimes refuses instants in the future: what has not happened starts no clock. An instant that was stored before
// is not judged again.
func ValidateTimes(incident, old *v1alpha1.BreachIncident, now time.Time) []string {
	before := &v1alpha1.BreachIncidentSpec{}
	if old != nil {
		before = &old.Spec
	}
	spec := &incident.Spec
	var refused []string
	check := func(field string, was, is *metav1.Time, what string) {
		if is != nil && !is.Equal(was) && is.After(now.Add(tolerance)) {
			refused = append(refused, fmt.Sprintf("spec.%s: %s lies in the future; state when %s", field, is.UTC().Format(time.RFC3339), what))
		}
	}
	check("detectedTime", before.DetectedTime, spec.DetectedTime, "something was seen")
	check("awareTime", before.AwareTime, spec.AwareTime, "it became certain that personal data were compromised: the 72 hours of Article 33(1) count from it")
	if spec.Occurred != nil {
		was := &v1alpha1.Occurrence{}
		if before.Occurred != nil {
			was = before.Occurred
		}
		check("occurred.fromTime", was.FromTime, spec.Occurred.FromTime, "the breach began")
		check("occurred.untilTime", was.UntilTime, spec.Occurred.UntilTime, "the breach ended, or leave it out")
	}
	for i := range spec.Submissions {
		var was *metav1.Time
		if i < len(before.Submissions) {
			was = before.Submissions[i].SubmittedTime
		}
		check(fmt.Sprintf("submissions[%d].submittedTime", i), was, spec.Submissions[i].SubmittedTime, "the notification was made")
	}
	informed := map[string]*metav1.Time{}
	for _, c := range before.Controllers {
		informed[c.Name] = c.InformedTime
	}
	for i, c := range spec.Controllers {
		check(fmt.Sprintf("controllers[%d].informedTime", i), informed[c.Name], c.InformedTime, "the controller was told")
	}
	return refused
}

// validateRecord keeps submissions and acknowledgements as they were entered.
func validateRecord(incident, old *v1alpha1.BreachIncident) []string {
	if old == nil {
		return nil
	}
	var refused []string
	for i, was := range old.Spec.Submissions {
		if i >= len(incident.Spec.Submissions) || !sameSubmission(was, incident.Spec.Submissions[i]) {
			refused = append(refused, fmt.Sprintf("spec.submissions[%d]: an entry is a record and does not change; add another one, such as a FollowUp or a Withdraw", i))
		}
	}
	for i, was := range old.Spec.Acknowledgements {
		if i >= len(incident.Spec.Acknowledgements) || !sameAcknowledgement(was, incident.Spec.Acknowledgements[i]) {
			refused = append(refused, fmt.Sprintf("spec.acknowledgements[%d]: an entry is a record and does not change; add another one", i))
		}
	}
	return refused
}

// validateClosure refuses to close while somebody must be told.
func validateClosure(incident, old *v1alpha1.BreachIncident, now time.Time) []string {
	if incident.Spec.Closure == nil || (old != nil && old.Spec.Closure != nil) || incident.Spec.DetectedTime == nil {
		return nil
	}
	s := assess(Input{Incident: incident, Now: now})
	var refused []string
	if !s.aware() && !s.dismissed() {
		refused = append(refused, "spec.closure: the suspicion is neither confirmed nor dismissed; set verdict first")
	}
	for _, o := range []v1alpha1.Obligation{s.duties.authority, s.duties.subjects, s.duties.controllers} {
		if open(o) {
			refused = append(refused, fmt.Sprintf("spec.closure: duty %s (Article %s) is open; meet it, then close", o.Duty, o.Article))
		}
	}
	return refused
}
