package server_test

import (
	"bytes"
	"testing"

	"github.com/rempart-dev/rempart/client/gate"
	"github.com/rempart-dev/rempart/internal/consent"
)

// TestAGrantOfBeforeThatCanBeNoConsentIsStale: the ledger has grants to what rests on consent by acts that no longer count for it.
// Nothing is let through for them, they can be withdrawn, and one that can be consent takes their place.
func TestAGrantOfBeforeThatCanBeNoConsentIsStale(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := inProcess(w)
	words := w.Current().All[1]["fr"].Ref
	for i, method := range []consent.Method{"message", "trigger-button", "asserted-by-site", "button", "checkbox", "double-opt-in"} {
		visitor, counts := byte(i+1), i >= 3
		recorded, err := w.ledger.Record(t.Context(), consent.Act{Site: "shop", Key: string(method), Person: consent.Person{Kind: "receipt", ID: secretOf(visitor)}, Method: method,
			CollectedBy: consent.CollectorWidget, Notice: words, Choices: []consent.Choice{
				{Type: consent.EventTermsAccepted, Purpose: "conversation", Decision: consent.Granted, ValidUntil: noon.AddDate(0, 6, 0)},
				{Type: consent.EventGiven, Purpose: "analytics", Decision: consent.Granted, ValidUntil: noon.AddDate(0, 6, 0)},
			}})
		if err != nil {
			t.Fatal(err)
		}
		subject := map[string]string{"kind": "subject", "id": recorded.Subject.String()}
		var out outcome
		w.ask(request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secretOf(visitor)}).is(200, "").into(&out)
		var checked struct {
			Results []map[string]struct {
				Granted, Stale bool
				Decision       string
			}
		}
		for range 2 { // read, and kept
			w.client("/v1/check", w.backend(), map[string]any{"subjects": []any{subject}}).is(200, "").into(&checked)
		}
		is := checked.Results[0]["analytics"]
		if is.Granted != counts || is.Stale == counts || is.Decision != "granted" || out.State["analytics"].Granted != counts || out.State["analytics"].Stale == counts {
			t.Errorf("%s: %+v, %+v", method, is, out.State)
		}
		if !checked.Results[0]["conversation"].Granted {
			t.Errorf("%s: the service is not granted", method)
		}
		var passed struct{ Data map[string]any }
		w.client("/v1/gate:filter", w.backend(), map[string]any{"subject": subject, "record": "contact", "data": map[string]any{"visits": 1}}).is(200, "").into(&passed)
		result, err := c.Filter(t.Context(), gate.Subject{Kind: "subject", ID: recorded.Subject.String()}, gate.Use{Record: "contact", Purposes: []string{"analytics"}}, []byte(visited))
		if err != nil || (len(passed.Data) == 1) != counts || (string(result.Data) == `{"visits":12.50}`) != counts {
			t.Errorf("%s: %v and %s pass, %v", method, passed.Data, result.Data, err)
		}
		if i == 0 {
			w.post(visitor, "again", w.act("checkbox", "analytics")).is(201, "").into(&out)
			if !out.State["analytics"].Granted {
				t.Errorf("asked again: %+v", out.State)
			}
		}
		w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(visitor), body: map[string]any{"purposes": []string{"analytics"}}}).is(204, "")
		events := w.events()
		if last := events[len(events)-1]; last.Type != consent.EventWithdrawn || last.Purpose != "analytics" || last.Subject != recorded.Subject {
			t.Errorf("%s: withdrawn as %s %s", method, last.Type, last.Purpose)
		}
		states, err := w.ledger.States(t.Context(), []consent.Person{{Kind: "receipt", ID: secretOf(visitor)}})
		if err != nil || len(states[0]) != 2 {
			t.Fatal(states, err)
		}
		for _, state := range states[0] { // the audit compares it with the notice
			if !bytes.Equal(state.Notice.Material, words.Material) {
				t.Errorf("%s: the state of %s forgot what the notice meant", method, state.Purpose)
			}
		}
	}
}
