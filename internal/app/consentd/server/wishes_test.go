package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// wish is one that the operator is told of.
type wish struct {
	ID, Subject, Site string
	AskedAt           time.Time
	OpenedAt          *time.Time
	Forgotten         bool
	Names             map[string]string
	Purposes          []string
	Shown             string
}

// wishes are those that nobody has answered.
func (w *world) wishes(query string) (found []wish, next string) {
	w.Helper()
	var out struct {
		Wishes []wish
		Next   string
	}
	w.ask(request{method: "GET", path: "/internal/v1/wishes" + query, bearer: w.operator()}).is(200, "").into(&out)
	return out.Wishes, out.Next
}

// allWishes are those of all ways.
func (w *world) allWishes() (all []wish) {
	w.Helper()
	for _, way := range consent.Ways() {
		for _, opened := range []string{"", "&opened=true"} {
			found, _ := w.wishes("?way=" + string(way) + opened)
			all = append(all, found...)
		}
	}
	return all
}

func (w *world) reply(id, state string) answer {
	w.Helper()
	return w.ask(request{method: "POST", path: "/internal/v1/wishes:answer", bearer: w.operator(), body: map[string]string{"id": id, "state": state}})
}

// wishFor posts the form by which a person asks for erasure, with what they wrote into it.
func (w *world) wishFor(path string, fields ...string) answer {
	w.Helper()
	form := url.Values{"token": {tokenIn(path)}, "action": {"erase"}, "lang": {"en"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: form.Encode()})
}

func (a answer) says(words ...string) answer {
	a.w.Helper()
	for _, want := range words {
		if !strings.Contains(a.Body.String(), want) {
			a.w.Errorf("the page lacks %q: %s", want, a.Body)
		}
	}
	return a
}

func TestAWishToBeErasedIsSeenUntilItWasAnswered(t *testing.T) {
	w := newWorld(t, nil)
	view := w.link("view", "")
	w.ask(request{method: "GET", path: view + "&lang=en"}).is(200, "").says(`value="erase"`, `name="email"`)
	for name, fields := range map[string][]string{
		"nobody's address": {"email", "nobody@example.eu"}, "another's account": {"email", anyone, "account", anyoneMe},
		"no name at all": {"phone", strings.Repeat("1", 600)}, "a long one": {"account", strings.Repeat("a", 400)},
	} {
		w.wishFor(view, fields...).is(200, "").says("is not linked with you here")
		if len(w.events()) != 0 {
			t.Errorf("%s: something was recorded", name)
		}
	}
	w.wishFor(view, "email", " Camille.Durand@EXAMPLE.eu", "phone", "").is(200, "").says("request for erasure has been recorded")
	found, next := w.wishes("?way=link")
	if len(found) != 1 || next != "" || found[0].Names["email"] != "Camille.Durand@EXAMPLE.eu" || len(found[0].Names) != 1 || found[0].Site != "shop" ||
		!found[0].AskedAt.Equal(w.events()[0].RecordedAt) || found[0].Subject != w.events()[0].Subject.String() || found[0].OpenedAt != nil || found[0].Forgotten {
		t.Fatalf("%+v", found)
	}
	if sealed := w.events()[0]; strings.Contains(string(sealed.EvidenceCiphertext), "Camille") {
		t.Error("what the person wrote is not sealed")
	}
	again := w.link("view", "")
	if page := w.ask(request{method: "GET", path: again + "&lang=en"}).is(200, "").says("You asked for erasure on", "2026-11-30"); strings.Contains(page.Body.String(), `value="erase"`) {
		t.Error("a person may ask twice at once")
	}
	w.wishFor(again).is(200, "").says("asked for erasure already")
	for range 2 {
		w.reply(found[0].ID, "opened").is(204, "")
	}
	w.ask(request{method: "GET", path: again + "&lang=en"}).is(200, "").says("has been handled since")
	if found := w.allWishes(); len(found) != 1 || found[0].OpenedAt == nil || found[0].Names != nil {
		t.Errorf("names are told again: %+v", found)
	}
	w.reply(found[0].ID, "closed").is(204, "")
	w.reply(found[0].ID, "closed").is(404, "wish_unknown")
	w.ask(request{method: "GET", path: again + "&lang=en"}).is(200, "").says("was answered on", `value="erase"`)
	w.wishFor(again).is(200, "").says("has been recorded")
	w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": map[string]string{"kind": "email", "id": anyone}}).is(200, "")
	if found := w.allWishes(); len(found) != 1 || !found[0].Forgotten || found[0].Names != nil {
		t.Errorf("%+v", found)
	}
}

