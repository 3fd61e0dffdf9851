package notice

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	v1alpha1ac "github.com/rempart-dev/rempart/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
)

// Erasures writes the messages to recipients of an erasure (Article 19).
type Erasures struct{}

// Reminders are the messages that a stage of a request's clock wants: one to each address of the officer's channels. Channels are
// those that exist, by name.
func (Erasures) Reminders(request *v1alpha1.ErasureRequest, officer *v1alpha1.DataProtectionOfficer, channels map[v1alpha1.ObjectName]*v1alpha1.NotificationChannel, stage v1alpha1.PartName) []Draft {
	zone, err := time.LoadLocation(officer.Spec.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	shown := func(at *metav1.Time) string {
		if at == nil {
			return ""
		}
		return at.In(zone).Format(time.RFC3339)
	}
	template, event := templateOf(erasure.Untold(request), erasure.Passed(stage))
	var drafts []Draft
	for _, name := range officer.Spec.Channels {
		for index := int32(1); index <= Addresses(channels[name]); index++ {
			drafts = append(drafts, Draft{
				Subject: Subject{Kind: "ErasureRequest", Namespace: request.Namespace, Name: request.Name, UID: string(request.UID)},
				Cause:   v1alpha1.NotificationCause{Event: event, Stage: stage, Ordinal: 1},
				Channel: name, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceOfficer, Index: index},
				Template: template, Language: LanguageOf(channels[name], officer.Spec.Language),
				Parameters: map[string]string{"namespace": request.Namespace, "name": request.Name,
					"dueTime": shown(request.Status.DueTime), "legalDueTime": shown(request.Status.LegalDueTime)},
			})
		}
	}
	return drafts
}

// templateOf is the text about an answer that is due, or about a refusal of which the person is to be told.
func templateOf(refusal, passed bool) (string, v1alpha1.NotificationEvent) {
	switch {
	case refusal && passed:
		return TemplateRefusalOverdue, v1alpha1.EventErasureOverdue
	case refusal:
		return TemplateRefusalDue, v1alpha1.EventErasureDue
	case passed:
		return TemplateErasureOverdue, v1alpha1.EventErasureOverdue
	default:
		return TemplateErasureDue, v1alpha1.EventErasureDue
	}
}

// Reminder is a draft with its owner.
func (Erasures) Reminder(request *v1alpha1.ErasureRequest, d Draft) runtime.ApplyConfiguration {
	return owned(d.Apply(), request)
}

// Name of the message to a recipient.
func (Erasures) Name(request *v1alpha1.ErasureRequest, d erasure.Disclosure) string {
	return recipientDraft(request, d).Name()
}

// Message to a recipient. It names the recipient and the register, never the person.
func (Erasures) Message(request *v1alpha1.ErasureRequest, d erasure.Disclosure) runtime.ApplyConfiguration {
	return owned(recipientDraft(request, d).Apply(), request)
}

func owned(n *v1alpha1ac.NotificationApplyConfiguration, request *v1alpha1.ErasureRequest) *v1alpha1ac.NotificationApplyConfiguration {
	return n.WithOwnerReferences(metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("ErasureRequest").
		WithName(request.Name).WithUID(request.UID).WithController(true).WithBlockOwnerDeletion(true))
}

// recipientDraft carries recipient and register in the stage, so that two registers with one recipient make two messages.
func recipientDraft(request *v1alpha1.ErasureRequest, d erasure.Disclosure) Draft {
	template := TemplateRecipient
	if d.Public {
		template = TemplatePublication
	}
	return Draft{
		Subject: Subject{Kind: "ErasureRequest", Namespace: request.Namespace, Name: request.Name, UID: string(request.UID)},
		Cause:   v1alpha1.NotificationCause{Event: v1alpha1.EventRecipientErasure, Stage: stageOf(d), Ordinal: max(1, d.Notice)},
		Channel: d.Channel, Recipient: v1alpha1.NotificationRecipient{Role: v1alpha1.AudienceNamed, Index: 1},
		Template: template, Language: v1alpha1.LanguageEnglish,
		Parameters: map[string]string{"namespace": request.Namespace, "name": request.Name, "register": string(d.Register), "recipient": string(d.Recipient)},
	}
}

// stageOf names recipient and register within a PartName.
func stageOf(d erasure.Disclosure) v1alpha1.PartName {
	return v1alpha1.PartName(cut(string(d.Recipient), 40) + "-" + shortDigest(string(d.Register)+"/"+string(d.Recipient)))
}
