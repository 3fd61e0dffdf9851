// Package facts says in sentences what a policy states of a purpose beside its own text: who gets the data, and how long it is kept
// (Article 13(1)(e) and (2)(a)). They are a part of what people are shown, and so of the words that the ledger has.
package facts

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Told is the text of a purpose as it is shown in a language (fr, pt-BR): the author's own, followed by the sentences. In a language that
// has none here it is the author's alone.
func Told(tag, own string, p *v1alpha1.ConsentPurpose) string {
	tag, _, _ = strings.Cut(tag, "-")
	l, known := languages[tag]
	if !known {
		return own
	}
	sentences := []string{own}
	for _, sentence := range []string{l.toldRecipients(p), l.toldRetention(p)} {
		if sentence != "" {
			sentences = append(sentences, sentence)
		}
	}
	return strings.Join(sentences, " ")
}

// SaysRecipients and SaysRetention tell whether a text in a language, as Told made it, says who gets the data of a purpose, and how long it is kept.
func SaysRecipients(tag, text string, p *v1alpha1.ConsentPurpose) bool {
	return says(tag, text, func(l language) string { return l.toldRecipients(p) })
}

// SaysRetention is described at SaysRecipients.
func SaysRetention(tag, text string, p *v1alpha1.ConsentPurpose) bool {
	return says(tag, text, func(l language) string { return l.toldRetention(p) })
}

func says(tag, text string, sentence func(language) string) bool {
	tag, _, _ = strings.Cut(tag, "-")
	l, known := languages[tag]
	if !known {
		return false
	}
	told := sentence(l)
	return told != "" && strings.Contains(text, " "+told)
}

// toldRecipients is the sentence that says who gets the data; none where nobody is named.
func (l language) toldRecipients(p *v1alpha1.ConsentPurpose) string {
	if len(p.Recipients) == 0 {
		return ""
	}
	return l.sentence(l.recipients, strings.Join(Names(p.Recipients), l.comma))
}

// toldRetention is the sentence that says how long the data is kept; none of what is no period, which admission refuses.
func (l language) toldRetention(p *v1alpha1.ConsentPurpose) string {
	said, ok := l.said(p.Retention)
	if !ok {
		return ""
	}
	return l.sentence(l.kept, said)
}

// Tells tells whether a text that was published is the author's own, with or without sentences: those of then are not always those of now.
func Tells(published, own string) bool {
	return published == own || strings.HasPrefix(published, own+" ")
}

// sentence fills a pattern, and ends it once: a name can end as a sentence does.
func (l language) sentence(pattern, with string) string {
	return strings.Replace(pattern, "{}", strings.TrimSuffix(with, "."), 1) + "."
}

// Names are the recipients by name, with the country where one is stated.
func Names(recipients []v1alpha1.ConsentRecipient) []string {
	names := make([]string, len(recipients))
	for i, r := range recipients {
		if names[i] = r.Name; r.Country != "" {
			names[i] += " (" + string(r.Country) + ")"
		}
	}
	return names
}

// Period says a period in a language (fr, pt-BR): 1 year and 6 months. What cannot be said is as it is written.
func Period(tag string, written v1alpha1.Period) string {
	tag, _, _ = strings.Cut(tag, "-")
	if l, known := languages[tag]; known {
		if said, ok := l.said(written); ok {
			return said
		}
	}
	return string(written)
}

// said is a period of calendar units in words.
func (l language) said(written v1alpha1.Period) (string, bool) {
	period, err := deadline.ParsePeriod(string(written))
	if err != nil || period.Hours > 0 {
		return "", false
	}
	return l.period(period), true
}

// period says a period in its units: "1 year and 6 months". One of no length is 0 days.
func (l language) period(p deadline.Period) string {
	var parts []string
	for i, n := range []int{p.Years, p.Months, p.Weeks, p.Days} {
		if n > 0 || i == days && len(parts) == 0 {
			forms := l.units[i]
			parts = append(parts, strings.Replace(forms[min(l.form(n), len(forms)-1)], "{}", strconv.Itoa(n), 1))
		}
	}
	last := len(parts) - 1
	if last == 0 {
		return parts[0]
	}
	return strings.Join(parts[:last], l.comma) + l.and + parts[last]
}

