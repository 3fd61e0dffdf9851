package erasurerequest

import (
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

// states are the statements of times that a person makes, each with the place of its stamp.
var states = map[string]struct {
	say   func(r *v1alpha1.ErasureRequest, ago time.Duration)
	stamp func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp
}{
	"spec.refusalNotice.stamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) {
		refuse(r)
		r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: at(-ago)}
	}, func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.RefusalNotice.Stamp }},
	"spec.answerNotice.stamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) {
		r.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: at(-ago)}
	}, func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.AnswerNotice.Stamp }},
	"spec.extension.stamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) { extend(-ago)(r) },
		func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.Extension.Stamp }},
	"spec.deferral.stamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) {
		r.Spec.Deferral = &v1alpha1.ErasureDeferral{NoticeSentTime: at(-ago)}
	}, func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.Deferral.Stamp }},
	"spec.identityCheck.askedStamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) { ask(-ago, nil)(r) },
		func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.IdentityCheck.AskedStamp }},
	"spec.identityCheck.answeredStamp": {func(r *v1alpha1.ErasureRequest, ago time.Duration) { ask(-2*ago, at(-ago))(r) },
		func(r *v1alpha1.ErasureRequest) **v1alpha1.DecisionStamp { return &r.Spec.IdentityCheck.AnsweredStamp }},
}

// TestWhoStatesATimeIsWrittenDown: what the spec says of that is replaced, and stays as it was while the time does.
func TestWhoStatesATimeIsWrittenDown(t *testing.T) {
	for field, s := range states {
		before, told := ereq(nil), ereq(nil)
		s.say(told, time.Minute)
		*s.stamp(told) = &v1alpha1.DecisionStamp{By: "somebody else"}
		stamp(before, told, "bob", now)
		if got := *s.stamp(told); got == nil || got.By != "bob" || !got.Time.Time.Equal(now) {
			t.Errorf("%s: %+v", field, got)
			continue
		}
		again := told.DeepCopy()
		*s.stamp(again) = nil
		stamp(told, again, "carol", now.Add(time.Hour))
		if got := *s.stamp(again); got == nil || got.By != "bob" || !got.Time.Time.Equal(now) {
			t.Errorf("%s, said again: %+v", field, got)
		}
		other := told.DeepCopy()
		s.say(other, time.Second)
		stamp(told, other, "carol", now.Add(time.Hour))
		if got := *s.stamp(other); got == nil || got.By != "carol" {
			t.Errorf("%s, another time: %+v", field, got)
		}
	}
}

// TestAStampThatNobodyWroteIsRefused: the mutating webhook is away, or another one writes over it.
func TestAStampThatNobodyWroteIsRefused(t *testing.T) {
	for field, s := range states {
		for _, forged := range []*v1alpha1.DecisionStamp{nil, {By: "somebody else"}} {
			before, told := ereq(done), ereq(done)
			if strings.HasPrefix(field, "spec.refusal") {
				refuse(before)
				stamp(nil, before, "alice", now)
			}
			s.say(told, time.Minute)
			stamp(before, told, "alice", now)
			*s.stamp(told) = forged
			h := New(harness.Scheme(t), &harness.Rights{}, clocktesting.NewFakePassiveClock(now), live(t))
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, "alice", told, before)), field+" does not name the user")
		}
	}
}
