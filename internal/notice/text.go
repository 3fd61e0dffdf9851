package notice

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Names of the embedded texts.
const (
	TemplateStage          = "stage"
	TemplateUnacknowledged = "unacknowledged"
	TemplateOverdue        = "overdue"
	TemplateControllers    = "controllers"
	TemplateComplement     = "complement"
	TemplateDeadLettered   = "dead-lettered"
	TemplateRecipient      = "recipient-erasure"
	TemplatePublication    = "publication-erasure"
	TemplateErasureOverdue = "erasure-overdue"
	TemplateDigest         = "officer-digest"
	TemplateException      = "exception-expiring"
	TemplateCheckpoint     = "consent-checkpoint"
	TemplateErasureDue     = "erasure-due"
	TemplateRefusalDue     = "refusal-due"
	TemplateRefusalOverdue = "refusal-overdue"
)

// Allowed are the parameters that a message may carry: names, times and numbers. Nothing that a person wrote as free
// text and nothing about a data subject.
var Allowed = []string{
	"channel", "clock", "detectedTime", "dueTime", "elapsedHours", "exception", "expiresTime", "legalDueTime", "missedStage", "missing", "name", "namespace",
	"ordinal", "recipient", "register", "stage", "awareTime", "acknowledgeDueTime",
	"registers", "openErasures", "overdueErasures", "openBreaches", "overdueBreaches", "nextDeadlineTime", "nextDeadlineFor",
	"logOrigin", "logSize", "logRoot", "logSignature", "logProblem",
}

// instants are the parameters that are shown as times.
var instants = []string{"detectedTime", "dueTime", "legalDueTime", "awareTime", "acknowledgeDueTime", "nextDeadlineTime", "expiresTime"}

type text struct{ subject, body string }

// texts by template, then language. ${name} is a parameter; a line whose parameter is absent is left out.
var texts = together(breachTexts, erasureTexts, officerTexts)

func together(groups ...map[string]map[v1alpha1.Language]text) map[string]map[v1alpha1.Language]text {
	all := map[string]map[v1alpha1.Language]text{}
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
}

// checkpoint is the signed note of a log, line by line as evidence.Checkpoint.Sign writes it.
const checkpoint = "${logOrigin}\n${logSize}\n${logRoot}\n\n— ${logOrigin} ${logSignature}"

// Message is what a recipient reads: by mail the text, by webhook the payload. Both follow from the Notification alone,
// so each attempt sends the same bytes.
type Message struct {
	Subject, Text string
	// Payload is JSON in the form of Standard Webhooks: {type, timestamp, data}.
	Payload []byte
}

// Render fills the text of a Notification. Parameters that are not allowed are left out.
func Render(n *v1alpha1.Notification, language v1alpha1.Language) (Message, error) {
	t, ok := texts[n.Spec.Template][language]
	if !ok {
		return Message{}, fmt.Errorf("rendering a message: there is no text %q in language %q", n.Spec.Template, language)
	}
	values := map[string]string{}
	for _, p := range n.Spec.Parameters {
		if slices.Contains(Allowed, p.Name) {
			values[p.Name] = clean(p.Value)
		}
	}
	message := Message{Subject: fill(t.subject, values), Text: fillLines(t.body, values)}
	payload, err := json.Marshal(event{
		Type: eventType(n.Spec.Cause.Event), Timestamp: n.CreationTimestamp.UTC().Format(time.RFC3339),
		Data: eventData{
			Kind: n.Spec.ObjectRef.Kind, Namespace: n.Namespace, Name: string(n.Spec.ObjectRef.Name), UID: n.Spec.ObjectRef.UID,
			Stage: string(n.Spec.Cause.Stage), Ordinal: max(n.Spec.Cause.Ordinal, 1), Role: string(n.Spec.Recipient.Role),
			Subject: message.Subject, Text: message.Text, Parameters: values,
		},
	})
	if err != nil {
		return Message{}, fmt.Errorf("rendering a message: %w", err)
	}
	message.Payload = payload
	return message, nil
}

type event struct {
	Type      string    `json:"type"`
	Timestamp string    `json:"timestamp"`
	Data      eventData `json:"data"`
}

type eventData struct {
	Kind       string            `json:"kind"`
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	UID        string            `json:"uid"`
	Stage      string            `json:"stage,omitempty"`
	Ordinal    int32             `json:"ordinal"`
	Role       string            `json:"role"`
	Subject    string            `json:"subject"`
	Text       string            `json:"text"`
	Parameters map[string]string `json:"parameters"`
}

// eventType is the name that a webhook's receiver filters by.
func eventType(e v1alpha1.NotificationEvent) string {
	switch e {
	case v1alpha1.EventStageFired:
		return "breach.stage_fired"
	case v1alpha1.EventComplementDue:
		return "breach.complement_due"
	case v1alpha1.EventDeadLettered:
		return "breach.message_dead_lettered"
	case v1alpha1.EventRecipientErasure:
		return "erasure.recipient"
	case v1alpha1.EventErasureOverdue:
		return "erasure.overdue"
	case v1alpha1.EventOfficerDigest:
		return "officer.digest"
	case v1alpha1.EventExceptionExpiring:
		return "residency.exception_expiring"
	case v1alpha1.EventConsentCheckpoint:
		return "consent.checkpoint"
	case v1alpha1.EventErasureDue:
		return "erasure.due"
	default:
		return "unknown"
	}
}

// fillLines leaves out each line that has a parameter without a value.
func fillLines(body string, values map[string]string) string {
	var lines []string
	for line := range strings.SplitSeq(body, "\n") {
		if !slices.ContainsFunc(parametersOf(line), func(name string) bool { return values[name] == "" }) {
			lines = append(lines, fill(line, values))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func fill(line string, values map[string]string) string {
	for _, name := range parametersOf(line) {
		value := values[name]
		if slices.Contains(instants, name) {
			value = shown(value)
		}
		line = strings.ReplaceAll(line, "${"+name+"}", value)
	}
	return line
}

// parametersOf lists the parameters of a text in the order of first use.
func parametersOf(text string) []string {
	var names []string
	for {
		_, after, ok := strings.Cut(text, "${")
		if !ok {
			return names
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return names
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		text = rest
	}
}

// shown writes an instant for people, in the offset that it came with.
func shown(instant string) string {
	at, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		return instant
	}
	return at.Format("2006-01-02 15:04 -07:00")
}

// clean keeps a value on one line and without our own marks: it cannot start a header, a line or a parameter.
func clean(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '$' || r == '{' || r == '}' || r == '\u2028' || r == '\u2029' || r == '\u0085' {
			return -1
		}
		return r
	}, value)
}
