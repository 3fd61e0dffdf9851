package conditions_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

func TestReadyExistsFromTheFirstPass(t *testing.T) {
	var list []metav1.Condition
	conditions.Report(&list, 3)
	ready := meta.FindStatusCondition(list, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionUnknown || ready.ObservedGeneration != 3 {
		t.Fatalf("Ready is %+v", ready)
	}
}

func TestWhatWasNotJudgedKeepsItsGeneration(t *testing.T) {
	var list []metav1.Condition
	conditions.Report(&list, 1, condition.True("Ready", "Fine", "All is well"))
	conditions.Report(&list, 2, conditions.OfError(errors.New("reading: connection refused"))...)
	if got := meta.FindStatusCondition(list, "Ready").ObservedGeneration; got != 1 {
		t.Errorf("Ready was judged at generation %d, want 1", got)
	}
	if !meta.IsStatusConditionTrue(list, v1alpha1.ConditionReconciling) {
		t.Error("Reconciling is not True after a failed step")
	}
}

func TestReconcilingAndStalledGoWhenTheyAreOver(t *testing.T) {
	var list []metav1.Condition
	conditions.Report(&list, 1, conditions.OfError(&flow.Permanent{Reason: "NameTaken", Message: "Rename it"})...)
	if !meta.IsStatusConditionTrue(list, v1alpha1.ConditionStalled) || !meta.IsStatusConditionFalse(list, v1alpha1.ConditionReady) {
		t.Fatalf("a permanent error shows as %v", list)
	}
	conditions.Report(&list, 1, condition.True("Ready", "Fine", "All is well"), condition.False(v1alpha1.ConditionReconciling, "Over", "Over"))
	if len(list) != 1 {
		t.Errorf("left over: %v", list)
	}
}

func TestAnErrorIsNeverQuoted(t *testing.T) {
	for _, c := range conditions.OfError(errors.New("duplicate key (email)=(ada@example.org)")) {
		if strings.Contains(c.Message, "ada") {
			t.Errorf("%s quotes the error: %s", c.Type, c.Message)
		}
	}
}

func TestMessagesFitAndStayText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []metav1.Condition
		conditions.Report(&list, 1, condition.True("Ready", "Fine", strings.Repeat(rapid.String().Draw(t, "part"), 40)))
		message := list[0].Message
		if len(message) > conditions.MaxMessage {
			t.Fatalf("%d bytes", len(message))
		}
		if !utf8.ValidString(message) {
			t.Fatal("a character was split")
		}
	})
}
