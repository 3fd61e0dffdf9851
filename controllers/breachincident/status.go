package breachincident

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/breach"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

func statusOf(incident *v1alpha1.BreachIncident) any { return &incident.Status }

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(incident *v1alpha1.BreachIncident, verdict breach.Verdict, err error) {
	status, generation := &incident.Status, incident.Generation
	if len(verdict.Conditions) > 0 {
		kept := status.Conditions
		*status = verdict.Status
		status.Conditions = kept
	}
	status.ObservedGeneration = &generation
	conditions.Drop(&status.Conditions, verdict.Gone...)
	judged := append(verdict.Conditions, conditions.OfError(err)...)
	conditions.Report(&status.Conditions, generation, append(judged, held(incident, judged)...)...)
}

// held says why a deleted incident is still there.
func held(incident *v1alpha1.BreachIncident, judged []metav1.Condition) []metav1.Condition {
	if incident.DeletionTimestamp.IsZero() {
		return nil
	}
	for _, c := range judged {
		if c.Type == v1alpha1.ConditionStalled {
			return nil
		}
	}
	return []metav1.Condition{condition.True(v1alpha1.ConditionReconciling, v1alpha1.ReasonRecordKept,
		"The record of a breach is kept until five years after its closure (Article 33(5)); the deletion waits, and the clock runs")}
}

// announce tells what changed in this pass.
func (r *Reconciler) announce(incident *v1alpha1.BreachIncident, verdict breach.Verdict) {
	for _, e := range verdict.Events {
		level := corev1.EventTypeNormal
		if e.Warning {
			level = corev1.EventTypeWarning
		}
		r.Recorder.Eventf(incident, nil, level, e.Reason, e.Action, "%s", e.Message)
	}
}