func TestWishesAreForTheOperatorAlone(t *testing.T) {
	w := newWorld(t, nil)
	own := "consentd/" + w.tenant.String()
	token := func(audience, namespace, name string) string {
		return w.cluster.TokenFor(t, audience, namespace, name, noon)
	}
	for name, test := range map[string]struct {
		bearer string
		status int
		code   string
	}{
		"nobody":                            {"", 401, "unauthenticated"},
		"a client who may erase":            {w.desk(), 401, "unauthenticated"},
		"a client with the audience":        {token(own, "shop", "desk"), 403, "forbidden"},
		"its name in another namespace":     {token(own, "shop", "rempart-consent"), 403, "forbidden"},
		"the operator's for the clients":    {token("consentd", "rempart-system", "rempart-consent"), 401, "unauthenticated"},
		"the operator's for another tenant": {token("consentd/7d444840-9dc0-81d1-b245-5ffdce74fad2", "rempart-system", "rempart-consent"), 401, "unauthenticated"},
	} {
		t.Run(name, func(*testing.T) {
			w.ask(request{method: "GET", path: "/internal/v1/wishes?way=link", bearer: test.bearer}).is(test.status, test.code)
			w.ask(request{method: "GET", path: "/internal/v1/forgotten?from=0", bearer: test.bearer}).is(test.status, test.code)
			w.ask(request{method: "POST", path: "/internal/v1/wishes:answer", bearer: test.bearer, body: map[string]string{}}).is(test.status, test.code)
			w.ask(request{method: "POST", path: "/internal/v1/wishes:later", bearer: test.bearer, body: map[string]any{"ids": []string{"7d444840-9dc0-81d1-b245-5ffdce74fad2"}}}).is(test.status, test.code)
		})
	}
	w.client("/v1/check", w.operator(), map[string]any{"subjects": []any{account("a")}}).is(401, "unauthenticated")
	for _, query := range []string{"", "?way=post", "?opened=true", "?way=link&limit=x", "?way=link&limit=0", "?way=link&limit=101", "?way=link&after=x", "?way=link&after=7d444840-9dc0-81d1-b245-5ffdce74fad2",
		"?way=link&opened=yes", "?way=link&way=link", "?way=link&site=shop"} {
		w.ask(request{method: "GET", path: "/internal/v1/wishes" + query, bearer: w.operator()}).is(400, "bad_request")
	}
	for _, ids := range []any{nil, []string{}, []string{"x"}, make([]uuid.UUID, 101)} {
		w.ask(request{method: "POST", path: "/internal/v1/wishes:later", bearer: w.operator(), body: map[string]any{"ids": ids}}).is(400, "bad_request")
	}
	w.ask(request{method: "POST", path: "/internal/v1/wishes:later", bearer: w.operator(), body: map[string]any{"ids": make([]uuid.UUID, 100)}}).is(204, "")
	w.reply("7d444840-9dc0-81d1-b245-5ffdce74fad2", "lost").is(400, "bad_request")
	w.reply("7d444840-9dc0-81d1-b245-5ffdce74fad2", "opened").is(404, "wish_unknown")
	w.ask(request{method: "POST", path: "/internal/v1/wishes:answer", bearer: w.operator(), kind: "text/plain", body: "x"}).is(415, "media_type_unsupported")
	w.ask(request{method: "POST", path: "/internal/v1/wishes:answer", bearer: w.operator(), body: strings.Repeat(" ", 70_000)}).is(413, "body_too_large")
	w.serve(func(f *settings.File) { f.Operator = settings.Operator{} })
	w.ask(request{method: "GET", path: "/internal/v1/wishes?way=link", bearer: w.operator()}).is(403, "forbidden")
}

