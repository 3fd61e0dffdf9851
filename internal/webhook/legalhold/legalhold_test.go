package legalhold

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func of(change func(*v1alpha1.LegalHoldSpec)) *v1alpha1.LegalHold {
	h := &v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "claim"}, Spec: v1alpha1.LegalHoldSpec{
		Article: "17(3)(e)", LegalReference: "Claim 2026/17", Reason: "A claim is before the court", UntilOn: "2027-06-30", Registers: []v1alpha1.ObjectName{"crm"}}}
	if change != nil {
		change(&h.Spec)
	}
	return h
}

var none *v1alpha1.LegalHold

func restricted(s *v1alpha1.LegalHoldSpec) { s.Article = "18(1)(c)" }

// unread is a restriction for somebody whose Secret was never there.
func unread(s *v1alpha1.LegalHoldSpec) {
	restricted(s)
	s.Subject = &v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "who"}}
}

// unknown is a restriction for the person of a request that nobody knows yet, or any more.
func unknown(s *v1alpha1.LegalHoldSpec) {
	restricted(s)
	s.SubjectRefs = []string{"hmac-sha256:k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
}

// placed is a hold that was made so long from now.
func placed(when time.Duration, change func(*v1alpha1.LegalHoldSpec)) *v1alpha1.LegalHold {
	h := of(change)
	h.CreationTimestamp = metav1.NewTime(now.Add(when))
	return h
}

func overdue(s *v1alpha1.LegalHoldSpec) { s.Article, s.UntilOn = "18(1)(c)", "2026-11-01" }

// lifted is a restriction that ends, and of which the person was told so long from now.
func lifted(sent time.Duration) func(*v1alpha1.LegalHoldSpec) {
	return func(s *v1alpha1.LegalHoldSpec) {
		restricted(s)
		s.Release = &v1alpha1.HoldRelease{Reason: "the claim is settled", NoticeSentTime: ptr.To(metav1.NewTime(now.Add(sent)))}
	}
}

func TestHoldsAreJudged(t *testing.T) {
	const release = "release legalholds.gdpr.rempart.dev/claim"
	until := func(day v1alpha1.Date) func(*v1alpha1.LegalHoldSpec) {
		return func(s *v1alpha1.LegalHoldSpec) { s.UntilOn = day }
	}
	released := func(s *v1alpha1.LegalHoldSpec) { s.Release = &v1alpha1.HoldRelease{Reason: "settled"} }
	person := func(s *v1alpha1.LegalHoldSpec) {
		s.Subject = &v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: "who"}}
	}
	for name, test := range map[string]struct {
		user        string
		object, old *v1alpha1.LegalHold
		denied      []string
		refused     string
	}{
		"placed by anybody who may write":  {"ann", of(nil), none, []string{release}, ""},
		"a person by a Secret":             {"ann", of(person), none, nil, ""},
		"a Secret of others":               {"ann", of(person), none, []string{"get secrets/who"}, "get secrets/who"},
		"a Secret that one may not delete": {"ann", of(person), none, []string{"delete secrets/who"}, "delete secrets/who"},
		"a person in the reason":           {"ann", of(func(s *v1alpha1.LegalHoldSpec) { s.Reason = "claim of eve@example.org" }), none, nil, "spec.reason holds what looks like an e-mail address"},
		"a person in a condition": {"ann", of(func(s *v1alpha1.LegalHoldSpec) {
			s.Tables = []v1alpha1.HeldTable{{Register: "crm", Store: "main", Table: "orders", Where: []v1alpha1.HeldCondition{{Column: "email", Operator: v1alpha1.HoldEqual, Literal: "eve@example.org"}}}}
		}), none, nil, "holds what looks like an e-mail address"},
		"over":                                       {"ann", of(until("2026-11-22")), none, nil, "is over"},
		"today, somewhere":                           {"ann", of(until("2026-11-23")), none, nil, ""},
		"no day":                                     {"ann", of(until("2027-02-30")), none, nil, "no day of the calendar"},
		"longer":                                     {"ann", of(until("2028-01-01")), of(nil), []string{release}, ""},
		"shorter by somebody who may":                {"ann", of(until("2027-01-01")), of(nil), nil, ""},
		"shorter by somebody who may not":            {"ann", of(until("2027-01-01")), of(nil), []string{release}, release},
		"released by somebody who may not":           {"ann", of(released), of(nil), []string{release}, release},
		"released by somebody who may":               {"ann", of(released), of(nil), nil, ""},
		"deleted by somebody who may not":            {"ann", none, of(nil), []string{release}, release},
		"deleted when it is over":                    {"ann", none, of(until("2026-11-22")), []string{release}, ""},
		"deleted when it was released":               {"ann", none, of(released), []string{release}, ""},
		"deleted with its namespace":                 {"cleaner", none, of(nil), []string{release}, ""},
		"a label by somebody who may not":            {"ann", of(nil), of(nil), []string{release}, ""},
		"a restriction lifted after the notice":      {"ann", of(lifted(-time.Minute)), of(restricted), nil, ""},
		"a restriction lifted before the notice":     {"ann", of(lifted(time.Hour)), of(restricted), nil, "the person is told before their restriction ends (Article 18(3)"},
		"a restriction lifted by who may not":        {"ann", of(lifted(-time.Minute)), of(restricted), []string{release}, release},
		"a restriction deleted":                      {"ann", none, of(restricted), nil, "release it with noticeSentTime, then delete it"},
		"a restriction of nobody who was read":       {"ann", none, of(unread), nil, ""},
		"a restriction of who is not known yet":      {"ann", none, of(unknown), nil, "release it with noticeSentTime, then delete it"},
		"a restriction lifted before it was placed":  {"ann", of(lifted(-3 * time.Hour)), placed(-2*time.Hour, restricted), nil, "is before the hold was made"},
		"a restriction lifted since":                 {"ann", of(lifted(-time.Hour)), placed(-2*time.Hour, restricted), nil, ""},
		"a restriction deleted when its day is over": {"ann", none, of(overdue), nil, "release it with noticeSentTime, then delete it"},
		"a restriction deleted when it was lifted":   {"ann", none, of(lifted(-time.Minute)), []string{release}, ""},
		"a restriction deleted with its namespace":   {"cleaner", none, of(restricted), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(harness.Scheme(t), &harness.Rights{Denied: test.denied}, clocktesting.NewFakePassiveClock(now), []string{"cleaner"})
			got := h.Handle(t.Context(), harness.Request(t, test.user, test.object, test.old))
			harness.Expect(t, got, test.refused)
			if got.Result != nil && strings.Contains(got.Result.Message, "eve@") {
				t.Errorf("the refusal repeats the value: %s", got.Result.Message)
			}
		})
	}
}
