package server_test

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// show posts a form of the page with a secret, and with what else the fields say.
func (w *world) show(secret string, fields ...string) answer {
	w.Helper()
	form := url.Values{"secret": {secret}, "lang": {"en"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.ask(request{method: "POST", path: "/me/shop", origin: shop, kind: "application/x-www-form-urlencoded", body: form.Encode()})
}

// own asks a route of visitors with a secret.
func (w *world) own(method, route, secret string, body any) answer {
	w.Helper()
	return w.ask(request{method: method, path: "/v1/sites/shop/" + route, origin: shop, bearer: secret, body: body})
}

func (a answer) saysNot(words ...string) answer {
	a.w.Helper()
	for _, unwanted := range words {
		if strings.Contains(a.Body.String(), unwanted) {
			a.w.Errorf("the page has %q: %s", unwanted, a.Body)
		}
	}
	return a
}

func TestWhoHasAReceiptAloneSeesAllThatIsRecorded(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	page := w.show(secretOf(1)).is(200, "").says("Answer your questions", "Accepted on <time", "valid until", "Acme support (FR)", "3 years", "The words that you were shown (version 1)",
		`<blockquote lang="fr" dir="auto">`, "En envoyant un message, vous acceptez", "Répondre à vos questions", "Vos messages sont lus par notre service client", "https://shop.example/terms/fr",
		"You have not decided about this", `value="withdraw-all"`, `value="export"`, `value="receipts"`, `value="erase"`, "does not say who you are")
	if got := strings.Count(page.Body.String(), secretOf(1)); got != 2 || strings.Count(page.Body.String(), `<input type="hidden" name="secret" value="`+secretOf(1)+`">`) != 2 {
		t.Errorf("the secret is %d times in the page", got)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Access-Control-Allow-Origin": ""} {
		if got := page.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	w.show(secretOf(1), "lang", "fr")
	w.show(`{"v":1,"n":"1b4f0e9851971998","p":["conversation"],"t":1,"e":2,"k":"` + secretOf(1) + `"}`).says("Acme support (FR)") // as it stands on the device
	w.show(url.QueryEscape(`{"v":1,"k":"` + secretOf(1) + `"}`)).says("Acme support (FR)")                                        // and in a cookie of before
	w.show(base64.StdEncoding.EncodeToString([]byte(`{"v":1,"k":"` + secretOf(1) + `"}`))).says("Acme support (FR)")              // and in a cookie
	// A secret in an address is not read: it would be in histories and logs.
	w.ask(request{method: "GET", path: "/me/shop?lang=en&secret=" + secretOf(1)}).is(200, "").says("take one of the ways below").saysNot("Accepted on <time", secretOf(1))
	w.ask(request{method: "POST", path: "/me/shop?secret=" + secretOf(1), kind: "application/x-www-form-urlencoded", body: "lang=en"}).is(404, "").saysNot(secretOf(1))
}

func TestASecretOfNobodyOpensNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	first := w.show(secretOf(8)).is(200, "").says("Nothing is recorded under this code", `name="secret"`)
	for _, action := range []string{"see", "export", "receipts", "erase"} {
		if got := w.show(secretOf(9), "action", action).is(200, ""); !bytes.Equal(got.Body.Bytes(), first.Body.Bytes()) {
			t.Errorf("%s is answered otherwise: %s", action, got.Body)
		}
	}
	w.show(secretOf(9), "action", "withdraw-all").is(200, "").says("Nothing is recorded under this code")
	w.own("GET", "export", secretOf(9), nil).is(404, "person_unknown")
	w.own("POST", "erasures", secretOf(9), map[string]string{}).is(404, "person_unknown")
	signed := outcome{}
	w.post(2, "k", w.act("message", "conversation")).into(&signed)
	for name, text := range map[string]string{"too short": secretOf(1)[:21], "a signed receipt": signed.Receipt, "two lines": secretOf(1) + "\r\n" + secretOf(2)} {
		got := w.show(text).is(422, "").says("not the code of a receipt", `aria-invalid="true"`)
		if strings.Contains(got.Body.String(), text) {
			t.Errorf("%s is repeated", name)
		}
	}
	for _, none := range []string{" ", `{"v":1,"w":1,"t":1}`} { // a device on which there is none, or none any more
		w.show(none).is(200, "").says("take one of the ways below")
	}
	w.show(secretOf(1), "action", "confirm").is(400, "bad_request")
	for _, route := range []string{"export", "erasures"} {
		method := map[string]string{"export": "GET", "erasures": "POST"}[route]
		w.own(method, route, "", map[string]string{}).is(401, "unauthenticated")
		w.own(method, route, signed.Receipt, map[string]string{}).is(401, "unauthenticated")
		w.ask(request{method: method, path: "/v1/sites/shop/" + route, origin: "https://evil.example", bearer: secretOf(1), body: map[string]string{}}).is(403, "origin_not_allowed")
	}
	w.own("GET", "export?format=bundles", secretOf(1), nil).is(400, "bad_request")
	w.own("POST", "erasures", secretOf(1), map[string]string{"name": "Ada"}).is(400, "bad_request")
	if events := w.events(); len(events) != 4 { // two visitors, each with their device and a purpose
		t.Errorf("%+v", events)
	}
}

func TestWhoHasAReceiptWithdrawsOnThePage(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("checkbox", "analytics", "allergies-not-there")).is(422, "purpose_unknown")
	w.post(1, "k1", w.act("message", "conversation")).is(201, "")
	w.post(1, "k2", w.act("checkbox", "analytics")).is(201, "")
	w.show(secretOf(1)).says(`<input type="checkbox" name="purpose" value="analytics">`, `value="withdraw-all"`)
	w.show(secretOf(1), "action", "withdraw").is(200, "").says("tick what you want")
	w.show(secretOf(1), "action", "withdraw", "purpose", "analytics").is(200, "").says("Your consent has been withdrawn", "Refused or withdrawn on <time", `value="withdraw-all"`)
	last := w.events()[3]
	if last.Type != consent.EventWithdrawn || last.Purpose != "analytics" || last.CollectedBy != consent.CollectorSelfService || last.Notice.Language != "fr" {
		t.Errorf("%+v", last)
	}
	w.show(secretOf(1), "action", "withdraw-all").is(200, "").saysNot(`value="withdraw-all"`)
	w.show(secretOf(1), "action", "withdraw-all").is(200, "") // twice is once
	if events := w.events(); len(events) != 5 {
		t.Errorf("%d events", len(events))
	}
	// By a mailed link, all at once too.
	w.client("/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)}, "other": map[string]string{"kind": "email", "id": anyone}}).is(204, "")
	w.post(1, "k3", w.act("checkbox", "analytics")).is(201, "")
	w.press(w.link("view", ""), "withdraw-all").is(200, "").says("has been withdrawn")
}

// TestTheSameFileComesByEveryWay: by the secret on the page and on the route, by a mailed link, and for a program.
func TestTheSameFileComesByEveryWay(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("checkbox", "analytics")).is(201, "")
	w.client("/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)}, "other": map[string]string{"kind": "email", "id": anyone}}).is(204, "")
	for format, c := range map[string]struct{ action, kind, file string }{
		"iso27560": {"export", "application/ld+json", "consent.json"}, "kantara": {"receipts", "application/json", "consent-receipts.json"},
	} {
		want := w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": map[string]string{"kind": "email", "id": anyone}, "format": format}).is(200, "").says("analytics").Body.Bytes()
		for way, got := range map[string]answer{
			"on the page": w.show(secretOf(1), "action", c.action), "on the route": w.own("GET", "export?format="+format, secretOf(1), nil), "by a link": w.press(w.link("view", ""), c.action),
		} {
			got.is(200, "")
			if !bytes.Equal(got.Body.Bytes(), want) || got.Header().Get("Content-Type") != c.kind || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %v %s", format, way, got.Header(), got.Body)
			}
			if attached := got.Header().Get("Content-Disposition"); way != "on the route" && attached != `attachment; filename="`+c.file+`"` {
				t.Errorf("%s %s: %s", format, way, attached)
			}
		}
	}
	w.own("GET", "export", secretOf(1), nil).is(200, "").says(`"@context"`)
}

func TestWhoHasAReceiptAloneAsksForErasureAndIsErased(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	for _, way := range []string{"page", "route"} {
		if way == "page" {
			w.show(secretOf(1), "action", "erase", "email", anyone).is(200, "").says("is not linked with you here")
			w.show(secretOf(1), "action", "erase").is(200, "").says("request for erasure has been recorded", "You asked for erasure on").saysNot(`value="erase"`)
			w.show(secretOf(1), "action", "erase").is(200, "").says("asked for erasure already")
		} else {
			w.own("POST", "erasures", secretOf(1), map[string]string{"account": anyoneMe}).is(422, "name_not_linked")
			w.own("POST", "erasures", secretOf(1), map[string]string{}).is(201, "").says(`"askedAt":"2026-11-30T`)
			w.own("POST", "erasures", secretOf(1), map[string]string{"account": anyoneMe}).is(200, "").says(`"askedAt"`)
		}
		found := w.allWishes()
		if len(found) != 1 || found[0].Shown != "receipt" || found[0].Names != nil || found[0].Site != "shop" {
			t.Fatalf("by the %s: %+v", way, found)
		}
		w.reply(found[0].ID, "opened").is(204, "")
		if way == "route" {
			w.own("POST", "erasures", secretOf(1), map[string]string{}).is(200, "").says(`"openedAt"`)
			break
		}
		w.show(secretOf(1)).says("has been handled since")
		w.reply(found[0].ID, "closed").is(204, "")
		w.show(secretOf(1)).says("It was answered on", `value="erase"`)
		w.clock.SetTime(noon.Add(time.Hour))
	}
	found := w.allWishes()
	w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": map[string]string{"kind": "subject", "id": found[0].Subject}}).is(200, "")
	w.show(secretOf(1)).is(200, "").says("Nothing is recorded under this code")
	w.show(secretOf(1), "action", "erase").is(200, "").says("Nothing is recorded under this code")
	if person := uuid.MustParse(found[0].Subject); person == uuid.Nil || len(w.events()) == 0 {
		t.Error("the proof went too")
	}
}

func TestANameThatIsLinkedGoesWithAReceiptsWish(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	w.client("/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)}, "other": map[string]string{"kind": "email", "id": anyone}}).is(204, "")
	w.own("POST", "erasures", secretOf(1), map[string]string{"email": " Camille.Durand@EXAMPLE.eu"}).is(201, "")
	if found := w.allWishes(); len(found) != 1 || found[0].Names["email"] == "" || found[0].Shown != "receipt" {
		t.Errorf("%+v", found)
	}
	w.wishFor(w.link("view", "")).is(200, "").says("asked for erasure already")
}

// TestAStolenReceiptTriesFewNames: whoever has the secret of somebody would learn by which names the ledger knows them.
func TestAStolenReceiptTriesFewNames(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	for range 5 {
		w.own("POST", "erasures", secretOf(1), map[string]string{"account": "guess"}).is(422, "name_not_linked")
		w.show(secretOf(1), "action", "erase", "account", "guess").is(200, "")
	}
	w.own("POST", "erasures", secretOf(1), map[string]string{"account": anyoneMe}).is(429, "too_many_requests")
	w.show(secretOf(1), "action", "erase").is(429, "too_many_requests")
	w.own("POST", "erasures", secretOf(2), map[string]string{}).is(429, "too_many_requests") // from the same network
	w.show(secretOf(1)).is(200, "")
	w.own("POST", "withdrawals", secretOf(1), nil).is(204, "") // which needs no leave
}

func TestASecretThatIsShownTooOftenWaits(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Limits = limit.New(1, 3) })
	counts := map[int]int{}
	for range 10 {
		counts[w.show(secretOf(1)).Code]++
	}
	if counts[200] != 3 || counts[429] != 7 {
		t.Errorf("%v", counts)
	}
	w.show(secretOf(1), "action", "withdraw-all").is(200, "")
	w.show(secretOf(2)).is(200, "")
}

// TestWithoutSecretsOnDevicesThePageAsksForNone: a policy that links nothing keeps none.
func TestWithoutSecretsOnDevicesThePageAsksForNone(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(func(f *settings.File) { f.Spec.Widget.Proof = v1alpha1.ProofAggregate })
	w.ask(request{method: "GET", path: "/me/shop?lang=en"}).is(200, "").says("open the link in the message that you were sent").saysNot(`name="secret"`)
}
