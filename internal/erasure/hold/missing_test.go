package hold

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestAHoldOnWhatIsNotThereIsNotReady: a misspelt name keeps nothing, and what a court wants would be gone for good.
func TestAHoldOnWhatIsNotThereIsNotReady(t *testing.T) {
	register := v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{Stores: []v1alpha1.DataStore{{Name: "main"}}}}
	rows := func(register, store string) []v1alpha1.HeldTable {
		return []v1alpha1.HeldTable{{Register: v1alpha1.ObjectName(register), Store: v1alpha1.PartName(store), Table: "orders"}}
	}
	for what, test := range map[string]struct {
		spec    v1alpha1.LegalHoldSpec
		missing string
	}{
		"a store":                    {v1alpha1.LegalHoldSpec{Tables: rows("crm", "mian")}, "crm/mian"},
		"a register of rows":         {v1alpha1.LegalHoldSpec{Tables: rows("crn", "main")}, "crn/main"},
		"a register of a person":     {v1alpha1.LegalHoldSpec{SubjectRefs: []string{"recall-sha256:k:1"}, Registers: []v1alpha1.ObjectName{"crn", "crm"}}, "crn"},
		"rows that are there":        {v1alpha1.LegalHoldSpec{Tables: rows("crm", "main")}, ""},
		"a person, in each register": {v1alpha1.LegalHoldSpec{SubjectRefs: []string{"recall-sha256:k:1"}}, ""},
	} {
		test.spec.UntilOn = "2031-06-30"
		verdict := Judge(Input{Hold: &v1alpha1.LegalHold{Spec: test.spec}, Registers: []v1alpha1.DataRegister{register}, Now: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)})
		ready := meta.FindStatusCondition(verdict.Conditions, v1alpha1.ConditionReady)
		if test.missing == "" {
			if ready.Status != metav1.ConditionTrue {
				t.Errorf("%s: %+v", what, ready)
			}
			continue
		}
		if ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonRegisterMissing || !strings.Contains(ready.Message, " "+test.missing+",") || verdict.Wait > time.Minute {
			t.Errorf("%s: %+v, looks again after %s", what, ready, verdict.Wait)
		}
	}
}
