package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// crowd is people of several networks who ask at once, over connections of their own.
type crowd struct {
	*world
	base  *url.URL
	ticks atomic.Int64
	// reads and acts are how many requests of the flood were not refused.
	reads, acts atomic.Int64
}

// tick is how far the server's clock goes on whenever it is looked at: what a network may do in the time of a test does not depend on the
// machine.
const tick = 100 * time.Microsecond

// newCrowd serves a world to real clients, of whom a proxy says whence they come. There are fewer turns than clients of the flood.
func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{}
	c.world = newWorld(t, func(config *server.Config) {
		config.Limits = limit.New(floodRate, floodBurst)
		config.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		config.InFlight, config.Timeout = floodClients/2, time.Minute
		config.Clock = func() time.Time { return noon.Add(time.Duration(c.ticks.Add(1)) * tick) }
	})
	framed, err := server.Frame(c.world, time.Minute, "", c.config.Log)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- framed.Serve(listener) }()
	t.Cleanup(func() {
		_ = framed.Close()
		<-served
	})
	c.base = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	return c
}

// send asks over a client's own connection, from an address, and returns the status.
func (c *crowd) send(client *http.Client, from string, q request) int {
	r := q.build()
	r.RequestURI, r.URL.Scheme, r.URL.Host, r.Host = "", c.base.Scheme, c.base.Host, ""
	r.Header.Set("X-Forwarded-For", from)
	got, err := client.Do(r)
	if err != nil {
		c.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, got.Body)
	_ = got.Body.Close()
	return got.StatusCode
}

const (
	floodClients = 32
	floodAsks    = 200
	floodRate    = 10
	floodBurst   = 20
)

// flood is one client of the network that asks too often: for words, to record what is none, and to withdraw for nobody.
func (c *crowd) flood(n int) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	from := fmt.Sprintf("198.51.100.%d", n)
	for i := range floodAsks {
		switch i % 3 {
		case 0:
			if c.send(client, from, request{method: "GET", path: "/w/shop/notice.fr.json"}) != http.StatusTooManyRequests {
				c.reads.Add(1)
			}
		case 1:
			if c.send(client, from, request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(200), key: "k", body: "{}"}) != http.StatusTooManyRequests {
				c.acts.Add(1)
			}
		default:
			c.send(client, from, request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(byte(100 + n))})
		}
	}
}

// TestAFloodOfManyConnectionsHoldsUpNobodyElse (T23): while a network asks thousands of times at once, all that others ask is answered.
func TestAFloodOfManyConnectionsHoldsUpNobodyElse(t *testing.T) {
	c := newCrowd(t)
	body := c.act("message", "conversation")
	before := c.ticks.Load()
	var everybody sync.WaitGroup
	for n := range floodClients {
		everybody.Go(func() { c.flood(n + 1) })
	}
	for n := range 8 {
		everybody.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			from, secret := fmt.Sprintf("203.0.%d.5", n), secretOf(byte(n))
			for i := range floodBurst / 2 {
				for what, asked := range map[string]struct {
					q    request
					want int
				}{
					"the words":    {request{method: "GET", path: "/w/shop/notice.fr.json"}, http.StatusOK},
					"a state":      {request{method: "GET", path: "/v1/sites/shop/state", origin: shop, bearer: secret}, http.StatusOK},
					"an act":       {request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secret, key: fmt.Sprint(i), body: body}, http.StatusCreated},
					"a withdrawal": {request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secret}, http.StatusNoContent},
				} {
					if got := c.send(client, from, asked.q); got != asked.want {
						t.Errorf("%s of somebody else: %d, want %d", what, got, asked.want)
					}
				}
			}
		})
	}
	everybody.Wait()
	// What is looked at and counted by several at once may go over by one for each of them.
	most := int64(floodBurst+floodClients) + int64(time.Duration(c.ticks.Load()-before)*tick*floodRate/time.Second)
	for what, let := range map[string]int64{"reads": c.reads.Load(), "acts": c.acts.Load()} {
		if let < floodBurst || let > most {
			t.Errorf("%s: %d of the flood were let through, want %d to %d", what, let, floodBurst, most)
		}
	}
}
