// Package conditions keeps the conditions of an object as kstatus and kubectl wait read them: Ready always,
// Reconciling and Stalled only while true and never both, each with the generation that it was judged at.
package conditions

import (
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// MaxMessage is the most bytes of a condition's message.
const MaxMessage = 1024

// whileTrue are the condition types that exist only while they are True.
var whileTrue = []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled}

// Report writes what was judged in this pass. What was not judged stays as it was, with its old generation.
// Reconciling and Stalled go when not judged True. Ready exists from the first pass on.
func Report(list *[]metav1.Condition, generation int64, judged ...metav1.Condition) {
	for _, gone := range whileTrue {
		if !slices.ContainsFunc(judged, func(c metav1.Condition) bool { return c.Type == gone && c.Status == metav1.ConditionTrue }) {
			meta.RemoveStatusCondition(list, gone)
		}
	}
	for _, c := range judged {
		if slices.Contains(whileTrue, c.Type) && c.Status != metav1.ConditionTrue {
			continue
		}
		c.ObservedGeneration = generation
		c.Message = cut(c.Message)
		meta.SetStatusCondition(list, c)
	}
	if meta.FindStatusCondition(*list, v1alpha1.ConditionReady) == nil {
		ready := condition.Unknown(v1alpha1.ConditionReady, v1alpha1.ReasonNotYetKnown, "Not judged yet")
		ready.ObservedGeneration = generation
		meta.SetStatusCondition(list, ready)
	}
}

// Drop removes conditions that exist only while true, such as Overdue.
func Drop(list *[]metav1.Condition, types ...string) {
	for _, t := range types {
		meta.RemoveStatusCondition(list, t)
	}
}

// OfError says in chosen words what an error means. It never quotes it: its text may name a person.
func OfError(err error) []metav1.Condition {
	var hopeless *flow.Permanent
	switch {
	case err == nil || apierrors.IsConflict(err):
		return nil
	case errors.As(err, &hopeless):
		return []metav1.Condition{
			condition.True(v1alpha1.ConditionStalled, hopeless.Reason, hopeless.Message),
			condition.False(v1alpha1.ConditionReady, hopeless.Reason, hopeless.Message),
		}
	default:
		return []metav1.Condition{condition.True(v1alpha1.ConditionReconciling, v1alpha1.ReasonStepFailed,
			"The last step failed and will be retried; the operator's log says why")}
	}
}

// cut keeps a message within MaxMessage bytes without splitting a character.
func cut(message string) string {
	if len(message) <= MaxMessage {
		return message
	}
	end := MaxMessage - len("…")
	for end > 0 && message[end]&0xC0 == 0x80 {
		end--
	}
	return message[:end] + "…"
}
