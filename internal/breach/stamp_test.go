package breach

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func TestDecisionsAreStampedAndForgedStampsAreReplaced(t *testing.T) {
	now := detected.Add(3 * time.Hour)
	forged := &v1alpha1.DecisionStamp{By: "mallory", Time: at(1)}
	created := incident(risk(v1alpha1.RiskRisk), submission(v1alpha1.SubmissionIncomplete), closure)
	created.Spec.DecisionStamp, created.Spec.Risk.Stamp, created.Spec.Submissions[0].Stamp, created.Spec.Closure.Stamp = forged, forged, forged, forged
	created.Spec.Acknowledgements = []v1alpha1.Acknowledgement{{Stage: "dpo", Stamp: forged}}
	Stamp(nil, created, "alice", now)
	alice := &v1alpha1.DecisionStamp{By: "alice", Time: at(3)}
	stamps := func(i *v1alpha1.BreachIncident) []*v1alpha1.DecisionStamp {
		return []*v1alpha1.DecisionStamp{i.Spec.DecisionStamp, i.Spec.Risk.Stamp, i.Spec.Submissions[0].Stamp, i.Spec.Closure.Stamp, i.Spec.Acknowledgements[0].Stamp}
	}
	if diff := cmp.Diff([]*v1alpha1.DecisionStamp{alice, alice, alice, alice, alice}, stamps(created)); diff != "" {
		t.Error(diff)
	}

	t.Run("what did not change keeps its stamp, whatever a user wrote", func(t *testing.T) {
		same := created.DeepCopy()
		same.Spec.DecisionStamp, same.Spec.Risk.Stamp, same.Spec.Submissions[0].Stamp, same.Spec.Closure.Stamp, same.Spec.Acknowledgements[0].Stamp = forged, nil, forged, nil, forged
		same.Spec.Description = "more is known"
		Stamp(created, same, "mallory", now.Add(time.Hour))
		if diff := cmp.Diff(stamps(created), stamps(same)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("each change is stamped by itself", func(t *testing.T) {
		changed := created.DeepCopy()
		changed.Spec.Risk.Outcome = v1alpha1.RiskHigh
		changed.Spec.Submissions = append(changed.Spec.Submissions, v1alpha1.Submission{Authority: "FR", Type: v1alpha1.SubmissionFollowUp})
		Stamp(created, changed, "bob", now.Add(time.Hour))
		bob := &v1alpha1.DecisionStamp{By: "bob", Time: at(4)}
		if diff := cmp.Diff([]*v1alpha1.DecisionStamp{alice, bob, alice, alice, alice, bob}, append(stamps(changed), changed.Spec.Submissions[1].Stamp)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestVerbsForAChange(t *testing.T) {
	suspicion := incident(func(s *v1alpha1.BreachIncidentSpec) { s.Verdict, s.AwareTime = v1alpha1.BreachSuspected, nil })
	if verbs := VerbsFor(nil, suspicion); verbs != nil {
		t.Errorf("reporting a suspicion needs %v", verbs)
	}
	base := incident()
	for name, c := range map[string]struct {
		change func(*v1alpha1.BreachIncidentSpec)
		want   []string
	}{
		"nothing":         {func(*v1alpha1.BreachIncidentSpec) {}, nil},
		"more facts":      {func(s *v1alpha1.BreachIncidentSpec) { s.Description = "x" }, nil},
		"only a stamp":    {func(s *v1alpha1.BreachIncidentSpec) { s.DecisionStamp = &v1alpha1.DecisionStamp{By: "x"} }, nil},
		"verdict":         {func(s *v1alpha1.BreachIncidentSpec) { s.Verdict = v1alpha1.BreachDismissed }, []string{VerbDecide}},
		"awareness":       {func(s *v1alpha1.BreachIncidentSpec) { s.AwareTime = at(1) }, []string{VerbDecide}},
		"risk":            {risk(v1alpha1.RiskHigh), []string{VerbDecide}},
		"closure":         {closure, []string{VerbDecide}},
		"submission":      {submission(v1alpha1.SubmissionIncomplete), []string{VerbSubmit}},
		"acknowledgement": {func(s *v1alpha1.BreachIncidentSpec) { s.Acknowledgements = []v1alpha1.Acknowledgement{{Stage: "dpo"}} }, []string{VerbAcknowledge}},
		"a controller told": {func(s *v1alpha1.BreachIncidentSpec) {
			s.Controllers = []v1alpha1.InformedController{{Name: "a", InformedTime: at(1)}}
		}, []string{VerbSubmit}},
	} {
		changed := base.DeepCopy()
		c.change(&changed.Spec)
		if diff := cmp.Diff(c.want, VerbsFor(base, changed)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{VerbDecide}, VerbsFor(nil, base)); diff != "" {
		t.Errorf("creating a confirmed incident: %s", diff)
	}
}

func TestWhatAdmissionRefuses(t *testing.T) {
	now := detected.Add(10 * time.Hour)
	for name, c := range map[string]struct {
		old    *v1alpha1.BreachIncident
		change func(*v1alpha1.BreachIncidentSpec)
		want   string
	}{
		"detected in the future":  {nil, func(s *v1alpha1.BreachIncidentSpec) { s.DetectedTime = at(11) }, "spec.detectedTime: 2026-11-05T18:40:00Z lies in the future"},
		"aware in the future":     {nil, func(s *v1alpha1.BreachIncidentSpec) { s.AwareTime = at(11) }, "spec.awareTime: 2026-11-05T18:40:00Z lies in the future"},
		"occurred in the future":  {nil, func(s *v1alpha1.BreachIncidentSpec) { s.Occurred = &v1alpha1.Occurrence{FromTime: at(11)} }, "spec.occurred.fromTime"},
		"submitted in the future": {nil, submission(v1alpha1.SubmissionIncomplete), "spec.submissions[0].submittedTime"},
		"told in the future": {nil, func(s *v1alpha1.BreachIncidentSpec) {
			s.Controllers = []v1alpha1.InformedController{{Name: "a", InformedTime: at(12)}}
		}, "spec.controllers[0].informedTime"},
		"an entry that changed":       {incident(submission(v1alpha1.SubmissionIncomplete)), submission(v1alpha1.SubmissionWithdraw), "spec.submissions[0]: an entry is a record"},
		"an acknowledgement gone":     {incident(func(s *v1alpha1.BreachIncidentSpec) { s.Acknowledgements = []v1alpha1.Acknowledgement{{Stage: "dpo"}} }), func(*v1alpha1.BreachIncidentSpec) {}, "spec.acknowledgements[0]"},
		"closed while a duty is open": {nil, closure, "spec.closure: duty Authority (Article 33(1)) is open"},
		"closed while suspected": {nil, func(s *v1alpha1.BreachIncidentSpec) {
			closure(s)
			s.Verdict, s.AwareTime = v1alpha1.BreachSuspected, nil
		}, "spec.closure: the suspicion"},
	} {
		got := Validate(incident(c.change), c.old, now)
		if !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := Validate(incident(func(s *v1alpha1.BreachIncidentSpec) { s.AwareTime = at(10) }), nil, now.Add(-4*time.Minute)); got != nil {
		t.Errorf("a clock that is four minutes ahead: %q", got)
	}
	future := incident(func(s *v1alpha1.BreachIncidentSpec) { s.AwareTime = at(11) })
	if got := Validate(future.DeepCopy(), future, now); got != nil {
		t.Errorf("what was stored before: %q", got)
	}
}
