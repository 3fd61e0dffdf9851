package notice

import (
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

// Exceptions are the messages that tell officers of exceptions that end soon: one to each address, once for each exception
// and end, in the exception's namespace. The same policy and audience always give the same messages.
func Exceptions(policy *v1alpha1.ResidencyPolicy, audience residency.Audience, now time.Time) []Draft {
	var drafts []Draft
	written := map[string]struct{}{}
	for _, e := range residency.Ending(policy, now) {
		for _, reader := range audience.Readers[v1alpha1.ObjectName(e.Namespace)] {
			for _, channel := range reader.Officer.Spec.Channels {
				for index := int32(1); index <= Addresses(audience.Channels[channel]); index++ {
					draft := exceptionDraft(policy, e, reader, channel, audience.Channels[channel], index)
					if _, twice := written[draft.Name()]; !twice { // two officers may share a channel
						written[draft.Name()] = struct{}{}
						drafts = append(drafts, draft)
					}
				}
			}
		}
	}
	return drafts
}

func exceptionDraft(policy *v1alpha1.ResidencyPolicy, e *v1alpha1.ResidencyException, reader residency.Reader, name v1alpha1.ObjectName, channel *v1alpha1.NotificationChannel, index int32) Draft {
	return Draft{
		Subject: Subject{Kind: "ResidencyPolicy", Namespace: string(e.Namespace), Name: policy.Name, UID: string(policy.UID)},
		Cause:   v1alpha1.NotificationCause{Event: v1alpha1.EventExceptionExpiring, Stage: endOf(e), Ordinal: 1},
		Channel: name, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: index},
		Template: TemplateException, Language: LanguageOf(channel, reader.Officer.Spec.Language),
		Parameters: map[string]string{"namespace": string(e.Namespace), "name": policy.Name, "exception": string(e.Name),
			"expiresTime": e.ExpiresTime.In(reader.Zone).Format(time.RFC3339)},
	}
}

// endOf names an exception with its namespace and end within a PartName: one that is prolonged is announced again.
func endOf(e *v1alpha1.ResidencyException) v1alpha1.PartName {
	whole := string(e.Namespace) + "/" + string(e.Name) + "/" + e.ExpiresTime.UTC().Format(time.RFC3339)
	return v1alpha1.PartName(cut(string(e.Name), 40) + "-" + shortDigest(whole))
}
