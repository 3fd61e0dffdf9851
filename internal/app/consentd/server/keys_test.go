package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	memory "github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// rekeyable is a world whose ledger can be given other keys.
func rekeyable(t *testing.T) (*world, *memory.Ledger) {
	t.Helper()
	keys := settings.Keys{Peppers: []settings.Held{{Entry: "pepper", Key: keyOf(1)}, {Entry: "pepper-before", Key: keyOf(2)}}, KEKs: []settings.Held{{Entry: "kek", Key: keyOf(3)}}}
	w := newWorld(t, func(c *server.Config) { c.Entries = keys.Entries() })
	twin, err := memory.New(memory.Config{Tenant: w.Current().Tenant, Clock: w.clock, Peppers: [][]byte{keyOf(2)}, KEKs: [][]byte{keyOf(3)}})
	if err != nil {
		t.Fatal(err)
	}
	w.ledger.Ledger = twin
	w.publish()
	return w, twin
}

func keyOf(n byte) []byte { return append(make([]byte, 31), n) }

type keyAnswer struct {
	Kind, ID, Entry string
	Current         bool
	Rows            *int64
}

func (w *world) keyStatus() (keys []keyAnswer) {
	w.Helper()
	var status struct{ Keys []keyAnswer }
	w.ask(request{method: "GET", path: "/internal/v1/status"}).is(http.StatusOK, "").into(&status)
	return status.Keys
}

func TestWhatKeysAreNeededForIsTold(t *testing.T) {
	w, twin := rekeyable(t)
	w.post(1, "one", w.act("checkbox", "analytics")).is(201, "")
	if err := twin.Rekey([][]byte{keyOf(1), keyOf(2)}, [][]byte{keyOf(3)}); err != nil {
		t.Fatal(err)
	}
	got := w.keyStatus()
	if len(got) != 3 || got[0].Kind != "kek" || got[0].ID != seal.ID(keyOf(3)) || got[0].Entry != "kek" || !got[0].Current || *got[0].Rows != 1 ||
		got[1].ID != event.PepperID(keyOf(1)) || !got[1].Current || *got[1].Rows != 0 || got[2].Entry != "pepper-before" || got[2].Current || *got[2].Rows != 1 {
		t.Errorf("%+v", got)
	}
	var marks struct{ Pepper string }
	w.ask(request{method: "GET", path: "/internal/v1/forgotten?from=0", bearer: w.operator()}).is(http.StatusOK, "").into(&marks)
	if marks.Pepper != event.PepperID(keyOf(1)) {
		t.Errorf("the marks are under %q", marks.Pepper)
	}
	// An old key that nothing needs and that is gone is not told of.
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "")
	if err := twin.Rekey([][]byte{keyOf(1)}, [][]byte{keyOf(3)}); err != nil {
		t.Fatal(err)
	}
	if got := w.keyStatus(); len(got) != 2 || *got[1].Rows != 1 {
		t.Errorf("%+v", got)
	}
}

// TestWithoutAPepperAVisitorTakesBackAndGivesNothing loses the pepper under which a visitor is known.
func TestWithoutAPepperAVisitorTakesBackAndGivesNothing(t *testing.T) {
	w, twin := rekeyable(t)
	withdraw := request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1)}
	w.linked(1, anyoneMe)
	if err := twin.Rekey([][]byte{keyOf(1)}, [][]byte{keyOf(3)}); err != nil {
		t.Fatal(err)
	}
	got := w.keyStatus()
	if lost := got[len(got)-1]; lost.ID != event.PepperID(keyOf(2)) || lost.Entry != "" || *lost.Rows != 2 {
		t.Errorf("%+v", got)
	}
	w.post(1, "again", w.act("checkbox", "analytics")).is(503, "key_missing")
	w.post(2, "new", w.act("checkbox", "analytics")).is(503, "key_missing")
	subject := map[string]any{"subject": account(anyoneMe)}
	w.client("/v1/subjects:erase", w.desk(), subject).is(503, "key_missing")
	w.client("/v1/subjects:holding", w.desk(), subject).is(503, "key_missing")
	w.client("/v1/subjects:export", w.desk(), map[string]any{"subject": account(anyoneMe), "format": "iso27560"}).is(503, "key_missing")
	w.client("/v1/subjects:invite", w.backend(), map[string]any{"subject": account("another"), "site": "shop", "kind": "view"}).is(503, "key_missing")
	before := len(w.events())
	for range 2 {
		w.ask(withdraw).is(204, "")
	}
	if taken := w.events()[before:]; len(taken) != len(w.Current().Spec.Purposes) || taken[0].Type != consent.EventWithdrawn {
		t.Errorf("%d events", len(taken))
	}
	if err := twin.Rekey([][]byte{keyOf(1), keyOf(2)}, [][]byte{keyOf(3)}); err != nil {
		t.Fatal(err)
	}
	var out outcome
	w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(1)}).is(200, "").into(&out)
	if out.State["analytics"].Granted {
		t.Error("what was taken back counts again")
	}
	w.client("/v1/subjects:erase", w.desk(), subject).is(200, "")
	w.client("/v1/subjects:holding", w.desk(), map[string]any{"subject": map[string]string{"kind": "account", "id": anyoneMe}}).is(404, "person_unknown")
	// Who is found nowhere, where no key is missing, has nothing to take back.
	before = len(w.events())
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(3)}).is(204, "")
	if len(w.events()) != before {
		t.Error("something was recorded of somebody who gave nothing")
	}
}

func TestAMissingKeyIsMeasured(t *testing.T) {
	w, twin := rekeyable(t)
	w.post(1, "one", w.act("checkbox", "analytics")).is(201, "")
	if err := twin.Rekey([][]byte{keyOf(2)}, [][]byte{keyOf(4)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Watch(ctx); close(done) }()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(w.log.String(), "A key is missing") && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	cancel()
	<-done
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]float64{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "rempart_consent_key_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			told[name] = metric.GetGauge().GetValue()
		}
	}
	if told["rempart_consent_key_missing "+seal.ID(keyOf(3))+" kek"] != 1 || told["rempart_consent_key_rows "+seal.ID(keyOf(3))+" kek"] != 1 || told["rempart_consent_key_missing "+seal.ID(keyOf(4))+" kek"] != 0 {
		t.Errorf("%v", told)
	}
	if strings.Contains(w.log.String(), string(keyOf(3))) {
		t.Error("the log has a key")
	}
}
