package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// link has a client make a link for a person, and returns the path that is mailed.
func (w *world) link(kind, purpose string) string {
	w.Helper()
	var out struct {
		URL     string
		Expires time.Time
	}
	w.client("/v1/subjects:invite", w.backend(), map[string]any{"subject": map[string]string{"kind": "email", "id": anyone}, "site": "shop", "kind": kind, "purpose": purpose}).is(201, "").into(&out)
	path, found := strings.CutPrefix(out.URL, host)
	if !found {
		w.Fatalf("%+v", out)
	}
	return path
}

func tokenIn(path string) string {
	_, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	return values.Get("token")
}

// press posts the form of a page.
func (w *world) press(path, action string, purposes ...string) answer {
	w.Helper()
	form := url.Values{"token": {tokenIn(path)}, "action": {action}, "purpose": purposes, "lang": {"en"}}
	if action == "confirm" {
		form["words"] = []string{w.wordsOn(path)}
	}
	return w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: form.Encode()})
}

// wordsOn is what the page of a link says of its words; empty where it has no button.
func (w *world) wordsOn(path string) string {
	w.Helper()
	page := w.ask(request{method: "GET", path: path + "&lang=en"}).Body.String()
	_, rest, _ := strings.Cut(page, `name="words" value="`)
	hash, _, _ := strings.Cut(rest, `"`)
	return hash
}

// TestNobodyConfirmsWordsThatTheyDidNotRead: a page stays open for hours, and the link lives for days.
func TestNobodyConfirmsWordsThatTheyDidNotRead(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link("confirm", "newsletter")
	form := url.Values{"token": {tokenIn(path)}, "action": {"confirm"}, "lang": {"en"}, "words": {w.wordsOn(path)}}
	press := func() answer {
		return w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: form.Encode()})
	}
	w.material(2)
	press().is(http.StatusConflict, "").says("the words have changed", `value="confirm"`, `name="words"`)
	form.Del("words")
	press().is(http.StatusConflict, "")
	if len(w.events()) != 0 {
		t.Fatalf("it recorded %+v", w.events())
	}
	form.Set("words", w.wordsOn(path))
	press().is(http.StatusOK, "")
	if events := w.events(); len(events) != 1 || events[0].Notice.Version != 2 {
		t.Errorf("%+v", events)
	}
}

func TestAMailConfirmsOnlyWhenItsButtonIsPressed(t *testing.T) {
	w := newWorld(t, nil)
	path := w.link("confirm", "newsletter")
	for range 3 { // scanners of mails follow links
		page := w.ask(request{method: "GET", path: path + "&lang=en"}).is(200, "")
		if !strings.Contains(page.Body.String(), "Write to you") || !strings.Contains(page.Body.String(), `value="confirm"`) {
			t.Fatalf("%s", page.Body)
		}
		w.ask(request{method: "HEAD", path: path}).is(200, "")
	}
	if len(w.events()) != 0 {
		t.Fatalf("a GET recorded %+v", w.events())
	}
	w.press(path, "withdraw").is(400, "bad_request")
	w.press(path, "erase").is(400, "bad_request")
	w.clock.SetTime(noon.Add(13 * 24 * time.Hour))
	if page := w.press(path, "confirm").is(200, ""); !strings.Contains(page.Body.String(), "has been recorded") {
		t.Errorf("%s", page.Body)
	}
	w.press(path, "confirm").is(410, "")
	w.ask(request{method: "GET", path: path}).is(410, "")
	events := w.events()
	if len(events) != 1 || events[0].Type != consent.EventGiven || events[0].Purpose != "newsletter" || events[0].Method != consent.MethodDoubleOptIn || events[0].CollectedBy != consent.CollectorSelfService || events[0].Notice.Language != "en" {
		t.Fatalf("%+v", events)
	}
	var out struct {
		Results []map[string]struct{ Granted bool }
	}
	w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{map[string]string{"kind": "email", "id": "Camille.Durand@EXAMPLE.eu"}}}).is(200, "").into(&out)
	if !out.Results[0]["newsletter"].Granted {
		t.Errorf("%+v", out)
	}
	// The link of a letter withdraws what it is about.
	withdraw := w.link("withdraw", "newsletter")
	w.ask(request{method: "GET", path: withdraw}).is(200, "")
	if page := w.press(withdraw, "withdraw", "conversation").is(200, ""); !strings.Contains(page.Body.String(), "has been withdrawn") {
		t.Errorf("%s", page.Body)
	}
	if events := w.events(); len(events) != 2 || events[1].Purpose != "newsletter" || events[1].Type != consent.EventWithdrawn {
		t.Errorf("%+v", events)
	}
	w.press(w.link("withdraw", ""), "withdraw").is(200, "") // nothing is left to withdraw, which is what was asked for
}

func TestAnOldLinkDoesNothing(t *testing.T) {
	w := newWorld(t, nil)
	view, confirm := w.link("view", ""), w.link("confirm", "newsletter")
	w.clock.SetTime(noon.Add(15 * time.Minute))
	w.ask(request{method: "GET", path: view}).is(410, "")
	w.press(view, "erase").is(410, "")
	w.clock.SetTime(noon.Add(14 * 24 * time.Hour))
	w.press(confirm, "confirm").is(410, "")
	for _, path := range []string{"/me/shop?token=x", "/me/shop?token=" + secretOf(1), "/me/shop?token=" + strings.Repeat("A", 43), "/me/shop?token=" + strings.Repeat("A", 50_000)} {
		w.ask(request{method: "GET", path: path}).is(404, "")
		w.press(path, "erase").is(404, "")
	}
	w.ask(request{method: "GET", path: "/me/nowhere"}).is(404, "site_unknown")
	w.ask(request{method: "POST", path: "/me/shop", body: map[string]any{}}).is(415, "media_type_unsupported")
	w.ask(request{method: "POST", path: "/me/shop", kind: "application/x-www-form-urlencoded", body: "%zz"}).is(400, "bad_request")
	if len(w.events()) != 0 {
		t.Errorf("%+v", w.events())
	}
}

