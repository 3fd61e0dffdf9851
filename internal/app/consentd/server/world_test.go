package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/docs/spec"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

var noon = time.Date(2026, 11, 30, 12, 20, 0, 0, time.UTC)

const (
	shop     = "https://shop.example"
	host     = "https://consent.shop.example"
	address  = "203.0.113.77"
	agent    = "Canary/1.0 (a browser that nobody has)"
	anyone   = "camille.durand@example.eu"
	anyoneMe = "account-4711"
)

// world is a service with a ledger in memory, a policy that can be replaced, and a clock that stands.
type world struct {
	*testing.T
	*server.Server
	tenant   uuid.UUID
	ledger   *faulty
	clock    *clocktesting.FakeClock
	cluster  consentdtest.Cluster
	current  atomic.Pointer[settings.Policy]
	registry *prometheus.Registry
	log      *lockedBuffer
	keys     settings.Keys
	config   server.Config
}

// Current makes the world a server.Policies.
func (w *world) Current() *settings.Policy { return w.current.Load() }

// Refused tells that no file was.
func (w *world) Refused() bool { return false }

// Audit compares nothing: the ledger is a twin.
func (w *world) Audit(context.Context) error { return w.ledger.fault() }

// lockedBuffer is a log that several write to.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// faulty is a ledger that can be away, or slow until who asks gives up.
type faulty struct {
	server.Ledger
	away, slow atomic.Bool
	// given ends what is slow, where the test says when.
	given atomic.Pointer[context.Context]
}

var errAway = errors.New("dial tcp 10.0.0.7:5432: connection refused for user consent_app")

func (f *faulty) fault() error {
	if f.away.Load() {
		return errAway
	}
	return nil
}

func (f *faulty) wait(ctx context.Context) error {
	if f.slow.Load() {
		if given := f.given.Load(); given != nil {
			<-(*given).Done()
			return errAway
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return f.fault()
}

func (f *faulty) Record(ctx context.Context, act consent.Act) (consent.Recorded, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Recorded{}, err
	}
	return f.Ledger.Record(ctx, act)
}

func (f *faulty) States(ctx context.Context, people []consent.Person) ([][]consent.State, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.States(ctx, people)
}

func (f *faulty) Checkpoint(ctx context.Context) (consent.Checkpoint, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Checkpoint{}, err
	}
	return f.Ledger.Checkpoint(ctx)
}

func (f *faulty) Forgotten(ctx context.Context, from int64) ([]consent.Mark, int64, error) {
	if err := f.wait(ctx); err != nil {
		return nil, 0, err
	}
	return f.Ledger.Forgotten(ctx, from)
}

func (f *faulty) Since(ctx context.Context, after uuid.UUID, limit int) ([]consent.Event, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Since(ctx, after, limit)
}

func (f *faulty) Peek(ctx context.Context, token []byte, now time.Time) (consent.Ticket, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Ticket{}, err
	}
	return f.Ledger.Peek(ctx, token, now)
}

func (f *faulty) Shred(ctx context.Context, person consent.Person, key string) (consent.Holding, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Holding{}, err
	}
	return f.Ledger.Shred(ctx, person, key)
}

func (f *faulty) Words(ctx context.Context, notice consent.NoticeRef) ([]byte, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Words(ctx, notice)
}

func (f *faulty) Build(ctx context.Context, site string, digest []byte) ([]byte, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Build(ctx, site, digest)
}

func (f *faulty) Holding(ctx context.Context, person consent.Person) (consent.Holding, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Holding{}, err
	}
	return f.Ledger.Holding(ctx, person)
}

func (f *faulty) Events(ctx context.Context, person consent.Person) ([]consent.Event, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Events(ctx, person)
}

func (f *faulty) Storage(ctx context.Context, person consent.Person) (consent.State, error) {
	if err := f.wait(ctx); err != nil {
		return consent.State{}, err
	}
	return f.Ledger.Storage(ctx, person)
}

func (f *faulty) Inclusion(ctx context.Context, event uuid.UUID) (consent.Inclusion, error) {
	if err := f.wait(ctx); err != nil {
		return consent.Inclusion{}, err
	}
	return f.Ledger.Inclusion(ctx, event)
}

func (f *faulty) Consistency(ctx context.Context, from, to int64) ([][]byte, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Consistency(ctx, from, to)
}

func (f *faulty) Link(ctx context.Context, known, other consent.Person) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.Link(ctx, known, other)
}

