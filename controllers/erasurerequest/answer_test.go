package erasurerequest_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// TestAnErasureThatNobodyTellsIsOverdue (A12-03): the request is over, certified and Ready; the person is to be told within the month,
// the officer is reminded, and when they were is stated once.
func TestAnErasureThatNobodyTellsIsOverdue(t *testing.T) {
	s := newShop(t)
	s.create(&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"dpo@example.org"}}}})
	executed(t, s)
	officer := &v1alpha1.DataProtectionOfficer{}
	s.must(s.client.Get(t.Context(), types.NamespacedName{Name: "dpo"}, officer))
	officer.Spec.Channels = []v1alpha1.ObjectName{"mail"}
	s.must(s.client.Update(t.Context(), officer))
	s.settle()
	informed := func() string {
		c := meta.FindStatusCondition(s.get("r1").Status.Conditions, v1alpha1.ConditionPersonInformed)
		return string(c.Status) + "/" + c.Reason
	}
	r := s.get("r1")
	if s.ready("r1") != "True/Erased" || r.Status.Evidence == nil || informed() != "False/NotYetTold" || !erasure.Open(r) {
		t.Fatalf("%+v", r.Status.Conditions)
	}
	s.proven("r1")
	s.quiet()
	for range 40 {
		s.clock.SetTime(s.clock.Now().Add(24 * time.Hour))
		s.settle()
	}
	if s.ready("r1") != "True/Erased" || !meta.IsStatusConditionTrue(s.get("r1").Status.Conditions, v1alpha1.ConditionOverdue) || s.said("Warning Overdue ") != 1 {
		t.Error("nobody is told that the person was not told")
	}
	s.quiet()
	list := &v1alpha1.NotificationList{}
	s.must(s.client.List(t.Context(), list))
	stages := map[string]bool{}
	for i := range list.Items {
		if cause := list.Items[i].Spec.Cause; cause.Event == v1alpha1.EventErasureDue || cause.Event == v1alpha1.EventErasureOverdue {
			stages[string(cause.Stage)] = true
		}
	}
	if !stages["overdue"] || !stages["due-in-15-days"] || len(stages) != 4 {
		t.Errorf("the officer was told of %v", stages)
	}
	told := s.get("r1")
	told.Spec.AnswerNotice = &v1alpha1.ErasureAnswerNotice{SentTime: ptr.To(metav1.NewTime(s.clock.Now().Truncate(time.Second)))}
	s.must(s.client.Update(t.Context(), told))
	s.settle()
	told = s.get("r1")
	c := meta.FindStatusCondition(told.Status.Conditions, v1alpha1.ConditionPersonInformed)
	if informed() != "True/Told" || !strings.Contains(c.Message, "after the limit") || erasure.Open(told) || meta.FindStatusCondition(told.Status.Conditions, v1alpha1.ConditionOverdue) != nil {
		t.Errorf("%+v", told.Status.Conditions)
	}
	if !told.Status.EndedTime.Equal(r.Status.EndedTime) || s.said("Normal Told ") != 1 {
		t.Errorf("it ended at %s, then at %s", r.Status.EndedTime, told.Status.EndedTime)
	}
	s.quiet()
	s.noIdentifier()
}

// TestAnEndOfBeforeIsNotAskedFor: a request that was over before an answer was asked for is left as it is.
func TestAnEndOfBeforeIsNotAskedFor(t *testing.T) {
	s := newShop(t)
	executed(t, s)
	s.settle()
	r := s.get("r1")
	meta.RemoveStatusCondition(&r.Status.Conditions, v1alpha1.ConditionPersonInformed) // as such an object is stored
	s.must(s.client.Status().Update(t.Context(), r))
	s.clock.SetTime(s.clock.Now().Add(60 * 24 * time.Hour))
	s.quiet()
	if r := s.get("r1"); erasure.Open(r) || meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionOverdue) != nil {
		t.Errorf("%+v", r.Status.Conditions)
	}
}

// TestNobodyIsToldOfAPlan: it is no action on a request.
func TestNobodyIsToldOfAPlan(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionPlanOnly)
	s.settle()
	if r := s.get("r1"); s.ready("r1") != "True/PlannedOnly" || erasure.Open(r) || meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionPersonInformed) != nil {
		t.Errorf("%+v", r.Status.Conditions)
	}
	s.quiet()
}
