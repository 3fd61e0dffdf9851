package kubectlgdpr

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestARequestOnHoldIsNotOverdueForWhatThePersonKnows: as the condition, the reminders and the counts of the officer have it. Before they
// were told, a letter is what it waits for.
func TestARequestOnHoldIsNotOverdueForWhatThePersonKnows(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &v1alpha1.ErasureRequest{}
	r.Generation, r.Status.ObservedGeneration = 1, ptr.To[int64](1)
	r.Status.DueTime = ptr.To(metav1.NewTime(now.AddDate(0, 0, -100)))
	r.Status.Targets = []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetDeferred}}
	r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonOnLegalHold, ObservedGeneration: 1}}
	if s := standingOf(r, now); !s.Overdue || s.WaitsFor != forNotice || !strings.Contains(s.words(), "hold") {
		t.Errorf("nobody told them: %s, overdue %v", s.words(), s.Overdue)
	}
	r.Spec.Deferral = &v1alpha1.ErasureDeferral{NoticeSentTime: ptr.To(metav1.NewTime(now.AddDate(0, 0, -120)))}
	if s := standingOf(r, now); s.Overdue || s.WaitsFor != forRempart {
		t.Errorf("they know: %s, overdue %v", s.words(), s.Overdue)
	}
}

// TestAPlanHasARowForEachLaw: rows of one table that the register keeps and a hold keeps are two rows; what is not listed is a third.
func TestAPlanHasARowForEachLaw(t *testing.T) {
	store := shownStore{Register: "crm", Store: "main", Result: v1alpha1.TargetPlanned,
		Tables: []v1alpha1.TableCount{{Table: "public.invoices", Action: v1alpha1.EraseKeep, Rows: ptr.To[int64](6)}, {Table: "public.orders", Action: v1alpha1.EraseDeleteRows, Rows: ptr.To[int64](1)}},
		Kept: []v1alpha1.KeptRows{{Table: "public.invoices", Rows: ptr.To[int64](2), Article: "17(3)(e)", UntilOn: "2027-01-01", HoldRef: "claim"},
			{Table: "public.invoices", Rows: ptr.To[int64](3), Article: "17(3)(b)", UntilOn: "2036-12-31", LegalReference: "law"}}}
	want := [][]string{
		{"crm/main", "Planned", "public.invoices", "Keep", "2", "17(3)(e)", "2027-01-01", ""},
		{"crm/main", "Planned", "public.invoices", "Keep", "3", "17(3)(b)", "2036-12-31", "law"},
		{"crm/main", "Planned", "public.invoices", "Keep", "1", "", "", ""},
		{"crm/main", "Planned", "public.orders", "DeleteRows", "1", "", "", ""},
	}
	if diff := cmp.Diff(want, store.rows()); diff != "" {
		t.Error(diff)
	}
}
