// Package condition makes the conditions that decisions come to. internal/kube/conditions keeps them on an object.
package condition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// New makes a condition. Its message is one sentence without a time, a person or an error's text.
func New(conditionType string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: conditionType, Status: status, Reason: reason, Message: message}
}

// True makes a condition that holds.
func True(conditionType, reason, message string) metav1.Condition {
	return New(conditionType, metav1.ConditionTrue, reason, message)
}

// False makes a condition that says: not yet, because.
func False(conditionType, reason, message string) metav1.Condition {
	return New(conditionType, metav1.ConditionFalse, reason, message)
}

// Unknown makes a condition that was not judged yet.
func Unknown(conditionType, reason, message string) metav1.Condition {
	return New(conditionType, metav1.ConditionUnknown, reason, message)
}

// Names writes as many names as a message names at most, and how many it leaves out.
func Names(names []string, most int) string {
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// severities, worst first.
var severities = []v1alpha1.FindingSeverity{v1alpha1.SeverityError, v1alpha1.SeverityWarning, v1alpha1.SeverityInfo}

// Ranked returns findings worst first, then by rule, subject and message: a list that is cut loses the mildest, and the same ones each time.
func Ranked(findings []v1alpha1.Finding) []v1alpha1.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b v1alpha1.Finding) int {
		return cmp.Or(slices.Index(severities, a.Severity)-slices.Index(severities, b.Severity),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Message, b.Message))
	})
	return sorted
}

// An Objection is why a condition is not True: what a gate answers. The zero value objects to nothing.
type Objection struct {
	Reason, Message string
	// Unjudged makes the condition Unknown instead of False.
	Unjudged bool
	// Working means that the operator, or something it started, is at it.
	Working bool
	// Stalled means that only a change of the spec helps.
	Stalled bool
}

// Any tells whether there is an objection at all.
func (o Objection) Any() bool { return o.Reason != "" }

// Against makes the condition that the objection stands against; without one it is True, with that reason and message.
// Ready is never Unknown: what is not judged is not ready.
func (o Objection) Against(conditionType, reason, message string) metav1.Condition {
	switch {
	case !o.Any():
		return True(conditionType, reason, message)
	case o.Unjudged && conditionType != v1alpha1.ConditionReady:
		return Unknown(conditionType, o.Reason, o.Message)
	default:
		return False(conditionType, o.Reason, o.Message)
	}
}
