package erasurerequest_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// refuse lets a request be refused at the shop's time.
func (s *shop) refuse(name string) {
	s.t.Helper()
	r := s.get(name)
	r.Spec.Decision = &v1alpha1.ErasureDecision{Verdict: v1alpha1.ErasureRefused, Reason: v1alpha1.RefusalExcessive, Note: "ninth within a year",
		Stamp: &v1alpha1.DecisionStamp{By: "dpo", Time: ptr.To(metav1.NewTime(s.clock.Now()))}}
	s.must(s.client.Update(s.t.Context(), r))
	s.settle()
}

// tellRefusal states that the person was told of the refusal.
func (s *shop) tellRefusal(name string) {
	s.t.Helper()
	r := s.get(name)
	r.Spec.RefusalNotice = &v1alpha1.ErasureRefusalNotice{SentTime: ptr.To(metav1.NewTime(s.clock.Now().Truncate(time.Second)))}
	s.must(s.client.Update(s.t.Context(), r))
	s.settle()
}

// quiet checks that further passes write nothing.
func (s *shop) quiet() {
	s.t.Helper()
	before := s.writes
	for range 2 {
		s.pass()
	}
	if s.writes != before {
		s.t.Errorf("passes without news wrote %d times", s.writes-before)
	}
}

// said is how many events begin so.
func (s *shop) said(prefix string) (n int) {
	for len(s.recorder.Events) > 0 {
		if strings.HasPrefix(<-s.recorder.Events, prefix) {
			n++
		}
	}
	return n
}

// TestARefusalThatNobodyTellsIsOverdue (A12-04): the refusal is recorded and the Secret goes at once; the person is to be told
// within the month, the officer is reminded, and the certificate says when they were.
func TestARefusalThatNobodyTellsIsOverdue(t *testing.T) {
	s := newShop(t)
	s.create(&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"dpo@example.org"}}}})
	s.open()
	officer := &v1alpha1.DataProtectionOfficer{}
	s.must(s.client.Get(t.Context(), types.NamespacedName{Name: "dpo"}, officer))
	officer.Spec.Channels = []v1alpha1.ObjectName{"mail"}
	s.must(s.client.Update(t.Context(), officer))
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.refuse("r1")
	r := s.get("r1")
	if r.Status.End != v1alpha1.EndRefused || s.ready("r1") != "False/AwaitingNotice" || s.secretExists("person") || r.Status.Evidence != nil {
		t.Fatalf("Ready is %s; %+v", s.ready("r1"), r.Status)
	}
	s.quiet()
	for range 40 {
		s.clock.SetTime(s.clock.Now().Add(24 * time.Hour))
		s.settle()
	}
	if !meta.IsStatusConditionTrue(s.get("r1").Status.Conditions, v1alpha1.ConditionOverdue) || s.said("Warning Overdue ") != 1 {
		t.Error("nobody is told that the person was not told")
	}
	s.quiet()
	list := &v1alpha1.NotificationList{}
	s.must(s.client.List(t.Context(), list))
	got := map[string]string{}
	for i := range list.Items {
		got[string(list.Items[i].Spec.Cause.Stage)] = list.Items[i].Spec.Template
	}
	if got["refusal-overdue"] != "refusal-overdue" || got["refusal-due-in-15-days"] != "refusal-due" || len(got) != 4 {
		t.Errorf("the officer was told %v", got)
	}
	s.tellRefusal("r1")
	told := s.get("r1")
	ready := meta.FindStatusCondition(told.Status.Conditions, v1alpha1.ConditionReady)
	if s.ready("r1") != "True/Refused" || !strings.Contains(ready.Message, "after the limit of one month") || meta.IsStatusConditionTrue(told.Status.Conditions, v1alpha1.ConditionOverdue) {
		t.Errorf("%+v", told.Status.Conditions)
	}
	if !told.Status.EndedTime.Equal(r.Status.EndedTime) {
		t.Errorf("it ended at %s, then at %s", r.Status.EndedTime, told.Status.EndedTime)
	}
	if got := s.config("shop", "erasure-certificate-"+string(told.UID), "certificate.json"); got == "" {
		t.Error("no certificate")
	}
	s.proven("r1")
	s.quiet()
	s.noIdentifier()
}

