package consent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/jws"
)

// fixed is a policy that does not change.
type fixed struct{ *settings.Policy }

func (f fixed) Current() *settings.Policy { return f.Policy }
func (fixed) Refused() bool               { return false }

// service is consentd's API on a free port of this machine, over a ledger of the bench.
type service struct {
	url    string
	client *http.Client
	body   []byte
	stop   func()
}

func (b *bench) serve(ctx context.Context, l *ledger.Ledger) (*service, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{url: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: b.clients}}}
	policy, err := settings.Read(consentdtest.Policy, "bench", time.Now())
	if err != nil {
		return nil, err
	}
	if err := policy.Dress(s.url); err != nil {
		return nil, err
	}
	publication, err := policy.Publication()
	if err != nil {
		return nil, err
	}
	if err := l.Publish(ctx, publication); err != nil {
		return nil, err
	}
	seed := make([]byte, jws.SeedSize)
	_, _ = rand.Read(seed) // never fails (crypto/rand)
	key, err := jws.NewKey(seed)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	handler, err := server.New(server.Config{Ledger: l, Policies: fixed{policy}, Key: key, Keys: jws.NewKeys(key.Public()), URL: s.url, InFlight: 256, Timeout: 4 * time.Second,
		Clock: time.Now, Log: quiet, Registry: prometheus.NewRegistry()})
	if err != nil {
		return nil, err
	}
	frame, err := server.Frame(handler, 4*time.Second, "", quiet)
	if err != nil {
		return nil, err
	}
	go func() { _ = frame.Serve(listener) }() // until it is closed
	s.stop = func() { _ = frame.Close() }
	return s, s.prepare()
}

// prepare makes the body of every act: the words of now, and one box that was ticked.
func (s *service) prepare() error {
	answer, err := s.client.Get(s.url + "/w/shop/notice.fr.json")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var notice struct{ Token string }
	if err := json.NewDecoder(answer.Body).Decode(&notice); err != nil {
		return err
	}
	s.body, err = json.Marshal(map[string]any{"noticeToken": notice.Token, "method": "checkbox", "ui": map[string]any{"shownMs": 1200, "visible": true}, "gpc": false,
		"occurredAt": time.Now().UTC(), "acts": []any{map[string]any{"type": "consent.given", "purpose": "analytics", "decision": "granted"}}})
	return err
}

// post is the act of a visitor who was never here.
func (s *service) post(ctx context.Context, name string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/sites/shop/events", bytes.NewReader(s.body))
	if err != nil {
		return err
	}
	secret := sha256.Sum256([]byte(name))
	request.Header.Set("Origin", "https://shop.example")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", name)
	request.Header.Set("Authorization", "Bearer "+base64.RawURLEncoding.EncodeToString(secret[:16]))
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return err
}

// overHTTP posts acts to consentd, whose receipts are signed and whose log is kept meanwhile. The clients run on the same cores, as
// pgbench does.
func overHTTP(ctx context.Context, b *bench) error {
	l, err := b.ledger(ctx, 0)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, l)
	if err != nil {
		return err
	}
	defer s.stop()
	lasts := time.Duration(b.seconds) * time.Second
	ways := []*way{
		{name: "acts over HTTP, receipts and log included", once: func(ctx context.Context, round int) (Load, error) {
			stop := running(ctx, []*ledger.Ledger{l})
			load, err := Closed(ctx, b.clients, lasts, func(ctx context.Context, client, n int) error {
				return s.post(ctx, fmt.Sprintf("%s-%d-%d-%d", session, round, client, n))
			})
			return load, errors.Join(err, stop())
		}},
		{name: "pgbench", once: func(ctx context.Context, _ int) (Load, error) {
			defer b.admin.Exec(ctx, "DELETE FROM consent.pending") // nobody puts these into a log
			tps, err := b.pgbench(ctx, insertScript, false, "tenants=1")
			return b.script(tps), err
		}},
	}
	if err := b.inTurns(ctx, ways); err != nil {
		return err
	}
	report(fmt.Sprintf("Acts posted to consentd by %d clients, durable commits", b.clients), ways, 1)
	stop := running(ctx, []*ledger.Ledger{l})
	load, err := Open(ctx, 500, lasts, func(ctx context.Context, _, n int) error {
		return s.post(ctx, fmt.Sprintf("%s-open-%d", session, n))
	})
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	fmt.Printf("\nOver HTTP at 500 acts a second, from the intended start: p50 %.1f ms, p99 %.1f ms\n", load.P(50), load.P(99))
	return nil
}
