package server_test

import (
	"net/http"
	"strings"
	"testing"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/bundle"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// TestWhatProvesAnActIsCheckedOffline: the service's own bundles hold, act by act, with its published keys alone.
func TestWhatProvesAnActIsCheckedOffline(t *testing.T) {
	// The log is named after the host that serves it, and signed by the key of receipts, as the program does it.
	w := newWorld(t, func(c *server.Config) {
		keys, err := settings.ReadKeys(consentdtest.Keys(t))
		if err != nil {
			t.Fatal(err)
		}
		tenant := c.Policies.Current().Tenant
		signer, _, err := proof.NewSigner(proof.Origin(strings.TrimPrefix(host, "https://"), tenant.String()), keys.Seed)
		if err != nil {
			t.Fatal(err)
		}
		twin, err := ledger.New(ledger.Config{Tenant: tenant, Signer: signer, Clock: clocktesting.NewFakePassiveClock(noon)})
		if err != nil {
			t.Fatal(err)
		}
		c.Ledger.(*faulty).Ledger, c.Key, c.Keys = twin, keys.Signing, keys.Public
	})
	w.publish()
	w.post(1, "k1", w.act("message", "conversation")).is(http.StatusCreated, "")
	w.post(2, "k2", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	w.post(1, "k3", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{}}).is(http.StatusNoContent, "")
	ask := func() answer {
		return w.ask(request{method: "POST", path: "/v1/subjects:export", bearer: w.desk(),
			body: map[string]any{"subject": map[string]string{"kind": "subject", "id": w.events()[0].Subject.String()}, "format": "bundles"}})
	}
	text := ask().is(http.StatusOK, "").Body.Bytes()
	all, err := bundle.OpenAll(text, w.config.Keys)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d bundles, %v", len(all), err)
	}
	for i, method := range []string{"message", "checkbox", "button"} {
		if claims := all[i].Claims; claims.Method != method || claims.Issuer != host || len(all[i].Places) != len(claims.Events) {
			t.Errorf("%+v", all[i])
		}
	}
	if strings.Contains(string(text), secretOf(1)) {
		t.Error("the receipt's secret is in the bundles")
	}
	// Words that left the policy are in the ledger for ever.
	w.serve(func(file *settings.File) { file.Spec.Notices[0].Version = 7 })
	if all, err := bundle.OpenAll(ask().is(http.StatusOK, "").Body.Bytes(), w.config.Keys); err != nil || len(all) != 3 {
		t.Errorf("%d bundles, %v", len(all), err)
	}
	for _, format := range []string{"iso27560", "kantara"} {
		w.ask(request{method: "POST", path: "/v1/subjects:export", bearer: w.desk(),
			body: map[string]any{"subject": map[string]string{"kind": "subject", "id": w.events()[0].Subject.String()}, "format": format}}).is(http.StatusOK, "")
	}
}
