package browser

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/docs/spec"
	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	memory "github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// entry is one line of the ledger, as the suite asks for it.
type entry struct {
	Type          consent.EventType `json:"type"`
	Purpose       string            `json:"purpose"`
	Decision      string            `json:"decision"`
	Method        consent.Method    `json:"method"`
	NoticeSHA256  string            `json:"noticeSha256"`
	NoticeVersion int32             `json:"noticeVersion"`
	GPC           bool              `json:"gpc"`
	OccurredAt    time.Time         `json:"occurredAt"`
}

// tenant is consentd for one site, with its ledger in memory.
type tenant struct {
	*server.Server
	site, pages, host string
	id                uuid.UUID
	cluster           consentdtest.Cluster
	ledger            *memory.Ledger
	clock             aheadClock
	policy            atomic.Pointer[settings.Policy]
	changes           []v1alpha1.NoticeChange
	seen              uuid.UUID
}

// aheadClock is the service's, which the suite can move ahead.
type aheadClock struct{ by atomic.Int64 }

// Now and Since make it a clock.PassiveClock.
func (c *aheadClock) Now() time.Time                  { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *aheadClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func (c *aheadClock) move(days int) { c.by.Store(int64(days) * 24 * int64(time.Hour)) }

// Current makes the tenant a server.Policies.
func (n *tenant) Current() *settings.Policy { return n.policy.Load() }

// Refused tells that no policy was.
func (n *tenant) Refused() bool { return false }

// Audit compares nothing: the ledger is a twin.
func (n *tenant) Audit(context.Context) error { return nil }

func newTenant(t *testing.T, site, pages, host string, keys settings.Keys, log *slog.Logger) *tenant {
	t.Helper()
	if site == "same" {
		host = pages
	}
	n := &tenant{site: site, pages: pages, host: host, id: uuid.New(), cluster: consentdtest.NewCluster(t)}
	var err error
	if n.ledger, err = memory.New(memory.Config{Tenant: n.id, Clock: &n.clock}); err != nil {
		t.Fatal(err)
	}
	document, err := spec.Consentd()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.publish(t, v1alpha1.NoticeMaterial); err != nil {
		t.Fatal(err)
	}
	if n.Server, err = server.New(server.Config{Ledger: n.ledger, Auditor: n, Policies: n, Key: keys.Signing, Keys: keys.Public, URL: host,
		OpenAPI: document, Limits: limit.New(0, 0), InFlight: 64, Timeout: 5 * time.Second, Clock: n.clock.Now, Log: log,
		Registry: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	return n
}

// publish serves a new version of the notice.
func (n *tenant) publish(t *testing.T, change v1alpha1.NoticeChange) error {
	t.Helper()
	n.changes = append(n.changes, change)
	material := slices.Clone(n.changes)
	for len(material) > 1 && material[len(material)-1] != v1alpha1.NoticeMaterial {
		material = material[:len(material)-1]
	}
	text := n.cluster.File(t, func(f *settings.File) {
		f.TenantID, f.Name = n.id.String(), "chat-"+n.site
		f.MaterialDigest = fmt.Sprintf("sha256:%x", sha256.Sum256(fmt.Append(nil, n.site, len(material))))
		base(&f.Spec, n.site, n.pages)
		f.Spec.Notices = nil
		for i, change := range n.changes {
			f.Spec.Notices = append(f.Spec.Notices, edition(int32(i)+1, change))
		}
		variants[n.site](&f.Spec)
	})
	policy, err := settings.Read(text, "digest", n.clock.Now())
	if err != nil {
		return fmt.Errorf("the policy of %s: %w", n.site, err)
	}
	if err := policy.Dress(n.host); err != nil {
		return err
	}
	publication, err := policy.Publication()
	if err != nil {
		return err
	}
	if err := n.ledger.Publish(t.Context(), publication); err != nil {
		return err
	}
	n.policy.Store(policy)
	return nil
}

// service is a consentd for each site, since a policy has one widget.
type service struct {
	t     *testing.T
	sites map[string]*tenant

	mu      sync.Mutex
	entries []entry
	log     buffer
}

// buffer is a log that several write to.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// keptNothing looks for visitors and their browsers in the log.
func (s *service) keptNothing() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, trace := range []string{"Mozilla", "Chrome", "user-agent", "remote", "Bonjour", "Bearer"} {
		if strings.Contains(s.log.text.String(), trace) {
			s.t.Errorf("the service's log has %q", trace)
		}
	}
}

func newService(t *testing.T, pages, host string) *service {
	t.Helper()
	keys, err := settings.ReadKeys(consentdtest.Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, sites: map[string]*tenant{}}
	log := slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	t.Cleanup(s.keptNothing)
	for site := range variants {
		s.sites[site] = newTenant(t, site, pages, host, keys, log)
	}
	return s
}

// publish makes a new version of a site's notice.
func (s *service) publish(site string, change v1alpha1.NoticeChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sites[site].publish(s.t, change); err != nil {
		s.t.Error(err)
	}
}

// since are the acts that the ledgers hold, from a number on.
func (s *service) since(from int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.sites {
		events, err := n.ledger.Since(s.t.Context(), n.seen, 1000)
		if err != nil {
			s.t.Error(err)
		}
		for _, e := range events {
			n.seen = e.ID
			if e.Decision == nil {
				continue // what the policy published
			}
			decision := "denied"
			if *e.Decision == consent.Granted {
				decision = "granted"
			}
			s.entries = append(s.entries, entry{e.Type, e.Purpose, decision, e.Method, base64.RawURLEncoding.EncodeToString(e.Notice.SHA256),
				e.Notice.Version, e.GPC != nil && *e.GPC, e.OccurredAt.UTC()})
		}
	}
	return append([]entry{}, s.entries[min(from, len(s.entries)):]...)
}

// link is the path of a link that a program mails: of a person who is new.
func (s *service) link(site, kind, purpose string) string {
	token := []byte(strings.ReplaceAll(uuid.NewString(), "-", "")) // 32 bytes
	person := consent.Person{Kind: "account", ID: uuid.NewString()}
	if err := s.sites[site].ledger.Issue(s.t.Context(), token, kind, person, purpose, time.Now().Add(time.Hour)); err != nil {
		s.t.Error(err)
	}
	return "/me/" + site + "?token=" + base64.RawURLEncoding.EncodeToString(token)
}

// wishes is how many wishes to be erased a site has open.
func (s *service) wishes(site string) int {
	return len(ledgertest.Open(s.t, s.sites[site].ledger))
}

// ServeHTTP gives a request to the consentd of the site that its path names: /w/SITE/…, /me/SITE or /v1/sites/SITE/….
// What is about all sites, whose keys are the same, is the shop's to answer.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, _ := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/w/"), "/me/"), "/v1/sites/")
	site, _, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		site = "shop"
	}
	if n := s.sites[site]; n != nil {
		n.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}