func TestManyWishesAreReadInPages(t *testing.T) {
	w := newWorld(t, nil)
	const all = 23
	for i := range all {
		id, token := fmt.Sprintf("account-%d", i), []byte(fmt.Sprintf("token-%d", i))
		if err := w.ledger.Issue(t.Context(), token, "view", consent.Person{Kind: "account", ID: id}, "", noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		act := consent.Act{Site: "shop", Key: id, Method: consent.MethodButton, Evidence: fmt.Appendf(nil, `{"account":%q}`, id), Choices: []consent.Choice{{Type: consent.EventErasureAsked}}}
		if _, err := w.ledger.Spend(t.Context(), token, noon, act); err != nil {
			t.Fatal(err)
		}
	}
	for query, pages := range map[string]int{"?way=link&": 3, "?limit=4&way=link&": 6} {
		seen := map[string]bool{}
		for next, asked := "", 0; ; asked++ {
			found, after := w.wishes(query + next)
			for _, wish := range found {
				seen[wish.Names["account"]] = true
			}
			if after == "" {
				if len(seen) != all || asked != pages-1 {
					t.Errorf("%s: %d wishes on %d pages", query, len(seen), asked+1)
				}
				break
			}
			next = "after=" + after
		}
	}
}

// TestWhatCannotBeReadIsNoLink: of who showed a receipt nobody may say later that they had a mailed link.
func TestWhatCannotBeReadIsNoLink(t *testing.T) {
	w, want := newWorld(t, nil), map[string]string{}
	for _, test := range []struct{ id, evidence, want string }{
		{"by a link", `{"shown":"link"}`, "link"}, {"by a receipt", `{"shown":"receipt"}`, "receipt"},
		{"by a link, before that was said", `{"account":"by a link, before that was said"}`, "link"},
		{"no text", `{"shown":"receipt","account":5}`, ""}, {"cut off", `{"account":"x`, ""}, {"pruned", "", ""},
	} {
		token := []byte("token " + test.id)
		if err := w.ledger.Issue(t.Context(), token, "view", consent.Person{Kind: "account", ID: test.id}, "", noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		act := consent.Act{Site: "shop", Key: test.id, Method: consent.MethodButton, Choices: []consent.Choice{{Type: consent.EventErasureAsked}}}
		if test.evidence != "" {
			act.Evidence = []byte(test.evidence)
		}
		recorded, err := w.ledger.Spend(t.Context(), token, noon, act)
		if err != nil {
			t.Fatal(err)
		}
		want[recorded.Events[0].ID.String()] = test.want
	}
	found := w.allWishes()
	for _, one := range found {
		if shown, known := want[one.ID]; !known || one.Shown != shown {
			t.Errorf("shown %q, want %q", one.Shown, shown)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d wishes, want %d", len(found), len(want))
	}
}

func TestAWishByAMailedLinkSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.wishFor(w.link("view", "")).is(200, "").says("request for erasure has been recorded")
	if found := w.allWishes(); len(found) != 1 || found[0].Shown != "link" || found[0].Names != nil {
		t.Errorf("%+v", found)
	}
}

// TestWhoGivesWayIsListedLast, in the order in which they came.
func TestWhoGivesWayIsListedLast(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 3 {
		w.clock.Step(time.Second) // acts of one instant have no order
		id, token := fmt.Sprintf("account-%d", i), []byte(fmt.Sprintf("token-%d", i))
		if err := w.ledger.Issue(t.Context(), token, "view", consent.Person{Kind: "account", ID: id}, "", noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		act := consent.Act{Site: "shop", Key: id, Method: consent.MethodButton, Choices: []consent.Choice{{Type: consent.EventErasureAsked}}}
		if _, err := w.ledger.Spend(t.Context(), token, noon, act); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := w.wishes("?way=link")
	w.ask(request{method: "POST", path: "/internal/v1/wishes:later", bearer: w.operator(), body: map[string]any{"ids": []string{before[1].ID, before[0].ID}}}).is(204, "")
	after, _ := w.wishes("?way=link")
	if len(after) != 3 || after[0].ID != before[2].ID || after[1].ID != before[0].ID || after[2].ID != before[1].ID {
		t.Errorf("%+v, before %+v", after, before)
	}
}
