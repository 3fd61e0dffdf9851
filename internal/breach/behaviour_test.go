package breach

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// The rows of deadline_behaviour_tests.csv that are about a breach, by their id. X13, and that X11 needs reasons, are
// rules of the schema and stand in test/api. X14 is not here: an incident has no field for the
// countries of the people concerned, so that of an organisation outside the Economic Area no authority is named and a person finds
// them (TestAuthoritiesFollowTheOfficersObject).

// duty is how a duty of an incident stands.
func duty(v Verdict, name v1alpha1.DutyName) v1alpha1.Obligation {
	for _, o := range v.Status.Obligations {
		if o.Duty == name {
			return o
		}
	}
	return v1alpha1.Obligation{}
}

func TestX08TheClockOfAControllerBeginsWhenItIsTold(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	monday := ptr.To(metav1.NewTime(time.Date(2026, 9, 7, 8, 0, 0, 0, paris)))
	wednesday := ptr.To(metav1.NewTime(time.Date(2026, 9, 9, 9, 20, 0, 0, paris)))
	controller := incident(func(s *v1alpha1.BreachIncidentSpec) { s.DetectedTime, s.AwareTime = monday, wednesday })
	clock := Judge(Input{Incident: controller, Zone: paris, Now: wednesday.Add(time.Hour)}).Status.Clock
	if !clock.StartTime.Equal(wednesday) || clock.DueTime.In(paris).Format("Mon 15:04") != "Sat 09:20" || clock.LegalDueTime.In(paris).Format("Mon 15:04") != "Sat 10:00" {
		t.Errorf("%+v", clock)
	}
	late := incident(processor, func(s *v1alpha1.BreachIncidentSpec) { s.DetectedTime, s.AwareTime = monday, monday })
	v := Judge(Input{Incident: late, Zone: paris, Now: wednesday.Time})
	if o := duty(v, v1alpha1.DutyControllers); o.State != v1alpha1.DutyOverdue || o.Article != "33(2)" {
		t.Errorf("the processor's own duty: %+v", o)
	}
	if o := duty(v, v1alpha1.DutyAuthority); o.State != v1alpha1.DutyNotRequired {
		t.Errorf("a processor tells no authority: %+v", o)
	}
}

func TestX10AnIncompleteNotificationIsFollowedUpWithoutALimit(t *testing.T) {
	i := incident(risk(v1alpha1.RiskRisk), func(s *v1alpha1.BreachIncidentSpec) {
		s.Submissions = []v1alpha1.Submission{{Authority: "FR", Type: v1alpha1.SubmissionNew, Completeness: v1alpha1.SubmissionIncomplete, SubmittedTime: at(12)}}
	})
	for _, hours := range []int{13, 12 + 72 + 1, 1000} {
		v := Judge(Input{Incident: i, Now: at(hours).Time})
		o := duty(v, v1alpha1.DutyAuthority)
		if o.State != v1alpha1.DutyOpen || o.Reason != v1alpha1.ReasonSubmittedIncomplete || !o.DueTime.Equal(at(12+72)) {
			t.Errorf("after %d hours: %+v", hours, o)
		}
		for _, c := range v.Conditions {
			if c.Type == v1alpha1.ConditionOverdue && c.Status == metav1.ConditionTrue {
				t.Errorf("after %d hours somebody is late: %s", hours, c.Message)
			}
		}
	}
}

func TestX11AnUnlikelyRiskIsRecordedAndNotNotified(t *testing.T) {
	v := Judge(Input{Incident: incident(risk(v1alpha1.RiskUnlikely)), Now: at(10).Time})
	if o := duty(v, v1alpha1.DutyAuthority); o.State != v1alpha1.DutyNotRequired || o.Reason != reasonRiskUnlikely {
		t.Errorf("authority: %+v", o)
	}
	if o := duty(v, v1alpha1.DutyRecord); o.State != v1alpha1.DutyMet || o.Article != "33(5)" {
		t.Errorf("record: %+v", o)
	}
}
