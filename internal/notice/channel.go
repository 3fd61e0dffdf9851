package notice

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
)

// How often a channel's Secrets are looked at: they are not watched.
const (
	lookAgain     = 10 * time.Minute
	lookAgainSoon = 30 * time.Second
)

// ChannelInput is what a decision about a channel needs.
type ChannelInput struct {
	Channel *v1alpha1.NotificationChannel
	// Lack is what its Secrets lack; nil when nothing.
	Lack *Lack
	// Accepted tells whether its address is one that notifications may reach.
	Accepted bool
	// Notifications that go through it.
	Notifications []v1alpha1.Notification
}

// ChannelVerdict is how a channel stands.
type ChannelVerdict struct {
	Conditions                         []metav1.Condition
	LastDeliveredTime, LastFailureTime *metav1.Time
	Wait                               time.Duration
}

// JudgeChannel says whether a channel can be used and whether it was of use last time.
func JudgeChannel(in ChannelInput) ChannelVerdict {
	v := ChannelVerdict{Wait: lookAgain, LastDeliveredTime: in.Channel.Status.LastDeliveredTime, LastFailureTime: in.Channel.Status.LastFailureTime}
	for i := range in.Notifications {
		status := &in.Notifications[i].Status
		v.LastDeliveredTime = later(v.LastDeliveredTime, status.DeliveredTime)
		if status.LastResult != "" && status.LastResult != v1alpha1.DeliveryAccepted {
			v.LastFailureTime = later(v.LastFailureTime, status.LastAttemptTime)
		}
	}
	ready := channelReady(in)
	if ready.Status != metav1.ConditionTrue {
		v.Wait = lookAgainSoon
	}
	v.Conditions = []metav1.Condition{ready, reachable(v)}
	if ready.Status != metav1.ConditionTrue {
		v.Conditions = append(v.Conditions, condition.True(v1alpha1.ConditionStalled, ready.Reason, ready.Message))
	}
	return v
}

func channelReady(in ChannelInput) metav1.Condition {
	const t = v1alpha1.ConditionReady
	switch {
	case !in.Accepted:
		return condition.False(t, v1alpha1.ReasonAddressNotAllowed, "The address is not one that notifications may reach: https or TLS to a public address on port 443, 465 or 587, or one of the operator's flag --notify-allow")
	case in.Lack != nil && in.Lack.Key == "":
		return condition.False(t, v1alpha1.ReasonSecretMissing, fmt.Sprintf("Secret %q does not exist in the operator's namespace; create it there", in.Lack.Secret))
	case in.Lack != nil:
		return condition.False(t, v1alpha1.ReasonSecretIncomplete, fmt.Sprintf("Secret %q in the operator's namespace has no key %q; add it", in.Lack.Secret, in.Lack.Key))
	default:
		return condition.True(t, v1alpha1.ReasonConfigured, "The channel can be used")
	}
}

func reachable(v ChannelVerdict) metav1.Condition {
	const t = v1alpha1.ConditionReachable
	switch {
	case v.LastDeliveredTime == nil && v.LastFailureTime == nil:
		return condition.Unknown(t, v1alpha1.ReasonNeverUsed, "No message was sent through the channel yet")
	case v.LastFailureTime == nil || v.LastDeliveredTime != nil && !v.LastFailureTime.After(v.LastDeliveredTime.Time):
		return condition.True(t, v1alpha1.ReasonLastDelivered, "The last message was accepted")
	default:
		return condition.False(t, v1alpha1.ReasonLastFailed, "The last message was not accepted; its Notification says why")
	}
}

func later(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && b.After(a.Time) {
		return b
	}
	return a
}