// days is the place of days among the units.
const days = 3

// language has the sentences of a language, and its words for years, months, weeks and days: as many forms of each as form tells apart.
// The forms are those of the plural rules of Unicode CLDR.
type language struct {
	recipients, kept, comma, and string
	units                        [4][]string
	form                         func(n int) int
}

// oneOrMany is for languages in which one alone is singular, noneOrOne for those in which nought is so too.
func oneOrMany(n int) int { return plural(n != 1) }
func noneOrOne(n int) int { return plural(n > 1) }

func plural(is bool) int {
	if is {
		return 1
	}
	return 0
}

// polish tells 1, those that end in 2 to 4 but not in 12 to 14, and all others apart.
func polish(n int) int {
	switch {
	case n == 1:
		return 0
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return 1
	default:
		return 2
	}
}

// arabic tells 1, 2, those that end in 3 to 10, those that end in 11 to 99, and all others apart.
func arabic(n int) int {
	switch {
	case n == 1 || n == 2:
		return n - 1
	case n%100 >= 3 && n%100 <= 10:
		return 2
	case n%100 >= 11:
		return 3
	default:
		return 4
	}
}

var languages = map[string]language{
	"en": {"Recipients: {}", "Kept for {}", ", ", " and ",
		[4][]string{{"{} year", "{} years"}, {"{} month", "{} months"}, {"{} week", "{} weeks"}, {"{} day", "{} days"}}, oneOrMany},
	"fr": {"Destinataires : {}", "Durée de conservation : {}", ", ", " et ",
		[4][]string{{"{} an", "{} ans"}, {"{} mois"}, {"{} semaine", "{} semaines"}, {"{} jour", "{} jours"}}, noneOrOne},
	"de": {"Empfänger: {}", "Speicherdauer: {}", ", ", " und ",
		[4][]string{{"{} Jahr", "{} Jahre"}, {"{} Monat", "{} Monate"}, {"{} Woche", "{} Wochen"}, {"{} Tag", "{} Tage"}}, oneOrMany},
	"es": {"Destinatarios: {}", "Plazo de conservación: {}", ", ", " y ",
		[4][]string{{"{} año", "{} años"}, {"{} mes", "{} meses"}, {"{} semana", "{} semanas"}, {"{} día", "{} días"}}, oneOrMany},
	"it": {"Destinatari: {}", "Periodo di conservazione: {}", ", ", " e ",
		[4][]string{{"{} anno", "{} anni"}, {"{} mese", "{} mesi"}, {"{} settimana", "{} settimane"}, {"{} giorno", "{} giorni"}}, oneOrMany},
	"nl": {"Ontvangers: {}", "Bewaartermijn: {}", ", ", " en ",
		[4][]string{{"{} jaar"}, {"{} maand", "{} maanden"}, {"{} week", "{} weken"}, {"{} dag", "{} dagen"}}, oneOrMany},
	"pt": {"Destinatários: {}", "Prazo de conservação: {}", ", ", " e ",
		[4][]string{{"{} ano", "{} anos"}, {"{} mês", "{} meses"}, {"{} semana", "{} semanas"}, {"{} dia", "{} dias"}}, noneOrOne},
	"pl": {"Odbiorcy: {}", "Okres przechowywania: {}", ", ", " i ",
		[4][]string{{"{} rok", "{} lata", "{} lat"}, {"{} miesiąc", "{} miesiące", "{} miesięcy"}, {"{} tydzień", "{} tygodnie", "{} tygodni"}, {"{} dzień", "{} dni"}}, polish},
	"ar": {"الجهات المتلقية: {}", "مدة الحفظ: {}", "، ", " و",
		[4][]string{{"سنة واحدة", "سنتان", "{} سنوات", "{} سنة"}, {"شهر واحد", "شهران", "{} أشهر", "{} شهرًا", "{} شهر"},
			{"أسبوع واحد", "أسبوعان", "{} أسابيع", "{} أسبوعًا", "{} أسبوع"}, {"يوم واحد", "يومان", "{} أيام", "{} يومًا", "{} يوم"}}, arabic},
}

// Languages are those that have sentences.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }
