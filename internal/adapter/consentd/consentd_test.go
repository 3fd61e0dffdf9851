package consentd

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent/wish"
)

const body = `{"tenantID":"6f9c0f1e-0000-8000-8000-000000000000","notice":{"version":3,"materialDigest":"sha256:ab"},
"sites":[{"id":"shop","url":"https://consent.acme.example/w/shop/widget.js","integrity":"sha384-x","digest":"sha256:cd","bytes":5321}],
"ledger":{"size":7,"checkpointTime":"2026-11-24T12:00:00Z","root":"AA==","checkpoint":"note"},"audit":{"verified":true,"time":"2026-11-24T11:00:00Z"},"new":1}`

func TestTheServiceIsAskedAtOneAddressAndFollowedNowhere(t *testing.T) {
	var asked []string
	reply := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")))
		reply(w, r)
	}))
	defer server.Close()
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	client := Client{port: number}

	answer, err := client.Status(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Notice.Version != 3 || answer.Sites[0].Bytes != 5321 || answer.Ledger.Size != 7 || answer.Ledger.CheckpointTime.Hour() != 12 || !answer.Audit.Verified {
		t.Errorf("read wrongly: %+v", answer)
	}
	reply = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"from":7,"to":9,"path":["AQI","_-8"]}`))
	}
	path, err := client.Consistency(t.Context(), host, "shop", 7, 9)
	if err != nil || len(path) != 2 || string(path[1]) != "\xff\xef" || asked[len(asked)-1] != "GET /v1/sites/shop/log/consistency?from=7&to=9" {
		t.Errorf("%v, %v, %v", path, err, asked)
	}
	reply = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"from":7,"to":9,"marks":["AQIDBAUGBwgJCgsMDQ4PEA"],"pepper":"0e822bf0"}`))
	}
	page, err := client.Forgotten(t.Context(), host, "token", 7)
	if err != nil || len(page.Marks) != 1 || page.Marks[0][15] != 16 || page.To != 9 || page.Pepper != "0e822bf0" || asked[len(asked)-1] != "GET /internal/v1/forgotten?from=7 Bearer token" {
		t.Errorf("%+v, %v, %v", page, err, asked)
	}
	for _, odd := range []string{"AQID", "AQIDBAUGBwgJCgsMDQ4PEBE", "no mark"} {
		reply = func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"to":9,"marks":["` + odd + `"]}`))
		}
		if _, err := client.Forgotten(t.Context(), host, "token", 7); !errors.Is(err, ErrSilent) {
			t.Errorf("%s: %v", odd, err)
		}
	}
	asked = nil
	reply = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"path":["no hash"]}`)) }
	if _, err := client.Consistency(t.Context(), host, "shop", 7, 9); !errors.Is(err, ErrSilent) {
		t.Errorf("%v", err)
	}
	asked = nil
	for name, broken := range map[string]http.HandlerFunc{
		"not ready":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"not JSON":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"another type": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"sites":7}`)) },
		"without bound": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"tenantID":"` + strings.Repeat("x", 1<<20)))
		},
	} {
		reply = broken
		if _, err := client.Status(t.Context(), host); !errors.Is(err, ErrSilent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, request := range asked {
		if request != "GET "+Path {
			t.Errorf("it asked %s", request)
		}
	}
	if _, err := (Client{port: 1}).Status(t.Context(), host); !errors.Is(err, ErrSilent) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestWishesAreReadAndAnsweredWithTheOperatorsToken(t *testing.T) {
	var asked []string
	status, body := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(text))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	client := Client{port: number}
	const id = "7d444840-9dc0-71d1-b245-5ffdce74fad2"

	body = `{"wishes":[{"id":"` + id + `","subject":"` + id + `","askedAt":"2026-11-30T12:00:00Z","names":{"email":"ada@example.org"}}],"next":"1796040000000000.` + id + `"}`
	page, err := client.Wishes(t.Context(), host, "token", wish.List{Way: "link", Limit: 10})
	if err != nil || len(page.Wishes) != 1 || page.Wishes[0].Names.Email != "ada@example.org" || page.Next == "" || page.Wishes[0].OpenedAt != nil {
		t.Fatalf("%+v, %v", page, err)
	}
	body = `{"wishes":[]}`
	if page, err = client.Wishes(t.Context(), host, "token", wish.List{Way: "receipt", Opened: true, After: page.Next, Limit: 100}); err != nil || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	for _, answer := range []struct {
		status int
		body   string
		good   bool
	}{
		{http.StatusNoContent, "", true}, {http.StatusNotFound, `{"code":"wish_unknown"}`, true}, {http.StatusNotFound, `{"code":"not_found"}`, false},
		{http.StatusNotFound, "", false}, {http.StatusOK, "{}", false}, {http.StatusForbidden, `{"code":"forbidden"}`, false},
	} {
		status, body = answer.status, answer.body
		err := client.Answer(t.Context(), host, "token", uuid.MustParse(id), wish.Opened)
		if (err == nil) != answer.good || err != nil && (!errors.Is(err, ErrSilent) || strings.Contains(err.Error(), id)) {
			t.Errorf("%d %s: %v", answer.status, answer.body, err)
		}
	}
	for status, older := range map[int]bool{http.StatusBadRequest: true, http.StatusNotFound: true, http.StatusMethodNotAllowed: true, http.StatusForbidden: false, http.StatusServiceUnavailable: false} {
		said := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, port, _ := net.SplitHostPort(said.Listener.Addr().String())
		number, _ := strconv.Atoi(port)
		_, err := Client{port: number}.Wishes(t.Context(), host, "token", wish.List{Way: "link", Limit: 10})
		said.Close()
		if !errors.Is(err, ErrSilent) || errors.Is(err, wish.ErrOtherVersion) != older {
			t.Errorf("%d: %v", status, err)
		}
	}
	want := []string{"GET /internal/v1/wishes?limit=10&way=link Bearer token ", "GET /internal/v1/wishes?after=1796040000000000." + id + "&limit=100&opened=true&way=receipt Bearer token ", `POST /internal/v1/wishes:answer Bearer token {"id":"` + id + `","state":"opened"}`}
	if !slices.Equal(asked[:3], want) {
		t.Errorf("it asked %q", asked)
	}
	for good, answer := range map[bool]int{true: http.StatusNoContent, false: http.StatusForbidden} {
		status, body = answer, ""
		if err := client.Later(t.Context(), host, "token", []uuid.UUID{uuid.MustParse(id)}); (err == nil) != good || err != nil && !errors.Is(err, ErrSilent) {
			t.Errorf("%d: %v", answer, err)
		}
		if last := asked[len(asked)-1]; last != `POST /internal/v1/wishes:later Bearer token {"ids":["`+id+`"]}` {
			t.Errorf("it asked %q", last)
		}
	}
}