func TestAPersonSeesWithdrawsTakesAndAsksForErasure(t *testing.T) {
	w := newWorld(t, nil)
	w.press(w.link("confirm", "newsletter"), "confirm").is(200, "")
	view := w.link("view", "")
	page := w.ask(request{method: "GET", path: view, header: map[string]string{"Accept-Language": "en-GB,en;q=0.9,fr;q=0.5"}}).is(200, "").Body.String()
	for _, want := range []string{"Acme SAS", "Write to you", `value="withdraw-all"`, "valid until", `<html lang="en" dir="ltr">`, "Download my data"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if strings.Contains(page, anyone) {
		t.Error("the page names the person, whoever opened the link")
	}
	w.press(view, "confirm").is(400, "bad_request")
	if got := w.press(view, "export").is(200, ""); !strings.Contains(got.Body.String(), "newsletter") || !strings.Contains(got.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("%s", got.Body)
	}
	if got := w.press(view, "withdraw").is(200, ""); !strings.Contains(got.Body.String(), "tick what you want") {
		t.Errorf("%s", got.Body)
	}
	w.press(view, "withdraw", "newsletter").is(200, "")
	w.press(view, "erase").is(410, "") // used up

	w.press(w.link("view", ""), "erase").is(200, "")
	var out struct {
		Erasures []struct{ ID, Subject, Type string }
		Next     string
	}
	w.ask(request{method: "GET", path: "/v1/erasures", bearer: w.desk()}).is(200, "").into(&out)
	if len(out.Erasures) != 1 || out.Erasures[0].Type != "erasure.asked" || out.Next == "" {
		t.Fatalf("%+v", out)
	}
	subject := map[string]string{"kind": "subject", "id": out.Erasures[0].Subject}
	w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": subject, "format": "iso27560"}).is(200, "")
	w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": subject}).is(200, "")
	after := out.Next
	out.Erasures = nil
	w.ask(request{method: "GET", path: "/v1/erasures?limit=1&after=" + after, bearer: w.desk()}).is(200, "").into(&out)
	if len(out.Erasures) != 0 {
		t.Errorf("%+v", out)
	}
}

// style and script find what a page must not have.
var (
	inline = regexp.MustCompile(`(?i)<script|\son[a-z]+\s*=|\sstyle\s*=|javascript:|<img|<link|http-equiv`)
	label  = regexp.MustCompile(`(?s)<input type="checkbox"[^>]*>`)
)

// told checks that who hears a page can tell its forms apart, by headings, and that a button says what it does to the form.
func told(t *testing.T, page string) {
	t.Helper()
	names := map[string]bool{}
	forms := regexp.MustCompile(`<form[^>]*>`).FindAllString(page, -1)
	for _, form := range forms {
		found := regexp.MustCompile(`aria-labelledby="([a-z]+)"`).FindStringSubmatch(form)
		switch {
		case found == nil && len(forms) == 1:
		case found == nil || names[found[1]] || !strings.Contains(page, `<h2 id="`+found[1]+`">`):
			t.Errorf("a form of several has no heading of its own for a name: %s", form)
		default:
			names[found[1]] = true
		}
	}
	if strings.Count(page, "<button ") != strings.Count(page, `<button type="submit"`) {
		t.Errorf("a button has no type: %s", page)
	}
}

func TestThePageOfAPersonIsPlain(t *testing.T) {
	w := newWorld(t, nil)
	w.press(w.link("confirm", "newsletter"), "confirm").is(200, "")
	for _, lang := range []string{"fr", "en"} {
		for _, path := range []string{"/me/shop?lang=" + lang, w.link("view", "") + "&lang=" + lang, w.link("confirm", "newsletter") + "&lang=" + lang, w.link("withdraw", "") + "&lang=" + lang} {
			got := w.ask(request{method: "GET", path: path}).is(200, "")
			page, csp := got.Body.String(), got.Header().Get("Content-Security-Policy")
			if found := inline.FindString(page); found != "" {
				t.Errorf("the page has %q", found)
			}
			for _, want := range []string{"default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("the policy lacks %s: %s", want, csp)
				}
			}
			if !strings.Contains(page, `<html lang="`+lang+`" dir="`) || strings.Count(page, "<h1>") != 1 || !strings.Contains(page, "<main>") || strings.Contains(page, "<no value>") {
				t.Errorf("%s", page)
			}
			for _, box := range label.FindAllString(page, -1) {
				if strings.Contains(box, "checked") || !strings.Contains(page, "<label>"+box) {
					t.Errorf("a box is ticked or has no label: %s", box)
				}
			}
			if permissions := got.Header().Get("Permissions-Policy"); !strings.Contains(permissions, "camera=()") || !strings.Contains(permissions, "geolocation=()") {
				t.Errorf("the page may ask the device: %q", permissions)
			}
			if got.Header().Get("Cache-Control") != "no-store" {
				t.Error("a page of a person may be kept")
			}
			told(t, page)
		}
	}
	hostile := w.ask(request{method: "GET", path: "/me/shop?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"}).is(404, "")
	if strings.Contains(hostile.Body.String(), "<script>") {
		t.Error("the page repeats what was asked")
	}
}
