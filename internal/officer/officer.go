// Package officer counts what a data protection officer answers for, and judges whether the officer is appointed as
// Article 37 asks and can be reached. It is pure: time and the world are inputs.
package officer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// look is the longest wait between two counts.
const look = time.Hour

// Input is what one pass knows.
type Input struct {
	Officer *v1alpha1.DataProtectionOfficer
	// Registers is the number of DataRegisters that name the officer.
	Registers int
	// Requests of the namespaces of those registers that have not ended. Each is there once.
	Requests []v1alpha1.ErasureRequest
	// Breaches that name the officer.
	Breaches []v1alpha1.BreachIncident
	// Messages to the officer's channels.
	Messages []v1alpha1.Notification
	Now      time.Time
}

// Verdict is what a pass came to.
type Verdict struct {
	Conditions []metav1.Condition
	// Registers, open and overdue things.
	Registers, OpenRequests, OverdueRequests, OpenBreaches, OverdueBreaches int32
	// NextTime is the earliest due time of what is open, be it past; nil when nothing is due. NextFor names it.
	NextTime *metav1.Time
	NextFor  string
	// Wait is when to look again: when the next due time passes, and at least once an hour.
	Wait time.Duration
}

// due is one open thing with its due time; a nil time is not known yet.
type due struct {
	name    string
	time    *metav1.Time
	overdue bool
}

// Judge counts, and judges the officer.
func Judge(in Input) Verdict {
	requests, breaches := requestsDue(in), breachesDue(in)
	verdict := Verdict{
		Registers:    count(in.Registers),
		OpenRequests: count(len(requests)), OverdueRequests: overdue(requests),
		OpenBreaches: count(len(breaches)), OverdueBreaches: overdue(breaches),
		Conditions: []metav1.Condition{ready(in.Officer), appointed(in.Officer), reachable(in)},
	}
	if stuck := verdict.Conditions[0]; stuck.Status == metav1.ConditionFalse {
		verdict.Conditions = append(verdict.Conditions, condition.New(v1alpha1.ConditionStalled, metav1.ConditionTrue, stuck.Reason, stuck.Message))
	}
	all := slices.Concat(requests, breaches)
	if next, found := earliest(all); found {
		verdict.NextTime, verdict.NextFor = next.time, next.name
	}
	verdict.Wait = wait(all, in.Now)
	return verdict
}

func count(n int) int32 { return int32(min(n, 1<<30)) }

func overdue(all []due) int32 {
	n := 0
	for _, d := range all {
		if d.overdue {
			n++
		}
	}
	return count(n)
}

// requestsDue are the requests that have not ended, and refusals of which the person was not told. A request is overdue as its condition says.
func requestsDue(in Input) []due {
	var open []due
	for i := range in.Requests {
		r := &in.Requests[i]
		if !erasure.Open(r) {
			continue
		}
		d := due{name: "ErasureRequest " + r.Namespace + "/" + r.Name, time: r.Status.DueTime, overdue: erasure.Overdue(r, in.Now)}
		if !d.overdue && passed(d.time, in.Now) { // the person knows of the hold that is all it waits for
			d.time = nil
		}
		open = append(open, d)
	}
	return open
}

// breachesDue are the incidents with a duty open: those whose Ready is not True.
func breachesDue(in Input) []due {
	var open []due
	for i := range in.Breaches {
		b := &in.Breaches[i]
		if meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady) {
			continue
		}
		at := breachDue(b)
		late := meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionOverdue) || passed(at, in.Now)
		open = append(open, due{name: "BreachIncident " + b.Namespace + "/" + b.Name, time: at, overdue: late})
	}
	return open
}

// breachDue is the earliest due time of the duties that are not met; the clock's while no duty is known.
func breachDue(b *v1alpha1.BreachIncident) *metav1.Time {
	var first *metav1.Time
	for _, duty := range b.Status.Obligations {
		open := duty.State == v1alpha1.DutyOpen || duty.State == v1alpha1.DutyOverdue
		if open && duty.DueTime != nil && (first == nil || duty.DueTime.Before(first)) {
			first = duty.DueTime
		}
	}
	if len(b.Status.Obligations) == 0 && b.Status.Clock != nil {
		return b.Status.Clock.DueTime
	}
	return first
}

func passed(at *metav1.Time, now time.Time) bool { return at != nil && !now.Before(at.Time) }

