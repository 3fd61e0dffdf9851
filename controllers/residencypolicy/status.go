package residencypolicy

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/residency"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(policy *v1alpha1.ResidencyPolicy, verdict residency.Verdict, err error) {
	kept := policy.Status.Conditions
	policy.Status = verdict.Status
	policy.Status.Conditions = kept
	generation := policy.Generation
	policy.Status.ObservedGeneration = &generation
	conditions.Report(&policy.Status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// tell sends an event when claims begin or cease to violate the policy.
func (r *Reconciler) tell(before, after *v1alpha1.ResidencyPolicy) {
	was, is := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionCompliant), meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionCompliant)
	if is == nil || (was != nil && was.Status == is.Status) || (was == nil && is.Reason == v1alpha1.ReasonNoViolation) {
		return
	}
	kind := corev1.EventTypeNormal
	if is.Reason == v1alpha1.ReasonViolations {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(after, nil, kind, is.Reason, "Scan", "%s", is.Message)
}
