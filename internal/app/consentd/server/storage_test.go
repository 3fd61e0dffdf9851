package server_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// TestConsentToStorageIsWithdrawnByItself, or with the last purpose that is withdrawn, wherever that is done; and it is shown and exported.
func TestConsentToStorageIsWithdrawnByItself(t *testing.T) {
	see := func(w *world, fields url.Values) answer {
		fields.Set("secret", secretOf(1))
		fields.Set("lang", "en")
		return w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: fields.Encode()}).is(200, "")
	}
	both := func(w *world, decision string) map[string]any {
		body := w.act("button", "conversation")
		body["acts"] = []map[string]any{{"purpose": "conversation", "decision": decision}}
		return body
	}
	for name, c := range map[string]struct {
		withdraw func(w *world)
		last     []string
	}{
		"by the API":          {func(w *world) { w.withdrawnBy(1, map[string]any{"storage": true}) }, []string{""}},
		"with a purpose":      {func(w *world) { w.withdrawnBy(1, map[string]any{"purposes": []string{"conversation"}}) }, []string{"conversation", ""}},
		"in the page":         {func(w *world) { see(w, url.Values{"action": {"withdraw"}, "storage": {"withdraw"}}) }, []string{""}},
		"all in the page":     {func(w *world) { see(w, url.Values{"action": {"withdraw-all"}}) }, []string{"conversation", ""}},
		"by another act":      {func(w *world) { w.post(1, "k2", both(w, "denied")).is(201, "") }, []string{"conversation", ""}},
		"and is asked by all": {func(w *world) { w.withdrawnBy(1, map[string]any{"storage": true}); w.withdrawnBy(1, nil) }, []string{"", "conversation"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.serve(func(f *settings.File) {
				f.Spec.Widget.StorageBasis, f.Spec.Widget.Acceptance = v1alpha1.StorageConsent, v1alpha1.WidgetExplicit
			})
			w.post(1, "k", both(w, "granted")).is(201, "")
			see(w, url.Values{}).says("Storage on your device", `name="storage"`, "Accepted on")
			before := len(w.events())
			c.withdraw(w)
			var last []string
			for _, e := range w.events()[before:] {
				if e.Type != consent.EventWithdrawn || e.Decision == nil || *e.Decision != consent.Denied || e.Notice.Version == 0 {
					t.Errorf("%+v", e)
				}
				last = append(last, e.Purpose)
			}
			if diff := cmp.Diff(c.last, last); diff != "" {
				t.Error(diff)
			}
			if page := see(w, url.Values{}).says("Storage on your device", "Refused or withdrawn on"); strings.Contains(page.Body.String(), `name="storage"`) {
				t.Error("it can be withdrawn twice")
			}
			exported := w.ask(request{method: "GET", path: "/v1/sites/shop/export", origin: shop, bearer: secretOf(1)}).is(200, "").Body.String()
			for want, times := range map[string]int{"rempart:storage": 2, "dpv:ConsentGiven": 1} {
				if got := strings.Count(exported, `"`+want+`"`); got != times {
					t.Errorf("%q is %d times in %s", want, got, exported)
				}
			}
			w.withdrawnBy(1, map[string]any{"storage": true})
			if got := len(w.events()); got != before+len(c.last) {
				t.Errorf("withdrawn once more it is an event: %d", got)
			}
		})
	}
}

// TestStorageThatIsNeededIsNotWithdrawn: nobody consented to it.
func TestStorageThatIsNeededIsNotWithdrawn(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("button", "conversation")).is(201, "")
	before := len(w.events())
	w.withdrawnBy(1, map[string]any{"storage": true})
	w.withdrawnBy(1, nil)
	if events := w.events(); len(events) != before+1 || events[before].Purpose != "conversation" {
		t.Errorf("%+v", events)
	}
}

// TestStorageIsWithdrawnAlsoWhereEvidenceCannotBeOpened takes the key of the evidence away: a withdrawal depends on no evidence.
func TestStorageIsWithdrawnAlsoWhereEvidenceCannotBeOpened(t *testing.T) {
	w, twin := rekeyable(t)
	w.serve(func(f *settings.File) {
		f.Spec.Widget.StorageBasis, f.Spec.Widget.Acceptance = v1alpha1.StorageConsent, v1alpha1.WidgetExplicit
	})
	w.post(1, "k", w.act("button", "conversation")).is(201, "")
	if err := twin.Rekey([][]byte{keyOf(1), keyOf(2)}, [][]byte{keyOf(4)}); err != nil {
		t.Fatal(err)
	}
	before := len(w.events())
	w.withdrawnBy(1, map[string]any{"storage": true})
	if taken := w.events()[before:]; len(taken) != 1 || taken[0].Type != consent.EventWithdrawn || taken[0].Purpose != "" {
		t.Errorf("%+v", taken)
	}
}
