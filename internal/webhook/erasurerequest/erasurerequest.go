// Package erasurerequest judges ErasureRequests at admission: what needs the requesting user, another object, or a look
// at every text. The rest is in the schema.
package erasurerequest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/personal"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Path is where the API server calls.
const Path = "/validate/erasurerequest"

// skew is how far clocks may differ.
const skew = 5 * time.Minute

// Rules that refusals name.
const (
	RulePersonal  = "personal-data"
	RuleRights    = "rights"
	RuleTime      = "time"
	RuleQuestion  = "question"
	RuleExtension = "extension"
	RuleStamp     = "stamp"
	RuleFourEyes  = "four-eyes"
	RuleMarketing = "A21-02"
)

type request = review.Request[*v1alpha1.ErasureRequest]

type judge struct {
	rights rights.Asker
	clock  clock.PassiveClock
	// live reads past the cache.
	live client.Reader
}

// New makes a handler.
func New(scheme *runtime.Scheme, asker rights.Asker, clock clock.PassiveClock, live client.Reader) admission.Handler {
	j := judge{asker, clock, live}
	return review.Handler(scheme, func() *v1alpha1.ErasureRequest { return &v1alpha1.ErasureRequest{} }, j.judge)
}

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if req.Deleted() {
		return answer, nil
	}
	if req.Created() || textsChanged(req) {
		if err := texts(&answer, req); err != nil {
			return answer, err
		}
	}
	now := j.clock.Now()
	if req.Created() {
		notInFuture(&answer, "spec.receivedTime", req.Object.Spec.ReceivedTime, now)
	}
	question(&answer, req, now)
	extension(&answer, req, now)
	deferral(&answer, req, now)
	told(&answer, req, now)
	stamped(&answer, req)
	if err := j.fourEyes(ctx, &answer, req); err != nil {
		return answer, err
	}
	if err := j.marketing(ctx, &answer, req); err != nil {
		return answer, err
	}
	lawful(&answer, req)
	return answer, j.mayAsk(ctx, &answer, req)
}

// textsChanged tells whether anything that a user writes changed. Adding or removing a finalizer alone is the operator's.
func textsChanged(req request) bool {
	return !equality.Semantic.DeepEqual(req.Object.Spec, req.Old.Spec) || !equality.Semantic.DeepEqual(req.Object.Labels, req.Old.Labels) ||
		!equality.Semantic.DeepEqual(req.Object.Annotations, req.Old.Annotations)
}

// stamps hold the names of users.
var stamps = []string{"spec.requestedBy.by", "spec.decision.stamp.by", "spec.refusalNotice.stamp.by", "spec.answerNotice.stamp.by", "spec.extension.stamp.by",
	"spec.deferral.stamp.by", "spec.identityCheck.askedStamp.by", "spec.identityCheck.answeredStamp.by"}

// texts refuses identifiers of a person in any text of the object: they belong in the subject Secret, which is deleted.
func texts(answer *review.Answer, req request) error {
	hits, err := personal.Scan(req.Request.Object.Raw)
	for _, hit := range hits {
		if slices.Contains(stamps, hit.Field) { // staff who act, and not the person concerned
			continue
		}
		answer.Refuse(RulePersonal, hit.Field, fmt.Sprintf("%s holds what looks like %s; an ErasureRequest must not hold identifiers of a person "+
			"(rule %s): put them in the Secret that spec.subject.secretRef names", hit.Field, hit.Kind, RulePersonal))
	}
	return err
}

func notInFuture(answer *review.Answer, field string, at *metav1.Time, now time.Time) {
	if at != nil && at.After(now.Add(skew)) {
		answer.Refuse(RuleTime, field, field+" is in the future; state when it happened")
	}
}

// question judges what is new of the question to the person, which may stop the clock (Article 12(6)): nothing of it lies
// ahead, and one that came before the period's end is told by then, so that nobody who is late gains time by it. That
// times are told once, and in order, is in the schema.
func question(answer *review.Answer, req request, now time.Time) {
	var old v1alpha1.IdentityCheck
	if req.Old != nil && req.Old.Spec.IdentityCheck != nil {
		old = *req.Old.Spec.IdentityCheck
	}
	check := req.Object.Spec.IdentityCheck
	if check == nil {
		return
	}
	if old.AnsweredTime == nil {
		notInFuture(answer, "spec.identityCheck.answeredTime", check.AnsweredTime, now)
	}
	if old.AskedTime != nil || check.AskedTime == nil {
		return
	}
	const field = "spec.identityCheck.askedTime"
	notInFuture(answer, field, check.AskedTime, now)
	if due := limit(req); due != nil && now.After(due.Time) && check.AskedTime.Before(due) {
		answer.Refuse(RuleQuestion, field, "the period has ended (status.legalDueTime); a question that was asked before is stated before that (Article 12(6))")
	}
}