// earliest returns what is due first, the name deciding a tie.
func earliest(all []due) (due, bool) {
	timed := slices.DeleteFunc(slices.Clone(all), func(d due) bool { return d.time == nil })
	if len(timed) == 0 {
		return due{}, false
	}
	return slices.MinFunc(timed, func(a, b due) int {
		return cmp.Or(a.time.Compare(b.time.Time), cmp.Compare(a.name, b.name))
	}), true
}

// wait is until the next due time that lies ahead has passed: then something becomes overdue.
func wait(all []due, now time.Time) time.Duration {
	soonest := look
	for _, d := range all {
		if d.time != nil && now.Before(d.time.Time) {
			soonest = min(soonest, d.time.Sub(now)+time.Second)
		}
	}
	return soonest
}

// ready is True when all that the spec asks for is done.
func ready(o *v1alpha1.DataProtectionOfficer) metav1.Condition {
	if _, err := time.LoadLocation(o.Spec.TimeZone); err != nil || o.Spec.TimeZone == "Local" {
		return condition.New(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTimeZoneUnknown,
			fmt.Sprintf("spec.timeZone %q is not in the IANA database; use a name such as Europe/Paris", o.Spec.TimeZone))
	}
	if reason, message := digestReady(o); reason != "" {
		return condition.New(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	}
	return condition.New(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonCounted, "Registers, requests and breaches of the officer are counted")
}

// appointed judges what Article 37(7) asks to publish and to communicate: who the officer is, how to reach the officer;
// and since when, which the authority's form asks for.
func appointed(o *v1alpha1.DataProtectionOfficer) metav1.Condition {
	switch officer := o.Spec.Officer; {
	case officer.Email == "" && officer.Phone == "":
		return condition.New(v1alpha1.ConditionAppointed, metav1.ConditionFalse, v1alpha1.ReasonContactMissing,
			"The officer has neither e-mail address nor phone (Article 37(7)); set spec.officer.email or phone")
	case officer.AppointedOn == "":
		return condition.New(v1alpha1.ConditionAppointed, metav1.ConditionFalse, v1alpha1.ReasonAppointmentDateMissing,
			"The day of the appointment is not stated; set spec.officer.appointedOn")
	default:
		return condition.New(v1alpha1.ConditionAppointed, metav1.ConditionTrue, v1alpha1.ReasonAppointed, "The officer's name, contact and day of appointment are stated")
	}
}

// reachable judges by the last message to the officer that was tried.
func reachable(in Input) metav1.Condition {
	channels := in.Officer.Spec.Channels
	if len(channels) == 0 {
		return condition.New(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonChannelsMissing,
			"spec.channels is empty, so that no message reaches the officer; name a NotificationChannel")
	}
	last, found := lastTried(in.Messages, channels)
	switch {
	case !found:
		return condition.New(v1alpha1.ConditionReachable, metav1.ConditionUnknown, v1alpha1.ReasonNoMessageYet, "No message was sent to the officer yet")
	case last.Status.LastResult == v1alpha1.DeliveryAccepted:
		return condition.New(v1alpha1.ConditionReachable, metav1.ConditionTrue, v1alpha1.ReasonLastMessageArrived,
			fmt.Sprintf("Channel %q accepted the last message to the officer", last.Spec.ChannelRef.Name))
	default:
		return condition.New(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonLastMessageFailed,
			fmt.Sprintf("Channel %q did not accept the last message to the officer (%s); check the channel", last.Spec.ChannelRef.Name, last.Status.LastResult))
	}
}

// lastTried returns the message to the officer whose last attempt is the newest, the name deciding a tie.
func lastTried(messages []v1alpha1.Notification, channels []v1alpha1.ObjectName) (v1alpha1.Notification, bool) {
	tried := slices.DeleteFunc(slices.Clone(messages), func(n v1alpha1.Notification) bool {
		return n.Spec.Recipient.Role != v1alpha1.AudienceOfficer || !slices.Contains(channels, n.Spec.ChannelRef.Name) ||
			n.Status.LastResult == "" || n.Status.LastAttemptTime == nil
	})
	if len(tried) == 0 {
		return v1alpha1.Notification{}, false
	}
	return slices.MaxFunc(tried, func(a, b v1alpha1.Notification) int {
		return cmp.Or(a.Status.LastAttemptTime.Compare(b.Status.LastAttemptTime.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	}), true
}
