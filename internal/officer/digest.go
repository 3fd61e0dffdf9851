package officer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/notice"
)

// kept is how long a digest that was sent stays as an object.
const kept = 30 * 24 * time.Hour

// DigestInput is what a pass over an officer's digest knows.
type DigestInput struct {
	Officer *v1alpha1.DataProtectionOfficer
	// Namespace of the operator, where the messages are: an officer has none.
	Namespace string
	// Channels of the digest that exist, by name.
	Channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel
	// Sent are the digests of this officer that are there.
	Sent []v1alpha1.Notification
	// Head is the newest signed checkpoint of the evidence log; zero for a log without leaves.
	Head evidence.SignedHead
	// LogProblem is why the evidence log cannot be read, as a reason; empty when it can.
	LogProblem string
	Now        time.Time
}

// DigestVerdict is what a pass came to.
type DigestVerdict struct {
	// Messages that should exist: one to each address of each channel, when a digest is due.
	Messages []notice.Draft
	// Handed is the new lastDigestTime; nil when no digest is due.
	Handed *metav1.Time
	// Old are digests that may go: they ended, and are older than a month.
	Old []v1alpha1.Notification
	// Wait is until the next digest, and at most an hour; zero without a schedule.
	Wait time.Duration
}

// Digests decides whether a digest is due. Those that were missed while nobody looked are one digest: what they would have
// said is no longer so. The schedule is read in the officer's time zone.
func Digests(in DigestInput) DigestVerdict {
	verdict := DigestVerdict{Old: old(in)}
	due, next, ok := schedule(in.Officer, in.Now)
	if !ok {
		return verdict
	}
	counted := in.Officer.Status.Registers != nil
	if channels := DigestChannels(in.Officer); counted && !due.IsZero() && len(channels) > 0 {
		for _, name := range channels {
			verdict.Messages = append(verdict.Messages, digests(in, name, due)...)
		}
		verdict.Handed = ptr.To(metav1.NewTime(in.Now.Truncate(time.Second)))
	}
	verdict.Wait = min(look, next.Sub(in.Now))
	return verdict
}

// DigestChannels are the channels that carry the digest.
func DigestChannels(o *v1alpha1.DataProtectionOfficer) []v1alpha1.ObjectName {
	switch {
	case o.Spec.Digest == nil:
		return nil
	case len(o.Spec.Digest.Channels) > 0:
		return o.Spec.Digest.Channels
	default:
		return o.Spec.Channels
	}
}

// schedule returns the first instant of the schedule that has passed since the last digest, zero when none has, and the next
// one that lies ahead. Not ok: there is no schedule, or none that can be read.
func schedule(o *v1alpha1.DataProtectionOfficer, now time.Time) (due, next time.Time, ok bool) {
	if o.Spec.Digest == nil {
		return due, next, false
	}
	plan, err := cron.ParseStandard(o.Spec.Digest.Schedule)
	zone, unknown := time.LoadLocation(o.Spec.TimeZone)
	if err != nil || unknown != nil {
		return due, next, false
	}
	last := o.CreationTimestamp.Time
	if at := o.Status.LastDigestTime; at != nil {
		last = at.Time
	}
	if first := plan.Next(last.In(zone)); !first.IsZero() && !first.After(now) {
		due = first
	}
	next = plan.Next(now.In(zone))
	return due, next, !next.IsZero() // the 30th of February never comes
}

// digests are the messages through one channel. Their names follow from the instant they were due at: repeated, they are the same.
func digests(in DigestInput, name v1alpha1.ObjectName, due time.Time) []notice.Draft {
	o, channel := in.Officer, in.Channels[name]
	var drafts []notice.Draft
	for index := range notice.Addresses(channel) {
		drafts = append(drafts, notice.Draft{
			Subject: notice.Subject{Kind: "DataProtectionOfficer", Namespace: in.Namespace, Name: o.Name, UID: string(o.UID)},
			Cause: v1alpha1.NotificationCause{Event: v1alpha1.EventOfficerDigest, Ordinal: 1,
				Stage: v1alpha1.PartName(strings.ToLower(due.UTC().Format("digest-20060102t1504z")))},
			Channel: name, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: index + 1},
			Template: notice.TemplateDigest, Language: notice.LanguageOf(channel, o.Spec.Language), Parameters: parameters(in),
		})
	}
	return drafts
}

func parameters(in DigestInput) map[string]string {
	number := func(n *int32) string { return strconv.Itoa(int(ptr.Deref(n, 0))) }
	o, s, head := in.Officer, &in.Officer.Status, in.Head
	values := map[string]string{
		"name": o.Name, "registers": number(s.Registers),
		"openErasures": number(s.OpenErasureRequests), "overdueErasures": number(s.OverdueErasureRequests),
		"openBreaches": number(s.OpenBreaches), "overdueBreaches": number(s.OverdueBreaches),
		"logProblem": in.LogProblem,
	}
	if s.NextDeadlineTime != nil {
		values["nextDeadlineTime"], values["nextDeadlineFor"] = s.NextDeadlineTime.UTC().Format(time.RFC3339), s.NextDeadlineFor
	}
	if head.Size > 0 {
		values["logOrigin"], values["logSize"] = head.Origin, strconv.FormatInt(head.Size, 10)
		values["logRoot"], values["logSignature"] = head.Root, head.Signature
	}
	return values
}

// old are digests whose fate is known for a month.
func old(in DigestInput) []v1alpha1.Notification {
	var gone []v1alpha1.Notification
	for _, n := range in.Sent {
		if notice.Ended(&n) && in.Now.Sub(n.CreationTimestamp.Time) > kept {
			gone = append(gone, n)
		}
	}
	return gone
}

// digestReady objects to a digest that cannot be sent; empty when there is nothing to object to.
func digestReady(o *v1alpha1.DataProtectionOfficer) (reason, message string) {
	if o.Spec.Digest == nil {
		return "", ""
	}
	if _, err := cron.ParseStandard(o.Spec.Digest.Schedule); err != nil {
		return v1alpha1.ReasonDigestScheduleUnreadable, fmt.Sprintf("spec.digest.schedule %q is no cron expression of five fields; use one such as 0 8 * * 1-5", o.Spec.Digest.Schedule)
	}
	if len(DigestChannels(o)) == 0 {
		return v1alpha1.ReasonDigestWithoutChannel, "spec.digest is set, and neither it nor spec.channels names a channel; name a NotificationChannel"
	}
	return "", ""
}
