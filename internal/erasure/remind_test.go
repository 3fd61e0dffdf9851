package erasure_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

func TestAnOfficerIsRemindedBeforeTheSafeTargetAndAtIt(t *testing.T) {
	due := time.Date(2026, 4, 5, 22, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for at, want := range map[time.Duration]v1alpha1.PartName{
		-16 * day: "", -15 * day: "due-in-15-days", -8 * day: "due-in-15-days", -7 * day: "due-in-7-days", -2 * day: "due-in-2-days",
		0: "due-in-2-days", time.Second: erasure.StageOverdue, 90 * day: erasure.StageOverdue,
	} {
		r := &v1alpha1.ErasureRequest{Status: v1alpha1.ErasureRequestStatus{DueTime: ptr.To(metav1.NewTime(due))}}
		if got := erasure.Reminder(r, due.Add(at)); got != want {
			t.Errorf("%s after: %q, want %q", at, got, want)
		}
		r.Status.Targets = []v1alpha1.ErasureTarget{{Result: v1alpha1.TargetErased}, {Result: v1alpha1.TargetDeferred}}
		r.Spec.Deferral = &v1alpha1.ErasureDeferral{NoticeSentTime: ptr.To(metav1.NewTime(due.Add(-20 * day)))}
		if got := erasure.Reminder(r, due.Add(at)); got != "" {
			t.Errorf("%s after, and the person knows of the hold: %q", at, got)
		}
		r.Status.Targets[0].Result = v1alpha1.TargetPlanned
		if got := erasure.Reminder(r, due.Add(at)); got != want {
			t.Errorf("%s after, and a part is not held: %q, want %q", at, got, want)
		}
		for _, none := range []*v1alpha1.ErasureRequest{{}, {Status: v1alpha1.ErasureRequestStatus{DueTime: r.Status.DueTime, End: v1alpha1.EndPlannedOnly}}} {
			if got := erasure.Reminder(none, due.Add(at)); got != "" {
				t.Errorf("%s after: %q of a request without a clock or with an end", at, got)
			}
		}
	}
}
