package notice

import "github.com/rempart-dev/rempart/api/v1alpha1"

// erasureTexts are about requests of people, to officers and, by Article 19, to recipients.
var erasureTexts = map[string]map[v1alpha1.Language]text{
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
	TemplatePublication: {
		v1alpha1.LanguageEnglish: {
			"Erasure of data that were made public: ${namespace}/${name}",
			`Personal data that we made public (${recipient}, register ${register}) were erased here at the request of the person concerned. Please take the steps that are reasonable, by the technology at hand and the cost, to tell those who have the data that links to them, copies and replications are to be erased (Article 17(2) GDPR). Our reference is ${namespace}/${name}; our data protection officer tells you through the agreed contact whom it concerns.`,
		},
		v1alpha1.LanguageFrench: {
			"Effacement de données rendues publiques : ${namespace}/${name}",
			`Des données à caractère personnel que nous avons rendues publiques (${recipient}, registre ${register}) ont été effacées ici à la demande de la personne concernée. Merci de prendre les mesures raisonnables, compte tenu des technologies disponibles et des coûts, pour informer ceux qui traitent ces données que les liens vers elles, leurs copies et leurs reproductions sont à effacer (article 17, paragraphe 2, du RGPD). Notre référence est ${namespace}/${name} ; notre délégué à la protection des données vous indique par le contact convenu de qui il s'agit.`,
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
	TemplateRefusalDue: {
		v1alpha1.LanguageEnglish: {
			"Refused erasure request ${namespace}/${name}: tell the person soon",
			`The erasure request ${name} in namespace ${namespace} was refused, and nothing says that the person knows. Within a month of receipt they are told the reasons, and that they may complain to a supervisory authority and go to court (Article 12(4) GDPR).
Safe target: ${dueTime}
Legal limit: ${legalDueTime}
The letter: kubectl gdpr letter ${name} -n ${namespace}
When it is sent: kubectl gdpr told ${name} -n ${namespace}`,
		},
		v1alpha1.LanguageFrench: {
			"Demande d'effacement refusée ${namespace}/${name} : informez bientôt la personne",
			`La demande d'effacement ${name} de l'espace ${namespace} a été refusée, et rien n'indique que la personne le sache. Dans le mois qui suit la réception, elle est informée des motifs et de la possibilité d'introduire une réclamation auprès d'une autorité de contrôle et de former un recours juridictionnel (article 12, paragraphe 4, du RGPD).
Objectif sûr : ${dueTime}
Limite légale : ${legalDueTime}
La lettre : kubectl gdpr letter ${name} -n ${namespace} --language fr
Une fois envoyée : kubectl gdpr told ${name} -n ${namespace}`,
		},
	},
	TemplateRefusalOverdue: {
		v1alpha1.LanguageEnglish: {
			"OVERDUE: the person does not know of the refusal of ${namespace}/${name}",
			`The erasure request ${name} in namespace ${namespace} was refused, and the safe target for telling the person has passed (Article 12(4) GDPR). Tell them now, late as it is.
Safe target: ${dueTime}
Legal limit: ${legalDueTime}
The letter: kubectl gdpr letter ${name} -n ${namespace}
When it is sent: kubectl gdpr told ${name} -n ${namespace}`,
		},
		v1alpha1.LanguageFrench: {
			"EN RETARD : la personne ignore le refus de ${namespace}/${name}",
			`La demande d'effacement ${name} de l'espace ${namespace} a été refusée, et l'objectif sûr pour en informer la personne est dépassé (article 12, paragraphe 4, du RGPD). Informez-la maintenant, même tard.
Objectif sûr : ${dueTime}
Limite légale : ${legalDueTime}
La lettre : kubectl gdpr letter ${name} -n ${namespace} --language fr
Une fois envoyée : kubectl gdpr told ${name} -n ${namespace}`,
		},
	},
}
