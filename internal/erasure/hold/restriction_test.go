package hold

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func of(article string) *v1alpha1.LegalHold {
	return &v1alpha1.LegalHold{Spec: v1alpha1.LegalHoldSpec{Article: article, UntilOn: "2026-06-30", SubjectRefs: []string{"recall-sha256:k:1"}}}
}

// TestARestrictionEndsByReleaseAlone (A18-02): the person is told before, so no day ends it by itself.
func TestARestrictionEndsByReleaseAlone(t *testing.T) {
	before, after := time.Date(2026, 6, 30, 9, 0, 0, 0, time.UTC), time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	restriction, claim := of("18(1)(c)"), of("17(3)(e)")
	for name, c := range map[string]struct {
		hold *v1alpha1.LegalHold
		now  time.Time
		want bool
	}{
		"a restriction":               {restriction, before, true},
		"a restriction after its day": {restriction, after, true},
		"a claim":                     {claim, before, true},
		"a claim after its day":       {claim, after, false},
	} {
		if got := InForce(c.hold, c.now); got != c.want {
			t.Errorf("%s is in force: %v", name, got)
		}
	}
	ready := func(v Verdict) string {
		for _, c := range v.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				return c.Reason + ": " + c.Message
			}
		}
		return ""
	}
	for _, now := range []time.Time{before, after} {
		v := Judge(Input{Hold: restriction, Now: now})
		if asked := strings.Contains(ready(v), "its day is over"); v.Wait <= 0 || asked != now.Equal(after) || !strings.HasPrefix(ready(v), v1alpha1.ReasonInForce) {
			t.Errorf("at %s: looks again after %s; %s", now, v.Wait, ready(v))
		}
	}
	restriction.Spec.Release = &v1alpha1.HoldRelease{Reason: "the claim is settled", NoticeSentTime: ptr.To(metav1.NewTime(before))}
	if InForce(restriction, after) || !strings.HasPrefix(ready(Judge(Input{Hold: restriction, Now: after})), v1alpha1.ReasonReleased) {
		t.Error("a release lifts nothing")
	}
}
