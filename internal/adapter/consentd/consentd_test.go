package consentd

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

const body = `{"tenantID":"6f9c0f1e-0000-8000-8000-000000000000","notice":{"version":3,"materialDigest":"sha256:ab"},
"sites":[{"id":"shop","url":"https://consent.acme.example/w/shop/widget.js","integrity":"sha384-x","digest":"sha256:cd","bytes":5321}],
"ledger":{"size":7,"checkpointTime":"2026-11-24T12:00:00Z","root":"AA==","checkpoint":"note"},"audit":{"verified":true,"time":"2026-11-24T11:00:00Z"},"new":1}`

func TestTheServiceIsAskedAtOneAddressAndFollowedNowhere(t *testing.T) {
	var asked []string
	reply := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
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
