package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// TestThatAPersonIsOldEnoughIsAPartOfTheProof: the age that was asked for, not the one that was said, where an age was asked for.
func TestThatAPersonIsOldEnoughIsAPartOfTheProof(t *testing.T) {
	w := newWorld(t, nil)
	evidence := func() string {
		events, err := w.ledger.Ledger.Events(t.Context(), consent.Person{Kind: "receipt", ID: secretOf(1)})
		if err != nil {
			t.Fatal(err)
		}
		return string(events[len(events)-1].Evidence)
	}
	act := func(key, purpose string, age int, page string) answer {
		body := w.act("checkbox", purpose)
		body["oldEnoughFor"], body["evidence"] = age, page
		return w.post(1, key, body)
	}
	act("a", "allergies", 14, "").is(403, "age_not_asserted")
	act("b", "analytics", 40, "banner 7").is(201, "")
	if got := evidence(); got != `{"page":"banner 7","ui":{"shownMs":1200,"visible":true}}` {
		t.Errorf("an age is kept that nobody asked for: %s", got)
	}
	act("c", "allergies", 40, "banner 7").is(201, "")
	if got := evidence(); got != `{"atLeast":15,"page":"banner 7","ui":{"shownMs":1200,"visible":true}}` {
		t.Error(got)
	}
	act("d", "allergies", 40, strings.Repeat("x", 2040)).is(422, "evidence_too_large")
}

// TestWhoConfirmsByMailSaysToBeOldEnough: nobody was asked before, where a client makes the link.
func TestWhoConfirmsByMailSaysToBeOldEnough(t *testing.T) {
	w := newWorld(t, nil)
	ask := func(age int32) {
		w.clock.SetTime(w.clock.Now().Add(time.Second)) // no two revisions are of one instant
		w.serve(func(f *settings.File) {
			i := slices.IndexFunc(f.Spec.Purposes, func(p v1alpha1.ConsentPurpose) bool { return p.Name == "newsletter" })
			f.Spec.Purposes[i].MinimumAge = age
		})
	}
	ask(15)
	path := w.link("confirm", "newsletter")
	for lang := range wordsOf(t) {
		page := w.ask(request{method: "GET", path: path + "&lang=" + lang}).is(200, "").says(`<label><input type="checkbox" name="age" value="15" required> <span>`).saysNot("{}", "<span></span>")
		if lang == "en" {
			page.says("I am 15 or older.")
		}
	}
	confirm := func(age string) answer {
		form := url.Values{"token": {tokenIn(path)}, "action": {"confirm"}, "lang": {"en"}, "age": {age}, "words": {w.wordsOn(path)}}
		return w.ask(request{method: "POST", path: "/me/shop", origin: "null", kind: "application/x-www-form-urlencoded", body: form.Encode()})
	}
	for _, none := range []string{"", "no", "14", "-15", "99999999999"} {
		confirm(none).is(422, "").says("tick the box", `id="message"`, `name="age" value="15" required aria-invalid="true" aria-describedby="message">`, `value="confirm"`)
	}
	if len(w.events()) != 0 {
		t.Fatalf("%+v", w.events())
	}
	ask(16)
	confirm("15").is(422, "").says(`value="16"`)
	confirm("16").is(200, "").says("has been recorded")
	events, err := w.ledger.Ledger.Events(t.Context(), consent.Person{Kind: "email", ID: anyone})
	if err != nil || len(events) != 1 || string(events[0].Evidence) != `{"atLeast":16}` || events[0].Method != consent.MethodDoubleOptIn {
		t.Errorf("%+v, %v", events, err)
	}
	ask(0)
	w.ask(request{method: "GET", path: w.link("confirm", "newsletter")}).is(200, "").saysNot(`name="age"`)
}
