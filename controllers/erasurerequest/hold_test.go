package erasurerequest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// hold places a hold on whom a Secret names.
func (s *shop) hold(name, secret string) {
	s.t.Helper()
	h := &v1alpha1.LegalHold{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	h.Spec = v1alpha1.LegalHoldSpec{Article: "17(3)(e)", LegalReference: "Claim 2026/17", Reason: "A claim is before the court", UntilOn: "2099-12-31",
		Subject: &v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: v1alpha1.ObjectName(secret)}}}
	s.create(h)
}

func (s *shop) held(name string) *v1alpha1.LegalHold {
	s.t.Helper()
	h := &v1alpha1.LegalHold{}
	s.must(s.client.Get(s.t.Context(), types.NamespacedName{Namespace: "shop", Name: name}, h))
	return h
}

// TestAHoldStopsAJobThatWorksAndItsEndLetsItFinish: the hold is Ready only when the Job is gone; nothing was committed; the
// request waits, and finishes by itself when the hold is released. Its certificate names the hold.
func TestAHoldStopsAJobThatWorksAndItsEndLetsItFinish(t *testing.T) {
	s := newShop(t)
	s.open()
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	s.hang = true
	s.approve("r1")
	s.settle()
	s.secret("claim", map[string]string{"email": strings.ToUpper(canary)})
	s.hold("acme", "claim")
	for range 3 {
		s.pass()
	}
	if ready := meta.FindStatusCondition(s.held("acme").Status.Conditions, "Ready"); ready.Status != "False" || ready.Reason != v1alpha1.ReasonTakingEffect {
		t.Errorf("while the Job works the hold says %s %s", ready.Status, ready.Reason)
	}
	s.settle() // the Job stops
	s.hang = false
	s.settle()
	h := s.held("acme")
	if !meta.IsStatusConditionTrue(h.Status.Conditions, "Ready") || s.secretExists("claim") || h.Status.SubjectDeletedTime == nil {
		t.Errorf("the hold is %+v", h.Status)
	}
	if got := s.ready("r1"); got != "False/OnLegalHold" || s.committed() != 0 {
		t.Fatalf("Ready is %s after %d commits", got, s.committed())
	}
	r := s.get("r1")
	if !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionOnLegalHold) || len(r.Status.Holds) != 1 || r.Status.Holds[0].Article != "17(3)(e)" {
		t.Errorf("%+v", r.Status)
	}
	before := s.writes
	for range 3 {
		s.pass()
	}
	if s.writes != before {
		t.Errorf("three passes on hold wrote %d times", s.writes-before)
	}
	h = s.held("acme")
	h.Spec.Release = &v1alpha1.HoldRelease{Reason: "The case was settled"}
	s.must(s.client.Update(t.Context(), h))
	s.settle()
	if got := s.ready("r1"); got != "True/Erased" || s.committed() != 1 {
		t.Fatalf("Ready is %s after %d commits", got, s.committed())
	}
	if r := s.get("r1"); r.Status.Holds[0].EndedTime == nil {
		t.Error("nothing says that the hold is over")
	}
	s.proven("r1")
	s.noIdentifier()
}

// midst plays a run of three of which the first is committed when a hold on the second comes, and returns how many writes there
// were before the hold. The first answer about the ledger may be lost with its pod.
func (s *shop) midst(lose bool) (before int) {
	s.t.Helper()
	s.secret("p1", map[string]string{"email": "joe@example.org"})
	s.secret("p2", map[string]string{"email": canary})
	s.secret("p3", map[string]string{"email": "eve@example.org"})
	for _, n := range []string{"1", "2", "3"} {
		s.request("r"+n, "p"+n, v1alpha1.ExecutionAutomatic)
	}
	s.open()       // now they wait together
	for range 60 { // up to the Job that erases
		if s.pass(); len(s.jobsOf(v1alpha1.RunExecute)) > 0 {
			break
		}
		s.kubelet()
		s.clock.SetTime(s.clock.Now().Add(20 * time.Second))
	}
	s.hang = true
	s.commitPart()
	s.secret("claim", map[string]string{"email": strings.ToUpper(canary)})
	s.hold("acme", "claim")
	before = s.writes
	s.settle() // the Job stops
	s.hang, s.lose = false, lose
	s.settle()
	return before
}

// jobsOf are the Jobs of the runs of a mode.
func (s *shop) jobsOf(mode v1alpha1.RunMode) (list []batchv1.Job) {
	s.t.Helper()
	jobs, runs := &batchv1.JobList{}, &v1alpha1.ErasureRunList{}
	s.must(s.client.List(s.t.Context(), jobs))
	s.must(s.client.List(s.t.Context(), runs))
	for _, run := range runs.Items {
		for _, j := range jobs.Items {
			if run.Spec.Mode == mode && j.Labels[v1alpha1.LabelRun] == run.Name {
				list = append(list, j)
			}
		}
	}
	return list
}

