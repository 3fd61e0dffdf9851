package notice

import "github.com/rempart-dev/rempart/api/v1alpha1"

// officerTexts tell officers of what goes on, what is to end, what never arrived, and where the logs stand.
var officerTexts = map[string]map[v1alpha1.Language]text{
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