func (f *faulty) Wishes(ctx context.Context, queue consent.Queue, after consent.Turn, limit int) ([]consent.Wish, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.Ledger.Wishes(ctx, queue, after, limit)
}

func (f *faulty) Later(ctx context.Context, wishes []uuid.UUID) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.Later(ctx, wishes)
}

func (f *faulty) Opened(ctx context.Context, wish uuid.UUID) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.Opened(ctx, wish)
}

func (f *faulty) Closed(ctx context.Context, wish uuid.UUID) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.Closed(ctx, wish)
}

func (f *faulty) Issue(ctx context.Context, token []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.Issue(ctx, token, kind, person, purpose, expires)
}

func (f *faulty) IssueKnown(ctx context.Context, token []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.Ledger.IssueKnown(ctx, token, kind, person, purpose, expires)
}

// newWorld starts a service. Change may make its configuration another.
func newWorld(t *testing.T, change func(*server.Config)) *world {
	t.Helper()
	w := &world{T: t, tenant: uuid.New(), clock: clocktesting.NewFakeClock(noon), cluster: consentdtest.NewCluster(t), registry: prometheus.NewRegistry(), log: &lockedBuffer{}}
	w.serve(nil)
	w.ledger = &faulty{Ledger: fresh(t, w.Current().Tenant, w.clock)}
	w.publish()
	var err error
	if w.keys, err = settings.ReadKeys(consentdtest.Keys(t)); err != nil {
		t.Fatal(err)
	}
	document, err := spec.Consentd()
	if err != nil {
		t.Fatal(err)
	}
	w.config = server.Config{Ledger: w.ledger, Auditor: w, Policies: w, Key: w.keys.Signing, Keys: w.keys.Public, OpenAPI: document, Limits: limit.New(0, 0),
		InFlight: 64, Timeout: 5 * time.Second, Clock: w.clock.Now, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registry: w.registry}
	if change != nil {
		change(&w.config)
	}
	if w.Server, err = server.New(w.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.keptNothing)
	return w
}

// serve replaces the policy, published as the program does it.
func (w *world) serve(change func(*settings.File)) {
	w.Helper()
	p, err := settings.Read(w.cluster.File(w.T, func(f *settings.File) {
		f.Operator = settings.Operator{Namespace: "rempart-system", ServiceAccount: "rempart-consent"}
		f.TenantID, f.Name = w.tenant.String(), "chat-"+w.tenant.String()[:8] // a tenant and a policy of its own in a database that tests share
		if change != nil {
			change(f)
		}
	}), "digest", w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	if err := p.Dress(host); err != nil {
		w.Fatal(err)
	}
	w.current.Store(p)
	if w.ledger != nil {
		w.publish()
	}
}

func (w *world) publish() {
	w.Helper()
	published, err := w.ledger.Published(w.Context(), w.Current().Name)
	if err != nil {
		w.Fatal(err)
	}
	w.Current().Stand(published)
	publication, err := w.Current().Publication()
	if err != nil {
		w.Fatal(err)
	}
	if err := w.ledger.Publish(w.Context(), publication); err != nil {
		w.Fatal(err)
	}
}

// keptNothing looks for people and their browsers in logs and metrics, whatever the test did.
func (w *world) keptNothing() {
	families, err := w.registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	kept := w.log.String() + fmt.Sprint(families)
	for _, canary := range []string{address, "203.0.113", agent, "Canary", anyone, anyoneMe, secretOf(1), secretOf(2), "10.0.0.7", "consent_app", "token="} {
		if strings.Contains(kept, canary) {
			w.Errorf("log or metrics have %q: %s", canary, kept)
		}
	}
}

// request is one question.
type request struct {
	method, path, origin, bearer, key, kind string
	body                                    any
	header                                  map[string]string
}

func (q request) build() *http.Request {
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case io.Reader:
		body = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		body = bytes.NewReader(text)
	}
	r := httptest.NewRequest(q.method, q.path, body)
	r.RemoteAddr = address + ":4711"
	r.Header.Set("User-Agent", agent)
	if body != nil {
		kind := q.kind
		if kind == "" {
			kind = "application/json"
		}
		r.Header.Set("Content-Type", kind)
	}
	for name, value := range map[string]string{"Origin": q.origin, "Idempotency-Key": q.key} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+q.bearer)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	return r
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	w *world
}

