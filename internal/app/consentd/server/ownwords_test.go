package server_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

// TestAServiceThatRestsOnConsentIsAskedForInItsOwnWords: a policy of before says that the words about terms and storage cover it.
func TestAServiceThatRestsOnConsentIsAskedForInItsOwnWords(t *testing.T) {
	w := newWorld(t, nil)
	w.serve(func(f *settings.File) {
		p := &f.Spec.Purposes[2]
		p.Necessity = v1alpha1.NecessityRequestedService
		p.Acceptance = []v1alpha1.AcceptanceMethod{"Message", "Button", "TriggerButton", "SiteAssertion", "Checkbox"}
		f.Spec.SiteAssertion.Purposes = append(f.Spec.SiteAssertion.Purposes, p.Name)
	})
	for i, method := range []string{"message", "button", "trigger-button", "asserted-by-site"} {
		w.post(1, fmt.Sprintf("k%d", i), w.act(method, "conversation", "analytics")).is(422, "method_not_allowed")
		w.post(1, fmt.Sprintf("l%d", i), w.act(method, "analytics")).is(422, "method_not_allowed")
	}
	if kept := w.events(); len(kept) != 0 {
		t.Errorf("%v", kept)
	}
	w.post(1, "m", w.act("message", "conversation")).is(201, "")
	w.post(1, "n", w.act("checkbox", "analytics")).is(201, "")

	script := w.Current().Sites["shop"].Widget.Body
	if !bytes.Contains(script, []byte(`["conversation"],["conversation"]`)) {
		t.Error("the banner asks for more than the conversation, or the site may assert more")
	}
	_, notice := w.notice("shop", "fr")
	if ways := fmt.Sprint(notice["acceptance"]); ways != "[Message Button TriggerButton SiteAssertion]" {
		t.Errorf("the banner may ask by %s", ways)
	}
}

// TestAPolicyThatHasNothingToAskIsServed: what was consented to before can be withdrawn.
func TestAPolicyThatHasNothingToAskIsServed(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "a", w.act("message", "conversation")).is(201, "")
	w.serve(func(f *settings.File) { f.Spec.Purposes[0].Lifecycle = v1alpha1.LifecycleArchived })
	w.post(1, "b", w.act("message", "conversation")).is(422, "purpose_unknown")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{}}).is(204, "")
}
