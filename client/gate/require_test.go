package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rempart-dev/rempart/client/gate"
)

// TestNothingIsSentWithoutConsent: what the widget would not send is refused to whoever sends it without the widget.
func TestNothingIsSentWithoutConsent(t *testing.T) {
	for name, c := range map[string]struct {
		granted  string
		account  string
		purposes []string
		broken   bool
		down     bool
		status   int
		code     string
	}{
		"who accepted":                 {"conversation", "ada", []string{"conversation"}, false, false, 200, ""},
		"all that is needed":           {"conversation newsletter", "ada", []string{"conversation", "newsletter"}, false, false, 200, ""},
		"a stranger":                   {"", "ada", []string{"conversation"}, false, false, 403, "consent_required"},
		"somebody else":                {"conversation", "eve", []string{"conversation"}, false, false, 403, "consent_required"},
		"who refused":                  {"-conversation", "ada", []string{"conversation"}, false, false, 403, "consent_required"},
		"whose consent ended":          {"!conversation", "ada", []string{"conversation"}, false, false, 403, "consent_required"},
		"a part of it":                 {"conversation", "ada", []string{"conversation", "newsletter"}, false, false, 403, "consent_required"},
		"a part that is another's now": {"~conversation", "ada", []string{"conversation", "newsletter"}, false, false, 403, "consent_required"},
		"what means another thing now": {"~conversation newsletter", "ada", []string{"conversation", "newsletter"}, false, false, 409, "notice_stale"},
		"no such purpose":              {"conversation", "ada", []string{"else"}, false, false, 403, "consent_required"},
		"nothing asked for":            {"conversation", "ada", nil, false, false, 403, "consent_required"},
		"nobody":                       {"conversation", "", []string{"conversation"}, false, false, 403, "consent_required"},
		"no answer about them":         {"conversation", "ada", []string{"conversation"}, true, false, 503, ""},
		"the service is down":          {"conversation", "ada", []string{"conversation"}, false, true, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService()
			s.granted["ada"], s.broken, s.down = c.granted, c.broken, c.down
			seen := ""
			handler := newClient(t, s).Requires(who, c.purposes...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				seen = string(body)
			}))
			r := httptest.NewRequest(http.MethodPost, "/messages", strings.NewReader("hello"))
			r.Header.Set("X-Account", c.account)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status || (seen == "hello") != (c.status == 200) {
				t.Fatalf("%d, the handler has %q: %s", w.Code, seen, w.Body)
			}
			if c.status == 200 {
				return
			}
			var problem struct {
				Type, Code, Title string
				Status            int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Status != c.status || problem.Code != c.code || problem.Title == "" ||
				strings.TrimPrefix(problem.Type, "tag:rempart.dev,2026:problem/") != c.code || strings.Contains(w.Body.String(), "ada") {
				t.Errorf("%s: %v", w.Body, err)
			}
			if w.Header().Get("Content-Type") != "application/problem+json" || (w.Header().Get("Retry-After") != "") != (c.status == 503) {
				t.Error(w.Header())
			}
		})
	}
}

// TestNobodyIsCheckedWithoutAName: an empty name is a mistake of the program, and no consent.
func TestNobodyIsCheckedWithoutAName(t *testing.T) {
	s := newService()
	for _, nobody := range []gate.Subject{{}, {Kind: "account"}, {ID: "ada"}} {
		if err := newClient(t, s).Check(t.Context(), nobody, "conversation"); !errors.Is(err, gate.ErrSubject) || s.checks() != 0 {
			t.Errorf("%+v: %v", nobody, err)
		}
	}
	handler := newClient(t, s).Requires(func(*http.Request, []byte) (gate.Subject, error) { return gate.Subject{}, nil }, "conversation")(http.NotFoundHandler())
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/messages", nil))
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"consent_required"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestAWithdrawalEndsMessages: an acceptance is kept while the stream is heard, and neither beyond a withdrawal nor beyond its end.
func TestAWithdrawalEndsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.granted["ada"] = "conversation"
		c := newClient(t, s)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Watch(ctx)
		synctest.Wait()
		check := func(want error, asked int) {
			t.Helper()
			before := s.checks()
			if err := c.Check(ctx, ada, "conversation"); !errors.Is(err, want) || s.checks()-before != asked {
				t.Errorf("%v after %d questions, want %v after %d", err, s.checks()-before, want, asked)
			}
		}
		check(nil, 1)
		check(nil, 0)
		s.set(func() { s.granted["ada"] = "-conversation" })
		s.say(t, "event: changed\ndata: {}\n\n")
		synctest.Wait()
		check(gate.ErrConsent, 1)
		s.set(func() { s.granted["ada"], s.until = "conversation", time.Now().Add(time.Second) })
		s.say(t, "event: changed\ndata: {}\n\n")
		synctest.Wait()
		check(nil, 1)
		<-time.After(2 * time.Second)
		check(gate.ErrConsent, 0)
	})
}
