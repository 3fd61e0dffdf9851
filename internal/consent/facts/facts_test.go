package facts

import (
	"slices"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent/widget"
)

func purpose(retention v1alpha1.Period, recipients ...v1alpha1.ConsentRecipient) *v1alpha1.ConsentPurpose {
	return &v1alpha1.ConsentPurpose{Name: "conversation", Retention: retention, Recipients: recipients}
}

func TestWhoGetsTheDataAndHowLongItIsKeptIsSaid(t *testing.T) {
	support, mailer := v1alpha1.ConsentRecipient{Name: "Acme support"}, v1alpha1.ConsentRecipient{Name: "Mailer Inc.", Country: "US"}
	for _, test := range []struct {
		tag  string
		of   *v1alpha1.ConsentPurpose
		want string
	}{
		{"en", purpose("P2Y", support), "We answer. Recipients: Acme support. Kept for 2 years."},
		{"en", purpose("P6M", support, mailer), "We answer. Recipients: Acme support, Mailer Inc. (US). Kept for 6 months."},
		{"en", purpose("P6M", v1alpha1.ConsentRecipient{Name: "Mailer Inc."}), "We answer. Recipients: Mailer Inc. Kept for 6 months."},
		{"en", purpose("P1Y6M3D"), "We answer. Kept for 1 year, 6 months and 3 days."},
		{"en", purpose("P0D"), "We answer. Kept for 0 days."},
		{"en-GB", purpose("P1W"), "We answer. Kept for 1 week."},
		{"fr", purpose("P2Y", support), "We answer. Destinataires : Acme support. Durée de conservation : 2 ans."},
		{"pt-br", purpose("P1M"), "We answer. Prazo de conservação: 1 mês."},
		{"sv", purpose("P1M", support), "We answer."},
		{"en", purpose("forever", support), "We answer. Recipients: Acme support."},
	} {
		have := Told(test.tag, "We answer.", test.of)
		if have != test.want || !Tells(have, "We answer.") {
			t.Errorf("%s %s: %q, want %q", test.tag, test.of.Retention, have, test.want)
		}
	}
}

func TestPeriodsHaveTheRightPlural(t *testing.T) {
	for tag, want := range map[string]string{
		"en": "1 year|2 years|6 months|90 days|1 day|8 weeks",
		"fr": "1 an|2 ans|6 mois|90 jours|1 jour|8 semaines",
		"de": "1 Jahr|2 Jahre|6 Monate|90 Tage|1 Tag|8 Wochen",
		"es": "1 año|2 años|6 meses|90 días|1 día|8 semanas",
		"it": "1 anno|2 anni|6 mesi|90 giorni|1 giorno|8 settimane",
		"nl": "1 jaar|2 jaar|6 maanden|90 dagen|1 dag|8 weken",
		"pt": "1 ano|2 anos|6 meses|90 dias|1 dia|8 semanas",
		"pl": "1 rok|2 lata|6 miesięcy|90 dni|1 dzień|8 tygodni",
		"ar": "سنة واحدة|سنتان|6 أشهر|90 يومًا|يوم واحد|8 أسابيع",
	} {
		var have []string
		for _, period := range []v1alpha1.Period{"P1Y", "P2Y", "P6M", "P90D", "P1D", "P8W"} {
			_, said, _ := strings.Cut(Told(tag, "", purpose(period)), ": ")
			if tag == "en" {
				said = strings.TrimPrefix(Told(tag, "", purpose(period)), " Kept for ")
			}
			have = append(have, strings.TrimSuffix(said, "."))
		}
		if got := strings.Join(have, "|"); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
	for tag, periods := range map[string]map[v1alpha1.Period]string{
		"pl": {"P3Y": "3 lata", "P5Y": "5 lat", "P12M": "12 miesięcy", "P14D": "14 dni", "P21M": "21 miesięcy", "P22M": "22 miesiące", "P112Y": "112 lat", "P122Y": "122 lata", "P4W": "4 tygodnie", "P1M": "1 miesiąc"},
		"ar": {"P10D": "10 أيام", "P11D": "11 يومًا", "P100D": "100 يوم", "P103D": "103 أيام", "P13M": "13 شهرًا", "P2M": "شهران", "P1Y6M": "سنة واحدة و6 أشهر", "P30Y": "30 سنة"},
		"fr": {"P0D": "0 jour", "P1Y6M": "1 an et 6 mois"},
	} {
		for period, want := range periods {
			if have := Told(tag, "", purpose(period)); !strings.HasSuffix(have, ": "+want+".") {
				t.Errorf("%s %s: %q, want %q", tag, period, have, want)
			}
		}
	}
}

func TestEachLanguageOfTheWidgetHasSentences(t *testing.T) {
	if have, want := Languages(), widget.Languages(); !slices.Equal(have, want) {
		t.Errorf("%v, and the widget has %v", have, want)
	}
	for tag, l := range languages {
		for n := range 200 {
			for i, forms := range l.units {
				if form := l.form(n); form < 0 || form > 4 || strings.Contains(forms[min(form, len(forms)-1)], "  ") {
					t.Fatalf("%s: unit %d has no form for %d", tag, i, n)
				}
			}
		}
	}
}

func TestAnotherTextIsNotThatOfTheAuthor(t *testing.T) {
	for published, want := range map[string]bool{"We answer.": true, "We answer. Kept for 2 years.": true, "We answer.Kept": false, "We ans": false, "": false, "We sell. Kept for 2 years.": false} {
		if Tells(published, "We answer.") != want {
			t.Errorf("%q: %v", published, !want)
		}
	}
}
