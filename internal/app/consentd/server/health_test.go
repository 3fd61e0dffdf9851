package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// questions are what needs the ledger.
func (w *world) questions(body map[string]any) map[string]request {
	post := func(path, bearer string, body any) request {
		return request{method: "POST", path: path, bearer: bearer, body: body}
	}
	return map[string]request{
		"events":      {method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(1), key: "k", body: body},
		"state":       {method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)},
		"withdrawals": {method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)},
		"me":          {method: "GET", path: "/me/shop?token=" + strings.Repeat("A", 43)},
		"me, pressed": {method: "POST", path: "/me/shop", kind: "application/x-www-form-urlencoded", body: "action=erase&token=" + strings.Repeat("A", 43)},
		"checkpoint":  {method: "GET", path: "/v1/sites/shop/log/checkpoint"},
		"consistency": {method: "GET", path: "/v1/sites/shop/log/consistency?from=1&to=1"},
		"proof":       {method: "GET", path: "/v1/sites/shop/log/proof/7d444840-9dc0-81d1-b245-5ffdce74fad2"},
		"check":       post("/v1/check", w.backend(), map[string]any{"subjects": []any{account("a")}}),
		"filter":      post("/v1/gate:filter", w.backend(), map[string]any{"subject": account("a"), "record": "contact", "data": map[string]any{}}),
		"link":        post("/v1/subjects:link", w.backend(), map[string]any{"known": account("a"), "other": account("b")}),
		"invite":      post("/v1/subjects:invite", w.backend(), map[string]any{"subject": account("a"), "site": "shop", "kind": "view"}),
		"erase":       post("/v1/subjects:erase", w.desk(), map[string]any{"subject": account("a")}),
		"export":      post("/v1/subjects:export", w.desk(), map[string]any{"subject": account("a"), "format": "iso27560"}),
		"list":        {method: "GET", path: "/v1/events", bearer: w.desk()},
		"erasures":    {method: "GET", path: "/v1/erasures", bearer: w.desk()},
		"wishes":      {method: "GET", path: "/internal/v1/wishes?way=link", bearer: w.operator()},
		"opened":      post("/internal/v1/wishes:answer", w.operator(), map[string]any{"id": "7d444840-9dc0-81d1-b245-5ffdce74fad2", "state": "opened"}),
		"closed":      post("/internal/v1/wishes:answer", w.operator(), map[string]any{"id": "7d444840-9dc0-81d1-b245-5ffdce74fad2", "state": "closed"}),
		"later":       post("/internal/v1/wishes:later", w.operator(), map[string]any{"ids": []string{"7d444840-9dc0-81d1-b245-5ffdce74fad2"}}),
		"status":      {method: "GET", path: "/internal/v1/status"},
		"forgotten":   {method: "GET", path: "/internal/v1/forgotten?from=0", bearer: w.operator()},
	}
}

func TestWithoutItsLedgerTheServiceSaysSoAndRecordsNothing(t *testing.T) {
	for _, fault := range []string{"away", "slow"} {
		w := newWorld(t, func(c *server.Config) { c.Timeout = 30 * time.Millisecond })
		body := w.act("checkbox", "analytics")
		w.ledger.away.Store(fault == "away")
		w.ledger.slow.Store(fault == "slow")
		for name, question := range w.questions(body) {
			got := w.ask(question).is(503, "ledger_unavailable")
			if got.Header().Get("Retry-After") == "" || strings.Contains(got.Body.String(), "refused for user") {
				t.Errorf("%s: %v %s", name, got.Header(), got.Body)
			}
		}
		// What needs no ledger is still there.
		w.ask(request{method: "GET", path: "/w/shop/widget.js"}).is(200, "")
		w.ask(request{method: "GET", path: "/healthz"}).is(200, "")
		w.ledger.away.Store(false)
		w.ledger.slow.Store(false)
		if len(w.events()) != 0 {
			t.Errorf("%s: half of something was recorded: %+v", fault, w.events())
		}
		patient := w.config // what was asked above was not given long
		patient.Timeout, patient.Registry = 20*time.Second, newRegistry()
		s, err := server.New(patient)
		if err != nil {
			t.Fatal(err)
		}
		w.Server = s
		w.post(1, "k", body).is(201, "") // the retry of the page
	}
}

func TestReadinessFollowsTheLedger(t *testing.T) {
	w := newWorld(t, nil)
	w.ask(request{method: "GET", path: "/readyz"}).is(503, "not_ready")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Watch(ctx); close(done) }()
	for w.ask(request{method: "GET", path: "/readyz"}).Code != 200 {
	}
	var status struct {
		TenantID string
		Notice   struct {
			Version        int
			MaterialDigest string
		}
		Sites []struct {
			ID, URL, Integrity, Digest string
			Bytes                      int
		}
		Ledger struct {
			Size             int64
			Root, Checkpoint string
		}
		Audit struct {
			Verified bool
			Time     time.Time
		}
	}
	for !status.Audit.Verified {
		w.ask(request{method: "GET", path: "/internal/v1/status"}).is(200, "").into(&status)
	}
	if status.TenantID != w.Current().TenantID || status.Notice.Version != 1 || status.Notice.MaterialDigest != w.Current().MaterialDigest || len(status.Sites) != 2 ||
		!strings.HasPrefix(status.Sites[0].URL, host+"/w/shop/widget.") || !strings.HasPrefix(status.Sites[0].Integrity, "sha384-") || status.Sites[0].Bytes == 0 ||
		status.Ledger.Checkpoint == "" || !status.Audit.Time.Equal(noon) {
		t.Errorf("%+v", status)
	}
	stop()
	<-done
}

