package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/client/gate"
)

// service is a consent service without a network: a policy, and what people granted. It counts what it is asked.
type service struct {
	mu      sync.Mutex
	policy  string
	granted map[string]string // purposes, by the id of the person
	down    bool
	broken  bool
	asked   map[string]int
	token   string
	streams []*io.PipeWriter
	// until is when consents end; the year 2100 when zero.
	until time.Time
	// slow, if set, is what an answer to a check waits for.
	slow chan struct{}
}

func newService() *service {
	return &service{granted: map[string]string{}, asked: map[string]int{}, policy: `{"material":"bQ==","cacheSeconds":4,"purposes":[` +
		`{"name":"conversation","active":true,"basis":"Other","necessity":"RequestedService"},` +
		`{"name":"newsletter","active":true,"basis":"Consent","necessity":"Optional"},` +
		`{"name":"profiling","active":true,"basis":"Consent","necessity":"Optional"}],` +
		`"records":[{"name":"customer","fields":[{"name":"email","purposes":["newsletter","conversation"]},{"name":"tags","purposes":["profiling"]}]}]}`}
}

// RoundTrip answers a request.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	if s.down {
		return nil, errors.New("no route to the service")
	}
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		return answer(http.StatusUnauthorized, "application/problem+json", strings.NewReader("{}")), nil
	}
	switch r.URL.Path {
	case "/base/v1/gate":
		return answer(http.StatusOK, "application/json", strings.NewReader(s.policy)), nil
	case "/base/v1/check":
		text := s.check(r.Body)
		if s.slow != nil {
			s.mu.Unlock()
			<-s.slow
			s.mu.Lock()
		}
		return answer(http.StatusOK, "application/json", strings.NewReader(text)), nil
	case "/base/v1/stream":
		reader, writer := io.Pipe()
		context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(context.Canceled) })
		s.streams = append(s.streams, writer)
		return answer(http.StatusOK, "text/event-stream", reader), nil
	default:
		return answer(http.StatusFound, "text/html", strings.NewReader("elsewhere")), nil
	}
}

func answer(status int, kind string, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(body)}
}

func (s *service) check(body io.Reader) string {
	var question struct{ Subjects []gate.Subject }
	if s.broken || json.NewDecoder(body).Decode(&question) != nil || len(question.Subjects) != 1 {
		return `{"results":[]}`
	}
	standings, until := []string{}, s.until
	if until.IsZero() {
		until = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for purpose := range strings.FieldsSeq(s.granted[question.Subjects[0].ID]) {
		word, stale := strings.CutPrefix(purpose, "~")
		word, ended := strings.CutPrefix(word, "!")
		name, denied := strings.CutPrefix(word, "-")
		decision := map[bool]string{false: "granted", true: "denied"}[denied]
		standings = append(standings, fmt.Sprintf(`%q:{"granted":%t,"stale":%t,"decision":%q,"until":%q}`, name, !stale && !denied && !ended, stale, decision, until.Format(time.RFC3339Nano)))
	}
	return `{"results":[{` + strings.Join(standings, ",") + `}]}`
}

func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *service) checks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked["/base/v1/check"]
}

