package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
	"github.com/rempart-dev/rempart/internal/consent/widget"
)

func TestTheScriptIsTheSameForEveryVisitor(t *testing.T) {
	w := newWorld(t, nil)
	first := w.ask(request{method: "GET", path: "/w/shop/widget.js"}).is(200, "")
	second := w.ask(request{method: "GET", path: "/w/shop/widget.js", origin: "https://elsewhere.example", header: map[string]string{"Cookie": "a=b", "Referer": "https://elsewhere.example/x", "Accept-Language": "de"}}).is(200, "")
	if !bytes.Equal(first.Body.Bytes(), second.Body.Bytes()) || first.Header().Get("ETag") != second.Header().Get("ETag") || first.Header().Get("ETag") == "" {
		t.Error("two visitors got different scripts")
	}
	if got := second.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("origin %q: the script is for everybody", got)
	}
	sum := sha256.Sum256(first.Body.Bytes())
	named := w.ask(request{method: "GET", path: "/w/shop/widget." + hex.EncodeToString(sum[:]) + ".js"}).is(200, "")
	if !bytes.Equal(named.Body.Bytes(), first.Body.Bytes()) || !strings.Contains(named.Header().Get("Cache-Control"), "immutable") {
		t.Error("the immutable copy is another, or not immutable")
	}
	long := sha512.Sum384(first.Body.Bytes())
	if got := w.Current().Sites["shop"].Widget.Integrity; got != "sha384-"+base64.StdEncoding.EncodeToString(long[:]) {
		t.Errorf("integrity %s is not of the script", got)
	}
	w.ask(request{method: "GET", path: "/w/shop/widget.js", header: map[string]string{"If-None-Match": first.Header().Get("ETag")}}).is(304, "")
	w.ask(request{method: "HEAD", path: "/w/shop/widget.js"}).is(200, "")

	packed := w.ask(request{method: "GET", path: "/w/shop/widget.js", header: map[string]string{"Accept-Encoding": "br, gzip"}}).is(200, "")
	reader, err := gzip.NewReader(packed.Body)
	if err != nil || packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("ETag") == first.Header().Get("ETag") {
		t.Fatalf("%v, %v", err, packed.Header())
	}
	if plain, err := io.ReadAll(reader); err != nil || !bytes.Equal(plain, first.Body.Bytes()) {
		t.Error("the packed script is another")
	}
	if other := w.ask(request{method: "GET", path: "/w/blog/widget.js"}).is(200, ""); bytes.Equal(other.Body.Bytes(), first.Body.Bytes()) {
		t.Error("two sites have the same script")
	}
	for _, path := range []string{"/w/shop/widget.0000.js", "/w/shop/notice.de.json", "/w/shop/notice.json", "/w/nowhere/widget.js", "/w/nowhere/notice.fr.json", "/w/blog/notice.fr.json"} {
		w.ask(request{method: "GET", path: path}).is(404, "")
	}
	w.ask(request{method: "GET", path: "/w/shop/widget.js?visitor=7"}).is(400, "bad_request")
}

func TestAPageThatPinsABuildKeepsItAfterAChange(t *testing.T) {
	w := newWorld(t, nil)
	pinned := w.Current().Sites["shop"].Widget
	w.serve(func(f *settings.File) { f.Spec.Widget.ConsentTTL = "P3M" })
	if w.Current().Sites["shop"].Widget.Path == pinned.Path {
		t.Fatal("the change made no other build")
	}
	w.ledger.away.Store(true)
	w.ask(request{method: "GET", path: pinned.Path}).is(503, "ledger_unavailable")
	w.ledger.away.Store(false)
	for range 2 { // once read, it needs no ledger
		before := w.ask(request{method: "GET", path: pinned.Path}).is(200, "")
		if !bytes.Equal(before.Body.Bytes(), pinned.Body) || !strings.Contains(before.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("the pinned script is another, or not immutable: %v", before.Header())
		}
		w.ledger.away.Store(true)
	}
	packed := w.ask(request{method: "GET", path: pinned.Path, header: map[string]string{"Accept-Encoding": "gzip"}}).is(200, "")
	if !bytes.Equal(packed.Body.Bytes(), pinned.Gzip) {
		t.Error("the pinned script travels as other bytes")
	}
	w.ledger.away.Store(false)
	sum := sha256.Sum256([]byte("never published"))
	for _, path := range []string{"/w/blog/widget." + pinned.SHA256 + ".js", "/w/shop/widget." + hex.EncodeToString(sum[:]) + ".js",
		"/w/shop/widget." + strings.ToUpper(pinned.SHA256) + ".js", "/w/shop/widget." + pinned.SHA256, "/w/shop/" + pinned.SHA256 + ".js"} {
		w.ask(request{method: "GET", path: path}).is(404, "not_found")
	}
}

