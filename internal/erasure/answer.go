package erasure

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Answers tells whether an end is action taken on a request, of which the person is told (Article 12(3)). A refusal is told by Article
// 12(4), a repetition is answered with the request that it repeats, and a plan alone is no action.
func Answers(end v1alpha1.ErasureEnd) bool {
	return end == v1alpha1.EndErased || end == v1alpha1.EndPartlyErased || end == v1alpha1.EndNothingErased || end == v1alpha1.EndNothingFound
}

// Unanswered tells whether action was taken on a request and the person does not know yet: it is over and may be Ready, and its clock
// runs on. One that was Ready without PersonInformed ended before a version that asked for it, and stays so.
func Unanswered(request *v1alpha1.ErasureRequest) bool {
	conditions := request.Status.Conditions
	return Answers(request.Status.End) && request.Spec.AnswerNotice == nil &&
		(meta.FindStatusCondition(conditions, v1alpha1.ConditionPersonInformed) != nil || !meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady))
}

// answerDue tells whether the person is to be told within the month. Who was told of a hold that kept a part was answered in time
// (Article 12(4)): what is done after the hold has no month of its own.
func answerDue(request *v1alpha1.ErasureRequest) bool {
	return Unanswered(request) && request.Spec.Deferral == nil
}

// AwaitsAnswer tells whether a request that is over is still to be asked whether the person was told.
func AwaitsAnswer(request *v1alpha1.ErasureRequest) bool {
	return meta.IsStatusConditionFalse(request.Status.Conditions, v1alpha1.ConditionPersonInformed)
}

// JudgeAnswer judges, of a request that is over, whether the person was told; nothing else of it is judged again.
func JudgeAnswer(in RequestInput) RequestVerdict {
	j := &judgement{RequestInput: in, status: in.Request.Status.DeepCopy()}
	return j.answer()
}

// answer reports whether the person was told what was done. An end does not wait for it: the erasure is complete.
func (j *judgement) answer() RequestVerdict {
	verdict := RequestVerdict{Status: *j.status, Dropped: []string{v1alpha1.ConditionOverdue}}
	if !Answers(j.status.End) {
		verdict.Conditions = j.told
		return verdict
	}
	if notice := j.Request.Spec.AnswerNotice; notice != nil {
		j.tell(metav1.ConditionTrue, v1alpha1.ConditionPersonInformed, v1alpha1.ReasonTold, answerWords(notice.SentTime, j.status.LegalDueTime)+j.toldBefore(notice.SentTime))
		verdict.Conditions = j.told
		return verdict
	}
	j.tell(metav1.ConditionFalse, v1alpha1.ConditionPersonInformed, v1alpha1.ReasonNotYetTold,
		fmt.Sprintf("The person does not know yet what was done on their request: tell them (Article 12(3); kubectl gdpr letter %s -n %s writes it), and state when in spec.answerNotice.sentTime", j.Request.Name, j.Request.Namespace))
	verdict.Wait = j.wait(0)
	if overdue(j.status, j.Now) && answerDue(j.Request) {
		j.told, verdict.Dropped = append(j.told, lateAnswer()), nil
	}
	verdict.Conditions = j.told
	return verdict
}

// lateAnswer says that nobody told the person in time what was done.
func lateAnswer() metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionOverdue, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonDueTimePassed, Message: "The safe target for the answer has passed (Article 12(3)); see legalDueTime for the limit"}
}

// answerWords say when the person was told, and whether that was in time.
func answerWords(sent, due *metav1.Time) string {
	words := "The person was told what was done on " + sent.UTC().Format(time.DateOnly)
	if due != nil && !sent.Before(due) {
		words += ", after the limit (Article 12(3))"
	}
	return words
}

// toldBefore says that a store was erased after the person was told: the request was made again from the manifest of one that was answered.
func (j *judgement) toldBefore(sent *metav1.Time) string {
	for i := range j.status.Targets {
		if done := j.status.Targets[i].ExecutedTime; done != nil && sent.Before(done) {
			return "; that was before a store was erased, as of a request that was made again from its manifest"
		}
	}
	return ""
}
