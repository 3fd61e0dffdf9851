package erasurerequest

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(request *v1alpha1.ErasureRequest, verdict erasure.RequestVerdict, err error) {
	list := request.Status.Conditions
	if err == nil {
		request.Status = verdict.Status
	}
	status := &request.Status
	status.Conditions = list
	status.ObservedGeneration = &request.Generation
	conditions.Report(&status.Conditions, request.Generation, append(verdict.Conditions, conditions.OfError(err)...)...)
	conditions.Drop(&status.Conditions, verdict.Dropped...)
}

// settled tells whether the request has ended and nothing is left to do for it.
func settled(request *v1alpha1.ErasureRequest) bool {
	return request.Status.End != "" && meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionReady)
}

// steps are the conditions that people are told of when they become True, with the verb of the event.
var steps = []struct{ condition, action string }{
	{v1alpha1.ConditionAccepted, "Accept"},
	{v1alpha1.ConditionPlanned, "Plan"},
	{v1alpha1.ConditionApproved, "Approve"},
	{v1alpha1.ConditionExecuted, "Execute"},
	{v1alpha1.ConditionVerified, "Verify"},
	{v1alpha1.ConditionReady, "End"},
	{v1alpha1.ConditionPersonInformed, "Inform"},
}

// eventDeadline is the reason of the event that due times, which were shown, moved.
const eventDeadline = "DeadlineRecomputed"

// announce tells each change once, after it was recorded.
func (r *Reconciler) announce(before, after *v1alpha1.ErasureRequest) {
	for _, s := range steps {
		if c, turned := turnedTrue(before, after, s.condition); turned {
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, c.Reason, s.action, "%s", c.Message)
		}
	}
	if c, turned := turnedTrue(before, after, v1alpha1.ConditionOverdue); turned {
		r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, v1alpha1.ConditionOverdue, "Answer", "%s", c.Message)
	}
	if words, sooner, moved := erasure.Moved(&before.Status, &after.Status); moved {
		kind := corev1.EventTypeNormal
		if sooner {
			kind = corev1.EventTypeWarning
		}
		r.Recorder.Eventf(after, nil, kind, eventDeadline, "Recompute", "%s", words)
	}
	// A request that only a person can help, above all one whose erasure the verifier contradicts, must not be quiet.
	if c, turned := turnedTrue(before, after, v1alpha1.ConditionStalled); turned {
		r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, c.Reason, "Stall", "%s", c.Message)
	}
}

func turnedTrue(before, after *v1alpha1.ErasureRequest, conditionType string) (*metav1.Condition, bool) {
	now := meta.FindStatusCondition(after.Status.Conditions, conditionType)
	return now, now != nil && now.Status == metav1.ConditionTrue && !meta.IsStatusConditionTrue(before.Status.Conditions, conditionType)
}
