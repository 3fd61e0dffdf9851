package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

func account(id string) map[string]string { return map[string]string{"kind": "account", "id": id} }

// linked gives a visitor who accepted analytics an account.
func (w *world) linked(visitor byte, id string) {
	w.Helper()
	w.post(visitor, "linked", w.act("checkbox", "analytics")).is(201, "")
	w.ask(request{method: "POST", path: "/v1/subjects:link", bearer: w.backend(), body: map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(visitor)}, "other": account(id)}}).is(204, "")
}

func (w *world) client(path, bearer string, body any) answer {
	w.Helper()
	return w.ask(request{method: "POST", path: path, bearer: bearer, body: body})
}

func TestACheckAnswersForEachInOrder(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	var out struct {
		Results []map[string]struct {
			Granted, Stale bool
			Decision       string
			NoticeVersion  int
			At, Until      *time.Time
		}
	}
	w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{account("stranger"), account(anyoneMe)}, "purposes": []string{"analytics"}}).is(200, "").into(&out)
	if len(out.Results) != 2 || out.Results[0]["analytics"].Granted || !out.Results[1]["analytics"].Granted || len(out.Results[1]) != 1 {
		t.Fatalf("%+v", out)
	}
	if got := out.Results[1]["analytics"]; got.Decision != "granted" || got.NoticeVersion != 1 || got.At.Sub(noon).Abs() > time.Millisecond || !got.Until.Equal(noon.AddDate(0, 6, 0)) {
		t.Errorf("%+v", got)
	}
	// Half a year later it has expired, and before that another notice makes it stale.
	w.material(2)
	out.Results = nil
	w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{account(anyoneMe)}}).is(200, "").into(&out)
	if got := out.Results[0]["analytics"]; got.Granted || !got.Stale || len(out.Results[0]) != 4 {
		t.Errorf("%+v", out)
	}
	w.serve(nil)
	w.clock.SetTime(noon.AddDate(0, 6, 0))
	out.Results = nil
	w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{account(anyoneMe)}}).is(200, "").into(&out)
	if got := out.Results[0]["analytics"]; got.Granted || got.Stale {
		t.Errorf("%+v", got)
	}
}

func TestWhatAClientMayNotSendIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	many := make([]any, 1001)
	for i := range many {
		many[i] = account(fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		path, bearer string
		body         any
		status       int
		code         string
	}{
		"nobody":                  {"/v1/check", w.backend(), map[string]any{"subjects": []any{}}, 400, "bad_request"},
		"1001 people":             {"/v1/check", w.backend(), map[string]any{"subjects": many}, 400, "bad_request"},
		"a kind of its own":       {"/v1/check", w.backend(), map[string]any{"subjects": []any{map[string]string{"kind": "iban", "id": "1"}}}, 400, "bad_request"},
		"a receipt's secret":      {"/v1/check", w.backend(), map[string]any{"subjects": []any{map[string]string{"kind": "receipt", "id": secretOf(1)}}}, 400, "bad_request"},
		"no id":                   {"/v1/check", w.backend(), map[string]any{"subjects": []any{account("")}}, 400, "bad_request"},
		"a long id":               {"/v1/check", w.backend(), map[string]any{"subjects": []any{account(strings.Repeat("a", 513))}}, 400, "bad_request"},
		"a reference that is not": {"/v1/check", w.backend(), map[string]any{"subjects": []any{map[string]string{"kind": "subject", "id": "x"}}}, 400, "bad_request"},
		"an unknown purpose":      {"/v1/check", w.backend(), map[string]any{"subjects": []any{account("a")}, "purposes": []string{"spying"}}, 422, "purpose_unknown"},
		"no JSON":                 {"/v1/check", w.backend(), "{", 400, "bad_request"},
		"no token":                {"/v1/check", "", map[string]any{"subjects": []any{account("a")}}, 401, "unauthenticated"},
		"a page's secret":         {"/v1/check", secretOf(1), map[string]any{"subjects": []any{account("a")}}, 401, "unauthenticated"},
		"another account":         {"/v1/check", w.cluster.Token(t, "shop", "frontend", noon), map[string]any{"subjects": []any{account("a")}}, 403, "forbidden"},
		"another namespace":       {"/v1/check", w.cluster.Token(t, "blog", "backend", noon), map[string]any{"subjects": []any{account("a")}}, 403, "forbidden"},
		"another right":           {"/v1/check", w.desk(), map[string]any{"subjects": []any{account("a")}}, 403, "forbidden"},
		"erase without the right": {"/v1/subjects:erase", w.backend(), map[string]any{"subject": account("a")}, 403, "forbidden"},
		"an old token":            {"/v1/check", w.cluster.Token(t, "shop", "backend", noon.Add(-2*time.Hour)), map[string]any{"subjects": []any{account("a")}}, 401, "unauthenticated"},
		"an unknown record":       {"/v1/gate:filter", w.backend(), map[string]any{"subject": account("a"), "record": "orders", "data": map[string]any{}}, 422, "record_unknown"},
		"data that are none":      {"/v1/gate:filter", w.backend(), map[string]any{"subject": account("a"), "record": "contact", "data": "text"}, 422, "data_not_filtered"},
		"a field twice":           {"/v1/gate:filter", w.backend(), `{"subject":{"kind":"account","id":"a"},"record":"contact","data":{"email":1,"email":2}}`, 422, "data_not_filtered"},
		"much data":               {"/v1/gate:filter", w.backend(), map[string]any{"subject": account("a"), "record": "contact", "data": map[string]any{"email": strings.Repeat("a", 1<<20)}}, 413, "body_too_large"},
		"link one name":           {"/v1/subjects:link", w.backend(), map[string]any{"known": account("a"), "other": account("a")}, 400, "bad_request"},
		"link a stranger":         {"/v1/subjects:link", w.backend(), map[string]any{"known": account("stranger"), "other": account("b")}, 404, "person_unknown"},
		"link a reference":        {"/v1/subjects:link", w.backend(), map[string]any{"known": account("a"), "other": map[string]string{"kind": "subject", "id": "7d444840-9dc0-81d1-b245-5ffdce74fad2"}}, 400, "bad_request"},
		"link half a secret":      {"/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": "half"}, "other": account("b")}, 400, "bad_request"},
		"erase a stranger":        {"/v1/subjects:erase", w.desk(), map[string]any{"subject": account("stranger")}, 404, "person_unknown"},
		"export a stranger":       {"/v1/subjects:export", w.desk(), map[string]any{"subject": account("stranger"), "format": "iso27560"}, 404, "person_unknown"},
		"export in no format":     {"/v1/subjects:export", w.desk(), map[string]any{"subject": account("stranger"), "format": "xml"}, 400, "bad_request"},
		"invite to no site":       {"/v1/subjects:invite", w.backend(), map[string]any{"subject": account("a"), "site": "nowhere", "kind": "view"}, 422, "site_unknown"},
		"invite to nothing":       {"/v1/subjects:invite", w.backend(), map[string]any{"subject": account("a"), "site": "shop", "kind": "all"}, 400, "bad_request"},
		"invite to confirm all":   {"/v1/subjects:invite", w.backend(), map[string]any{"subject": account("a"), "site": "shop", "kind": "confirm"}, 422, "purpose_unknown"},
		"invite without a mail":   {"/v1/subjects:invite", w.backend(), map[string]any{"subject": account("a"), "site": "shop", "kind": "confirm", "purpose": "analytics"}, 422, "method_not_allowed"},
	} {
		t.Run(name, func(*testing.T) { w.client(c.path, c.bearer, c.body).is(c.status, c.code) })
	}
	for path, code := range map[string]string{
		"/v1/events?after=x": "bad_request", "/v1/events?limit=0": "bad_request", "/v1/events?limit=1001": "bad_request", "/v1/events?subject=a": "bad_request", "/v1/events?limit=1&limit=2": "bad_request",
	} {
		w.ask(request{method: "GET", path: path, bearer: w.desk()}).is(400, code)
	}
	for _, path := range []string{"/v1/events", "/v1/erasures"} {
		w.ask(request{method: "GET", path: path + "?after=7d444840-9dc0-81d1-b245-5ffdce74fad2", bearer: w.desk()}).is(404, "event_unknown")
		w.ask(request{method: "GET", path: path, bearer: w.backend()}).is(403, "forbidden")
	}
}

