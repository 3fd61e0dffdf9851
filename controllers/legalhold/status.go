package legalhold

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/hold"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(h *v1alpha1.LegalHold, verdict hold.Verdict, err error) {
	list := h.Status.Conditions
	if err == nil {
		h.Status = verdict.Status
	}
	h.Status.Conditions = list
	h.Status.ObservedGeneration = &h.Generation
	conditions.Report(&h.Status.Conditions, h.Generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// waits tells whether a hold has not taken effect yet, as far as its status says.
func waits(h *v1alpha1.LegalHold) bool {
	ready := meta.FindStatusCondition(h.Status.Conditions, v1alpha1.ConditionReady)
	return ready == nil || ready.Reason != v1alpha1.ReasonInForce || ready.Status != "True" || ready.ObservedGeneration != h.Generation
}

// announce tells once that a hold has taken effect, and that it is over.
func (r *Reconciler) announce(before, after *v1alpha1.LegalHold) {
	was, is := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
	if is != nil && is.Status == "True" && (was == nil || was.Reason != is.Reason) {
		r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, is.Reason, "Hold", "%s", is.Message)
	}
}
