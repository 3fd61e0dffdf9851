package notice

import (
	"encoding/json"
	"fmt"
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
	TemplateErasureOverdue = "erasure-overdue"
	TemplateDigest         = "officer-digest"
	TemplateException      = "exception-expiring"
	TemplateCheckpoint     = "consent-checkpoint"
	TemplateErasureDue     = "erasure-due"
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
var texts = map[string]map[v1alpha1.Language]text{
	TemplateStage: {
		v1alpha1.LanguageEnglish: {
			"Breach ${namespace}/${name}: stage ${stage}",
			`The breach incident ${name} in namespace ${namespace} has reached stage ${stage}.
Detected: ${detectedTime}
Aware: ${awareTime}
Hours since the clock started: ${elapsedHours}
Safe target: ${dueTime}
Legal limit (Article 33(1) GDPR): ${legalDueTime}
Please acknowledge before: ${acknowledgeDueTime}
Reminder number ${ordinal}
Look: kubectl -n ${namespace} describe breachincident ${name}`,
		},
		v1alpha1.LanguageFrench: {
			"Violation ${namespace}/${name} : étape ${stage}",
			`L'incident ${name} de l'espace ${namespace} a atteint l'étape ${stage}.
Détecté : ${detectedTime}
Prise de connaissance : ${awareTime}
Heures depuis le début du décompte : ${elapsedHours}
Objectif sûr : ${dueTime}
Limite légale (article 33, paragraphe 1, du RGPD) : ${legalDueTime}
Merci d'accuser réception avant : ${acknowledgeDueTime}
Rappel numéro ${ordinal}
À voir : kubectl -n ${namespace} describe breachincident ${name}`,
		},
	},
	TemplateUnacknowledged: {
		v1alpha1.LanguageEnglish: {
			"Breach ${namespace}/${name}: nobody answered stage ${missedStage}",
			`Nobody acknowledged stage ${missedStage} of the breach incident ${name} in namespace ${namespace} in time. Stage ${stage} follows at once.
Detected: ${detectedTime}
Aware: ${awareTime}
Hours since the clock started: ${elapsedHours}
Safe target: ${dueTime}
Legal limit (Article 33(1) GDPR): ${legalDueTime}
Please acknowledge before: ${acknowledgeDueTime}
Look: kubectl -n ${namespace} describe breachincident ${name}`,
		},
		v1alpha1.LanguageFrench: {
			"Violation ${namespace}/${name} : étape ${missedStage} sans réponse",
			`Personne n'a accusé réception à temps de l'étape ${missedStage} de l'incident ${name} de l'espace ${namespace}. L'étape ${stage} suit immédiatement.
Détecté : ${detectedTime}
Prise de connaissance : ${awareTime}
Heures depuis le début du décompte : ${elapsedHours}
Objectif sûr : ${dueTime}
Limite légale (article 33, paragraphe 1, du RGPD) : ${legalDueTime}
Merci d'accuser réception avant : ${acknowledgeDueTime}
À voir : kubectl -n ${namespace} describe breachincident ${name}`,
		},
	},
	TemplateOverdue: {
		v1alpha1.LanguageEnglish: {
			"OVERDUE: breach ${namespace}/${name}, stage ${stage}",
			`The breach incident ${name} in namespace ${namespace} is overdue: its safe target has passed and a duty is open. A later notification needs reasons for the delay (Article 33(1) GDPR).
Detected: ${detectedTime}
Aware: ${awareTime}
Hours since the clock started: ${elapsedHours}
Safe target: ${dueTime}
Legal limit: ${legalDueTime}
Reminder number ${ordinal}
Look: kubectl -n ${namespace} describe breachincident ${name}`,
		},
		v1alpha1.LanguageFrench: {
			"EN RETARD : violation ${namespace}/${name}, étape ${stage}",
			`L'incident ${name} de l'espace ${namespace} est en retard : son objectif sûr est passé et une obligation reste ouverte. Une notification tardive doit donner les motifs du retard (article 33, paragraphe 1, du RGPD).
Détecté : ${detectedTime}
Prise de connaissance : ${awareTime}
Heures depuis le début du décompte : ${elapsedHours}
Objectif sûr : ${dueTime}
Limite légale : ${legalDueTime}
Rappel numéro ${ordinal}
À voir : kubectl -n ${namespace} describe breachincident ${name}`,
		},
	},
	TemplateControllers: {
		v1alpha1.LanguageEnglish: {
			"Personal data breach ${namespace}/${name}",
			`We process personal data on your behalf and have become aware of a personal data breach (Article 33(2) GDPR), which we keep as ${namespace}/${name}.
Aware: ${awareTime}
Your own period of 72 hours starts when you learn of it. Our data protection officer will send you what is known.`,
		},
		v1alpha1.LanguageFrench: {
			"Violation de données à caractère personnel ${namespace}/${name}",
			`Nous traitons des données à caractère personnel pour votre compte et avons pris connaissance d'une violation (article 33, paragraphe 2, du RGPD), que nous suivons sous ${namespace}/${name}.
Prise de connaissance : ${awareTime}
Votre propre délai de 72 heures commence lorsque vous l'apprenez. Notre délégué à la protection des données vous transmettra ce qui est connu.`,
		},
	},
	TemplateComplement: {
		v1alpha1.LanguageEnglish: {
			"Breach ${namespace}/${name}: the complement is owed",
			`The authority was told in part of the breach incident ${name} in namespace ${namespace}. Please send what was missing as soon as it is known (Article 33(4) GDPR).
Hours since the clock started: ${elapsedHours}
Look: kubectl -n ${namespace} describe breachincident ${name}`,
		},
		v1alpha1.LanguageFrench: {
			"Violation ${namespace}/${name} : complément attendu",
			`L'autorité a reçu une notification incomplète de l'incident ${name} de l'espace ${namespace}. Merci d'envoyer ce qui manquait dès que possible (article 33, paragraphe 4, du RGPD).
Heures depuis le début du décompte : ${elapsedHours}
À voir : kubectl -n ${namespace} describe breachincident ${name}`,
		},
	},
	TemplateDeadLettered: {
		v1alpha1.LanguageEnglish: {
			"Breach ${namespace}/${name}: a message did not arrive",
			`A message about the breach incident ${name} in namespace ${namespace}, stage ${stage}, could not be delivered through channel ${channel} and was given up. Please tell those concerned another way, and repair the channel.
Safe target: ${dueTime}
Look: kubectl -n ${namespace} get notifications`,
		},
		v1alpha1.LanguageFrench: {
			"Violation ${namespace}/${name} : un message n'est pas arrivé",
			`Un message concernant l'incident ${name} de l'espace ${namespace}, étape ${stage}, n'a pas pu être remis par le canal ${channel} et a été abandonné. Merci de prévenir les personnes concernées autrement et de réparer le canal.
Objectif sûr : ${dueTime}
À voir : kubectl -n ${namespace} get notifications`,
		},
	},
	TemplateRecipient: {
		v1alpha1.LanguageEnglish: {
			"Erasure of personal data: ${namespace}/${name}",
			`Personal data that we disclosed to you as ${recipient} (register ${register}) were erased here at the request of the person concerned. Please erase them too (Article 19 GDPR). Our reference is ${namespace}/${name}; our data protection officer tells you through the agreed contact whom it concerns.`,
		},
		v1alpha1.LanguageFrench: {
			"Effacement de données à caractère personnel : ${namespace}/${name}",
			`Des données à caractère personnel que nous vous avons communiquées en tant que ${recipient} (registre ${register}) ont été effacées ici à la demande de la personne concernée. Merci de les effacer également (article 19 du RGPD). Notre référence est ${namespace}/${name} ; notre délégué à la protection des données vous indique par le contact convenu de qui il s'agit.`,
		},
	},
	TemplateErasureDue: {
		v1alpha1.LanguageEnglish: {
			"Erasure request ${namespace}/${name} is due soon",
			`The erasure request ${name} in namespace ${namespace} waits for its answer (Article 12(3) GDPR).
Safe target: ${dueTime}
Legal limit: ${legalDueTime}
Look: kubectl gdpr status ${name} -n ${namespace}`,
		},
		v1alpha1.LanguageFrench: {
			"Demande d'effacement ${namespace}/${name} : échéance proche",
			`La demande d'effacement ${name} de l'espace ${namespace} attend sa réponse (article 12, paragraphe 3, du RGPD).
Objectif sûr : ${dueTime}
Limite légale : ${legalDueTime}
À voir : kubectl gdpr status ${name} -n ${namespace}`,
		},
	},
	TemplateErasureOverdue: {
		v1alpha1.LanguageEnglish: {
			"OVERDUE: erasure request ${namespace}/${name}",
			`The erasure request ${name} in namespace ${namespace} has passed its safe target (Article 12(3) GDPR).
Safe target: ${dueTime}
Legal limit: ${legalDueTime}
Look: kubectl -n ${namespace} describe erasurerequest ${name}`,
		},
		v1alpha1.LanguageFrench: {
			"EN RETARD : demande d'effacement ${namespace}/${name}",
			`La demande d'effacement ${name} de l'espace ${namespace} a dépassé son objectif sûr (article 12, paragraphe 3, du RGPD).
Objectif sûr : ${dueTime}
Limite légale : ${legalDueTime}
À voir : kubectl -n ${namespace} describe erasurerequest ${name}`,
		},
	},
	TemplateDigest: {
		v1alpha1.LanguageEnglish: {
			"Digest of ${name}: ${overdueErasures} erasures and ${overdueBreaches} breaches overdue",
			`What the data protection officer ${name} answers for:
Registers: ${registers}
Erasure requests open: ${openErasures}, past their safe target: ${overdueErasures}
Breaches with an open duty: ${openBreaches}, overdue: ${overdueBreaches}
Next deadline: ${nextDeadlineTime}, ${nextDeadlineFor}
Look: kubectl describe dataprotectionofficer ${name}
The evidence log needs you: ${logProblem}. See status of the requests that wait for their certificate.

Please keep this message: the lines below are the signed state of the evidence log (${logSize} leaves). Saved as a file they show, by kubectl gdpr verify --seen, that nobody has shortened or rewritten the log since.

` + checkpoint,
		},
		v1alpha1.LanguageFrench: {
			"Point de ${name} : ${overdueErasures} effacements et ${overdueBreaches} violations en retard",
			`Ce dont répond le délégué à la protection des données ${name} :
Registres : ${registers}
Demandes d'effacement en cours : ${openErasures}, objectif sûr dépassé : ${overdueErasures}
Violations avec une obligation ouverte : ${openBreaches}, en retard : ${overdueBreaches}
Prochaine échéance : ${nextDeadlineTime}, ${nextDeadlineFor}
À voir : kubectl describe dataprotectionofficer ${name}
Le journal des preuves demande votre intervention : ${logProblem}. Voir l'état des demandes qui attendent leur certificat.

Merci de conserver ce message : les lignes ci-dessous sont l'état signé du journal des preuves (${logSize} feuilles). Enregistrées dans un fichier, elles montrent, par kubectl gdpr verify --seen, que personne n'a raccourci ni réécrit le journal depuis.

` + checkpoint,
		},
	},
	TemplateException: {
		v1alpha1.LanguageEnglish: {
			"Residency exception ${exception} in ${namespace} ends soon",
			`The exception ${exception} of the ResidencyPolicy ${name} ends within thirty days. It lets personal data of namespace ${namespace} lie where the policy does not allow it (Articles 44 to 49 GDPR).
Ends: ${expiresTime}
What it let in stays then, and is a violation. Please have it moved before, or the exception prolonged if its grounds still hold.
Look: kubectl get residencypolicy ${name} -o yaml`,
		},
		v1alpha1.LanguageFrench: {
			"L'exception de résidence ${exception} de ${namespace} prend bientôt fin",
			`L'exception ${exception} de la politique de résidence ${name} prend fin dans les trente jours. Elle permet à des données à caractère personnel de l'espace ${namespace} de se trouver là où la politique ne l'autorise pas (articles 44 à 49 du RGPD).
Fin : ${expiresTime}
Ce qu'elle a admis reste alors en place et constitue une violation. Merci de le faire déplacer auparavant, ou de faire prolonger l'exception si ses motifs tiennent toujours.
À voir : kubectl get residencypolicy ${name} -o yaml`,
		},
	},
	TemplateCheckpoint: {
		v1alpha1.LanguageEnglish: {
			"Consents of ${namespace}/${name}: ${logSize} events",
			`Please keep this message where nobody who runs the database of ConsentPolicy ${name} in namespace ${namespace} can change it: the lines below are the signed state of its log of consents (${logSize} events). They show later whether somebody has shortened or rewritten the log since.

` + checkpoint,
		},
		v1alpha1.LanguageFrench: {
			"Consentements de ${namespace}/${name} : ${logSize} événements",
			`Merci de conserver ce message là où personne qui administre la base de la ConsentPolicy ${name} de l'espace ${namespace} ne peut le modifier : les lignes ci-dessous sont l'état signé de son journal des consentements (${logSize} événements). Elles montreront si quelqu'un a raccourci ou réécrit le journal depuis.

` + checkpoint,
		},
	},
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
