package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/client/gate"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/consent/place"
)

// inProcess is a program that filters by itself: client/gate against the service, over HTTP, at the name that the operator's Service has.
// Asked counts what it asks of people.
func inProcess(w *world) (c *gate.Client, asked *atomic.Int64) {
	w.Helper()
	asked = &atomic.Int64{}
	served := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/check" {
			asked.Add(1)
		}
		w.ServeHTTP(out, r)
	}))
	w.Cleanup(served.Close)
	host := place.Host(consentdtest.Namespace, "chat")
	cluster := &http.Transport{DialContext: func(ctx context.Context, network, at string) (net.Conn, error) {
		if at != net.JoinHostPort(host, strconv.Itoa(place.Port)) {
			return nil, errors.ErrUnsupported
		}
		return (&net.Dialer{}).DialContext(ctx, network, served.Listener.Addr().String())
	}}
	w.Cleanup(cluster.CloseIdleConnections)
	c, err := gate.New(gate.Options{URL: "http://" + host, PlainWithinCluster: true, HTTP: &http.Client{Transport: cluster}, Now: w.clock.Now,
		Token: func(context.Context) (string, error) {
			return w.cluster.Token(w.T, consentdtest.Namespace, "backend", w.clock.Now()), nil
		}})
	if err != nil {
		w.Fatal(err)
	}
	return c, asked
}

// within calls try until it is done, for a minute at most.
func within(w *world, what string, try func() bool) {
	w.Helper()
	for deadline := time.Now().Add(time.Minute); !try(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatal(what)
		}
	}
}

// visited is what a program knows of a visitor.
const visited = `{"email":"a@b.example","visits":12.50,"shoeSize":44}`

// visits asks what of it may be used for statistics.
func visits(w *world, c *gate.Client) string {
	w.Helper()
	result, err := c.Filter(w.Context(), gate.Subject{Kind: "subject", ID: w.events()[0].Subject.String()},
		gate.Use{Record: "contact", Purposes: []string{"analytics"}}, []byte(visited))
	if err != nil {
		w.Fatal(err)
	}
	return string(result.Data)
}

func TestAProgramFiltersByItself(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := inProcess(w)
	w.post(1, "k1", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	if got := visits(w, c); got != `{"visits":12.50}` {
		t.Errorf("with consent: %s", got)
	}
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{}}).is(http.StatusNoContent, "")
	if got := visits(w, c); got != `{}` {
		t.Errorf("after the withdrawal: %s", got)
	}
	w.ledger.away.Store(true)
	defer w.ledger.away.Store(false)
	if _, err := c.Filter(t.Context(), gate.Subject{Kind: "account", ID: anyoneMe}, gate.Use{Record: "contact"}, []byte(visited)); !errors.Is(err, gate.ErrUnavailable) {
		t.Errorf("without a ledger: %v", err)
	}
	w.ask(request{method: "GET", path: "/v1/gate", bearer: w.desk()}).is(http.StatusForbidden, "forbidden")
	w.ask(request{method: "GET", path: "/v1/gate"}).is(http.StatusUnauthorized, "unauthenticated")
	w.ask(request{method: "GET", path: "/v1/gate", bearer: w.backend()}).is(http.StatusOK, "")
}

// TestAWithdrawalIsHeard: a program that keeps answers forgets them when it is told. The clock of both stands, so nothing that is
// kept ever ends by itself.
func TestAWithdrawalIsHeard(t *testing.T) {
	w := newWorld(t, nil)
	c, asked := inProcess(w)
	ctx, stop := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() { w.Watch(ctx) })
	listening.Go(func() { c.Watch(ctx) })
	t.Cleanup(func() { stop(); listening.Wait() })
	w.post(1, "k1", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	within(w, "the stream was not heard: nothing is kept", func() bool {
		before := asked.Load()
		return visits(w, c) == `{"visits":12.50}` && asked.Load() == before
	})
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{}}).is(http.StatusNoContent, "")
	within(w, "the withdrawal was not heard", func() bool { return visits(w, c) == `{}` })
}

// TestAMessageWithoutConsentIsRefused by the site's own endpoint, which has client/gate before it: whoever sends it, by the widget or not.
func TestAMessageWithoutConsentIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := inProcess(w)
	endpoint := c.Requires(func(r *http.Request, _ []byte) (gate.Subject, error) {
		return gate.Subject{Kind: "subject", ID: r.Header.Get("X-Session")}, nil
	}, "analytics")(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusNoContent) }))
	sends := func(what, session string, status int, code string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/messages", strings.NewReader(`{"text":"hello"}`))
		r.Header.Set("X-Session", session)
		out := httptest.NewRecorder()
		endpoint.ServeHTTP(out, r)
		if out.Code != status || !strings.Contains(out.Body.String(), code) {
			t.Errorf("%s: %d %s", what, out.Code, out.Body)
		}
	}
	sends("a stranger", uuid.NewString(), http.StatusForbidden, `"code":"consent_required"`)
	w.post(1, "k1", w.act("checkbox", "analytics")).is(http.StatusCreated, "")
	who := w.events()[0].Subject.String()
	sends("who accepted", who, http.StatusNoContent, "")
	w.ledger.away.Store(true)
	sends("without a ledger", who, http.StatusServiceUnavailable, `"title":"Consent cannot be checked now"`)
	w.ledger.away.Store(false)
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: map[string]any{}}).is(http.StatusNoContent, "")
	sends("after the withdrawal", who, http.StatusForbidden, `"code":"consent_required"`)
}
