// Package server is the HTTP API of consentd: what pages, people, programs and the operator ask, and what is refused. It keeps nothing
// of who asks: no cookie, no address, no User-Agent, no identifier in a log or a metric.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
)

// Ledger is what records and proves.
type Ledger interface {
	consent.Writer
	consent.Reader
	consent.Log
	consent.Mailbox
	consent.Wishes
	consent.Keys
}

// Auditor compares the whole ledger with its signed log. It fails with consent.ErrContradicted when they disagree.
type Auditor interface {
	Audit(ctx context.Context) error
}

// Keyring tells which keys have signed what counts: that of now first, those of before, and one that another replica has already.
type Keyring interface {
	Public(ctx context.Context) (jws.Keys, error)
}

// Policies is where the policy of the moment comes from; nil before the first.
type Policies interface {
	Current() *settings.Policy
	Refused() bool
}

// Config is what a server is made of.
type Config struct {
	Ledger   Ledger
	Auditor  Auditor
	Policies Policies
	// Key signs receipts and notice tokens; Keys check them until Keyring tells of others, which it may never do (nil).
	Key     jws.Key
	Keys    jws.Keys
	Keyring Keyring
	// Entries are the names of the files of peppers and key-encryption keys, by kind and ID; see settings.Keys.
	Entries map[consent.KeyKind]map[string]string
	// URL is where the service is reached from outside, without a slash at its end; see Base when empty.
	URL string
	// OpenAPI is the document, in JSON.
	OpenAPI []byte
	Limits  *limit.Limiter
	// Mailer mails people the links that they ask for; nil mails none.
	Mailer  Mailer
	Proxies []netip.Prefix
	// InFlight is how many requests are answered at once. Four times as many wait for their turn, for half of Timeout at most.
	InFlight int
	// Timeout bounds the answer to a request.
	Timeout  time.Duration
	Clock    func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Server answers. Its zero value does not: New makes one.
type Server struct {
	ledger   Ledger
	auditor  Auditor
	policies Policies
	key      jws.Key
	verifier *verifier
	keyring  Keyring
	entries  map[consent.KeyKind]map[string]string
	jwks     atomic.Pointer[[]byte]
	url      string
	openapi  []byte
	limits   *limit.Limiter
	proxies  []netip.Prefix
	timeout  time.Duration
	clock    func() time.Time
	log      *slog.Logger
	metrics  *metrics
	cache    *cache
	hub      *hub
	notices  *notices
	builds   *builds
	health   health
	turn     turn
	room     *mailroom
	bodies   *bodies
	// asks counts who asks for erasure by a secret.
	asks *limit.Limiter
	// slow is for withdrawals of networks that send too many, stewards for what only the operator may ask.
	slow, stewards turn
	// asking asks the ledger once for all who ask at once for the status.
	asking   singleflight.Group
	streams  chan struct{}
	draining chan struct{}
	handler  http.Handler
}

// New returns a server that is not ready yet: Watch makes it so.
func New(c Config) (*Server, error) {
	s := &Server{
		ledger: c.Ledger, auditor: c.Auditor, policies: c.Policies, key: c.Key, verifier: newVerifier(), keyring: c.Keyring, entries: c.Entries, url: c.URL, openapi: c.OpenAPI,
		limits: c.Limits, proxies: c.Proxies, timeout: c.Timeout, clock: c.Clock, log: c.Log, metrics: newMetrics(c.Registry, c.Policies.Refused),
		cache: newCache(), notices: newNotices(c.Key), builds: newBuilds(c.Ledger), bodies: newBodies(),
		turn: newTurn(c.InFlight), slow: newTurn(max(1, c.InFlight/lanes)), stewards: newTurn(stewardsAtOnce), streams: make(chan struct{}, maxStreams), draining: make(chan struct{}),
	}
	if err := s.trust(c.Keys); err != nil {
		return nil, err
	}
	s.hub = newHub(s.cache)
	s.room = newMailroom(c.Mailer, s.metrics.mailed)
	s.asks = limit.New(1/askEvery.Seconds(), askBurst)
	s.handler = s.mux()
	return s, nil
}

// trust takes the keys that count from now on.
func (s *Server) trust(keys jws.Keys) error {
	document, err := keys.Document()
	if err != nil {
		return err //nolint:wrapcheck // says what it was writing
	}
	s.verifier.trust(keys)
	s.jwks.Store(&document)
	return nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Drain makes the server not ready and ends streams; other requests are answered on. Twice is once.
func (s *Server) Drain() {
	if !s.health.drained.Swap(true) {
		close(s.draining)
	}
}

// base is where the service is reached.
func (s *Server) base(p *settings.Policy) string {
	return Base(s.url, p)
}

// Base is the address of the service: what it was told, the policy's host, or its name in the cluster.
func Base(url string, p *settings.Policy) string {
	switch {
	case url != "":
		return url
	case p.Spec.Service.Host != "":
		return "https://" + p.Spec.Service.Host
	default:
		return "http://" + p.Name + "-consentd." + p.Namespace + ".svc"
	}
}
