package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
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
	// body is that of every act, token that of a client who may check.
	body  []byte
	token string
	// answer is the first one to a check.
	answer []byte
	stop   func()
}

// strict lets helpers of tests work here: what fails ends the program.
type strict struct{ testing.TB }

func (strict) Helper()           {}
func (strict) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (b *bench) serve(ctx context.Context, l *ledger.Ledger) (*service, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{url: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: b.clients}}}
	cluster := consentdtest.NewCluster(strict{})
	policy, err := settings.Read(cluster.File(strict{}, nil), "bench", time.Now())
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
	key, err := jws.NewKey(bytes.Repeat([]byte{9}, jws.SeedSize))
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
	s.stop, s.token = func() { _ = frame.Close() }, cluster.Token(strict{}, consentdtest.Namespace, "backend", time.Now())
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
	secret := sha256.Sum256([]byte(name))
	_, err := s.ask(ctx, http.StatusCreated, "/v1/sites/shop/events", s.body, map[string]string{"Origin": "https://shop.example", "Idempotency-Key": name,
		"Authorization": "Bearer " + base64.RawURLEncoding.EncodeToString(secret[:16])})
	return err
}

// check asks about people who have all said yes.
func (s *service) check(ctx context.Context, people ...consent.Person) error {
	type subject struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	}
	var body struct {
		Subjects []subject `json:"subjects"`
	}
	for _, person := range people {
		body.Subjects = append(body.Subjects, subject(person))
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := s.ask(ctx, http.StatusOK, "/v1/check", text, map[string]string{"Authorization": "Bearer " + s.token})
	if s.answer == nil {
		s.answer = answer
	}
	if err == nil && bytes.Count(answer, []byte(`"decision":"granted"`)) != len(people) {
		err = errors.New("a person has no state")
	}
	return err
}

func (s *service) ask(ctx context.Context, want int, path string, body []byte, header map[string]string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return text, err
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
	if err := b.widgetActs(ctx, l, s); err != nil {
		return err
	}
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

// widgetActs tells the bytes of an event of an act as the widget sends it, with how its words were shown: one event for each act.
func (b *bench) widgetActs(ctx context.Context, l *ledger.Ledger, s *service) error {
	const acts = 20_000
	_, err := Closed(ctx, b.clients, time.Hour, func(ctx context.Context, client, n int) error {
		if n*b.clients+client >= acts {
			return io.EOF
		}
		return s.post(ctx, fmt.Sprintf("%s-widget-%d-%d", session, client, n))
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := l.Sequencer.Step(ctx); err != nil {
		return err
	}
	fmt.Print("Acts of the widget. ")
	return b.sizes(ctx)
}

// hundred is how many people a large check asks about.
const hundred = 100

// checksOverHTTP asks consentd for states of random people, by their account and with a client's token. Nothing is cached: that would
// need the stream of changes, which is not listened to here.
func checksOverHTTP(ctx context.Context, b *bench) error {
	l, err := b.ledger(ctx, 0)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, l)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := b.people(ctx, l); err != nil {
		return err
	}
	if err := s.check(ctx, someone(0)); err != nil {
		return err
	}
	lasts := time.Duration(b.seconds) * time.Second
	asking := func(n int) func(context.Context, int) (Load, error) {
		return func(ctx context.Context, _ int) (Load, error) {
			load, err := Closed(ctx, b.clients, lasts, func(ctx context.Context, _, _ int) error {
				asked := make([]consent.Person, n)
				for i := range asked {
					asked[i] = someone(rand.IntN(people))
				}
				return s.check(ctx, asked...)
			})
			load.PerSecond *= float64(n)
			return load, err
		}
	}
	selects := b.selects()
	ways := append([]*way{{name: "checks of one person over HTTP", once: asking(1)}, {name: "checks of 100 over HTTP, people", once: asking(hundred)}}, selects...)
	for _, bare := range []struct {
		name    string
		handler http.Handler
	}{{"net/http alone, as many bytes", echo(s.answer, nil)}, {"net/http and the ledger's look-up", echo(s.answer, l)}} {
		once, stop, err := b.barely(bare.handler, s)
		if err != nil {
			return err
		}
		defer stop()
		ways = append(ways, &way{name: bare.name, once: once})
	}
	if err := b.inTurns(ctx, ways); err != nil {
		return err
	}
	report(fmt.Sprintf("Checks asked of consentd by %d clients", b.clients), ways, 2, 4)
	return nil
}

// echo is a handler that does what any must: it reads the question, and answers with so many bytes. With a ledger it also looks
// somebody up there.
func echo(answer []byte, l *ledger.Ledger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if l != nil {
			if _, err := l.States(r.Context(), []consent.Person{someone(rand.IntN(people))}); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
}

// barely serves a handler without anything of ours, and asks it what the service is asked about one person.
func (b *bench) barely(handler http.Handler, of *service) (once func(context.Context, int) (Load, error), stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	bare := &http.Server{Handler: handler, ReadHeaderTimeout: 4 * time.Second}
	go func() { _ = bare.Serve(listener) }() // until it is closed
	s := &service{url: "http://" + listener.Addr().String(), client: of.client, token: of.token, answer: of.answer}
	return func(ctx context.Context, _ int) (Load, error) {
		return Closed(ctx, b.clients, time.Duration(b.seconds)*time.Second, func(ctx context.Context, _, _ int) error {
			return s.check(ctx, someone(rand.IntN(people)))
		})
	}, func() { _ = bare.Close() }, nil
}