func TestTheWordsAreTheSameForEveryVisitorOfAnHour(t *testing.T) {
	w := newWorld(t, nil)
	get := func() answer { return w.ask(request{method: "GET", path: "/w/shop/notice.fr.json"}).is(200, "") }
	first := get()
	w.clock.SetTime(noon.Add(39 * time.Minute))
	if second := get(); second.Body.String() != first.Body.String() || second.Header().Get("ETag") != first.Header().Get("ETag") {
		t.Error("two visitors of an hour got different words")
	}
	w.clock.SetTime(noon.Add(40 * time.Minute))
	if third := get(); third.Body.String() == first.Body.String() {
		t.Error("the token of the next hour is that of the last one")
	}
	_, notice := w.notice("shop", "fr")
	texts := notice["texts"].(map[string]any)
	if texts["accept"] != "Accepter" || texts["language"] != "fr" || len(notice["purposes"].([]any)) != 4 || len(notice["triggers"].([]any)) != 1 || len(notice["materialDigest"].(string)) != 64 {
		t.Errorf("%v", notice)
	}
	own := notice["interface"].(map[string]any)
	if own["send"] != "Envoyer" {
		t.Errorf("%v", own)
	}
	for key := range own {
		if _, signed := texts[key]; signed {
			t.Errorf("%q is a word of the interface and of the notice", key)
		}
	}
}

// TestTheAgeIsAWordOfTheInterface, as it is asked: the widget says it again to who forgot the box.
func TestTheAgeIsAWordOfTheInterface(t *testing.T) {
	w := newWorld(t, nil)
	said := func() any {
		_, notice := w.notice("shop", "fr")
		return notice["interface"].(map[string]any)["ageText"]
	}
	if text := said(); text != "" {
		t.Errorf("no age is asked for, and the interface says %q", text)
	}
	w.serve(func(f *settings.File) {
		for i := range f.Spec.Purposes {
			f.Spec.Purposes[i].MinimumAge = 15
		}
	})
	if text := said(); text != "J'ai 15 ans ou plus." {
		t.Errorf("the interface says %q", text)
	}
}

func TestWhoIsAskedAgainIsToldWhatChanged(t *testing.T) {
	w := newWorld(t, nil)
	said := func(tag string) string {
		_, notice := w.notice("shop", tag)
		return notice["interface"].(map[string]any)["changed"].(string)
	}
	french, english := said("fr"), said("en")
	w.serve(func(f *settings.File) {
		next := *f.Spec.Notices[0].DeepCopy()
		next.Version = 2
		for i := range next.Texts {
			if next.Texts[i].Language == "fr" {
				next.Texts[i].Changes = "Nous gardons vos messages un an de plus."
			}
		}
		f.Spec.Notices = append(f.Spec.Notices, next)
		f.MaterialDigest = "sha256:" + "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
	})
	if said("fr") != french+" Nous gardons vos messages un an de plus." || said("en") != english {
		t.Errorf("%q, %q", said("fr"), said("en"))
	}
	if other, err := widget.Interface("fr"); err != nil || other["changed"] != french {
		t.Errorf("the words of the widget are changed for everybody: %q, %v", other["changed"], err)
	}
}

