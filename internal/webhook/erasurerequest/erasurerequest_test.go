package erasurerequest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func at(offset time.Duration) *metav1.Time { t := metav1.NewTime(now.Add(offset)); return &t }

func ereq(change func(*v1alpha1.ErasureRequest)) *v1alpha1.ErasureRequest {
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "r1"}, Spec: v1alpha1.ErasureRequestSpec{
		RequestID: "req-1", ReceivedTime: at(-time.Hour), Subject: v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "subject"}},
		Execution: v1alpha1.ExecutionAfterApproval}}
	if change != nil {
		change(r)
	}
	stamp(nil, r, "alice", now)
	return r
}

// live is a reader of a namespace with a register of an officer who wants as many people as said; one when none is.
func live(t *testing.T, modes ...v1alpha1.ApprovalMode) client.Reader {
	t.Helper()
	officer := &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	if len(modes) > 0 {
		officer.Spec.Approval = modes[0]
	}
	register := &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{OfficerRef: v1alpha1.ClusterRef{Name: "acme"}}}
	return fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(officer, register).Build()
}

// none stands for no object.
var none *v1alpha1.ErasureRequest

func approve(r *v1alpha1.ErasureRequest) {
	r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureApproved}
}

func extend(sent time.Duration) func(*v1alpha1.ErasureRequest) {
	return func(r *v1alpha1.ErasureRequest) {
		r.Spec.Extension = &v1alpha1.ErasureExtension{Reason: "many stores", NoticeSentTime: at(sent)}
	}
}

func refuse(r *v1alpha1.ErasureRequest) {
	r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalIdentityNotProven}
}

func toldOf(sent time.Duration) func(*v1alpha1.ErasureRequest) {
	return func(r *v1alpha1.ErasureRequest) {
		refuse(r)
		r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: at(sent)}
	}
}

// answered says when the person was told what was done, which was done a quarter of an hour ago.
func answered(sent time.Duration) func(*v1alpha1.ErasureRequest) {
	return func(r *v1alpha1.ErasureRequest) {
		done(r)
		r.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: at(sent)}
	}
}

func done(r *v1alpha1.ErasureRequest) {
	r.Status.End = v1alpha1.EndErased
	r.Status.Targets = []v1alpha1.ErasureTarget{{Register: "crm", Store: "old", Result: v1alpha1.TargetNothing}, {Register: "crm", Store: "main", ExecutedTime: at(-15 * time.Minute)}}
}

func ask(asked time.Duration, answered *metav1.Time) func(*v1alpha1.ErasureRequest) {
	return func(r *v1alpha1.ErasureRequest) {
		r.Spec.IdentityCheck = &v1alpha1.IdentityCheck{AskedTime: at(asked), AnsweredTime: answered}
	}
}

