package server_test

import (
	"encoding/json"
	"testing"
)

// TestNoAnswerIsTheMuxs: net/http leads odd paths elsewhere by answers of its own. Ours have a problem and our headers.
func TestNoAnswerIsTheMuxs(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct{ method, path string }{
		{"GET", "//w/shop/widget.js"}, {"GET", "/w/shop/../shop/widget.js"}, {"GET", "/w/./shop/widget.js"}, {"POST", "/v1/sites//shop/events"}, {"GET", "/me/shop/"}, {"HEAD", "//"},
		{"CONNECT", "//healthz"}, {"GET", "*"}, {"GET", ""}, {"OPTIONS", "/v1/sites/shop//events"},
	} {
		r := request{method: c.method, path: "/"}.build()
		r.URL.Path, r.RequestURI = c.path, c.path
		got := w.serveRaw(r)
		var p struct{ Code string }
		if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != 404 || p.Code != "not_found" || got.Header().Get("Location") != "" {
			t.Errorf("%s %q: %d %s", c.method, c.path, got.Code, got.Body)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security", "Cache-Control"} {
			if got.Header().Get(name) == "" {
				t.Errorf("%s %q: no %s", c.method, c.path, name)
			}
		}
	}
	for _, fine := range []string{"/w/shop/notice.fr.json", "/healthz"} {
		w.ask(request{method: "GET", path: fine}).is(200, "")
	}
}
