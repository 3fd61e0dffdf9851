package consentpolicy

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(cpol *v1alpha1.ConsentPolicy, verdict policy.Verdict, err error) {
	status, generation := &cpol.Status, cpol.Generation
	status.ObservedGeneration = &generation
	if verdict.TenantID != "" {
		status.TenantID = verdict.TenantID
	}
	if verdict.Sites != nil {
		status.Sites = verdict.Sites
	}
	if verdict.Notice != nil {
		status.Notice = verdict.Notice
	}
	if verdict.Ledger != nil {
		status.Ledger = verdict.Ledger
	}
	if verdict.Keys != nil {
		status.Keys = verdict.Keys
	}
	conditions.Report(&status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// announced are the conditions whose change a person cares about.
var announced = []string{v1alpha1.ConditionReady, v1alpha1.ConditionResident, v1alpha1.ConditionVerified}

// passing are reasons of a moment: what comes after them is announced.
var passing = map[string]bool{
	v1alpha1.ReasonLedgerStarting: true, v1alpha1.ReasonServiceStarting: true, v1alpha1.ReasonNoticePending: true, v1alpha1.ReasonRoutePending: true, v1alpha1.ReasonAuditPending: true,
	v1alpha1.ReasonPlaceNotObserved: true, v1alpha1.ReasonNotYetKnown: true, v1alpha1.ReasonDeleting: true,
}

// announce tells, once per change, what became of the policy.
func (r *Reconciler) announce(before, after *v1alpha1.ConsentPolicy) {
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
