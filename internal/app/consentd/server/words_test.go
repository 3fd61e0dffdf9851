package server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

// wordsOf are the words of the page and of its mails, by language.
func wordsOf(t *testing.T) map[string]map[string]string {
	t.Helper()
	files, err := filepath.Glob("me/words/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(text, &words); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = words
	}
	return all
}

func TestNoWordOfThePageIsMissingInAnyLanguage(t *testing.T) {
	all := wordsOf(t)
	for _, lang := range []string{"ar", "de", "en", "es", "fr", "it", "nl", "pl", "pt"} {
		if all[lang] == nil {
			t.Errorf("there are no words in %q", lang)
		}
	}
	page, err := os.ReadFile("me/page.html")
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	for _, found := range regexp.MustCompile(`\.W\.([A-Za-z]+)`).FindAllStringSubmatch(string(page), -1) {
		used = append(used, found[1])
	}
	for lang, words := range all {
		for _, key := range used {
			if words[key] == "" {
				t.Errorf("%s: the page has no word for %q", lang, key)
			}
		}
		for key := range all["en"] {
			if strings.TrimSpace(words[key]) == "" {
				t.Errorf("%s: %q is missing", lang, key)
			}
		}
		for key, word := range words {
			_, there := all["en"][key]
			sentence := func(s string) bool { return strings.HasSuffix(s, ".") }
			switch {
			case !there:
				t.Errorf("%s: nothing uses %q", lang, key)
			case sentence(word) != sentence(all["en"][key]), strings.HasSuffix(word, ":") != strings.HasSuffix(all["en"][key], ":"):
				t.Errorf("%s: %q ends otherwise than in English: %s", lang, key, word)
			case lang != "en" && len(word) > 20 && word == all["en"][key]:
				t.Errorf("%s: %q is in English", lang, key)
			}
		}
	}
}

// TestHowLongDataIsKeptIsSaidInWords: by the plural rules of each language, in the order of its units.
func TestHowLongDataIsKeptIsSaidInWords(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	for period, want := range map[v1alpha1.Period]map[string]string{
		"P1Y": {"en": "1 year", "fr": "1 an", "de": "1 Jahr", "pl": "1 rok"}, "P3Y": {"en": "3 years", "pl": "3 lata", "it": "3 anni"},
		"P12M": {"en": "12 months", "pl": "12 miesięcy"}, "P22M": {"pl": "22 miesiące"}, "P5Y": {"pl": "5 lat", "nl": "5 jaar"},
		"P1Y6M2W3D": {"en": "1 year, 6 months, 2 weeks and 3 days", "es": "1 año, 6 meses, 2 semanas y 3 días"}, "PT72H": {"en": "PT72H"}, // which the schema refuses
	} {
		w.clock.SetTime(w.clock.Now().Add(time.Second)) // no two revisions are of one instant
		w.serve(func(f *settings.File) { f.Spec.Purposes[0].Retention = period })
		for lang, text := range want {
			listed, page := "<dd dir=\"auto\">"+text+"</dd>", w.show(secretOf(1), "lang", lang).is(200, "")
			if period == "P3Y" && lang == "en" { // the text that was published says it, in this language
				page.says("Kept for " + text + ".</p>").saysNot(listed)
			} else {
				page.says(listed)
			}
		}
	}
}

// TestThePageShowsTheNoticesWordsWhereItHasNoneOfItsOwnLanguage: what is confirmed there is what is recorded.
func TestThePageShowsTheNoticesWordsWhereItHasNoneOfItsOwnLanguage(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link("confirm", "newsletter")
	w.ask(request{method: "GET", path: path + "&lang=de"}).is(200, "").says(`<html lang="de" dir="ltr">`, `<h2 lang="fr" dir="auto">Vous écrire</h2>`, "Ich willige ein")
	form := "token=" + tokenIn(path) + "&action=confirm&lang=de&words=" + w.wordsOn(path+"&lang=de")
	w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: form}).is(200, "").says("Ihre Entscheidung ist aufgezeichnet")
	if events := w.events(); len(events) != 1 || events[0].Notice.Language != "fr" {
		t.Errorf("%+v", events)
	}
	for lang := range wordsOf(t) {
		w.ask(request{method: "GET", path: "/me/shop", header: map[string]string{"Accept-Language": lang + "-XX, fr;q=0.5"}}).is(200, "").says(`<html lang="` + lang + `" dir="` + map[bool]string{true: "rtl", false: "ltr"}[lang == "ar"] + `">`).saysNot("<no value>")
	}
}
