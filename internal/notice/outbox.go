package notice

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Envelope is all that a sender needs for one attempt.
type Envelope struct {
	// Channel says where to.
	Channel v1alpha1.NotificationChannelSpec
	// Index of the address within the channel; 1 is the first.
	Index int32
	// Key is the idempotency key, the same on each attempt.
	Key string
	Message
	// Time of the attempt.
	Time time.Time
	Secrets
}

// Secrets are what the channel's Secrets hold.
type Secrets struct {
	Username, Password telemetry.Redact
	// Signing keys of a webhook: the present one, and the previous one while rotating.
	Signing []telemetry.Redact
	// Roots are certificates in PEM; the system's when empty.
	Roots []byte
}

// Outcome is what an attempt came to.
type Outcome struct {
	Result v1alpha1.DeliveryResult
	// Permanent means that the receiver refused for good: trying again does not help.
	Permanent bool
	// RetryAfter is what the receiver asked for; zero when it asked nothing.
	RetryAfter time.Duration
	// MessageID under which the receiver knows the message.
	MessageID string
}

// Input is what a decision about a message needs.
type Input struct {
	Notification *v1alpha1.Notification
	// Channel is nil when it does not exist.
	Channel *v1alpha1.NotificationChannel
	// Attempts are the instants of the channel's last attempts, of all its messages.
	Attempts []time.Time
	Now      time.Time
}

// Ended tells whether the message was delivered or given up. An end is a fact.
func Ended(n *v1alpha1.Notification) bool {
	return n.Status.DeliveredTime != nil || meta.IsStatusConditionTrue(n.Status.Conditions, v1alpha1.ConditionDeadLettered)
}

// Rest is why no attempt is made now. The zero value means: attempt.
type Rest struct {
	Reason string
	Wait   time.Duration
}

// Due tells whether an attempt is due; if not, why and when to look again.
func Due(in Input) Rest {
	n := in.Notification
	switch {
	case Ended(n):
		return Rest{Reason: v1alpha1.ReasonDelivered}
	case n.Status.NextAttemptTime != nil && in.Now.Before(n.Status.NextAttemptTime.Time):
		return Rest{Reason: v1alpha1.ReasonAttemptFailed, Wait: n.Status.NextAttemptTime.Sub(in.Now)}
	}
	if wait := Throttled(in.Channel, in.Attempts, in.Now); wait > 0 {
		return Rest{Reason: v1alpha1.ReasonThrottled, Wait: wait}
	}
	return Rest{}
}

// Begin writes into status that an attempt is about to be made, with the time of the next one should this one be cut
// short. It is stored before anything is sent: an attempt is never forgotten.
func Begin(n *v1alpha1.Notification, now time.Time) {
	status := &n.Status
	at := metav1.NewTime(now.Truncate(time.Second))
	status.Attempts = ptr.To(ptr.Deref(status.Attempts, 0) + 1)
	status.LastAttemptTime = &at
	if status.FirstAttemptTime == nil {
		status.FirstAttemptTime = &at
	}
	next := metav1.NewTime(at.Add(Backoff(n.Spec.IdempotencyKey, *status.Attempts, interrupted)))
	status.NextAttemptTime = &next
	status.LastResult = ""
}

// interrupted is the least wait after an attempt whose end nobody saw: it may still be under way in a process that is
// about to end.
const interrupted = 30 * time.Second

// Verdict is what came of a pass.
type Verdict struct {
	Conditions []metav1.Condition
	Wait       time.Duration
	// GaveUp is true in the pass that gives the message up.
	GaveUp bool
}

