// Package legalhold judges LegalHolds at admission: what needs the requesting user, the clock, or a look at every text. The
// rest is in the schema.
package legalhold

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/webhook/personal"
	"github.com/rempart-dev/rempart/internal/webhook/review"
	"github.com/rempart-dev/rempart/internal/webhook/rights"
)

// Path is where the API server calls.
const Path = "/validate/legalhold"

// Rules that refusals name.
const (
	RulePersonal = "personal-data"
	RuleRights   = "rights"
	RuleDate     = "date"
	RuleNotice   = "A18-02"
)

// skew is how far clocks may differ.
const skew = 5 * time.Minute

type request = review.Request[*v1alpha1.LegalHold]

type judge struct {
	rights   rights.Asker
	clock    clock.PassiveClock
	cleaners []string
}

// New makes a handler. Cleaners are the users who remove objects with their namespace.
func New(scheme *runtime.Scheme, asker rights.Asker, clock clock.PassiveClock, cleaners []string) admission.Handler {
	j := judge{asker, clock, cleaners}
	return review.Handler(scheme, func() *v1alpha1.LegalHold { return &v1alpha1.LegalHold{} }, j.judge)
}

func (j judge) judge(ctx context.Context, req request) (review.Answer, error) {
	var answer review.Answer
	if !req.Deleted() {
		if err := texts(&answer, req); err != nil {
			return answer, err
		}
		day(&answer, req, j.clock.Now())
		notice(&answer, req, j.clock.Now())
	} else {
		j.restriction(&answer, req)
	}
	return answer, j.mayAsk(ctx, &answer, req)
}

// texts refuses identifiers of a person in any text of the object: they belong in the subject Secret, which is deleted.
func texts(answer *review.Answer, req request) error {
	hits, err := personal.Scan(req.Request.Object.Raw)
	for _, hit := range hits {
		answer.Refuse(RulePersonal, hit.Field, fmt.Sprintf("%s holds what looks like %s; a LegalHold must not hold identifiers of a person "+
			"(rule %s): put them in the Secret that spec.subject.secretRef names", hit.Field, hit.Kind, RulePersonal))
	}
	return err
}

// day refuses a last day that is none, and a new hold that would be over.
func day(answer *review.Answer, req request, now time.Time) {
	if !req.Created() && req.Object.Spec.UntilOn == req.Old.Spec.UntilOn {
		return
	}
	const field = "spec.untilOn"
	end, dated := hold.Ends(req.Object)
	switch {
	case !dated:
		answer.Refuse(RuleDate, field, field+" is no day of the calendar; write it as 2027-03-31")
	case req.Created() && !now.Before(end):
		answer.Refuse(RuleDate, field, field+" is over; a hold keeps data until a day that is still to come")
	}
}

// notice refuses a release that says that the person will be told: they are before a restriction ends (Article 18(3)).
func notice(answer *review.Answer, req request, now time.Time) {
	const field = "spec.release.noticeSentTime"
	given := req.Object.Spec.Release
	if given == nil || given.NoticeSentTime == nil || !req.Created() && req.Old.Spec.Release != nil {
		return
	}
	if given.NoticeSentTime.After(now.Add(skew)) {
		answer.Refuse(RuleNotice, field, fmt.Sprintf("%s is in the future; the person is told before their restriction ends (Article 18(3), rule %s)", field, RuleNotice))
	}
	if req.Old != nil && given.NoticeSentTime.Time.Before(req.Old.CreationTimestamp.Add(-skew)) {
		answer.Refuse(RuleNotice, field, fmt.Sprintf("%s is before the hold was made; nobody was told of the end of a restriction that was not there (Article 18(3), rule %s)", field, RuleNotice))
	}
}

// restriction refuses the deletion of a restriction in force: it would lift it without a word. One of which nobody could read whom it is
// about is of nobody whom one could tell, and keeps everybody: it may go.
func (j judge) restriction(answer *review.Answer, req request) {
	if hold.Restriction(req.Old) && (req.Old.Spec.Subject == nil || hold.Read(req.Old)) && hold.InForce(req.Old, j.clock.Now()) && !slices.Contains(j.cleaners, req.UserInfo.Username) {
		answer.Refuse(RuleNotice, "spec.release", fmt.Sprintf("the hold is a restriction, and the person is told before it ends (Article 18(3), rule %s); release it with noticeSentTime, then delete it", RuleNotice))
	}
}

// mayAsk asks for the rights of the user: on the subject's Secret, which the operator reads and deletes for them, and to
// release. Who lifts a hold lets erasures run.
func (j judge) mayAsk(ctx context.Context, answer *review.Answer, req request) error {
	if req.Created() && req.Object.Spec.Subject != nil {
		secret := string(req.Object.Spec.Subject.SecretRef.Name)
		for _, verb := range []string{"get", "delete"} {
			q := rights.Question{Verb: verb, Resource: "secrets", Namespace: req.Namespace, Name: secret}
			if err := j.ask(ctx, answer, req, q, "spec.subject.secretRef", "naming a subject Secret, which is read and then deleted,"); err != nil {
				return err
			}
		}
	}
	if !j.releases(req) {
		return nil
	}
	q := rights.Question{Verb: "release", Group: v1alpha1.GroupName, Resource: "legalholds", Namespace: req.Namespace, Name: req.Name}
	return j.ask(ctx, answer, req, q, "spec.release", "ending a legal hold before its day")
}

func (j judge) ask(ctx context.Context, answer *review.Answer, req request, q rights.Question, field, what string) error {
	allowed, err := j.rights.May(ctx, req.UserInfo, q)
	if err == nil && !allowed {
		answer.Refuse(RuleRights, field, fmt.Sprintf("%s needs the right to %s in this namespace, which you do not have; ask for a role that has it", what, q))
	}
	return err
}

// releases tells whether the request ends a hold before its day: by saying so, by an earlier day, or by deletion.
func (j judge) releases(req request) bool {
	switch {
	case req.Deleted():
		return hold.InForce(req.Old, j.clock.Now()) && !slices.Contains(j.cleaners, req.UserInfo.Username)
	case req.Created():
		return false // one that is born released keeps nothing
	default:
		return !equality.Semantic.DeepEqual(req.Object.Spec.Release, req.Old.Spec.Release) || req.Object.Spec.UntilOn < req.Old.Spec.UntilOn
	}
}