// TestTheWordsComeWithTheLinksThatThereAre: their texts are the interface's.
func TestTheWordsComeWithTheLinksThatThereAre(t *testing.T) {
	w := newWorld(t, nil)
	_, notice := w.notice("shop", "fr")
	links := notice["links"].([]any)
	if len(links) != 2 || links[0].(map[string]any)["text"] != "Conditions" || links[1].(map[string]any)["text"] != "Vie privée" || !strings.HasPrefix(links[1].(map[string]any)["href"].(string), "https://") {
		t.Errorf("%v", links)
	}
}

func TestAnActIsRecordedWithTheWordsThatWereShown(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("message", "conversation")
	body["acts"] = []map[string]any{{"type": "terms.accepted", "purpose": "conversation", "decision": "granted"}, {"type": "storage.acknowledged", "purpose": "conversation", "decision": "granted"}}
	var out outcome
	w.post(1, "k1", body).is(201, "").into(&out)
	if !out.State["conversation"].Granted && out.State["conversation"].Stale {
		t.Errorf("%+v", out)
	}
	claims, _, err := receipt.Open(out.Receipt, w.keys.Public)
	if err != nil || claims.Audience != "shop" || claims.Notice.Version != 1 || claims.Notice.Language != "fr" || claims.Issuer != host || claims.Withdraw != host+"/me/shop" {
		t.Errorf("%+v, %v", claims, err)
	}
	events := w.events()
	if len(events) != 2 || events[0].Method != consent.MethodMessage || events[0].CollectedBy != consent.CollectorWidget || events[0].Site != "shop" {
		t.Fatalf("%+v", events)
	}
	words, _ := w.Current().Shown("fr")
	if !bytes.Equal(events[0].Notice.SHA256, words.Ref.SHA256) {
		t.Error("the ledger has other words than were shown")
	}
	// A retry says the same, and records nothing.
	var again outcome
	w.post(1, "k1", body).is(200, "").into(&again)
	if !again.Deduplicated || again.Receipt != out.Receipt || len(w.events()) != 2 {
		t.Errorf("%+v", again)
	}
	// The same key is another act when another visitor, or another decision, comes with it.
	w.post(2, "k1", body).is(201, "")
	body["acts"] = []map[string]any{{"purpose": "conversation", "decision": "denied"}}
	w.post(1, "k1", body).is(422, "idempotency_key_reused")
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&out)
	if len(out.State) != 4 {
		t.Errorf("%+v", out)
	}
}

func TestStorageThatRestsOnConsentIsConsentedToAndNeverByAMessage(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(func(f *settings.File) {
		f.Spec.Widget.StorageBasis, f.Spec.Widget.Acceptance = v1alpha1.StorageConsent, v1alpha1.WidgetExplicit
	})
	w.post(1, "k1", w.act("message", "conversation")).is(422, "method_not_allowed")
	if events := w.events(); len(events) != 0 {
		t.Fatalf("%+v", events)
	}
	w.post(1, "k2", w.act("button", "conversation")).is(201, "")
	w.post(1, "k2", w.act("button", "conversation")).is(200, "")
	events := w.events()
	if len(events) != 2 || events[0].Type != consent.EventGiven || events[0].Purpose != "" || events[0].Method != consent.MethodButton || events[0].ValidUntil.IsZero() ||
		events[1].Type != consent.EventTermsAccepted || events[1].Purpose != "conversation" {
		t.Fatalf("%+v", events)
	}
	var out struct {
		State map[string]struct{ Granted bool }
	}
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&out)
	if _, is := out.State[""]; is || !out.State["conversation"].Granted {
		t.Errorf("consent to storage is no purpose: %+v", out)
	}
	subject := map[string]any{"kind": "subject", "id": events[0].Subject.String()}
	for _, format := range []string{"iso27560", "kantara", "bundles"} {
		w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": subject, "format": format}).is(200, "")
	}
	for range 2 {
		w.withdrawnBy(1, nil)
	}
	if events := w.events(); len(events) != 4 || events[2].Type != consent.EventWithdrawn || events[2].Purpose != "conversation" || events[3].Type != consent.EventWithdrawn || events[3].Purpose != "" {
		t.Errorf("%+v", events)
	}
}

func TestWhatAPageMayNotSendIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	with := func(change func(map[string]any)) map[string]any {
		body := w.act("checkbox", "analytics")
		change(body)
		return body
	}
	acts := func(all ...map[string]any) []map[string]any { return all }
	blog, _ := w.notice("blog", "en")
	good, _ := w.notice("shop", "fr")
	other := newWorld(t, nil)
	foreign, _ := other.notice("shop", "fr")
	for name, c := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"no JSON":               {"{", 400, "bad_request"},
		"nothing":               {"", 400, "bad_request"},
		"two documents":         {"{}{}", 400, "bad_request"},
		"an array":              {"[]", 400, "bad_request"},
		"no UTF-8":              {"{\"method\":\"\xff\"}", 400, "bad_request"},
		"an unknown field":      {with(func(b map[string]any) { b["consentReceived"] = true }), 400, "bad_request"},
		"an e-mail as consent":  {with(func(b map[string]any) { b["acts"] = anyone }), 400, "bad_request"},
		"no acts":               {with(func(b map[string]any) { b["acts"] = acts() }), 400, "bad_request"},
		"a decision of its own": {with(func(b map[string]any) { b["acts"] = acts(map[string]any{"purpose": "analytics", "decision": "true"}) }), 400, "bad_request"},
		"a decision as a bool":  {with(func(b map[string]any) { b["acts"] = acts(map[string]any{"purpose": "analytics", "decision": true}) }), 400, "bad_request"},
		"a type of the house": {with(func(b map[string]any) {
			b["acts"] = acts(map[string]any{"type": "subject.shredded", "purpose": "analytics", "decision": "granted"})
		}), 400, "bad_request"},
		"both ways": {with(func(b map[string]any) {
			b["acts"] = acts(map[string]any{"purpose": "analytics", "decision": "granted"}, map[string]any{"purpose": "analytics", "decision": "denied"})
		}), 400, "bad_request"},
		"a year of five digits":       {with(func(b map[string]any) { b["occurredAt"] = "99999-01-01T00:00:00Z" }), 400, "bad_request"},
		"an unknown purpose":          {w.act("checkbox", "spying"), 422, "purpose_unknown"},
		"an unknown method":           {w.act("telepathy", "analytics"), 422, "method_not_allowed"},
		"a method of clients":         {w.act("api", "analytics"), 422, "method_not_allowed"},
		"a method of mails":           {w.act("double-opt-in", "newsletter"), 422, "method_not_allowed"},
		"a message for analytics":     {w.act("message", "analytics"), 422, "method_not_allowed"},
		"a message for both":          {w.act("message", "conversation", "analytics"), 422, "method_not_allowed"},
		"a site's word for analytics": {w.act("asserted-by-site", "analytics"), 422, "method_not_allowed"},
		"a button for allergies":      {w.act("button", "allergies"), 422, "method_not_allowed"},
		"too young":                   {w.act("checkbox", "allergies"), 403, "age_not_asserted"},
		"a hidden banner": {with(func(b map[string]any) {
			b["method"], b["acts"], b["ui"] = "message", acts(map[string]any{"purpose": "conversation", "decision": "granted"}), map[string]any{"shownMs": 10, "visible": false}
		}), 422, "method_not_allowed"},
		"much evidence":             {with(func(b map[string]any) { b["evidence"] = strings.Repeat("a", 2049) }), 422, "evidence_too_large"},
		"no token":                  {with(func(b map[string]any) { delete(b, "noticeToken") }), 403, "notice_token_invalid"},
		"another site's token":      {with(func(b map[string]any) { b["noticeToken"] = blog }), 403, "notice_token_invalid"},
		"another service's token":   {with(func(b map[string]any) { b["noticeToken"] = foreign }), 403, "notice_token_invalid"},
		"a token without signature": {with(func(b map[string]any) { b["noticeToken"] = good[:strings.LastIndex(good, ".")+1] }), 403, "notice_token_invalid"},
		"a receipt as a token":      {with(func(b map[string]any) { b["noticeToken"] = "eyJhbGciOiJub25lIn0.e30." }), 403, "notice_token_invalid"},
		"a huge token":              {with(func(b map[string]any) { b["noticeToken"] = strings.Repeat("a", 60_000) }), 403, "notice_token_invalid"},
	} {
		t.Run(name, func(*testing.T) { w.post(1, "key-"+name, c.body).is(c.status, c.code) })
	}
	if events := w.events(); len(events) != 0 {
		t.Errorf("recorded: %+v", events)
	}
}

func TestATokenWithAFlippedBitIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	good := body["noticeToken"].(string)
	for i := range good {
		flipped := []byte(good)
		flipped[i] ^= 1
		body["noticeToken"] = string(flipped)
		w.post(1, "k", body).is(403, "notice_token_invalid")
	}
	if events := w.events(); len(events) != 0 {
		t.Errorf("recorded: %+v", events)
	}
}

func TestAnOldTokenAsksForTheWordsOfNow(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	w.clock.SetTime(noon.Add(25 * time.Hour))
	var p struct {
		Notice struct {
			Token, Language string
			Texts           map[string]any
		}
	}
	w.post(1, "k", body).is(409, "notice_stale").into(&p)
	if p.Notice.Token == "" || p.Notice.Texts["accept"] == nil {
		t.Errorf("%+v", p)
	}
	body["noticeToken"] = p.Notice.Token
	w.post(1, "k", body).is(201, "")
}

func TestAPageOfAnotherOriginMayNotAsk(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	for _, origin := range []string{"", "null", "https://shop.example.evil.example", "https://shop.example:8443", "http://shop.example", "https://SHOP.example", "https://blog.example", "*"} {
		got := w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: origin, bearer: secretOf(1), key: "k", body: body}).is(403, "origin_not_allowed")
		if got.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%q may read the answer", origin)
		}
		if origin != "" {
			w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: origin, bearer: secretOf(1)}).is(403, "origin_not_allowed")
			w.ask(request{method: "OPTIONS", path: "/v1/sites/shop/events", origin: origin}).is(403, "origin_not_allowed")
		}
		w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: origin, bearer: secretOf(1)}).is(403, "origin_not_allowed")
	}
	preflight := w.ask(request{method: "OPTIONS", path: "/v1/sites/shop/events", origin: shop, header: map[string]string{"Access-Control-Request-Method": "POST"}}).is(204, "")
	h := preflight.Header()
	if h.Get("Access-Control-Allow-Origin") != shop || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || h.Get("Vary") != "Origin" {
		t.Errorf("%v", h)
	}
	w.post(1, "k", body).is(201, "")
	w.ask(request{method: "POST", path: "/v1/sites/nowhere/events", origin: shop, bearer: secretOf(1), key: "k", body: body}).is(404, "site_unknown")
	w.ask(request{method: "POST", path: "/v1/sites/blog/events", origin: "https://blog.example", bearer: secretOf(1), key: "k", body: body}).is(403, "notice_token_invalid")
	if len(w.events()) != 1 {
		t.Errorf("%+v", w.events())
	}
}

func TestTheSecretAndTheKeyAreNeeded(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	ask := func(bearer, key string, header map[string]string) answer {
		return w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: bearer, key: key, body: body, header: header})
	}
	if got := ask("", "k", nil).is(401, "unauthenticated"); got.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Error("401 does not say by which scheme")
	}
	for _, bad := range []string{"short", secretOf(1) + "A", secretOf(1)[:21], strings.Repeat("=", 22), "AAAAAAAAAAAAAAAAAAAAAB", anyone, secretOf(1) + "\n"} {
		ask(bad, "k", nil).is(401, "unauthenticated")
	}
	ask(secretOf(1), "k", map[string]string{"Authorization": "Basic " + secretOf(1)}).is(401, "unauthenticated")
	ask(secretOf(1), "", nil).is(400, "bad_request")
	ask(secretOf(1), strings.Repeat("k", 129), nil).is(400, "bad_request")
	w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(1), key: "k", body: body, kind: "text/plain"}).is(415, "media_type_unsupported")
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop}).is(401, "unauthenticated")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop}).is(401, "unauthenticated")
	w.ask(request{method: "DELETE", path: "/v1/sites/shop/events", origin: shop}).is(405, "http_method_not_allowed")
	w.ask(request{method: "GET", path: "/nothing"}).is(404, "not_found")
}

func TestABodyOfTenMegabytesIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	huge := func() io.Reader { return io.LimitReader(zeros{}, 10<<20) }
	w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(1), key: "k", body: huge()}).is(413, "body_too_large")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: huge()}).is(413, "body_too_large")
	w.ask(request{method: "POST", path: "/me/shop", kind: "application/x-www-form-urlencoded", body: huge()}).is(413, "body_too_large")
	w.ask(request{method: "POST", path: "/v1/check", bearer: w.backend(), body: huge()}).is(413, "body_too_large")
	w.ask(request{method: "POST", path: "/v1/gate:filter", bearer: w.backend(), body: huge()}).is(413, "body_too_large")
	w.ask(request{method: "POST", path: "/v1/subjects:erase", bearer: w.desk(), body: huge()}).is(413, "body_too_large")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestAWithdrawalAlwaysWorks(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("checkbox", "analytics")).is(201, "")
	withdraw := func(visitor byte, body any) {
		w.Helper()
		w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(visitor), body: body}).is(204, "")
	}
	withdraw(2, nil) // nothing is known of this visitor
	if len(w.events()) != 1 {
		t.Errorf("%+v", w.events())
	}
	// The consent has expired, and the notice is another one.
	w.clock.SetTime(noon.AddDate(1, 0, 0))
	w.material(2)
	withdraw(1, map[string]any{"purposes": []string{"conversation", "unheard-of"}})
	if len(w.events()) != 1 {
		t.Errorf("%+v", w.events())
	}
	withdraw(1, map[string]any{})
	withdraw(1, nil)
	withdraw(1, map[string]any{"purposes": []string{"analytics"}})
	events := w.events()
	if len(events) != 2 || events[1].Type != consent.EventWithdrawn || *events[1].Decision != consent.Denied {
		t.Errorf("%+v", events)
	}
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{"purposes": []string{}}}).is(204, "")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: "{"}).is(400, "bad_request")
}

func TestAReplayedActDoesNotUndoAWithdrawal(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	w.post(1, "k", body).is(201, "")
	w.clock.SetTime(noon.Add(time.Minute))
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(204, "")
	var out outcome
	w.post(1, "k", body).is(200, "").into(&out)
	if !out.Deduplicated || out.State["analytics"].Granted || len(w.events()) != 2 {
		t.Errorf("%+v", out)
	}
}

func TestASitesWordCountsOnceAndNotAgainstAWithdrawal(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("asserted-by-site", "conversation")
	body["evidence"] = "banner-receipt-17"
	w.post(1, "k1", body).is(201, "")
	events := w.events()
	if len(events) != 1 || events[0].Method != consent.MethodAssertedBySite || events[0].CollectedBy != consent.CollectorControllerPage {
		t.Fatalf("%+v", events)
	}
	w.post(1, "k2", body).is(200, "")
	w.clock.SetTime(noon.Add(time.Minute))
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(204, "")
	w.clock.SetTime(noon.Add(2 * time.Minute))
	w.post(1, "k3", body).is(422, "assertion_after_withdrawal")
	for _, lie := range []string{"2031-01-01T00:00:00Z", "1970-01-01T00:00:00Z"} {
		body["occurredAt"] = lie
		w.post(1, "k4"+lie, body).is(422, "assertion_after_withdrawal")
	}
	delete(body, "occurredAt")
	w.post(1, "k5", body).is(422, "assertion_after_withdrawal")
	body["occurredAt"] = noon.Add(90 * time.Second).Format(time.RFC3339)
	w.post(1, "k6", body).is(201, "")
}

