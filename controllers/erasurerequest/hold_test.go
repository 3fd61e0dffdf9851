package erasurerequest_test

import (
	"strings"
	"testing"

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
