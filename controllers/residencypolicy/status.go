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

// tell sends an event when objects begin or cease to violate the policy, one about each object that the status shows for the
// first time, and one about each exception that comes to its end.
func (r *Reconciler) tell(before, after *v1alpha1.ResidencyPolicy, fresh []residency.Finding) {
	for i := range fresh {
		f := &fresh[i]
		object := f.Object()
		r.Recorder.Eventf(&object, after, corev1.EventTypeWarning, string(f.Reason), "Scan", "ResidencyPolicy %s, rule %s: %s", after.Name, f.Rule, f.Message)
	}
	for _, e := range after.Status.Exceptions {
		r.tellExceptions(after, stateBefore(before, e.Name), e)
	}
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

// tellExceptions tells once that an exception will end, and once that it has.
func (r *Reconciler) tellExceptions(policy *v1alpha1.ResidencyPolicy, was v1alpha1.ExceptionState, is v1alpha1.ExceptionStatus) {
	switch {
	case was == is.State:
	case is.State == v1alpha1.ExceptionExpiresSoon:
		r.Recorder.Eventf(policy, nil, corev1.EventTypeWarning, v1alpha1.ReasonExceptionExpiresSoon, "Except",
			"Exception %s ends within thirty days; move what it lets in, or have it prolonged%s", is.Name, untold[is.Notice])
	case is.State == v1alpha1.ExceptionExpired:
		r.Recorder.Eventf(policy, nil, corev1.EventTypeWarning, v1alpha1.ReasonExceptionExpired, "Except",
			"Exception %s has ended; what it let in stays, and is a violation", is.Name)
	}
}

// untold ends the event where it is all that tells.
var untold = map[v1alpha1.ExceptionNotice]string{
	v1alpha1.NoticeNoRegister: "; its namespace has no register, so no officer is told",
	v1alpha1.NoticeNoChannel:  "; no officer of a register of its namespace has a channel, so none is told",
}

func stateBefore(policy *v1alpha1.ResidencyPolicy, exception v1alpha1.PartName) v1alpha1.ExceptionState {
	for _, e := range policy.Status.Exceptions {
		if e.Name == exception {
			return e.State
		}
	}
	return ""
}
