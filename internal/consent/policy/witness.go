package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/notice"
)

// WitnessInput is what a pass over the checkpoints that leave the cluster knows.
type WitnessInput struct {
	Policy *v1alpha1.ConsentPolicy
	// Channel that carries checkpoints; nil when there is none of its name.
	Channel *v1alpha1.NotificationChannel
	// Language of the controller's officer.
	Language v1alpha1.Language
	// Checkpoint that was copied out of the ledger last.
	Checkpoint Checkpoint
	// Sent are the messages with checkpoints of this policy that are there.
	Sent []v1alpha1.Notification
	Now  time.Time
}

// Witness returns the messages that should exist: one to each address, on each day (UTC) on which the log has grown since
// the last one. What contradicts the kept checkpoint is not sent on: what was sent before proves it. Wait is until the
// next day; zero when there is nobody to tell.
func Witness(in WitnessInput) (drafts []notice.Draft, wait time.Duration) {
	ref := in.Policy.Spec.Service.WitnessChannelRef
	if ref == nil {
		return nil, 0
	}
	tomorrow := in.Now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	wait = tomorrow.Sub(in.Now)
	origin, signature, signed := signatureOf(in.Checkpoint.Note)
	if !signed || in.Checkpoint.Size <= told(in.Sent) {
		return nil, wait
	}
	p := in.Policy
	for index := range notice.Addresses(in.Channel) {
		drafts = append(drafts, notice.Draft{
			Subject: notice.Subject{Kind: "ConsentPolicy", Namespace: p.Namespace, Name: p.Name, UID: string(p.UID)},
			Cause: v1alpha1.NotificationCause{Event: v1alpha1.EventConsentCheckpoint, Ordinal: 1,
				Stage: v1alpha1.PartName(in.Now.UTC().Format("checkpoint-20060102"))},
			Channel: ref.Name, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: index + 1},
			Template: notice.TemplateCheckpoint, Language: notice.LanguageOf(in.Channel, in.Language),
			Parameters: map[string]string{"name": p.Name, "namespace": p.Namespace, "logOrigin": origin,
				"logSize": strconv.FormatInt(in.Checkpoint.Size, 10), "logRoot": in.Checkpoint.Root, "logSignature": signature},
		})
	}
	return drafts, wait
}

// told is the largest size that a message has; -1 before the first.
func told(sent []v1alpha1.Notification) int64 {
	most := int64(-1)
	for i := range sent {
		for _, p := range sent[i].Spec.Parameters {
			if size, err := strconv.ParseInt(p.Value, 10, 64); p.Name == "logSize" && err == nil {
				most = max(most, size)
			}
		}
	}
	return most
}

// signatureOf returns the origin of a note and the first signature that has its name.
func signatureOf(note string) (origin, signature string, ok bool) {
	text, signatures, _ := strings.Cut(note, "\n\n")
	origin, _, _ = strings.Cut(text, "\n")
	for line := range strings.SplitSeq(signatures, "\n") {
		if signature, ok = strings.CutPrefix(line, "— "+origin+" "); ok && signature != "" {
			return origin, signature, true
		}
	}
	return "", "", false
}