// limit of the answer as it was known; nil when none was.
func limit(req request) *metav1.Time {
	due := req.Object.Status.LegalDueTime
	if due == nil && req.Old != nil {
		due = req.Old.Status.LegalDueTime
	}
	return due
}

// extension is given once, before the first period ends, and the person is told by then (Article 12(3)). That it does not
// change is in the schema.
func extension(answer *review.Answer, req request, now time.Time) {
	given := req.Object.Spec.Extension
	if given == nil || (req.Old != nil && req.Old.Spec.Extension != nil) {
		return
	}
	const field = "spec.extension.noticeSentTime"
	notInFuture(answer, field, given.NoticeSentTime, now)
	if received := req.Object.Spec.ReceivedTime; received != nil && given.NoticeSentTime.Before(received) {
		answer.Refuse(RuleExtension, field, field+" is before spec.receivedTime")
	}
	due := limit(req)
	if due == nil {
		return
	}
	if now.After(due.Time) || given.NoticeSentTime.After(due.Time) {
		answer.Refuse(RuleExtension, "spec.extension", "the first period has ended (status.legalDueTime); an extension is given, and the person told, before that (Article 12(3))")
	}
}

// deferral says when the person was told, which is not before it was.
func deferral(answer *review.Answer, req request, now time.Time) {
	if given := req.Object.Spec.Deferral; given != nil && (req.Old == nil || req.Old.Spec.Deferral == nil || !given.NoticeSentTime.Equal(req.Old.Spec.Deferral.NoticeSentTime)) {
		notInFuture(answer, "spec.deferral.noticeSentTime", given.NoticeSentTime, now)
	}
}

// told says when the person was told of the refusal, or of what was done, which is not before they were, nor before it was done. That
// it is not before the request either is in the schema.
func told(answer *review.Answer, req request, now time.Time) {
	if given := req.Object.Spec.RefusalNotice; given != nil && (req.Old == nil || req.Old.Spec.RefusalNotice == nil) {
		notInFuture(answer, "spec.refusalNotice.sentTime", given.SentTime, now)
	}
	given := req.Object.Spec.AnswerNotice
	if given == nil || given.SentTime == nil || req.Old != nil && req.Old.Spec.AnswerNotice != nil {
		return
	}
	const field = "spec.answerNotice.sentTime"
	notInFuture(answer, field, given.SentTime, now)
	for i := range req.Object.Status.Targets {
		if done := req.Object.Status.Targets[i].ExecutedTime; done != nil && given.SentTime.Add(skew).Before(done.Time) {
			answer.Refuse(RuleTime, field, field+" is before a store was erased (status.targets); state when the person was told what was done, not what would be")
			return
		}
	}
}

// mayAsk asks for the rights of the user: on the subject's Secret, which the operator reads and deletes for them, and for
// the decision.
func (j judge) mayAsk(ctx context.Context, answer *review.Answer, req request) error {
	var questions []rights.Question
	if req.Created() {
		secret := string(req.Object.Spec.Subject.SecretRef.Name)
		for _, verb := range []string{"get", "delete"} {
			questions = append(questions, rights.Question{Verb: verb, Resource: "secrets", Namespace: req.Namespace, Name: secret})
		}
	}
	if decides(req) {
		questions = append(questions, rights.Question{Verb: "approve", Group: v1alpha1.GroupName, Resource: "erasurerequests", Namespace: req.Namespace, Name: req.Object.Name})
	}
	for _, question := range questions {
		allowed, err := j.rights.May(ctx, req.UserInfo, question)
		if err != nil {
			return err
		}
		if !allowed {
			answer.Refuse(RuleRights, fieldOf(question), fmt.Sprintf("%s needs the right to %s in this namespace, which you do not have; ask for a role that has it", what(question), question))
		}
	}
	return nil
}

// decides tells whether the request carries a decision that is new: a verdict, or execution without one.
func decides(req request) bool {
	if req.Created() {
		return req.Object.Spec.Decision != nil || req.Object.Spec.Execution == v1alpha1.ExecutionAutomatic
	}
	return !equality.Semantic.DeepEqual(req.Object.Spec.Decision, req.Old.Spec.Decision)
}

func fieldOf(q rights.Question) string {
	if q.Resource == "secrets" {
		return "spec.subject.secretRef"
	}
	return "spec.decision"
}

func what(q rights.Question) string {
	if q.Resource == "secrets" {
		return "naming a subject Secret, which is read and at the end deleted,"
	}
	return "deciding on an erasure, or letting it run without a decision,"
}
