package server_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// instant is a ledger that does its work in no time: what is left is the service's own.
type instant struct{ server.Ledger }

func (instant) Record(_ context.Context, act consent.Act) (consent.Recorded, error) {
	id := uuid.UUID{1}
	events := make([]consent.Event, len(act.Choices))
	for i := range events {
		events[i] = consent.Event{Tenant: id, ID: uuid.UUID{1, byte(i)}, Receipt: id, Subject: id, Type: act.Choices[i].Type, Purpose: act.Choices[i].Purpose, Decision: &act.Choices[i].Decision,
			Notice: act.Notice, Method: act.Method, Site: act.Site, RecordedAt: noon, ValidUntil: act.Choices[i].ValidUntil, Leaf: make([]byte, 32)}
	}
	return consent.Recorded{Receipt: id, Subject: id, Events: events}, nil
}

func (instant) States(_ context.Context, people []consent.Person) ([][]consent.State, error) {
	return make([][]consent.State, len(people)), nil
}

type fixed struct{ *settings.Policy }

func (f fixed) Current() *settings.Policy { return f.Policy }
func (fixed) Refused() bool               { return false }

// standing makes a server that does not change over a ledger, a notice token of the shop, and tokens of both clients.
func standing(b testing.TB, ledger server.Ledger) (s *server.Server, notice, backend, desk string) {
	b.Helper()
	cluster := consentdtest.NewCluster(b)
	p, err := settings.Read(cluster.File(b, nil), "digest", noon)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Dress(host); err != nil {
		b.Fatal(err)
	}
	keys, err := settings.ReadKeys(consentdtest.Keys(b))
	if err != nil {
		b.Fatal(err)
	}
	s, err = server.New(server.Config{Ledger: ledger, Policies: fixed{p}, Key: keys.Signing, Keys: keys.Public, InFlight: 64, Timeout: time.Second,
		Clock: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	words := httptest.NewRecorder()
	s.ServeHTTP(words, request{method: "GET", path: "/w/shop/notice.fr.json"}.build())
	var said struct{ Token string }
	if err := json.Unmarshal(words.Body.Bytes(), &said); err != nil {
		b.Fatal(err)
	}
	return s, said.Token, cluster.Token(b, consentdtest.Namespace, "backend", noon), cluster.Token(b, consentdtest.Namespace, "desk", noon)
}

// BenchmarkAct is what the service adds to the ledger's own work for an act, without the network.
func BenchmarkAct(b *testing.B) {
	s, token, _, _ := standing(b, instant{})
	body := `{"noticeToken":"` + token + `","acts":[{"type":"terms.accepted","purpose":"conversation","decision":"granted"}],"method":"message","ui":{"shownMs":900,"visible":true},"occurredAt":"2026-11-30T12:20:00Z","gpc":false}`
	var secret [16]byte
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.BigEndian.PutUint64(secret[:], n)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, request{method: "POST", path: "/v1/sites/shop/events", origin: shop, bearer: base64.RawURLEncoding.EncodeToString(secret[:]), key: "k", body: body}.build())
		if w.Code != 201 {
			b.Fatal(w.Body)
		}
	}
}

// BenchmarkCheck is the same for a question of a client about one person.
func BenchmarkCheck(b *testing.B) {
	s, _, bearer, _ := standing(b, instant{})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, request{method: "POST", path: "/v1/check", bearer: bearer, body: `{"subjects":[{"kind":"account","id":"a"}],"purposes":["analytics"]}`}.build())
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