func TestTheGateLetsThroughWhatIsConsentedTo(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	filter := func(id string) (out struct {
		Data    map[string]any
		Allowed map[string][]string
		Dropped []string
	}) {
		w.client("/v1/gate:filter", w.backend(), map[string]any{"subject": account(id), "record": "contact",
			"data": map[string]any{"email": anyone, "visits": 3, "allergies": "nuts", anyone: "a name that is personal"}}).is(200, "").into(&out)
		return out
	}
	got := filter(anyoneMe)
	want := map[string]any{"email": anyone, "visits": 3.0} // conversation rests on a contract
	if diff := cmp.Diff(want, got.Data); diff != "" || len(got.Dropped) != 2 || len(got.Allowed) != 2 {
		t.Errorf("%s %+v", diff, got)
	}
	if got := filter("stranger"); got.Data["visits"] != nil {
		t.Errorf("%+v", got)
	}
	// Withdrawn is withdrawn at once, whatever this process keeps.
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}).is(204, "")
	if got := filter(anyoneMe); got.Data["visits"] != nil {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsKeptIsForgottenWithAnyChange(t *testing.T) {
	w := newWorld(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() { w.Watch(ctx); close(done) }()
	w.linked(1, anyoneMe)
	granted := func() bool {
		var out struct {
			Results []map[string]struct{ Granted bool }
		}
		w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{account(anyoneMe)}}).is(200, "").into(&out)
		return out.Results[0]["analytics"].Granted
	}
	until := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	until("nothing is kept", func() bool { // kept: the answer comes although the ledger is away
		granted()
		w.ledger.away.Store(true)
		defer w.ledger.away.Store(false)
		return w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{account(anyoneMe)}}).Code == 200
	})
	// Another process records the withdrawal: this one hears of it.
	states, err := w.ledger.Ledger.States(t.Context(), []consent.Person{{Kind: "account", ID: anyoneMe}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ledger.Ledger.Record(t.Context(), consent.Act{Site: "shop", Key: "elsewhere", Person: consent.Person{Kind: "account", ID: anyoneMe}, Notice: states[0][0].Notice,
		Method: consent.MethodAPI, CollectedBy: consent.CollectorAPI, Choices: []consent.Choice{{Type: consent.EventWithdrawn, Purpose: "analytics", Decision: consent.Denied}}})
	if err != nil {
		t.Fatal(err)
	}
	// What is kept does not end by time: the clock of this service stands still.
	until("a withdrawal was not heard of", func() bool { return !granted() })
	stop()
	<-done
}

func TestAPersonIsForgottenAndTheProofStays(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	event := w.events()[0].ID.String()
	var out struct{ Subject string }
	var before struct {
		Subject                             string
		Keys, Links, States, Tokens, Events int
	}
	w.client("/v1/subjects:holding", w.desk(), map[string]any{"subject": map[string]string{"kind": "receipt", "id": secretOf(1)}}).is(200, "").into(&before)
	if before.Keys != 1 || before.Links != 2 || before.States == 0 || before.Events == 0 || before.Subject != w.events()[0].Subject.String() {
		t.Errorf("%+v", before)
	}
	w.client("/v1/subjects:holding", w.backend(), map[string]any{"subject": account(anyoneMe)}).is(403, "forbidden")
	w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": account(anyoneMe)}).is(200, "").into(&out)
	w.client("/v1/subjects:holding", w.desk(), map[string]any{"subject": account(anyoneMe)}).is(404, "person_unknown")
	if out.Subject != w.events()[0].Subject.String() {
		t.Errorf("%+v", out)
	}
	w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": account(anyoneMe)}).is(404, "person_unknown")
	var state outcome
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&state)
	if state.State["analytics"].Granted {
		t.Errorf("%+v", state)
	}
	w.ask(request{method: "GET", path: "/v1/sites/shop/log/proof/" + event}).is(200, "")
	w.ask(request{method: "GET", path: "/v1/sites/shop/log/proof/7d444840-9dc0-81d1-b245-5ffdce74fad2"}).is(404, "event_unknown")
	w.ask(request{method: "GET", path: "/v1/sites/shop/log/proof/x"}).is(400, "bad_request")
	if got := w.ask(request{method: "GET", path: "/v1/sites/shop/log/checkpoint"}).is(200, ""); !strings.Contains(got.Body.String(), w.Current().TenantID) {
		t.Errorf("%s", got.Body)
	}
	w.ask(request{method: "GET", path: "/v1/sites/shop/log/consistency?from=1&to=2"}).is(200, "")
	for _, query := range []string{"", "?from=2&to=1", "?from=0&to=1", "?from=1", "?from=1&to=2&x=1", "?from=a&to=b", "?from=1&from=1&to=2"} {
		w.ask(request{method: "GET", path: "/v1/sites/shop/log/consistency" + query}).is(400, "bad_request")
	}
	w.ask(request{method: "GET", path: "/v1/sites/shop/log/consistency?from=1&to=99999"}).is(404, "checkpoint_unknown")
	w.ask(request{method: "GET", path: "/.well-known/jwks.json"}).is(200, "")
	w.ask(request{method: "GET", path: "/openapi.json"}).is(200, "")

	var list struct {
		From, To int
		Marks    []string
	}
	w.ask(request{method: "GET", path: "/internal/v1/forgotten?from=0", bearer: w.operator()}).is(200, "").into(&list)
	if len(list.Marks) != 1 || len(list.Marks[0]) != 22 || list.To < 2 || strings.Contains(out.Subject, list.Marks[0]) {
		t.Errorf("%+v", list)
	}
	for _, query := range []string{"", "?from=-1", "?from=x", "?from=0&from=1", "?from=0&x=1"} {
		w.ask(request{method: "GET", path: "/internal/v1/forgotten" + query, bearer: w.operator()}).is(400, "bad_request")
	}
}

