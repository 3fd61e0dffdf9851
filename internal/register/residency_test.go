package register

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/residency"
)

func TestWhatAScanFoundIsAFindingAndMakesTheRegisterNotResident(t *testing.T) {
	denied := residency.Finding{Rule: "volume", Kind: "PersistentVolume", Name: "pv-1", Verdict: v1alpha1.VerdictDenied, Message: "volume pv-1 lies abroad"}
	unknown := residency.Finding{Rule: "storage-class", Kind: "PersistentVolumeClaim", Name: "data", Verdict: v1alpha1.VerdictUnknown, Message: "class odd cannot be located"}
	declared := residency.Finding{Rule: "declared-place", Kind: "DataRegister", Name: "crm", Verdict: v1alpha1.VerdictDenied}
	for name, test := range map[string]struct {
		found    []residency.Finding
		reason   string
		findings int
	}{
		"nothing":                   {nil, v1alpha1.ReasonResident, 0},
		"a volume abroad":           {[]residency.Finding{denied, unknown}, v1alpha1.ReasonPlaceNotAllowed, 2},
		"nobody knows":              {[]residency.Finding{unknown}, v1alpha1.ReasonPlaceUnknown, 1},
		"a store judges for itself": {[]residency.Finding{declared}, v1alpha1.ReasonResident, 0},
	} {
		in := Input{Found: test.found}
		conditions := resident(in, []metav1.Condition{condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonRegisterReady, "x"), condition.True(v1alpha1.ConditionResident, v1alpha1.ReasonResident, "x")})
		if got := meta.FindStatusCondition(conditions, v1alpha1.ConditionResident); got.Reason != test.reason || (got.Status == metav1.ConditionTrue) != (test.findings == 0) {
			t.Errorf("%s: %+v", name, got)
		}
		if !meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) {
			t.Errorf("%s: the register is not ready", name)
		}
		if got := foundElsewhere(in); len(got) != test.findings {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