// TestARefusalThatIsDeletedBeforeItIsToldIsCertified: it may have waited for months, and to delete it must not hide it.
func TestARefusalThatIsDeletedBeforeItIsToldIsCertified(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.refuse("r1")
	r := s.get("r1")
	s.must(s.client.Delete(t.Context(), r))
	s.settle()
	if s.client.Get(t.Context(), client.ObjectKeyFromObject(r), r) == nil {
		t.Fatal("the request is still there")
	}
	if leaf := s.config("rempart-system", evidence.EntryName(0), evidence.LeafData); leaf == "" {
		t.Error("nothing in the log")
	}
}

// TestARefusalOfBeforeStaysOver: one that was Ready before a notice was asked for is not opened again.
func TestARefusalOfBeforeStaysOver(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.refuse("r1")
	s.tellRefusal("r1")
	r := s.get("r1")
	r.Spec.RefusalNotice = nil // as such an object is stored
	s.must(s.client.Update(t.Context(), r))
	s.clock.SetTime(s.clock.Now().Add(60 * 24 * time.Hour))
	s.settle()
	if got := s.ready("r1"); got != "True/Refused" || meta.IsStatusConditionTrue(s.get("r1").Status.Conditions, v1alpha1.ConditionOverdue) {
		t.Errorf("Ready is %s", got)
	}
	s.quiet()
}

// TestDueTimesThatMoveAreToldOnce: an officer who comes later, an extension, a corrected holiday, and the refusal of an extended
// request. What was shown before stays in the history.
func TestDueTimesThatMoveAreToldOnce(t *testing.T) {
	s := newShop(t)
	s.open()
	officer := &v1alpha1.DataProtectionOfficer{}
	s.must(s.client.Get(t.Context(), types.NamespacedName{Name: "dpo"}, officer))
	s.must(s.client.Delete(t.Context(), officer))
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	moves := func(kind string, want v1alpha1.DueMove) {
		t.Helper()
		s.settle()
		history := s.get("r1").Status.DueHistory
		if n := s.said(kind + " DeadlineRecomputed "); n != 1 || len(history) == 0 || history[len(history)-1].Reason != want {
			t.Errorf("%d events; %+v", n, history)
		}
		s.quiet()
	}
	officer.ResourceVersion = ""
	s.create(officer)
	moves("Warning", v1alpha1.MovedByOfficer) // the day ends two hours earlier in Paris
	bound := s.get("r1").Status
	if bound.LawData == nil || bound.LawData.AnswerPeriod != "P1M" || !strings.HasPrefix(bound.LawData.Calendar, "FR/") || len(bound.LawData.ProfileDigest) != 71 {
		t.Errorf("%+v", bound.LawData)
	}

	officer.Spec.TimeZone, officer.Spec.Holidays = "Atlantic/Azores", "PT"
	s.must(s.client.Update(t.Context(), officer))
	s.settle()
	if now := s.get("r1").Status; !now.DueTime.Equal(bound.DueTime) || !now.LegalDueTime.Equal(bound.LegalDueTime) || now.LawData.Calendar != bound.LawData.Calendar {
		t.Errorf("the zone of an open case moved: %s", now.DueTime)
	}

	r := s.get("r1") // as a version with other holidays left it
	r.Status.LawData.Calendar, r.Status.LegalDueTime = "FR/2020-01.1", ptr.To(metav1.NewTime(bound.LegalDueTime.Add(24*time.Hour)))
	s.must(s.client.Status().Update(t.Context(), r))
	moves("Warning", v1alpha1.MovedByLawData)
	if now := s.get("r1").Status; !now.DueTime.Equal(bound.DueTime) || !now.LegalDueTime.Equal(bound.LegalDueTime) {
		t.Errorf("due %s, limit %s", now.DueTime, now.LegalDueTime)
	}

	r = s.get("r1")
	r.Spec.Extension = &v1alpha1.ErasureExtension{Reason: "many stores", NoticeSentTime: ptr.To(metav1.NewTime(start.Add(time.Hour)))}
	s.must(s.client.Update(t.Context(), r))
	moves("Normal", v1alpha1.MovedByExtension)

	s.refuse("r1")
	moves("Warning", v1alpha1.MovedByRefusal)
}
