package notificationchannel

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/kube/conditions"
	"github.com/rempart-dev/rempart/internal/notice"
)

func statusOf(channel *v1alpha1.NotificationChannel) any { return &channel.Status }

// report is the only hand that touches status. What a failed step could not judge stays as it was.
func report(channel *v1alpha1.NotificationChannel, verdict notice.ChannelVerdict, err error) {
	generation := channel.Generation
	channel.Status.ObservedGeneration = &generation
	if len(verdict.Conditions) > 0 {
		channel.Status.LastDeliveredTime, channel.Status.LastFailureTime = verdict.LastDeliveredTime, verdict.LastFailureTime
	}
	conditions.Report(&channel.Status.Conditions, generation, append(verdict.Conditions, conditions.OfError(err)...)...)
}

// announce tells, once per change, that a channel failed or works again.
func (r *Reconciler) announce(before, after *v1alpha1.NotificationChannel) {
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReachable} {
		was, is := meta.FindStatusCondition(before.Status.Conditions, kind), meta.FindStatusCondition(after.Status.Conditions, kind)
		if is == nil || is.Status == metav1.ConditionUnknown || (was != nil && was.Status == is.Status && was.Reason == is.Reason) {
			continue
		}
		switch {
		case is.Status == metav1.ConditionFalse:
			r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, is.Reason, "Judge", "%s", is.Message)
		case was != nil && was.Status == metav1.ConditionFalse:
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, is.Reason, "Judge", "%s", is.Message)
		}
	}
}
