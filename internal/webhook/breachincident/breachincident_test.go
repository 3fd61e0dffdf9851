package breachincident

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

const (
	operator = "system:serviceaccount:rempart-system:rempart-operator"
	cleaner  = "system:serviceaccount:kube-system:namespace-controller"
)

var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func at(t time.Time) *metav1.Time { m := metav1.NewTime(t); return &m }

func incident(change func(*v1alpha1.BreachIncident)) *v1alpha1.BreachIncident {
	b := &v1alpha1.BreachIncident{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "b1", Finalizers: []string{v1alpha1.FinalizerBreachRegister}},
		Spec: v1alpha1.BreachIncidentSpec{Verdict: v1alpha1.BreachSuspected, DetectedTime: at(now)}}
	if change != nil {
		change(b)
	}
	return b
}

func confirm(b *v1alpha1.BreachIncident) {
	b.Spec.Verdict, b.Spec.AwareTime = v1alpha1.BreachConfirmed, at(now)
}

func closed(when time.Time) func(*v1alpha1.BreachIncident) {
	return func(b *v1alpha1.BreachIncident) {
		b.Status.ClosedTime = at(when)
	}
}

func TestIncidentsAreJudged(t *testing.T) {
	const decide, submit, acknowledge = "decide breachincidents.gdpr.rempart.dev/b1", "submit breachincidents.gdpr.rempart.dev/b1", "acknowledge breachincidents.gdpr.rempart.dev/b1"
	for name, test := range map[string]struct {
		user        string
		object, old *v1alpha1.BreachIncident
		denied      string
		refused     string
		warned      string
	}{
		"a suspicion needs no verb":         {"alice", incident(nil), nil, decide, "", ""},
		"created confirmed":                 {"alice", incident(confirm), nil, decide, decide, ""},
		"confirmed by somebody who may":     {"alice", incident(confirm), incident(nil), submit, "", ""},
		"confirmed by somebody who may not": {"alice", incident(confirm), incident(nil), decide, decide, ""},
		"submitted by somebody who may not": {"alice", incident(func(b *v1alpha1.BreachIncident) { b.Spec.Submissions = []v1alpha1.Submission{{Authority: "FR"}} }), incident(nil), submit, submit, ""},
		"acknowledged by somebody who may not": {"alice", incident(func(b *v1alpha1.BreachIncident) {
			b.Spec.Acknowledgements = []v1alpha1.Acknowledgement{{Stage: "first"}}
		}), incident(nil), acknowledge, acknowledge, ""},
		"a description with an address":           {"alice", incident(func(b *v1alpha1.BreachIncident) { b.Spec.Description = "bob@example.com lost a laptop" }), incident(nil), "", "", "spec.description holds what looks like an e-mail address"},
		"awareness in the future":                 {"alice", incident(func(b *v1alpha1.BreachIncident) { b.Spec.AwareTime = at(now.Add(time.Hour)) }), incident(nil), "", "spec.awareTime: 2026-11-24T11:00:00Z lies in the future", ""},
		"deleted while open":                      {"alice", nil, incident(nil), "", "stays in the record", ""},
		"deleted a day before the retention":      {"alice", nil, incident(closed(now.AddDate(-5, 0, 1))), "", "stays in the record", ""},
		"deleted after the retention":             {"alice", nil, incident(closed(now.AddDate(-5, 0, -2))), "", "", ""},
		"deleted with its namespace":              {cleaner, nil, incident(nil), "", "", ""},
		"the finalizer taken off by a user":       {"alice", incident(func(b *v1alpha1.BreachIncident) { b.Finalizers = nil }), incident(nil), "", "only the operator removes it", ""},
		"the finalizer taken off by the operator": {operator, incident(func(b *v1alpha1.BreachIncident) { b.Finalizers = nil }), incident(nil), "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(harness.Scheme(t), &harness.Rights{Denied: []string{test.denied}}, clocktesting.NewFakePassiveClock(now), operator, []string{cleaner})
			got := h.Handle(t.Context(), harness.Request(t, test.user, test.object, test.old))
			harness.Expect(t, got, test.refused)
			if warnings := strings.Join(got.Warnings, "\n"); !strings.Contains(warnings, test.warned) || strings.Contains(warnings, "bob@") {
				t.Errorf("warnings %q, want %q", warnings, test.warned)
			}
		})
	}
}

func TestDecisionsAreStampedWithTheUser(t *testing.T) {
	forged := incident(func(b *v1alpha1.BreachIncident) {
		confirm(b)
		b.Spec.DecisionStamp = &v1alpha1.DecisionStamp{By: "mallory"}
	})
	got := NewMutating(harness.Scheme(t), clocktesting.NewFakePassiveClock(now)).Handle(t.Context(), harness.Request(t, "alice", forged, incident(nil)))
	patch, err := json.Marshal(got.Patches)
	if err != nil || !got.Allowed || !strings.Contains(string(patch), `"alice"`) {
		t.Errorf("%s %v", patch, err)
	}
	again := NewMutating(harness.Scheme(t), clocktesting.NewFakePassiveClock(now)).Handle(t.Context(), harness.Request(t, "bob", incident(nil), incident(nil)))
	if len(again.Patches) != 0 {
		t.Errorf("an update that decides nothing is changed: %v", again.Patches)
	}
}
