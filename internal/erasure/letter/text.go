package letter

import (
	"regexp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// text is the letter in one language, in our own words; %s are facts of the request.
type text struct {
	subject, greeting, opening   string
	article                      func(reference string) string
	law, until, note             string
	done                         map[v1alpha1.ErasureEnd]string
	kept, keptUntil, backups     string
	purposes, unsearched, byHand string
	complaint, court             string
	officer                      string
	noAuthority, noOrganisation  string
	reasons                      map[v1alpha1.RefusalReason]string
}

// reference is an article with a paragraph and perhaps a point, such as 17(3)(e).
var reference = regexp.MustCompile(`^(\d+)\((\d+)\)(?:\(([a-z])\))?$`)

// inFrench writes a reference as the French text of the Regulation does.
func inFrench(ref string) string {
	parts := reference.FindStringSubmatch(ref)
	if parts == nil {
		return "article " + ref
	}
	words := "article " + parts[1] + ", paragraphe " + parts[2]
	if parts[3] != "" {
		words += ", point " + parts[3] + ")"
	}
	return words
}

// languages that people have been written to in.
var languages = map[v1alpha1.Language]text{
	v1alpha1.LanguageEnglish: {
		subject:  "Your request for erasure, our reference %s",
		greeting: "Dear [name],",
		opening:  "On %s we received your request to have personal data about you erased (Article 17 of the General Data Protection Regulation). We do not do so, for the following reason:",
		article:  func(reference string) string { return "Article " + reference }, law: "It rests on: %s.", until: "It ends on %s.", note: "In detail: %s",
		done: map[v1alpha1.ErasureEnd]string{
			v1alpha1.EndErased:        "On %s we received your request to have personal data about you erased (Article 17 of the General Data Protection Regulation). We have erased them.",
			v1alpha1.EndPartlyErased:  "On %s we received your request to have personal data about you erased (Article 17 of the General Data Protection Regulation). We have erased them, but for those that the law obliges or allows us to keep.",
			v1alpha1.EndNothingErased: "On %s we received your request to have personal data about you erased (Article 17 of the General Data Protection Regulation). We have erased none, since the law obliges or allows us to keep them all.",
			v1alpha1.EndNothingFound:  "On %s we received your request to have personal data about you erased (Article 17 of the General Data Protection Regulation). By what you gave us we found no personal data about you that we could erase.",
		},
		kept: "What we keep, we keep by:", keptUntil: "until %s",
		purposes:       "The request is about data that we use for this alone: %s. Data that we need for something else too are not concerned.",
		unsearched:     "Some of our records find people by something else than what you gave us, such as a customer number, and could not be searched. If you give us that, we search them too.",
		byHand:         "[What was done by hand in: %s]",
		backups:        "Backups that were made before may hold the data until they expire, the last on %s.",
		complaint:      "If you do not agree you may lodge a complaint with a supervisory authority (Article 77), for example in the Member State where you live or work, or where you think that the law was broken. The authority in charge of us is %s.",
		court:          "You may also go to court (Article 79), in the Member State where we have an establishment or in that where you live. The one does not exclude the other.",
		officer:        "Data protection officer: %s",
		noAuthority:    "[supervisory authority of the organisation; all are listed at " + members + "]",
		noOrganisation: "[organisation and its data protection officer]",
		reasons: map[v1alpha1.RefusalReason]string{
			v1alpha1.RefusalManifestlyUnfounded: "The request is manifestly unfounded",
			v1alpha1.RefusalExcessive:           "The request is excessive, in particular since it repeats others",
			v1alpha1.RefusalIdentityNotProven:   "We are not in a position to identify you, and what would let us was not given",
			v1alpha1.RefusalFreedomOfExpression: "The data are necessary for the freedom of expression and information",
			v1alpha1.RefusalLegalObligation:     "The law obliges us to process the data",
			v1alpha1.RefusalPublicTask:          "The data are necessary for a task in the public interest or for official authority that is vested in us",
			v1alpha1.RefusalPublicHealth:        "The data are necessary for reasons of public interest in public health",
			v1alpha1.RefusalArchiving:           "The data are necessary for archiving in the public interest, research or statistics, which erasure would make impossible or seriously impair",
			v1alpha1.RefusalLegalClaims:         "The data are necessary for the establishment, exercise or defence of legal claims",
		},
	},
	v1alpha1.LanguageFrench: {
		subject:  "Votre demande d'effacement, notre référence %s",
		greeting: "Madame, Monsieur [nom],",
		opening:  "Le %s, nous avons reçu votre demande d'effacement de données à caractère personnel vous concernant (article 17 du règlement général sur la protection des données). Nous n'y donnons pas suite, pour le motif suivant :",
		article:  inFrench, law: "Fondement : %s.", until: "Ce motif prend fin le %s.", note: "En détail : %s",
		done: map[v1alpha1.ErasureEnd]string{
			v1alpha1.EndErased:        "Le %s, nous avons reçu votre demande d'effacement de données à caractère personnel vous concernant (article 17 du règlement général sur la protection des données). Nous les avons effacées.",
			v1alpha1.EndPartlyErased:  "Le %s, nous avons reçu votre demande d'effacement de données à caractère personnel vous concernant (article 17 du règlement général sur la protection des données). Nous les avons effacées, sauf celles que la loi nous oblige ou nous autorise à conserver.",
			v1alpha1.EndNothingErased: "Le %s, nous avons reçu votre demande d'effacement de données à caractère personnel vous concernant (article 17 du règlement général sur la protection des données). Nous n'en avons effacé aucune, car la loi nous oblige ou nous autorise à les conserver toutes.",
			v1alpha1.EndNothingFound:  "Le %s, nous avons reçu votre demande d'effacement de données à caractère personnel vous concernant (article 17 du règlement général sur la protection des données). Avec ce que vous nous avez indiqué, nous n'avons trouvé aucune donnée vous concernant que nous puissions effacer.",
		},
		purposes:   "La demande porte sur les données que nous utilisons uniquement pour : %s. Celles dont nous avons aussi besoin pour autre chose ne sont pas concernées.",
		unsearched: "Certains de nos fichiers ne permettent pas de retrouver une personne avec ce que vous nous avez indiqué, mais par exemple avec un numéro de client ; ils n'ont pas pu être consultés. Si vous nous le communiquez, nous les consulterons aussi.",
		kept:       "Ce que nous conservons, nous le conservons en vertu de :", keptUntil: "jusqu'au %s",
		byHand:         "[Ce qui a été fait à la main dans : %s]",
		backups:        "Des sauvegardes antérieures peuvent contenir ces données jusqu'à leur expiration, la dernière le %s.",
		complaint:      "Si vous n'êtes pas d'accord, vous pouvez introduire une réclamation auprès d'une autorité de contrôle (article 77), par exemple dans l'État membre où vous résidez, où vous travaillez, ou dans lequel vous estimez que la règle a été violée. L'autorité dont nous relevons est : %s.",
		court:          "Vous pouvez aussi former un recours juridictionnel (article 79) devant les juridictions de l'État membre où nous avons un établissement, ou de celui où vous résidez. L'un n'exclut pas l'autre.",
		officer:        "Délégué à la protection des données : %s",
		noAuthority:    "[autorité de contrôle de l'organisme ; toutes figurent sur " + members + "]",
		noOrganisation: "[organisme et son délégué à la protection des données]",
		reasons: map[v1alpha1.RefusalReason]string{
			v1alpha1.RefusalManifestlyUnfounded: "La demande est manifestement infondée",
			v1alpha1.RefusalExcessive:           "La demande est excessive, notamment parce qu'elle en répète d'autres",
			v1alpha1.RefusalIdentityNotProven:   "Nous ne sommes pas en mesure de vous identifier, et ce qui l'aurait permis n'a pas été fourni",
			v1alpha1.RefusalFreedomOfExpression: "Les données sont nécessaires à la liberté d'expression et d'information",
			v1alpha1.RefusalLegalObligation:     "La loi nous oblige à traiter ces données",
			v1alpha1.RefusalPublicTask:          "Les données sont nécessaires à une mission d'intérêt public ou à l'exercice de l'autorité publique dont nous sommes investis",
			v1alpha1.RefusalPublicHealth:        "Les données sont nécessaires pour des motifs d'intérêt public dans le domaine de la santé publique",
			v1alpha1.RefusalArchiving:           "Les données sont nécessaires à des fins archivistiques dans l'intérêt public, de recherche ou statistiques, que l'effacement rendrait impossibles ou compromettrait gravement",
			v1alpha1.RefusalLegalClaims:         "Les données sont nécessaires à la constatation, à l'exercice ou à la défense de droits en justice",
		},
	},
}