// ask sends a request, and checks what holds of every answer.
func (w *world) ask(q request) answer {
	w.Helper()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, q.build())
	h := recorder.Header()
	if h["Set-Cookie"] != nil {
		w.Errorf("%s %s set a cookie", q.method, q.path)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Strict-Transport-Security") == "" {
		w.Errorf("%s %s lacks headers: %v", q.method, q.path, h)
	}
	for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "form-action ", "frame-ancestors 'none'"} { // the last three have no fallback
		if !strings.Contains(h.Get("Content-Security-Policy"), directive) {
			w.Errorf("%s %s: the policy lacks %s: %v", q.method, q.path, directive, h)
		}
	}
	if h.Get("Access-Control-Allow-Credentials") != "" {
		w.Errorf("%s %s allows credentials", q.method, q.path)
	}
	if recorder.Code >= 400 && h.Get("Content-Type") == "application/problem+json" {
		var p struct {
			Type, Title, Code string
			Status            int
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &p); err != nil || p.Status != recorder.Code || p.Code == "" || p.Title == "" || !strings.HasSuffix(p.Type, "/"+p.Code) {
			w.Errorf("%s %s: no problem as RFC 9457 has it: %s", q.method, q.path, recorder.Body)
		}
	} else if recorder.Code >= 400 && !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		w.Errorf("%s %s: %d is no problem: %s", q.method, q.path, recorder.Code, recorder.Body)
	}
	if recorder.Code == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		w.Errorf("%s %s: 503 without Retry-After", q.method, q.path)
	}
	declared(w, q, recorder)
	return answer{recorder, w}
}

// is checks the status and, of a problem, the code.
func (a answer) is(status int, code string) answer {
	a.w.Helper()
	if a.Code != status {
		a.w.Errorf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if code != "" {
		var p struct{ Code string }
		if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil || p.Code != code {
			a.w.Errorf("code %q, want %q: %s", p.Code, code, a.Body)
		}
	}
	return a
}

// into decodes a JSON answer.
func (a answer) into(to any) {
	a.w.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), to); err != nil {
		a.w.Fatalf("%v: %s", err, a.Body)
	}
}

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

// secretOf is the receipt's secret of a visitor.
func secretOf(visitor byte) string {
	return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xc0, visitor}, 8))
}

// notice fetches the words of a site, and returns the token and the rest.
func (w *world) notice(site, language string) (token string, notice map[string]any) {
	w.Helper()
	w.ask(request{method: "GET", path: "/w/" + site + "/notice." + language + ".json"}).is(http.StatusOK, "").into(&notice)
	return notice["token"].(string), notice
}

// act is the body of an act that grants purposes by a method.
func (w *world) act(method string, purposes ...string) map[string]any {
	w.Helper()
	token, _ := w.notice("shop", "fr")
	var acts []map[string]any
	for _, purpose := range purposes {
		acts = append(acts, map[string]any{"type": "consent.given", "purpose": purpose, "decision": "granted"})
	}
	return map[string]any{"noticeToken": token, "acts": acts, "method": method, "ui": map[string]any{"shownMs": 1200, "visible": true},
		"occurredAt": w.clock.Now().Format(time.RFC3339Nano), "gpc": false}
}

// post records an act of a visitor on the shop's pages.
func (w *world) post(visitor byte, key string, body any) answer {
	w.Helper()
	return w.ask(request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: secretOf(visitor), key: key, body: body})
}

// outcome is the answer to an act.
type outcome struct {
	Receipt      string
	State        map[string]struct{ Granted, Stale bool }
	Deduplicated bool
	Pending      []string
	LeftOut      []string
}

// backend and desk are clients with different rights.
func (w *world) backend() string {
	return w.cluster.Token(w.T, consentdtest.Namespace, "backend", w.clock.Now())
}

func (w *world) desk() string {
	return w.cluster.Token(w.T, consentdtest.Namespace, "desk", w.clock.Now())
}

// operator is the token of the operator for this service.
func (w *world) operator() string {
	return w.cluster.TokenFor(w.T, "consentd/"+w.tenant.String(), "rempart-system", "rempart-consent", w.clock.Now())
}

// events are all that the ledger has of people.
func (w *world) events() []consent.Event {
	w.Helper()
	found, err := w.ledger.Ledger.Since(w.Context(), uuid.Nil, 10_000)
	if err != nil {
		w.Fatal(err)
	}
	var acts []consent.Event
	for _, e := range found {
		if e.Subject != uuid.Nil {
			acts = append(acts, e)
		}
	}
	return acts
}
