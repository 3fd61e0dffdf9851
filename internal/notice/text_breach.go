package notice

import "github.com/rempart-dev/rempart/api/v1alpha1"

// breachTexts are about incidents, to those who escalate them and to controllers that a processor works for.
var breachTexts = map[string]map[v1alpha1.Language]text{
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
}
