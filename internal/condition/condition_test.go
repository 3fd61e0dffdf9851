package condition_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

func TestAnObjectionStandsAgainstACondition(t *testing.T) {
	for name, c := range map[string]struct {
		objection condition.Objection
		of        string
		want      metav1.ConditionStatus
		reason    string
	}{
		"none":                        {condition.Objection{}, v1alpha1.ConditionResident, metav1.ConditionTrue, "Fine"},
		"one":                         {condition.Objection{Reason: "No"}, v1alpha1.ConditionResident, metav1.ConditionFalse, "No"},
		"not judged":                  {condition.Objection{Reason: "Later", Unjudged: true}, v1alpha1.ConditionResident, metav1.ConditionUnknown, "Later"},
		"not judged, and so no Ready": {condition.Objection{Reason: "Later", Unjudged: true}, v1alpha1.ConditionReady, metav1.ConditionFalse, "Later"},
	} {
		got := c.objection.Against(c.of, "Fine", "All is well")
		if got.Type != c.of || got.Status != c.want || got.Reason != c.reason {
			t.Errorf("%s: %+v", name, got)
		}
		if c.objection.Any() != (c.reason != "Fine") {
			t.Errorf("%s: Any() = %t", name, c.objection.Any())
		}
	}
}

func TestAMessageSaysHowManyNamesItLeavesOut(t *testing.T) {
	for most, want := range map[int]string{1: "a and 2 more", 2: "a, b and 1 more", 3: "a, b, c", 4: "a, b, c"} {
		if got := condition.Names([]string{"a", "b", "c"}, most); got != want {
			t.Errorf("%d: %q", most, got)
		}
	}
	if got := condition.Names(nil, 5); got != "" {
		t.Errorf("%q", got)
	}
}