func TestRequestsAreJudged(t *testing.T) {
	const secretGet, secretDelete, approval = "get secrets/subject", "delete secrets/subject", "approve erasurerequests.gdpr.rempart.dev/r1"
	due := func(offset time.Duration, then func(*v1alpha1.ErasureRequest)) func(*v1alpha1.ErasureRequest) {
		return func(r *v1alpha1.ErasureRequest) {
			r.Status.LegalDueTime = at(offset)
			if then != nil {
				then(r)
			}
		}
	}
	for name, test := range map[string]struct {
		object, old *v1alpha1.ErasureRequest
		denied      []string
		refused     string
	}{
		"a plain request":                    {ereq(nil), nil, []string{approval}, ""},
		"an e-mail address in a label value": {ereq(func(r *v1alpha1.ErasureRequest) { r.Annotations = map[string]string{"who": "alice@example.com"} }), nil, nil, "metadata.annotations[who] holds what looks like an e-mail address"},
		"a phone number in the note":         {ereq(func(r *v1alpha1.ErasureRequest) { approve(r); r.Spec.Decision.Note = "called +33612345678" }), ereq(nil), nil, "spec.decision.note holds what looks like a phone number"},
		"an account number as the name":      {ereq(func(r *v1alpha1.ErasureRequest) { r.Name = "de89370400440532013000" }), nil, nil, "metadata.name holds what looks like a bank account"},
		"no right to read the Secret":        {ereq(nil), nil, []string{secretGet}, "get secrets/subject"},
		"no right to delete the Secret":      {ereq(nil), nil, []string{secretDelete}, "delete secrets/subject"},
		"approved by somebody who may":       {ereq(approve), ereq(nil), []string{secretGet}, ""},
		"approved by somebody who may not":   {ereq(approve), ereq(nil), []string{approval}, approval},
		"created with a decision":            {ereq(approve), nil, []string{approval}, approval},
		"automatic without the right":        {ereq(func(r *v1alpha1.ErasureRequest) { r.Spec.Execution = v1alpha1.ExecutionAutomatic }), nil, []string{approval}, approval},
		"a finalizer added by the operator":  {ereq(func(r *v1alpha1.ErasureRequest) { r.Finalizers = []string{"x/y"} }), ereq(nil), []string{approval, secretGet}, ""},
		"received in the future":             {ereq(func(r *v1alpha1.ErasureRequest) { r.Spec.ReceivedTime = at(6 * time.Minute) }), nil, nil, "spec.receivedTime is in the future"},
		"received within the skew":           {ereq(func(r *v1alpha1.ErasureRequest) { r.Spec.ReceivedTime = at(4 * time.Minute) }), nil, nil, ""},
		"extended in time":                   {ereq(due(time.Hour, extend(-time.Minute))), ereq(due(time.Hour, nil)), nil, ""},
		"extended too late":                  {ereq(due(-time.Hour, extend(-time.Minute))), ereq(due(-time.Hour, nil)), nil, "the first period has ended"},
		"extended before receipt":            {ereq(extend(-2 * time.Hour)), ereq(nil), nil, "before spec.receivedTime"},
		"extended with a notice to come":     {ereq(extend(time.Hour)), ereq(nil), nil, "in the future"},
		"asked in time":                      {ereq(due(time.Hour, ask(-time.Minute, nil))), ereq(due(time.Hour, nil)), nil, ""},
		"asked in the future":                {ereq(ask(6*time.Minute, nil)), ereq(nil), nil, "spec.identityCheck.askedTime is in the future"},
		"made with a question to come":       {ereq(ask(6*time.Minute, nil)), nil, nil, "spec.identityCheck.askedTime is in the future"},
		"asked within the skew":              {ereq(ask(4*time.Minute, nil)), ereq(nil), nil, ""},
		"answered in the future":             {ereq(ask(-time.Minute, at(6*time.Minute))), ereq(ask(-time.Minute, nil)), nil, "spec.identityCheck.answeredTime is in the future"},
		"answered":                           {ereq(due(-time.Hour, ask(-2*time.Hour, at(0)))), ereq(due(-time.Hour, ask(-2*time.Hour, nil))), nil, ""},
		"a question told after the limit":    {ereq(due(-time.Hour, ask(-2*time.Hour, at(0)))), ereq(due(-time.Hour, nil)), nil, "the period has ended"},
		"a question asked after the limit":   {ereq(due(-time.Hour, ask(-time.Minute, nil))), ereq(due(-time.Hour, nil)), nil, ""},
		"told what was done":                 {ereq(answered(-time.Minute)), ereq(done), []string{approval}, ""},
		"told within the store's skew":       {ereq(answered(-19 * time.Minute)), ereq(done), nil, ""},
		"told before it was done":            {ereq(answered(-21 * time.Minute)), ereq(done), nil, "spec.answerNotice.sentTime is before a store was erased"},
		"told what was done, to come":        {ereq(answered(6 * time.Minute)), ereq(done), nil, "spec.answerNotice.sentTime is in the future"},
		"told what was done, and labelled": {ereq(func(r *v1alpha1.ErasureRequest) {
			answered(-21 * time.Minute)(r)
			r.Labels = map[string]string{"a": "b"}
		}), ereq(answered(-21 * time.Minute)), nil, ""},
		"told of the refusal":            {ereq(toldOf(-time.Minute)), ereq(refuse), []string{approval}, ""},
		"told of the refusal to come":    {ereq(toldOf(6 * time.Minute)), ereq(refuse), nil, "spec.refusalNotice.sentTime is in the future"},
		"told before, and changed since": {ereq(toldOf(6 * time.Minute)), ereq(toldOf(6 * time.Minute)), nil, ""},
		"deleted":                        {nil, ereq(nil), []string{approval, secretGet}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(harness.Scheme(t), &harness.Rights{Denied: test.denied}, clocktesting.NewFakePassiveClock(now), live(t))
			req := harness.Request(t, "alice", test.object, test.old)
			got := h.Handle(t.Context(), req)
			harness.Expect(t, got, test.refused)
			if got.Result != nil && (strings.Contains(got.Result.Message, "alice@") || strings.Contains(got.Result.Message, "+336") || strings.Contains(got.Result.Message, "de8937")) {
				t.Errorf("the refusal repeats the value: %s", got.Result.Message)
			}
		})
	}
}

func TestTheRightsAskedForAreThoseThatCount(t *testing.T) {
	asked := &harness.Rights{}
	h := New(harness.Scheme(t), asked, clocktesting.NewFakePassiveClock(now), live(t))
	h.Handle(t.Context(), harness.Request(t, "alice", ereq(nil), none))
	if diff := cmp.Diff([]string{"get secrets/subject", "delete secrets/subject"}, asked.Asked); diff != "" {
		t.Error(diff)
	}
}

func TestARequestThatCannotBeJudgedIsRefused(t *testing.T) {
	h := New(harness.Scheme(t), &harness.Rights{Err: errors.New("secret detail")}, clocktesting.NewFakePassiveClock(now), live(t))
	got := h.Handle(t.Context(), harness.Request(t, "alice", ereq(nil), none))
	if got.Allowed || got.Result.Code != http.StatusInternalServerError || strings.Contains(got.Result.Message, "secret detail") {
		t.Errorf("%+v", got.Result)
	}
}
