package server_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

// erasing makes a world whose conversations are erased when they are withdrawn.
func erasing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, nil)
	w.serve(func(f *settings.File) { f.Spec.Purposes[0].OnWithdrawal = v1alpha1.WithdrawalStopAndErase })
	return w
}

func (w *world) withdrawnBy(visitor byte, body any) {
	w.Helper()
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(visitor), body: body}).is(http.StatusNoContent, "")
}

// purposes are those of the wishes that nobody has answered.
func (w *world) purposes() (all [][]string) {
	w.Helper()
	found := w.allWishes()
	for _, one := range found {
		if one.Names != nil || one.Subject == "" {
			w.Errorf("what a page says of who is to be erased: %+v", one)
		}
		all = append(all, one.Purposes)
	}
	return all
}

func TestAWithdrawalThatErasesIsAWishWhereverItIsMade(t *testing.T) {
	want := [][]string{{"conversation"}}
	for name, withdraw := range map[string]func(w *world){
		"the widget": func(w *world) { w.withdrawnBy(1, map[string]any{"purposes": []string{"conversation"}}) },
		"all of it":  func(w *world) { w.withdrawnBy(1, nil) },
		"another act": func(w *world) {
			body := w.act("button", "conversation")
			body["acts"] = []map[string]any{{"purpose": "conversation", "decision": "denied"}}
			body["evidence"] = `{"email":"eve@example.org"}`
			w.post(1, "k2", body).is(http.StatusCreated, "")
		},
		"the page": func(w *world) {
			w.client("/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)},
				"other": map[string]string{"kind": "email", "id": anyone}}).is(http.StatusNoContent, "")
			w.press(w.link("withdraw", "conversation"), "withdraw").is(http.StatusOK, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := erasing(t)
			w.post(1, "k", w.act("message", "conversation")).is(http.StatusCreated, "")
			withdraw(w)
			if diff := cmp.Diff(want, w.purposes()); diff != "" {
				t.Fatal(diff)
			}
			w.withdrawnBy(1, nil)
			w.post(1, "again", w.act("message", "conversation")).is(http.StatusCreated, "")
			w.withdrawnBy(1, nil)
			if diff := cmp.Diff(want, w.purposes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWithdrawalThatOnlyStopsIsNoWish(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "k", w.act("message", "conversation")).is(http.StatusCreated, "")
	w.withdrawnBy(1, nil)
	if got := w.purposes(); got != nil {
		t.Error(got)
	}
}

// TestAListWithoutAPurposeTakesNothingBack: a page whose switch was off already asks so, and a device that was refused would ask again
// before each later choice.
func TestAListWithoutAPurposeTakesNothingBack(t *testing.T) {
	w := erasing(t)
	w.post(1, "k", w.act("message", "conversation")).is(http.StatusCreated, "")
	w.withdrawnBy(1, map[string]any{"purposes": []string{}})
	if got := w.purposes(); len(got) > 0 {
		t.Fatalf("it took back %v", got)
	}
	w.withdrawnBy(1, nil)
	if diff := cmp.Diff([][]string{{"conversation"}}, w.purposes()); diff != "" {
		t.Error(diff)
	}
}