func TestALedgerThatContradictsItselfIsSaidSo(t *testing.T) {
	w := newWorld(t, nil)
	lying := &liar{}
	config := w.config
	config.Auditor = lying
	config.Registry = newRegistry()
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = s
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Watch(ctx); close(done) }()
	for {
		var status struct {
			Audit struct {
				Verified bool
				Time     *time.Time
			}
		}
		w.ask(request{method: "GET", path: "/internal/v1/status"}).is(200, "").into(&status)
		if status.Audit.Time != nil {
			if status.Audit.Verified {
				t.Error("verified")
			}
			break
		}
	}
	stop()
	<-done
}

type liar struct{}

func (*liar) Audit(context.Context) error { return fmt.Errorf("auditing: %w", consent.ErrContradicted) }

func TestWithoutAPolicyNothingIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	w.current.Store(nil)
	w.ask(request{method: "GET", path: "/w/shop/widget.js"}).is(503, "not_ready")
	w.ask(request{method: "POST", path: "/v1/check", bearer: "x"}).is(503, "not_ready")
	w.ask(request{method: "GET", path: "/healthz"}).is(200, "")
	w.ask(request{method: "GET", path: "/internal/v1/status"}).is(200, "")
}

// TestTooMuchAtOnceIsRefused lets two be answered and eight wait for their turn; the others learn at once that there are too many, and
// nobody who waited is refused when the ledger goes on.
func TestTooMuchAtOnceIsRefused(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.InFlight, c.Timeout = 2, time.Minute })
	body := w.act("checkbox", "analytics")
	w.ledger.slow.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	w.ledger.given.Store(&ctx)
	codes := make(chan int, 20)
	for range 20 {
		go func() {
			r := request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(1), key: "k", body: body}.build()
			codes <- w.serveRaw(r).Code
		}()
	}
	for range 10 {
		if code := <-codes; code != 503 {
			t.Errorf("%d while the ledger paused", code)
		}
	}
	w.ask(request{method: "GET", path: "/healthz"}).is(200, "")
	w.ledger.slow.Store(false)
	stop()
	refused := 0
	for range 10 {
		if <-codes == 503 {
			refused++
		}
	}
	if refused > 2 { // those whom the ledger failed, where they had come so far
		t.Errorf("%d were refused", refused)
	}
}

func TestNoticesThatChangeInWordsOnlyDoNotAskAgain(t *testing.T) {
	w := newWorld(t, nil)
	body := w.act("checkbox", "analytics")
	w.serve(func(f *settings.File) { // an editorial change while the page is open
		next := f.Spec.Notices[0]
		next.Version, next.Change = 2, "Editorial"
		next.Texts = append(next.Texts[:0:0], next.Texts...)
		next.Texts[0].Banner += " Merci."
		f.Spec.Notices = append(f.Spec.Notices, next)
	})
	w.post(1, "k", body).is(201, "")
	if events := w.events(); events[0].Notice.Version != 1 {
		t.Errorf("the ledger says that other words were shown: %+v", events[0].Notice)
	}
	w.material(3)
	w.post(2, "k", body).is(409, "notice_stale")
	var out outcome
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&out)
	if !out.State["analytics"].Stale {
		t.Errorf("%+v", out)
	}
}

func TestAnUnlinkedRecordKnowsNobody(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(func(f *settings.File) { f.Spec.Widget.Proof = "Aggregate" })
	body := w.act("checkbox", "analytics")
	w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, key: "k", body: body}).is(201, "")
	w.post(1, "k2", body).is(201, "")
	var out outcome
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&out)
	if out.State["analytics"].Granted {
		t.Error("a visitor can be recognised")
	}
}

// TestNobodyElsesStateIsAnswered asks for many secrets: each knows its own decisions only.
func TestNobodyElsesStateIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	chance := rand.New(rand.NewPCG(1, 2))
	granted := map[byte]bool{}
	for visitor := range byte(40) {
		if granted[visitor+10] = chance.IntN(2) == 0; granted[visitor+10] {
			w.post(visitor+10, "k", w.act("checkbox", "analytics")).is(201, "")
		}
	}
	for visitor, want := range granted {
		var out outcome
		w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(visitor)}).is(200, "").into(&out)
		if out.State["analytics"].Granted != want {
			t.Errorf("visitor %d: %+v", visitor, out.State)
		}
	}
}
