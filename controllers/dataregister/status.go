package dataregister

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/register"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(dreg *v1alpha1.DataRegister, verdict register.Verdict, err error) {
	status, generation, activities := &dreg.Status, dreg.Generation, int32(min(len(dreg.Spec.Activities), 64))
	status.ObservedGeneration, status.Activities = &generation, &activities
	if len(verdict.Conditions) > 0 && dreg.DeletionTimestamp.IsZero() {
		status.Stores, status.Findings, status.FindingsTotal = verdict.Stores, verdict.Findings, &verdict.FindingsTotal
	}
	conditions.Report(&status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// announced are the conditions whose change a person cares about.
var announced = []string{v1alpha1.ConditionReady, v1alpha1.ConditionResident, v1alpha1.ConditionAccurate}

// passing are reasons of a moment: what comes after them is announced.
var passing = map[string]bool{
	v1alpha1.ReasonDatabaseStarting: true, v1alpha1.ReasonScanPending: true, v1alpha1.ReasonPlaceNotObserved: true,
	v1alpha1.ReasonNotYetKnown: true, v1alpha1.ReasonDeleting: true, v1alpha1.ReasonNoStores: true,
}

// announce tells, once per change, what became of the register.
func (r *Reconciler) announce(before, after *v1alpha1.DataRegister) {
	for _, kind := range announced {
		was, is := meta.FindStatusCondition(before.Status.Conditions, kind), meta.FindStatusCondition(after.Status.Conditions, kind)
		if is == nil || passing[is.Reason] || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
			continue
		}
		level := corev1.EventTypeWarning
		if is.Status == metav1.ConditionTrue {
			level = corev1.EventTypeNormal
		}
		r.Recorder.Eventf(after, nil, level, is.Reason, "Judge", "%s", is.Message)
	}
}