// Conclude writes the outcome of an attempt into status, and tells whether it gives the message up.
func Conclude(in Input, o Outcome) (gaveUp bool, reason string) {
	status := &in.Notification.Status
	status.LastResult = o.Result
	if o.MessageID != "" {
		status.MessageID = o.MessageID
	}
	if o.Result == v1alpha1.DeliveryAccepted {
		at := metav1.NewTime(in.Now.Truncate(time.Second))
		status.DeliveredTime, status.NextAttemptTime = &at, nil
		return false, ""
	}
	next := in.Now.Truncate(time.Second).Add(Backoff(in.Notification.Spec.IdempotencyKey, ptr.Deref(status.Attempts, 1), o.RetryAfter))
	switch {
	case o.Permanent:
		reason = v1alpha1.ReasonRefusedForGood
	case next.Sub(status.FirstAttemptTime.Time) > RetryFor(in.Channel):
		reason = v1alpha1.ReasonRetriesExhausted
	default:
		at := metav1.NewTime(next)
		status.NextAttemptTime = &at
		return false, ""
	}
	status.NextAttemptTime = nil
	return true, reason
}

// Judge says how the message stands. GivenUp is the reason of Conclude, empty unless this pass gave up.
func Judge(in Input, rest Rest, givenUp string) Verdict {
	n := in.Notification
	if dead := meta.FindStatusCondition(n.Status.Conditions, v1alpha1.ConditionDeadLettered); dead != nil && dead.Status == metav1.ConditionTrue {
		givenUp = dead.Reason
	} else if givenUp != "" {
		verdict := deadLetter(givenUp, n.Status.LastResult)
		verdict.GaveUp = true
		return verdict
	}
	switch {
	case n.Status.DeliveredTime != nil:
		return Verdict{Conditions: []metav1.Condition{condition.True(v1alpha1.ConditionReady, v1alpha1.ReasonDelivered, "The receiving server accepted the message")}}
	case givenUp != "":
		return deadLetter(givenUp, n.Status.LastResult)
	case rest.Reason == v1alpha1.ReasonThrottled:
		return waiting(v1alpha1.ReasonThrottled, "The channel has carried its most messages of an hour; this one follows", rest.Wait)
	case n.Status.LastResult == "":
		return waiting(v1alpha1.ReasonSending, "An attempt is under way, or was cut short and is made again", wait(in))
	default:
		return waiting(v1alpha1.ReasonAttemptFailed, "The last attempt failed: "+sentence(n.Status.LastResult), wait(in))
	}
}

func wait(in Input) time.Duration {
	if next := in.Notification.Status.NextAttemptTime; next != nil {
		return max(shortestBackoff, next.Sub(in.Now))
	}
	return shortestBackoff
}

func waiting(reason, message string, wait time.Duration) Verdict {
	return Verdict{Wait: wait, Conditions: []metav1.Condition{
		condition.False(v1alpha1.ConditionReady, reason, message),
		condition.True(v1alpha1.ConditionReconciling, reason, message),
	}}
}

func deadLetter(reason string, last v1alpha1.DeliveryResult) Verdict {
	message := fmt.Sprintf("The message was given up: %s; tell those concerned another way and repair the channel", sentence(last))
	return Verdict{Conditions: []metav1.Condition{
		condition.False(v1alpha1.ConditionReady, reason, message),
		condition.True(v1alpha1.ConditionDeadLettered, reason, message),
		condition.True(v1alpha1.ConditionStalled, reason, message),
	}}
}

// sentence says in chosen words what a result means. It names no address.
func sentence(result v1alpha1.DeliveryResult) string {
	switch result {
	case v1alpha1.DeliveryAccepted:
		return "it was accepted"
	case v1alpha1.DeliveryTimeout:
		return "the receiver did not answer in time"
	case v1alpha1.DeliveryUnresolved:
		return "the receiver's name has no address"
	case v1alpha1.DeliveryBlocked:
		return "the receiver's address is not one that notifications may reach"
	case v1alpha1.DeliveryTLSFailed:
		return "the connection could not be encrypted, or the certificate is not trusted"
	case v1alpha1.DeliveryRefused:
		return "the receiver refused"
	case v1alpha1.DeliveryServerError:
		return "the receiver had an error of its own"
	case v1alpha1.DeliveryChannelMissing:
		return "the channel or one of its Secrets does not exist"
	default:
		return "the outcome is not known"
	}
}
