package erasurerequest_test

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestTheOfficerIsToldOncePerStageAndThroughEachChannel: nobody decides for two months.
func TestTheOfficerIsToldOncePerStageAndThroughEachChannel(t *testing.T) {
	s := newShop(t)
	s.create(&v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: "mail"}, Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: []string{"a@example.org", "b@example.org"}}}})
	s.open()
	officer := &v1alpha1.DataProtectionOfficer{}
	s.must(s.client.Get(t.Context(), types.NamespacedName{Name: "dpo"}, officer))
	officer.Spec.Channels = []v1alpha1.ObjectName{"mail", "chat"}
	s.must(s.client.Update(t.Context(), officer))
	s.request("r1", "person", v1alpha1.ExecutionAfterApproval)
	s.settle()
	for range 60 {
		s.clock.SetTime(s.clock.Now().Add(24 * time.Hour))
		s.settle()
	}
	list := &v1alpha1.NotificationList{}
	s.must(s.client.List(t.Context(), list))
	got := map[string]int{}
	for i := range list.Items {
		got[string(list.Items[i].Spec.Cause.Stage)]++
	}
	for _, stage := range []string{"due-in-15-days", "due-in-7-days", "due-in-2-days", "overdue"} {
		if got[stage] != 3 {
			t.Errorf("stage %s: %d messages, want one to each of 3 addresses; all: %v", stage, got[stage], got)
		}
	}
	if len(got) != 4 || slices.ContainsFunc(list.Items, func(n v1alpha1.Notification) bool { return len(n.OwnerReferences) != 1 }) {
		t.Errorf("%v", got)
	}
}
