package erasurerequest_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestALedgerOfConsentsIsATargetOfItsOwn also where a policy has the name of a store: both are planned, erased once and verified, and
// nothing is written afterwards.
func TestALedgerOfConsentsIsATargetOfItsOwn(t *testing.T) {
	s := newShop(t)
	for name, register := range map[string]v1alpha1.ObjectName{"main": "crm", "other": "elsewhere"} {
		policy := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		policy.Spec.RegisterRef.Name, policy.Spec.Ledger.ProofRetention = register, "P5Y"
		s.create(policy)
	}
	executed(t, s)
	r := s.get("r1")
	if got := s.ready("r1"); got != "True/Erased" || len(r.Status.Targets) != 2 {
		t.Fatalf("Ready is %s; %+v", got, r.Status)
	}
	ledger, store := r.Status.Targets[0], r.Status.Targets[1]
	if ledger.Kind != v1alpha1.TargetConsentLedger || store.Kind != v1alpha1.TargetStore || ledger.Store != "main" || store.Store != "main" || ledger.RunRef == store.RunRef {
		t.Errorf("%+v, %+v", ledger, store)
	}
	for _, target := range r.Status.Targets {
		if target.VerifiedTime == nil || target.Result != v1alpha1.TargetErased {
			t.Errorf("%+v", target)
		}
	}
	if s.committed() != 2 {
		t.Errorf("%d commits in two places", s.committed())
	}
	before := s.writes
	for range 3 {
		s.pass()
	}
	if s.writes != before {
		t.Errorf("three passes after the end wrote %d times", s.writes-before)
	}
	s.noIdentifier()
	s.proven("r1")
}
