package erasure

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Untold tells whether a request was refused and the person does not know yet (Article 12(4)): it has ended, and its clock runs
// on. One that was Ready without a notice ended before a version that asked for it, and stays so.
func Untold(request *v1alpha1.ErasureRequest) bool {
	return request.Status.End == v1alpha1.EndRefused && request.Spec.RefusalNotice == nil &&
		!meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionReady)
}

// Open tells whether something is owed to the person: the request has not ended, or they were not told of its refusal or of what was
// done and have a month to be told in.
func Open(request *v1alpha1.ErasureRequest) bool {
	return request.Status.EndedTime == nil || Untold(request) || answerDue(request)
}

// setRefusalDue computes until when the person is told of a refusal: within one month of receipt, and no extension lengthens that
// (Article 12(4)). A question to them ends with the decision: nobody waits for an answer any more.
func setRefusalDue(status *v1alpha1.ErasureRequestStatus, spec *v1alpha1.ErasureRequestSpec, now time.Time) error {
	spec = spec.DeepCopy()
	spec.Extension = nil
	if asking(spec) {
		decided := now
		if stamp := spec.Decision.Stamp; stamp != nil && stamp.Time != nil {
			decided = stamp.Time.Time
		}
		if asked := spec.IdentityCheck.AskedTime.Time; decided.Before(asked) {
			decided = asked
		}
		spec.IdentityCheck.AnsweredTime = ptr.To(metav1.NewTime(decided))
	}
	return countDue(status, spec, func(law *v1alpha1.LawData) string { return law.RefusalPeriod })
}

// refused sets the clock of a refusal. Where nothing is known to count by, it has none: whoever refuses is not kept waiting.
func (j *judgement) refused() {
	spec := &j.Request.Spec
	j.tell(metav1.ConditionFalse, v1alpha1.ConditionApproved, v1alpha1.ReasonRefused, refusal(spec.Decision.Reason))
	if spec.ReceivedTime.After(j.Now.Add(futureSlack)) {
		return
	}
	before := j.status.DeepCopy()
	bindClock(j.status, j.Officer)
	if err := setRefusalDue(j.status, spec, j.Now); err != nil {
		j.status = before
		return
	}
	j.moved(v1alpha1.MovedByRefusal)
}

// awaitNotice reports a refusal of which the person was not told yet. It is recorded, and its Secret is gone; only the letter is owed.
func (j *judgement) awaitNotice() RequestVerdict {
	j.tell(metav1.ConditionFalse, v1alpha1.ConditionReady, v1alpha1.ReasonAwaitingNotice,
		fmt.Sprintf("The request was refused, and the person does not know yet: send them the reasons, the right to complain and the judicial remedy (Article 12(4); kubectl gdpr letter %s -n %s writes it), and state when in spec.refusalNotice.sentTime",
			j.Request.Name, j.Request.Namespace))
	verdict := RequestVerdict{Status: *j.status, Conditions: j.told, Wait: j.wait(0)}
	if !overdue(j.status, j.Now) {
		verdict.Dropped = []string{v1alpha1.ConditionOverdue}
		return verdict
	}
	verdict.Conditions = append(verdict.Conditions, metav1.Condition{Type: v1alpha1.ConditionOverdue, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonDueTimePassed, Message: "The safe target for telling the person of the refusal has passed (Article 12(4): one month from receipt, which no extension lengthens); see legalDueTime for the limit"})
	return verdict
}

// noticeWords say when the person was told of the refusal, and whether that was in time.
func noticeWords(request *v1alpha1.ErasureRequest, status *v1alpha1.ErasureRequestStatus) string {
	notice := request.Spec.RefusalNotice
	if notice == nil {
		return "; the person is told why, and of their right to complain and to a judicial remedy (Article 12(4))"
	}
	words := "; the person was told on " + notice.SentTime.UTC().Format(time.DateOnly)
	if due := status.LegalDueTime; due != nil && !notice.SentTime.Before(due) {
		words += ", after the limit of one month (Article 12(4))"
	}
	return words
}