// say sends text on the newest stream.
func (s *service) say(t *testing.T, text string) {
	t.Helper()
	s.mu.Lock()
	writer := s.streams[len(s.streams)-1]
	s.mu.Unlock()
	if _, err := io.WriteString(writer, text); err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, s *service) *gate.Client {
	t.Helper()
	c, err := gate.New(gate.Options{URL: "https://consentd.shop.svc/base/", HTTP: &http.Client{Transport: s},
		Token: func(context.Context) (string, error) { return s.token, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var ada = gate.Subject{Kind: "account", ID: "ada"}

const customer = `{"email":"ada@shop.example","tags":["a"],"age":36}`

func data(t *testing.T, c *gate.Client, use gate.Use) string {
	t.Helper()
	result, err := c.Filter(t.Context(), ada, use, []byte(customer))
	if err != nil {
		t.Fatal(err)
	}
	return string(result.Data)
}

func TestOnlyWhatMayBeUsedPasses(t *testing.T) {
	for name, c := range map[string]struct {
		granted  string
		purposes []string
		want     string
		allowed  map[string][]string
		dropped  []string
	}{
		"a stranger":                {"", nil, `{"email":"ada@shop.example"}`, map[string][]string{"email": {"conversation"}}, []string{"age", "tags"}},
		"who consents":              {"newsletter profiling", nil, `{"email":"ada@shop.example","tags":["a"]}`, map[string][]string{"email": {"conversation", "newsletter"}, "tags": {"profiling"}}, []string{"age"}},
		"for one purpose":           {"newsletter profiling", []string{"newsletter"}, `{"email":"ada@shop.example"}`, map[string][]string{"email": {"newsletter"}}, []string{"age", "tags"}},
		"for one that is refused":   {"-newsletter profiling", []string{"newsletter"}, `{}`, map[string][]string{}, []string{"age", "email", "tags"}},
		"for one that is stale":     {"~newsletter", []string{"newsletter"}, `{}`, map[string][]string{}, []string{"age", "email", "tags"}},
		"for one that is not there": {"newsletter", []string{"else"}, `{}`, map[string][]string{}, []string{"age", "email", "tags"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			s.granted["ada"] = c.granted
			got, err := newClient(t, s).Filter(t.Context(), ada, gate.Use{Record: "customer", Purposes: c.purposes}, []byte(customer))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(gate.Result{Data: json.RawMessage(c.want), Allowed: c.allowed, Dropped: c.dropped}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingPassesWithoutTheService(t *testing.T) {
	for name, change := range map[string]func(*service){
		"down":                  func(s *service) { s.down = true },
		"no policy":             func(s *service) { s.policy = "" },
		"a policy that is none": func(s *service) { s.policy = `{"records":[{"name":""}]}` },
		"no answer about her":   func(s *service) { s.broken = true },
		"too long an answer":    func(s *service) { s.policy = strings.Repeat(" ", 5<<20) + s.policy },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			change(s)
			got, err := newClient(t, s).Filter(t.Context(), ada, gate.Use{Record: "customer"}, []byte(customer))
			if !errors.Is(err, gate.ErrUnavailable) || got.Data != nil || strings.Contains(err.Error(), "ada") {
				t.Errorf("%s, %v", got.Data, err)
			}
		})
	}
	s := newService()
	s.token = "right"
	wrong, err := gate.New(gate.Options{URL: "https://consentd.shop.svc/base", HTTP: &http.Client{Transport: s}, Token: func(context.Context) (string, error) { return "wrong", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Filter(t.Context(), ada, gate.Use{Record: "customer"}, []byte(customer)); !errors.Is(err, gate.ErrUnavailable) {
		t.Error(err)
	}
	if got := data(t, newClient(t, s), gate.Use{Record: "customer"}); got != `{"email":"ada@shop.example"}` {
		t.Error(got)
	}
}

func TestAQuestionIsNotSentElsewhere(t *testing.T) {
	c, err := gate.New(gate.Options{URL: "https://consentd.shop.svc/moved", HTTP: &http.Client{Transport: newService()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Filter(t.Context(), ada, gate.Use{Record: "customer"}, []byte(customer)); !errors.Is(err, gate.ErrUnavailable) {
		t.Error(err)
	}
}

func TestOptionsThatAreNone(t *testing.T) {
	for _, address := range []string{"", "consentd", "http://consentd.shop.svc", "https://user:word@consentd.shop.svc", "https://consentd.shop.svc?a", "ftp://localhost"} {
		if _, err := gate.New(gate.Options{URL: address, HTTP: &http.Client{}}); !errors.Is(err, gate.ErrOptions) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"http://shop.example", "http://consentd", "http://10.96.0.7", "http://svc", "http://.svc", "http://consentd.svc", "http://shop.consentd.svc.example"} {
		if _, err := gate.New(gate.Options{URL: address, HTTP: &http.Client{}, PlainWithinCluster: true}); !errors.Is(err, gate.ErrOptions) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := gate.New(gate.Options{URL: "http://localhost:1"}); !errors.Is(err, gate.ErrOptions) {
		t.Error(err)
	}
}

// TestWhatIsPlainGoesToTheServiceItself asks as a program in the cluster does, with a proxy that its environment names: it would read
// token and person.
func TestWhatIsPlainGoesToTheServiceItself(t *testing.T) {
	for _, address := range []string{"http://shop-consentd.shop.svc", "http://shop-consentd.shop.svc.cluster.local:80"} {
		var dialled []string
		transport := &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"}),
			DialContext: func(_ context.Context, _, at string) (net.Conn, error) {
				dialled = append(dialled, at)
				return nil, errors.ErrUnsupported
			},
		}
		c, err := gate.New(gate.Options{URL: address, HTTP: &http.Client{Transport: transport}, PlainWithinCluster: true})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_, err = c.Filter(t.Context(), ada, gate.Use{Record: "customer"}, []byte(customer))
		if want := strings.TrimSuffix(strings.TrimPrefix(address, "http://"), ":80") + ":80"; !errors.Is(err, gate.ErrUnavailable) || !slices.Equal(dialled, []string{want}) {
			t.Errorf("%s: dialled %v, %v", address, dialled, err)
		}
		if transport.Proxy == nil {
			t.Error("the program's own transport was changed")
		}
	}
}

// TestAWithdrawalClosesTheGate tells the whole story of the cache in a bubble of its own time: nothing is kept until the stream is
// heard, then for as long as the policy says, until the stream tells of a change, and not after it went silent.
func TestAWithdrawalClosesTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.granted["ada"] = "newsletter"
		c := newClient(t, s)
		use := gate.Use{Record: "customer", Purposes: []string{"newsletter"}}
		const open, closed = `{"email":"ada@shop.example"}`, `{}`
		asks := func(what, want string, more int) {
			t.Helper()
			before := s.checks()
			if got := data(t, c, use); got != want || s.checks()-before != more {
				t.Errorf("%s: %s after %d questions, want %s after %d", what, got, s.checks()-before, want, more)
			}
		}
		asks("nothing is heard", open, 1)
		asks("so nothing is kept", open, 1)

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { c.Watch(ctx); close(ended) }()
		synctest.Wait()
		s.say(t, "retry: 1000\nevent: reset\ndata: {}\n\n")
		synctest.Wait()
		asks("the stream is heard", open, 1)
		asks("so answers are kept", open, 0)
		s.say(t, ": alive\n\n")
		synctest.Wait()
		asks("a sign of life changes nothing", open, 0)
		<-time.After(4 * time.Second)
		asks("four seconds are over", open, 1)

		s.set(func() { s.granted["ada"] = "-newsletter" })
		asks("a change that is not told yet", open, 0)
		s.say(t, "event: changed\ndata: {\"subject\":\"x\",\"purposes\":[\"newsletter\"]}\n\n")
		synctest.Wait()
		asks("a withdrawal", closed, 1)
		asks("which is kept too", closed, 0)

		s.set(func() { s.granted["ada"] = "newsletter"; s.down = true })
		<-time.After(time.Minute) // nothing comes, so the connection is given up, and tried again
		if _, err := c.Filter(t.Context(), ada, use, []byte(customer)); !errors.Is(err, gate.ErrUnavailable) {
			t.Errorf("a service that is gone: %v", err)
		}
		s.set(func() { s.down = false })
		asks("it is back, and not heard yet", open, 1)
		asks("so nothing is kept", open, 1)
		<-time.After(time.Minute)
		synctest.Wait()
		asks("it is heard again", open, 1)
		asks("and kept", open, 0)
		stop()
		<-ended
		asks("nobody listens any more", open, 1)
		asks("so nothing is kept", open, 1)
	})
}

// TestWhatWasAskedBeforeAChangeIsNotKept: the answer was on its way when the person withdrew.
func TestWhatWasAskedBeforeAChangeIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.granted["ada"] = "newsletter"
		c := newClient(t, s)
		use := gate.Use{Record: "customer", Purposes: []string{"newsletter"}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Watch(ctx)
		synctest.Wait()
		s.set(func() { s.slow = make(chan struct{}) })
		late := make(chan string)
		go func() { late <- data(t, c, use) }()
		synctest.Wait()
		s.set(func() { s.granted["ada"] = "" })
		s.say(t, "event: changed\ndata: {}\n\n")
		synctest.Wait()
		s.set(func() { close(s.slow); s.slow = nil })
		if got := <-late; got != `{"email":"ada@shop.example"}` {
			t.Error(got)
		}
		if got := data(t, c, use); got != `{}` {
			t.Errorf("what was asked before the withdrawal was kept: %s", got)
		}
	})
}

func who(r *http.Request, _ []byte) (gate.Subject, error) {
	id := r.Header.Get("X-Account")
	if id == "" {
		return gate.Subject{}, errors.New("nobody")
	}
	return gate.Subject{Kind: "account", ID: id}, nil
}

func TestRequestsAreFiltered(t *testing.T) {
	for name, c := range map[string]struct {
		kind, encoding, account, body string
		down                          bool
		record                        string
		status                        int
		want                          string
	}{
		"what may be used":        {"application/json", "", "ada", customer, false, "customer", 200, `{"email":"ada@shop.example"}`},
		"with a charset":          {"application/json; charset=utf-8", "identity", "ada", customer, false, "customer", 200, `{"email":"ada@shop.example"}`},
		"nothing":                 {"", "", "", "", false, "customer", 200, ""},
		"a form":                  {"application/x-www-form-urlencoded", "", "ada", "email=a", false, "customer", 415, ""},
		"no kind":                 {"", "", "ada", customer, false, "customer", 415, ""},
		"packed":                  {"application/json", "gzip", "ada", customer, false, "customer", 415, ""},
		"no JSON":                 {"application/json", "", "ada", "{", false, "customer", 422, ""},
		"a field twice":           {"application/json", "", "ada", `{"email":"a","email":"b"}`, false, "customer", 422, ""},
		"too much":                {"application/json", "", "ada", `"` + strings.Repeat("x", 1<<20) + `"`, false, "customer", 413, ""},
		"about nobody":            {"application/json", "", "", customer, false, "customer", 403, ""},
		"the service is down":     {"application/json", "", "ada", customer, true, "customer", 503, ""},
		"the program is at fault": {"application/json", "", "ada", customer, false, "supplier", 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			s.down = c.down
			seen, length := "", int64(-1)
			handler := newClient(t, s).Requests(gate.Use{Record: c.record}, who)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Header.Get("Content-Digest") != "" && len(body) > 0 || r.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
					t.Errorf("%v, %v", r.Header, err)
				}
				seen, length = string(body), r.ContentLength
			}))
			r := httptest.NewRequest(http.MethodPost, "/customers", strings.NewReader(c.body))
			for header, value := range map[string]string{"Content-Type": c.kind, "Content-Encoding": c.encoding, "X-Account": c.account, "Content-Digest": "sha-256=:x:"} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status || seen != c.want || c.status == 200 && length != int64(len(c.want)) {
				t.Errorf("%d, %q of %d bytes, %s", w.Code, seen, length, w.Body)
			}
			if text := w.Body.String(); c.status != 200 && (!json.Valid(w.Body.Bytes()) || strings.Contains(text, "ada")) {
				t.Error(text)
			}
		})
	}
}

func TestResponsesAreFiltered(t *testing.T) {
	large := `{"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for name, c := range map[string]struct {
		kind, body string
		code       int
		account    string
		down       bool
		status     int
		want       string
	}{
		"what may be used":    {"application/json", customer, 201, "ada", false, 201, `{"email":"ada@shop.example"}`},
		"no status":           {"application/json", customer, 0, "ada", false, 200, `{"email":"ada@shop.example"}`},
		"nothing":             {"", "", 204, "", false, 204, ""},
		"an error's text":     {"text/plain", "no such customer: ada@shop.example", 404, "ada", false, 404, ""},
		"a page":              {"text/html", "<p>ada", 200, "ada", false, 500, "-"},
		"no JSON":             {"application/json", "ada", 200, "ada", false, 500, "-"},
		"too much":            {"application/json", large, 200, "ada", false, 500, "-"},
		"about nobody":        {"application/json", customer, 200, "", false, 403, "-"},
		"the service is down": {"application/json", customer, 200, "ada", true, 503, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			s.down = c.down
			handler := newClient(t, s).Responses(gate.Use{Record: "customer"}, who)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for header, value := range map[string]string{"Content-Type": c.kind, "ETag": `"1"`, "Content-Length": fmt.Sprint(len(c.body)), "X-Kept": "yes"} {
					w.Header().Set(header, value)
				}
				if c.code != 0 {
					w.WriteHeader(c.code)
				}
				for part := range slices.Chunk([]byte(c.body), 4096) {
					if _, err := w.Write(part); err != nil {
						t.Error(err)
					}
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/customers/ada", nil)
			r.Header.Set("X-Account", c.account)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status || c.want != "-" && w.Body.String() != c.want || w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d, %s, %v", w.Code, w.Body, w.Header())
			}
			if c.want == "-" && (strings.Contains(w.Body.String(), "ada") || w.Header().Get("X-Kept") != "" || !json.Valid(w.Body.Bytes())) {
				t.Errorf("%s %v", w.Body, slices.Sorted(maps.Keys(w.Header())))
			}
		})
	}
}
