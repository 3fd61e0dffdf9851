package breach

import (
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/notice"
)

// Kind of the incident, for owner references and messages.
const Kind = "BreachIncident"

// stageComplement stands in the name of the reminder that the complement is owed.
const stageComplement v1alpha1.PartName = "complement"

// A message is a draft.
type message = notice.Draft

// Desired returns the messages that should exist now and do not yet. A message is written once and never changed, so
// one that exists is not returned again; messages are kept as long as their incident. They exist before the status
// says that a stage fired: a crash in between sends them, once.
func Desired(in Input) []runtime.ApplyConfiguration {
	s := assess(in)
	exists := map[string]bool{}
	for i := range in.Notifications {
		exists[in.Notifications[i].Name] = true
	}
	var children []runtime.ApplyConfiguration
	for _, draft := range s.messages {
		if exists[draft.Name()] {
			continue
		}
		exists[draft.Name()] = true
		children = append(children, draft.Apply().WithOwnerReferences(ownedBy(in.Incident)))
	}
	return children
}

func ownedBy(incident *v1alpha1.BreachIncident) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind(Kind).
		WithName(incident.Name).WithUID(incident.UID).WithController(true).WithBlockOwnerDeletion(true)
}

// A route is a channel with the role of those whom it reaches.
type route struct {
	channel v1alpha1.ObjectName
	role    v1alpha1.AudienceRole
}

// tell writes the messages of a stage, and says whether there was anybody to tell.
func (s *state) tell(stage *v1alpha1.EscalationStage, ordinal int32, missed v1alpha1.PartName) bool {
	routes := s.routes(stage.Audiences)
	if len(routes) == 0 && s.Policy.Spec.FallbackChannelRef != nil {
		routes = []route{{s.Policy.Spec.FallbackChannelRef.Name, v1alpha1.AudienceOfficer}}
	}
	cause := v1alpha1.NotificationCause{Event: v1alpha1.EventStageFired, Stage: stage.Name, Ordinal: ordinal}
	for _, r := range routes {
		parameters := s.parameters(stage.Name)
		parameters["missedStage"] = string(missed)
		if ordinal > 1 {
			parameters["ordinal"] = strconv.Itoa(int(ordinal - 1))
		} else if within := hoursOf(stage.AcknowledgeWithin); within > 0 {
			parameters["acknowledgeDueTime"] = s.shown(s.Now.Add(within))
		}
		s.write(r, cause, s.template(r.role, missed), parameters)
	}
	return len(routes) > 0
}

// routes are the channels of the audiences, each once: the first role wins.
func (s *state) routes(audiences []v1alpha1.Audience) []route {
	var routes []route
	add := func(role v1alpha1.AudienceRole, channels ...v1alpha1.ObjectName) {
		for _, channel := range channels {
			if !slices.ContainsFunc(routes, func(r route) bool { return r.channel == channel }) {
				routes = append(routes, route{channel, role})
			}
		}
	}
	for _, a := range audiences {
		switch {
		case len(a.ChannelRefs) > 0:
			add(a.Role, a.ChannelRefs...)
		case a.Role == v1alpha1.AudienceOfficer:
			add(a.Role, s.Officer.Spec.Channels...)
		case a.Role == v1alpha1.AudienceManagement:
			add(a.Role, s.Officer.Spec.ManagementChannels...)
		case a.Role == v1alpha1.AudienceControllers:
			for _, c := range s.spec.Controllers {
				if c.ChannelRef != nil {
					add(a.Role, c.ChannelRef.Name)
				}
			}
		}
	}
	return routes
}

// write drafts one message per address of the channel.
func (s *state) write(r route, cause v1alpha1.NotificationCause, template string, parameters map[string]string) {
	channel := s.Channels[r.channel]
	for index := int32(1); index <= notice.Addresses(channel); index++ {
		s.messages = append(s.messages, message{
			Subject: notice.Subject{Kind: Kind, Namespace: s.Incident.Namespace, Name: s.Incident.Name, UID: string(s.Incident.UID)},
			Cause:   cause, Channel: r.channel, Recipient: v1alpha1.NotificationRecipient{Role: r.role, Index: index},
			Template: template, Language: notice.LanguageOf(channel, s.Officer.Spec.Language), Parameters: parameters,
		})
	}
}

func (s *state) template(role v1alpha1.AudienceRole, missed v1alpha1.PartName) string {
	late := s.aware() && !s.toldAuthority() && !s.Now.Before(s.new.Clock.DueTime.Time)
	switch {
	case role == v1alpha1.AudienceControllers:
		return notice.TemplateControllers
	case late:
		return notice.TemplateOverdue
	case missed != "":
		return notice.TemplateUnacknowledged
	default:
		return notice.TemplateStage
	}
}

// parameters are names, times and numbers: nothing that a person wrote as text.
func (s *state) parameters(stage v1alpha1.PartName) map[string]string {
	clock := s.new.Clock
	values := map[string]string{
		"namespace": s.Incident.Namespace, "name": s.Incident.Name, "stage": string(stage), "clock": string(clock.Source),
		"detectedTime": s.shown(timeOf(s.spec.DetectedTime)),
		"dueTime":      s.shown(timeOf(clock.DueTime)),
		"elapsedHours": strconv.FormatInt(int64(max(0, s.Now.Sub(clock.StartTime.Time))/time.Hour), 10),
	}
	if s.aware() {
		values["awareTime"] = s.shown(timeOf(s.spec.AwareTime))
	}
	if clock.LegalDueTime != nil {
		values["legalDueTime"] = s.shown(clock.LegalDueTime.Time)
	}
	return values
}

// shown writes an instant in the officer's zone.
func (s *state) shown(at time.Time) string { return at.In(s.Zone).Format(time.RFC3339) }

// complement reminds the officer, once and softly, that a first notification waits for its complement.
func (s *state) complement() {
	d := s.duties.authority
	if s.Officer == nil || d.Reason != v1alpha1.ReasonSubmittedIncomplete || d.DueTime == nil || s.Now.Before(d.DueTime.Time) {
		return
	}
	for _, channel := range s.Officer.Spec.Channels {
		s.write(route{channel, v1alpha1.AudienceOfficer}, v1alpha1.NotificationCause{Event: v1alpha1.EventComplementDue, Stage: stageComplement, Ordinal: 1},
			notice.TemplateComplement, s.parameters(stageComplement))
	}
}

// fallback tells the policy's fallback channel of each message that was given up, once per cause.
func (s *state) fallback() {
	if s.Policy == nil || s.Officer == nil || s.Policy.Spec.FallbackChannelRef == nil {
		return
	}
	channel := s.Policy.Spec.FallbackChannelRef.Name
	for i := range s.Notifications {
		n := &s.Notifications[i]
		if n.Spec.Cause.Event == v1alpha1.EventDeadLettered || n.Spec.ChannelRef.Name == channel ||
			!meta.IsStatusConditionTrue(n.Status.Conditions, v1alpha1.ConditionDeadLettered) {
			continue
		}
		cause := v1alpha1.NotificationCause{Event: v1alpha1.EventDeadLettered, Stage: n.Spec.Cause.Stage, Ordinal: n.Spec.Cause.Ordinal}
		parameters := s.parameters(n.Spec.Cause.Stage)
		parameters["channel"] = string(n.Spec.ChannelRef.Name)
		s.write(route{channel, n.Spec.Recipient.Role}, cause, notice.TemplateDeadLettered, parameters)
	}
}