func TestAClockThatLiesIsMetadata(t *testing.T) {
	w := newWorld(t, nil)
	for i, at := range []string{"0001-01-02T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-30T12:20:00.123456789+14:00"} {
		body := w.act("checkbox", "analytics")
		body["occurredAt"] = at
		w.post(byte(i+1), "k", body).is(201, "")
	}
	for _, e := range w.events() {
		if d := e.RecordedAt.Sub(noon); d < 0 || d > time.Second {
			t.Errorf("recorded at %v", e.RecordedAt)
		}
		if e.ValidUntil.Year() != 2027 {
			t.Errorf("valid until %v", e.ValidUntil)
		}
	}
}

func TestGlobalPrivacyControlIsAnAnswer(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("button", "analytics")
	body["gpc"] = true
	var out outcome
	w.post(1, "k", body).is(200, "").into(&out)
	if len(out.LeftOut) != 1 || out.Receipt != "" || len(w.events()) != 0 {
		t.Errorf("%+v", out)
	}
	body["gpc"] = false // the header of the browser says it too, and counts
	w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(1), key: "header", body: body, header: map[string]string{"Sec-GPC": "1"}}).is(200, "")
	if len(w.events()) != 0 {
		t.Error("the header is not heard")
	}
	body["gpc"] = true
	body["method"] = "checkbox" // a later explicit choice wins
	w.post(1, "k2", body).is(201, "")
	if events := w.events(); len(events) != 1 || events[0].GPC == nil || !*events[0].GPC {
		t.Errorf("%+v", events)
	}
	var says struct {
		GPC        bool
		LastUpdate string
	}
	w.ask(request{method: "GET", path: "/.well-known/gpc.json"}).is(200, "").into(&says)
	if day, err := time.Parse(time.DateOnly, says.LastUpdate); !says.GPC || err != nil || day.IsZero() {
		t.Errorf("%+v, %v", says, err)
	}
}

func TestWhatAMailMustConfirmIsNotRecordedYet(t *testing.T) {
	w := newWorld(t, nil)
	var out outcome
	w.post(1, "k", w.act("checkbox", "newsletter")).is(200, "").into(&out)
	if len(out.Pending) != 1 || out.State["newsletter"].Granted || len(w.events()) != 0 {
		t.Errorf("%+v", out)
	}
}

func TestAFloodFromOneNetworkIsRefused(t *testing.T) {
	w := newFlooded(t)
	counts := map[int]int{}
	for range 10_000 {
		got := w.ask(request{method: "GET", path: "/w/shop/notice.fr.json"})
		counts[got.Code]++
		if got.Code == http.StatusTooManyRequests && got.Header().Get("Retry-After") == "" {
			t.Fatal("no Retry-After")
		}
	}
	if counts[200] != 20 || counts[429] != 9980 {
		t.Errorf("%v", counts)
	}
	w.ask(request{method: "GET", path: "/me/shop"}).is(200, "")               // what is the same for all is counted apart
	w.ask(request{method: "GET", path: "/w/blog/notice.en.json"}).is(200, "") // another site
	w.clock.SetTime(noon.Add(time.Second))
	w.ask(request{method: "GET", path: "/w/shop/notice.fr.json"}).is(200, "")
}

// TestNobodyStandsInTheWayOfAWithdrawal: whoever shares an address with others, however many ask, can take consent back (Article 7(3)).
func TestNobodyStandsInTheWayOfAWithdrawal(t *testing.T) {
	w := newFlooded(t)
	w.post(1, "k", w.act("message", "conversation")).is(201, "")
	for n := range 100 {
		w.ask(request{method: "GET", path: "/w/shop/notice.fr.json"})
		w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(2)})
		w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(byte(100 + n))}).is(204, "") // of nobody
	}
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(429, "too_many_requests")
	w.ask(request{method: "OPTIONS", path: "/v1/sites/shop/withdrawals", origin: shop}).is(204, "")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(204, "")
	if events := w.events(); events[len(events)-1].Type != consent.EventWithdrawn {
		t.Errorf("%+v", events)
	}
	for range 19 {
		w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(204, "")
	}
	got := w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(429, "too_many_requests")
	if got.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
