package server_test

import (
	"regexp"
	"strings"
	"testing"
)

// field is the input of a name on the page, as HTML; the last one, if there are several.
func (a answer) field(name string) string {
	a.w.Helper()
	found := regexp.MustCompile(`<input [^>]*name="`+name+`"[^>]*>`).FindAllString(a.Body.String(), -1)
	if len(found) == 0 {
		a.w.Errorf("the page has no field %s: %s", name, a.Body)
		return ""
	}
	return found[len(found)-1]
}

// isField checks what is written in a field, and whether it says that there is a mistake.
func (a answer) isField(name, value string, wrong bool) {
	a.w.Helper()
	field := a.field(name)
	if value != "" && !strings.Contains(field, ` value="`+value+`"`) || value == "" && strings.Contains(field, " value=") {
		a.w.Errorf("%s does not have %q: %s", name, value, field)
	}
	if strings.Contains(field, ` aria-invalid="true"`) != wrong || strings.Contains(field, ` aria-describedby="message`) != wrong {
		a.w.Errorf("%s says of a mistake the opposite of %v: %s", name, wrong, field)
	}
	if wrong && !strings.Contains(a.Body.String(), ` id="message"`) {
		a.w.Errorf("there is no message: %s", a.Body)
	}
}

// TestAMistakeLeavesTheFormWithWhatWasWritten: whoever errs on the page goes on where they were, and is told where the mistake is.
func TestAMistakeLeavesTheFormWithWhatWasWritten(t *testing.T) {
	w := newWorld(t, nil)
	w.post(1, "m", w.act("message", "conversation")).is(201, "")
	w.post(1, "c", w.act("checkbox", "analytics")).is(201, "")
	w.client("/v1/subjects:link", w.backend(), map[string]any{"known": map[string]string{"kind": "receipt", "id": secretOf(1)}, "other": map[string]string{"kind": "email", "id": anyone}}).is(204, "")
	view := w.link("view", "")
	bySecret := func(fields ...string) answer { return w.show(secretOf(1), fields...) }
	byLink := func(fields ...string) answer { return w.wishFor(view, fields...) }
	for name, ask := range map[string]func(...string) answer{"secret": bySecret, "link": byLink} {
		t.Run(name, func(t *testing.T) {
			ask("action", "erase", "email", `typo"@example.org`, "phone", "", "account", "nobody").is(200, "").isField("account", "nobody", true)
			got := ask("action", "erase", "email", `typo"@example.org`).is(200, "").says("is not linked with you here", `value="erase"`, `value="export"`)
			got.isField("email", "typo&#34;@example.org", true)
			got.isField("phone", "", false)
			got.isField("account", "", false)
			got = ask("action", "withdraw").is(200, "").says("tick what you want to withdraw", `value="withdraw-all"`)
			if field := got.field("purpose"); !strings.Contains(field, ` aria-invalid="true" aria-describedby="message"`) {
				t.Errorf("nothing was ticked: %s", field)
			}
			got.isField("email", "", false)
		})
	}
	right := byLink("action", "erase", "email", anyone, "account", "nobody")
	right.isField("email", anyone, false)
	right.isField("account", "nobody", true)
	w.press(view, "withdraw-all").is(200, "").says("has been withdrawn") // the link was not used up
}

// TestAMistakeLeavesTheAddress: what is no address is there to be mended.
func TestAMistakeLeavesTheAddress(t *testing.T) {
	mailing(t, func(w *world, _ *post) {
		w.want("camille@@example").is(422, "").isField("email", "camille@@example", true)
	})
}
