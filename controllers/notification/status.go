package notification

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/notice"
)

func statusOf(n *v1alpha1.Notification) any { return &n.Status }

// report is the only hand that touches conditions. What a failed step could not judge stays as it was.
func report(n *v1alpha1.Notification, verdict notice.Verdict, err error) {
	generation := n.Generation
	n.Status.ObservedGeneration = &generation
	conditions.Report(&n.Status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// announce tells, once, that a message was given up.
func (r *Reconciler) announce(n *v1alpha1.Notification, verdict notice.Verdict) {
	if !verdict.GaveUp {
		return
	}
	r.DeadLettered.Inc()
	ready := verdict.Conditions[0]
	r.Recorder.Eventf(n, nil, corev1.EventTypeWarning, ready.Reason, "Deliver", "%s", ready.Message)
}
