package officer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(hours int) *metav1.Time {
	t := metav1.NewTime(noon.Add(time.Duration(hours) * time.Hour))
	return &t
}

func officer() *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: "Europe/Paris", Channels: []v1alpha1.ObjectName{"mail"},
		Officer: v1alpha1.Officer{Name: "office", Email: "privacy@example.com", AppointedOn: "2026-01-15"}}}
}

func request(name string, due, ended *metav1.Time) v1alpha1.ErasureRequest {
	return v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Status: v1alpha1.ErasureRequestStatus{DueTime: due, EndedTime: ended}}
}

func breach(name string, ready metav1.ConditionStatus, duties ...v1alpha1.Obligation) v1alpha1.BreachIncident {
	return v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Status: v1alpha1.BreachIncidentStatus{
		Conditions: []metav1.Condition{{Type: "Ready", Status: ready}}, Obligations: duties, Clock: &v1alpha1.BreachClock{DueTime: at(5)}}}
}

func TestJudgeCountsWhatIsOpenAndWhatIsLate(t *testing.T) {
	in := Input{Officer: officer(), Registers: 2, Now: noon,
		Requests: []v1alpha1.ErasureRequest{request("early", at(2), nil), request("late", at(-1), nil), request("new", nil, nil), request("ended", at(-9), at(-10))},
		Breaches: []v1alpha1.BreachIncident{
			breach("closed", metav1.ConditionTrue), breach("fresh", metav1.ConditionFalse),
			breach("told", metav1.ConditionFalse, v1alpha1.Obligation{State: v1alpha1.DutyMet, DueTime: at(-50)}, v1alpha1.Obligation{State: v1alpha1.DutyOpen, DueTime: at(1)}),
			breach("overdue", metav1.ConditionFalse, v1alpha1.Obligation{State: v1alpha1.DutyOverdue, DueTime: at(-2)}),
		}}
	got := Judge(in)
	want := Verdict{Registers: 2, OpenRequests: 3, OverdueRequests: 1, OpenBreaches: 3, OverdueBreaches: 1,
		NextTime: at(-2), NextFor: "BreachIncident shop/overdue", Wait: time.Hour, Conditions: got.Conditions}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestThingsAreLookedAtWhenTheyBecomeLate(t *testing.T) {
	soon := metav1.NewTime(noon.Add(10 * time.Minute))
	in := Input{Officer: officer(), Now: noon, Requests: []v1alpha1.ErasureRequest{request("a", &soon, nil)}}
	before := Judge(in)
	in.Now = noon.Add(before.Wait)
	if before.OverdueRequests != 0 || Judge(in).OverdueRequests != 1 {
		t.Errorf("wait = %s", before.Wait)
	}
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Officer: officer(), Now: noon}
		for range rapid.IntRange(0, 20).Draw(t, "requests") {
			in.Requests = append(in.Requests, request("r", at(rapid.IntRange(-100, 100).Draw(t, "due")), nil))
		}
		v := Judge(in)
		if v.Wait <= 0 || v.Wait > look || v.OverdueRequests > v.OpenRequests {
			t.Fatalf("%+v", v)
		}
	})
}

// TestNobodyIsLateWithWhatThePersonKnows: a request that waits for a legal hold of which they were told is open, and neither overdue nor
// what is due next.
func TestNobodyIsLateWithWhatThePersonKnows(t *testing.T) {
	held := request("held", at(-9), nil)
	held.Status.Targets = []v1alpha1.ErasureTarget{{Register: "crm", Store: "main", Result: v1alpha1.TargetDeferred}}
	in := Input{Officer: officer(), Now: noon, Requests: []v1alpha1.ErasureRequest{held, request("early", at(2), nil)}}
	if v := Judge(in); v.OverdueRequests != 1 || v.NextFor != "ErasureRequest shop/held" {
		t.Errorf("nobody told them: %d overdue, next %s", v.OverdueRequests, v.NextFor)
	}
	in.Requests[0].Spec.Deferral = &v1alpha1.ErasureDeferral{NoticeSentTime: at(-10)}
	if v := Judge(in); v.OpenRequests != 2 || v.OverdueRequests != 0 || v.NextFor != "ErasureRequest shop/early" {
		t.Errorf("they know: %d open, %d overdue, next %s", v.OpenRequests, v.OverdueRequests, v.NextFor)
	}
}

func TestTheOfficerIsJudged(t *testing.T) {
	sent := func(channel v1alpha1.ObjectName, role v1alpha1.AudienceRole, hours int, result v1alpha1.DeliveryResult) v1alpha1.Notification {
		return v1alpha1.Notification{Spec: v1alpha1.NotificationSpec{ChannelRef: v1alpha1.ClusterRef{Name: channel}, Recipient: v1alpha1.NotificationRecipient{Role: role}},
			Status: v1alpha1.NotificationStatus{LastResult: result, LastAttemptTime: at(hours)}}
	}
	cases := []struct {
		name      string
		change    func(*v1alpha1.DataProtectionOfficer)
		messages  []v1alpha1.Notification
		condition string
		want      string
	}{
		{"all is there", nil, nil, "Ready", "True Counted"},
		{"a zone that nobody knows", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.TimeZone = "Europe/Atlantis" }, nil, "Ready", "False TimeZoneUnknown"},
		{"a digest that is never", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Digest = &v1alpha1.Digest{Schedule: "every monday"} }, nil, "Stalled", "True DigestScheduleUnreadable"},
		{"appointed", nil, nil, "Appointed", "True AppointmentWhole"},
		{"a phone is enough", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Officer.Email, o.Spec.Officer.Phone = "", "+33 1" }, nil, "Appointed", "True AppointmentWhole"},
		{"no contact", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Officer.Email = "" }, nil, "Appointed", "False ContactMissing"},
		{"no day", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Officer.AppointedOn = "" }, nil, "Appointed", "False AppointmentDateMissing"},
		{"no channel", func(o *v1alpha1.DataProtectionOfficer) { o.Spec.Channels = nil }, nil, "Reachable", "False ChannelsMissing"},
		{"no message yet", nil, []v1alpha1.Notification{sent("mail", v1alpha1.AudienceManagement, 0, v1alpha1.DeliveryRefused), sent("other", v1alpha1.AudienceOfficer, 0, v1alpha1.DeliveryRefused)}, "Reachable", "Unknown NoMessageYet"},
		{"the last message arrived", nil, []v1alpha1.Notification{sent("mail", v1alpha1.AudienceOfficer, -1, v1alpha1.DeliveryAccepted), sent("mail", v1alpha1.AudienceOfficer, -2, v1alpha1.DeliveryRefused)}, "Reachable", "True LastMessageArrived"},
		{"the last message did not", nil, []v1alpha1.Notification{sent("mail", v1alpha1.AudienceOfficer, -3, v1alpha1.DeliveryAccepted), sent("mail", v1alpha1.AudienceOfficer, -2, v1alpha1.DeliveryTimeout)}, "Reachable", "False LastMessageFailed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := officer()
			if c.change != nil {
				c.change(o)
			}
			got := meta.FindStatusCondition(Judge(Input{Officer: o, Messages: c.messages, Now: noon}).Conditions, c.condition)
			if got == nil || string(got.Status)+" "+got.Reason != c.want {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}
