package hold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestAReferenceStandsForEachIdentifier: one is made of all identifiers that a person gave, and who gives fewer of them, or more, is the
// same person. While nobody can say which they are, the hold keeps everybody.
func TestAReferenceStandsForEachIdentifier(t *testing.T) {
	const both, email, phone = "hmac-sha256:k:1", "recall-sha256:k:2", "recall-sha256:k:3"
	h := &v1alpha1.LegalHold{Spec: v1alpha1.LegalHoldSpec{UntilOn: "2031-06-30", SubjectRefs: []string{both}}}
	in := Input{Hold: h, Now: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)}
	ready := func(v Verdict) *metav1.Condition {
		return meta.FindStatusCondition(v.Conditions, v1alpha1.ConditionReady)
	}

	v := Judge(in)
	if c := ready(v); c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonReferenceUnknown || !strings.Contains(c.Message, "everybody") || v.Wait > time.Minute {
		t.Errorf("without its request: %+v, looks again after %s", c, v.Wait)
	}
	if h.Status = v.Status; !Keeps(h, "crm", []string{"hmac-sha256:k:9"}) {
		t.Error("it is not known whom the hold is about, and somebody is not kept")
	}

	in.Requests = []v1alpha1.ErasureRequest{{Status: v1alpha1.ErasureRequestStatus{SubjectRef: "hmac-sha256:k:9", RecallRefs: []string{"recall-sha256:k:9"}}},
		{Status: v1alpha1.ErasureRequestStatus{SubjectRef: both, RecallRefs: []string{email, phone}}}}
	h.Status = Judge(in).Status
	in.Requests = nil // it is deleted, and what was read stays
	v = Judge(in)
	if c := ready(v); c.Status != metav1.ConditionTrue || !slices.Equal(v.Status.SubjectRefs, h.Status.SubjectRefs) {
		t.Errorf("with its request: %+v, %v", c, v.Status.SubjectRefs)
	}
	for name, c := range map[string]struct {
		person []string
		kept   bool
	}{
		"who gave the address alone":      {[]string{"hmac-sha256:k:4", email}, true},
		"who gave another telephone too":  {[]string{"hmac-sha256:k:5", email, "recall-sha256:k:6"}, true},
		"who gave both":                   {[]string{both, email, phone}, true},
		"somebody else":                   {[]string{"hmac-sha256:k:9", "recall-sha256:k:9"}, false},
		"a person with another telephone": {[]string{"hmac-sha256:k:7", "recall-sha256:k:7"}, false},
	} {
		if got := Keeps(h, "crm", c.person); got != c.kept {
			t.Errorf("%s is kept: %v", name, got)
		}
	}
	if single := (&v1alpha1.LegalHold{Spec: v1alpha1.LegalHoldSpec{UntilOn: "2031-06-30", SubjectRefs: []string{email}}}); !Read(single) || Keeps(single, "crm", []string{phone}) {
		t.Error("a reference to one identifier needs no request")
	}
}
