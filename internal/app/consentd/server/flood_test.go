package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

func newFlooded(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(c *server.Config) {
		c.Limits = limit.New(10, 20)
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
}

// material makes a policy whose notice means something else, with the words of before.
func (w *world) material(version int32) {
	w.Helper()
	w.serve(func(f *settings.File) {
		next := f.Spec.Notices[0]
		next.Version = version
		f.Spec.Notices = append(f.Spec.Notices, next)
		f.MaterialDigest = "sha256:" + "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
	})
}

func TestProxiesThatAreTrustedSayWhoAsks(t *testing.T) {
	w := newFlooded(t)
	ask := func(peer, forwarded string) int {
		r := request{method: "GET", path: "/w/shop/notice.fr.json", header: map[string]string{"X-Forwarded-For": forwarded}}.build()
		r.RemoteAddr = peer
		return w.serveRaw(r).Code
	}
	for range 20 {
		ask("10.0.0.9:1", "198.51.100.1, 10.0.0.8")
	}
	for _, c := range []struct {
		peer, forwarded string
		want            int
	}{
		{"10.0.0.9:1", "198.51.100.77", 429},           // the same network through the proxy
		{"10.0.0.9:1", "192.0.2.1, 198.51.100.1", 429}, // what the client itself wrote does not count
		{"10.0.0.9:1", "192.0.2.1", 200},               // another network
		{"192.0.2.200:1", "198.51.100.1", 200},         // nobody trusts this peer
		{"[2001:db8::1]:1", "", 200},                   //
		{"10.0.0.9:1", "nonsense, 10.0.0.8", 200},      // the proxy's own network
		{"not an address", "198.51.100.1", 200},        //
	} {
		if got := ask(c.peer, c.forwarded); got != c.want {
			t.Errorf("%s for %s: %d, want %d", c.peer, c.forwarded, got, c.want)
		}
	}
}

func (w *world) serveRaw(r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	return recorder
}
