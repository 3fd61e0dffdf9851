package erasure_test

import (
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestAHoldByReferenceKeepsWhoGivesFewerIdentifiers: a court asks for somebody who asked with an address and a telephone number, and they
// ask again with the address alone, or with another number.
func TestAHoldByReferenceKeepsWhoGivesFewerIdentifiers(t *testing.T) {
	for what, c := range map[string]struct {
		secret string
		erased int
	}{
		"the address alone":     {"email=ada@example.org", 0},
		"another number beside": {"email=ada@example.org phone=+33612345679", 0},
		"the same":              {"email=ada@example.org phone=+33612345678", 0},
		"somebody else":         {"email=bob@example.org", 1},
	} {
		w := newWorld()
		acts(t, w, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org phone=+33612345678", "request r1 p1 2026-03-05T08:00:00Z PlanOnly")
		h := w.hold([]string{"court", "2031-06-30"})
		h.Spec.SubjectRefs = []string{w.requests[0].Status.SubjectRef}
		w.holds = append(w.holds, h)
		w.settle()
		acts(t, w, "secret p2 "+c.secret, "request r2 p2 2026-03-05T08:00:00Z Automatic")
		if w.erased != c.erased || (w.requests[1].Status.End == "") != (c.erased == 0) {
			t.Errorf("%s: %d erasures, end %q", what, w.erased, w.requests[1].Status.End)
		}
		if w.pass() {
			t.Errorf("%s: it does not come to rest", what)
		}
	}
}

// TestAHoldByAReferenceOfNobodyKeepsEverybody: which identifiers it stands for cannot be told, and what a court wants would be gone for good.
func TestAHoldByAReferenceOfNobodyKeepsEverybody(t *testing.T) {
	w := newWorld()
	h := w.hold([]string{"court", "2031-06-30"})
	h.Spec.SubjectRefs = []string{"hmac-sha256:k:0"}
	w.holds = append(w.holds, h)
	acts(t, w, "officer Europe/Paris FR", "register crm", "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z Automatic")
	if w.erased != 0 || w.requests[0].Status.End != "" {
		t.Errorf("%d erasures, end %q", w.erased, w.requests[0].Status.End)
	}
	if c := says(w, v1alpha1.ConditionReady); c == "" {
		t.Error("nothing is said")
	}
}
