package erasurerun

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
)

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(run *v1alpha1.ErasureRun, verdict erasure.RunVerdict, err error) {
	list := run.Status.Conditions
	if err == nil {
		run.Status = verdict.Status
	}
	status := &run.Status
	status.Conditions = list
	status.ObservedGeneration = &run.Generation
	conditions.Report(&status.Conditions, run.Generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// announce tells once that a run waits for a node: nothing but a person ends that.
func (r *Reconciler) announce(before, after *v1alpha1.ErasureRun) {
	if words := erasure.LostWords(after); words != "" && erasure.LostWords(before) != words {
		r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, v1alpha1.ReasonNodeLost, "Wait", "%s", words)
	}
}