func TestAnExportHasTheWordsThatWereShown(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	w.material(2) // the words of before are still there
	for format, kind := range map[string]string{"iso27560": "application/ld+json", "kantara": "application/json"} {
		got := w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": account(anyoneMe), "format": format}).is(200, "")
		if got.Header().Get("Content-Type") != kind || !json.Valid(got.Body.Bytes()) || !strings.Contains(got.Body.String(), "Comprendre les visites") {
			t.Errorf("%s: %s", format, got.Body)
		}
	}
}

// TestAnExportTellsWhatPurposesWere: an act is not told anew by what the policy made of its purpose since.
func TestAnExportTellsWhatPurposesWere(t *testing.T) {
	w := newWorld(t, nil)
	w.linked(1, anyoneMe)
	exported := func(format string) string {
		w.Helper()
		return w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": account(anyoneMe), "format": format}).is(200, "").Body.String()
	}
	before := map[string]string{}
	for _, format := range []string{"iso27560", "kantara"} {
		if before[format] = exported(format); !strings.Contains(before[format], "Comprendre les visites") {
			t.Fatal(before[format])
		}
	}
	for i, change := range []func(*settings.File){
		func(f *settings.File) {
			for i := range f.Spec.Purposes {
				p := &f.Spec.Purposes[i]
				p.Recipients = []v1alpha1.ConsentRecipient{{Name: "Brokers Inc", Kind: v1alpha1.RecipientController, Country: "US"}}
				p.Retention, p.ConsentKind = "P10Y", v1alpha1.ConsentExplicit
			}
		},
		func(f *settings.File) {
			for i := range f.Spec.Purposes {
				f.Spec.Purposes[i].LegalBasis = v1alpha1.BasisLegitimateInterests
			}
		},
		func(f *settings.File) { f.Spec.Purposes, f.Spec.Gate.Records = f.Spec.Purposes[:2], nil },
	} {
		w.clock.SetTime(noon.Add(time.Duration(i+1) * time.Minute))
		w.serve(change)
		for format, want := range before {
			if got := exported(format); got != want {
				t.Errorf("change %d, %s: %s", i, format, cmp.Diff(want, got))
			}
		}
	}
}

func TestEventsAreListedPageByPage(t *testing.T) {
	w := newWorld(t, nil)
	for visitor := range byte(3) {
		w.post(visitor+1, "k", w.act("checkbox", "analytics")).is(201, "")
	}
	var seen []string
	for after := ""; ; {
		var out struct {
			Events []struct{ ID, Subject, Type, Decision, Leaf string }
		}
		w.ask(request{method: "GET", path: "/v1/events?limit=2" + after, bearer: w.desk()}).is(200, "").into(&out)
		if len(out.Events) == 0 {
			break
		}
		for _, e := range out.Events {
			if e.Subject != "" { // the others are about what was published
				seen = append(seen, e.Type+" "+e.Decision)
			}
			after = "&after=" + e.ID
			if len(e.Leaf) != 43 {
				t.Errorf("%+v", e)
			}
		}
	}
	if len(seen) != 3 || seen[0] != "consent.given granted" {
		t.Errorf("%v", seen)
	}
}

func TestAStreamTellsOfChangesAsTheyHappen(t *testing.T) {
	w := newWorld(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Watch(ctx); close(done) }()
	site := httptest.NewServer(w)
	defer site.Close()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+"/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+w.desk())
	answer, err := site.Client().Do(ask)
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v, %v", answer, err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	next := func() string {
		for lines.Scan() {
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				lines.Scan()
				return name + " " + strings.TrimPrefix(lines.Text(), "data: ")
			}
		}
		return "the end"
	}
	if got := next(); got != "reset {}" {
		t.Fatal(got)
	}
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for got := ""; got != "the end"; {
			got = next()
			heard <- got
		}
	}()
	// The watch may begin after the stream did, and does not hear of what was before: people act until one is heard of.
	changed := ""
	for visitor := byte(1); visitor < 250 && !strings.HasPrefix(changed, "changed"); visitor++ {
		w.post(visitor, "k", w.act("checkbox", "analytics")).is(201, "")
		select {
		case changed = <-heard:
		case <-time.After(100 * time.Millisecond):
		}
	}
	known := false
	for _, e := range w.events() {
		known = known || changed == `changed {"subject":"`+e.Subject.String()+`","purposes":["analytics"]}`
	}
	if !known {
		t.Errorf("heard %q, which is no event of anybody", changed)
	}
	w.Drain()
	w.Drain()
	for range heard { // to the end
	}
	w.ask(request{method: "GET", path: "/readyz"}).is(503, "not_ready")
	w.ask(request{method: "GET", path: "/w/shop/widget.js"}).is(200, "") // what comes still is answered
	stop()
	<-done
}