// TestAHoldInTheMidstOfARunKeepsOnlyWhomItNames: of three the first was committed when the hold on the second came. The first stands,
// verified; the third goes on; the second waits with article and date, and ends by itself when the hold does. Each once.
func TestAHoldInTheMidstOfARunKeepsOnlyWhomItNames(t *testing.T) {
	s := newShop(t)
	s.midst(false)
	s.halfway("as played")
	runs := &v1alpha1.ErasureRunList{}
	s.must(s.client.List(t.Context(), runs))
	said := false
	for _, run := range runs.Items {
		c := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ConditionExecuted)
		if run.Status.StopReason != "" {
			said = c != nil && c.Reason == v1alpha1.ReasonPartlyCommitted && strings.Contains(c.Message, "1 requests") && meta.IsStatusConditionTrue(run.Status.Conditions, "Ready") && run.Status.VerifiedTime != nil
		}
	}
	if !said {
		t.Error("no run says that it committed a part")
	}
	before := s.writes
	for range 3 {
		s.pass()
	}
	if s.writes != before {
		t.Errorf("three passes on hold wrote %d times", s.writes-before)
	}
	h := s.held("acme")
	h.Spec.Release = &v1alpha1.HoldRelease{Reason: "The case was settled"}
	s.must(s.client.Update(t.Context(), h))
	s.settle()
	if got := s.ready("r2"); got != "True/Erased" {
		t.Errorf("Ready of the one who was held is %s", got)
	}
	for _, name := range []string{"r1", "r2", "r3"} {
		if n := s.erased[string(s.get(name).UID)]; n != 1 {
			t.Errorf("%s was erased %d times", name, n)
		}
	}
	s.noIdentifier()
}

// halfway checks what holds while the hold does.
func (s *shop) halfway(when string) {
	s.t.Helper()
	for name, want := range map[string]string{"r1": "True/Erased", "r2": "False/OnLegalHold", "r3": "True/Erased"} {
		erased := s.erased[string(s.get(name).UID)]
		if got := s.ready(name); got != want || (erased != 1) != (name == "r2") {
			s.t.Errorf("%s: %s is %s, erased %d times", when, name, got, erased)
		}
	}
	on := meta.FindStatusCondition(s.get("r2").Status.Conditions, v1alpha1.ConditionOnLegalHold)
	if on == nil || !strings.Contains(on.Message, "17(3)(e)") || !strings.Contains(on.Message, "2099-12-31") || !meta.IsStatusConditionTrue(s.held("acme").Status.Conditions, "Ready") {
		s.t.Errorf("%s: %+v", when, on)
	}
}

// TestEveryWriteMayFailWhileAHoldComesInTheMidst fails each write after the hold once, each second one after it took effect,
// and loses an answer about the ledger in a third of these.
func TestEveryWriteMayFailWhileAHoldComesInTheMidst(t *testing.T) {
	reference := newShop(t)
	for n := reference.midst(false); n <= reference.writes; n++ { // the first of these fails nothing
		s := newShop(t)
		s.fault = func(i int, after bool) error {
			if i == n && after == (n%2 == 0) {
				return errInjected
			}
			return nil
		}
		s.midst(n%3 == 0)
		s.fault = nil
		s.settle()
		s.halfway(fmt.Sprintf("write %d", n))
	}
}

// TestEveryWriteMayFailWhileAHoldComes fails each write of the story once, each second one after it took effect.
func TestEveryWriteMayFailWhileAHoldComes(t *testing.T) {
	story := func(s *shop) {
		s.open()
		s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
		s.settle()
		s.hang = true
		s.approve("r1")
		s.settle()
		s.secret("claim", map[string]string{"email": canary})
		fault := s.fault
		s.fault = nil
		s.hold("acme", "claim")
		s.fault = fault
		s.settle()
		s.hang = false
		s.settle()
	}
	reference := newShop(t)
	story(reference)
	for n := 1; n <= reference.writes; n++ {
		s := newShop(t)
		s.fault = func(i int, after bool) error {
			if i == n && after == (n%2 == 0) {
				return errInjected
			}
			return nil
		}
		story(s)
		s.fault = nil
		s.settle()
		if got := s.ready("r1"); got != "False/OnLegalHold" || s.committed() != 0 || !meta.IsStatusConditionTrue(s.held("acme").Status.Conditions, "Ready") {
			t.Errorf("write %d: Ready is %s, %d commits, hold %+v", n, got, s.committed(), s.held("acme").Status.Conditions)
		}
	}
}
