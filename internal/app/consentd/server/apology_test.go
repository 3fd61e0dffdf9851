package server_test

import (
	"net/url"
	"testing"
)

// TestABrowserIsToldOfAProblemByAPage, in words of the person, with the status of the problem; programs get problem details.
func TestABrowserIsToldOfAProblemByAPage(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	browser := map[string]string{"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Language": "nl,en;q=0.5"}
	press := func(action string) answer {
		form := url.Values{"secret": {secretOf(1)}, "action": {action}, "account": {"guess"}}
		return w.ask(request{method: "POST", path: "/me/shop", kind: "application/x-www-form-urlencoded", body: form.Encode(), header: browser})
	}
	press("dance").is(400, "").says(`<html lang="nl" dir="ltr">`, "Dat is niet gelukt")
	w.ask(request{method: "POST", path: "/me/shop", body: "{}", header: browser}).is(415, "").says(`<html lang="nl" dir="ltr">`, "Dat is niet gelukt")
	for range 10 {
		press("erase").is(200, "")
	}
	if got := press("erase").is(429, "").says("te veel verzoeken"); got.Header().Get("Retry-After") == "" || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v", got.Header())
	}
	w.ledger.away.Store(true)
	press("see").is(503, "").says("kan nu niet antwoorden").saysNot(secretOf(1))
	w.show(secretOf(1)).is(503, "ledger_unavailable")
	w.ask(request{method: "GET", path: "/me/nowhere", header: browser}).is(404, "site_unknown")
}
