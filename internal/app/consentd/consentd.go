// Package consentd is the service that asks for consents, records and proves them. It reads a policy and keys from files, keeps what it
// knows in one PostgreSQL, mails by the controller's mail server where the policy names one, and calls nobody else: it has no way to the
// API server and no other.
package consentd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rempart-dev/rempart/docs/spec"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// Exit codes.
const (
	done   = 0
	failed = 1
	usage  = 2
)

// Main runs the program that the arguments name until the context ends, and returns the exit code.
func Main(ctx context.Context, args []string, out io.Writer) int {
	o, err := parse(args, out)
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
		return usage
	}
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: o.level}))
	run := serve
	if o.migrate {
		run = migrate
	}
	if err := run(ctx, o, log); err != nil {
		log.Error("Ended", "error", err)
		return failed
	}
	return done
}

// store is a ledger with what must run beside it.
type store interface {
	server.Ledger
	server.Auditor
	server.Keyring
	pruner
	// Run numbers events and signs checkpoints until the context ends.
	Run(ctx context.Context) error
	Close()
}

// serve answers at once that it lives and is not ready; it is when the policy is public and the ledger there.
func serve(ctx context.Context, o options, log *slog.Logger) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	door := server.NewDoor()
	ends, err := listen(o, door, registry, log)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	failure := make(chan error, 1)
	wait.Go(func() {
		if err := o.run(run, door, registry, log); err != nil {
			failure <- err
			stop()
		}
	})
	<-run.Done()
	door.Drain()
	select { // who sends requests learns that this pod is going before it stops listening
	case <-time.After(o.grace):
	case err = <-failure:
	}
	ends(ctx, o.timeout+10*time.Second)
	stop()
	wait.Wait()
	return err
}

// run opens the ledger, publishes the policy, opens the door, and looks after all three.
func (o options) run(ctx context.Context, door *server.Door, registry *prometheus.Registry, log *slog.Logger) error {
	keys, err := settings.ReadKeys(o.keys)
	if err != nil {
		return err //nolint:wrapcheck // says what it was reading
	}
	// The first policy says whose ledger it is; a broken one is nothing to start with.
	first, err := settings.ReadFile(o.config, time.Now())
	if err != nil {
		return err //nolint:wrapcheck // says what it was reading
	}
	ledger, err := o.open(ctx, first, keys, log)
	if err != nil {
		return err
	}
	defer ledger.Close()
	policies := settings.NewStore(o.config, func(ctx context.Context, p *settings.Policy) error { return o.adopt(ctx, ledger, p) }, log)
	s, err := o.server(ledger, policies, keys, registry, log)
	if err != nil {
		return err
	}
	door.Open(s)
	// What runs beside the door lasts as long as requests are answered, which is longer than ctx.
	var wait sync.WaitGroup
	wait.Go(func() { policies.Run(ctx, o.reload, time.Now) })
	wait.Go(func() { s.Watch(ctx) })
	wait.Go(func() { sequence(ctx, ledger, log) })
	wait.Go(func() { tend(ctx, ledger, log) })
	wait.Go(func() { retain(ctx, ledger, policies, log, time.Now) })
	var mails sync.WaitGroup
	mailing, end := context.WithCancel(context.WithoutCancel(ctx))
	mails.Go(func() { s.Mails(mailing) })
	wait.Wait()
	<-door.Closed()
	end() // what waits is lost, and the person asks again
	mails.Wait()
	return nil
}

// adopt makes a policy public: its scripts are baked, and what people are shown is in the ledger before it is shown. What was published
// before is shown as it was.
func (o options) adopt(ctx context.Context, ledger consent.Writer, p *settings.Policy) error {
	if err := p.Dress(server.Base(o.url, p)); err != nil {
		return err //nolint:wrapcheck // says what is broken
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	published, err := ledger.Published(ctx, p.Name)
	if err != nil {
		return err //nolint:wrapcheck // says what it was doing
	}
	p.Stand(published)
	publication, err := p.Publication()
	if err != nil {
		return err //nolint:wrapcheck // says what it was writing
	}
	err = ledger.Publish(ctx, publication)
	if errors.Is(err, consent.ErrContradicted) {
		return fmt.Errorf("%w: a notice was published before with other words or another meaning; it needs another version", settings.ErrBroken)
	}
	return err //nolint:wrapcheck // says what it was doing
}

// sequence keeps the sequencer running; where it fails, the ledger is away and comes back.
func sequence(ctx context.Context, ledger store, log *slog.Logger) {
	for ctx.Err() == nil {
		if err := ledger.Run(ctx); err != nil && ctx.Err() == nil {
			log.Warn("The sequencer stopped and starts again")
		}
		pause(ctx, time.Second)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (o options) server(ledger store, policies *settings.Store, keys settings.Keys, registry *prometheus.Registry, log *slog.Logger) (*server.Server, error) {
	document, err := spec.Consentd()
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was reading
	}
	return server.New(server.Config{ //nolint:wrapcheck // says what it was doing
		Ledger: ledger, Auditor: ledger, Policies: policies, Key: keys.Signing, Keys: keys.Public, Keyring: ledger, Entries: keys.Entries(), URL: o.url, OpenAPI: document,
		Limits: limit.New(o.rate, o.burst), Mailer: mailer{o.mail}, Proxies: o.proxies, InFlight: o.inFlight, Timeout: o.timeout, Clock: time.Now, Log: log, Registry: registry,
	})
}

// listen starts both listeners, and returns what ends them: requests that are being answered are, within the time.
func listen(o options, door *server.Door, registry *prometheus.Registry, log *slog.Logger) (end func(context.Context, time.Duration), err error) {
	inside := http.NewServeMux()
	inside.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second}))
	inside.Handle("GET /healthz", door)
	inside.Handle("GET /readyz", door)
	api, err := server.Frame(door, o.timeout, o.tlsDir, log)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was reading
	}
	metrics, err := server.Frame(server.Hardened(inside), o.timeout, "", log)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was reading
	}
	var listening []*http.Server
	for _, one := range []struct {
		address string
		server  *http.Server
	}{{o.metricsListen, metrics}, {o.listen, api}} {
		listener, err := net.Listen("tcp", one.address)
		if err != nil {
			return nil, fmt.Errorf("listening at %s: %w", one.address, err)
		}
		log.Info("Listening", "address", listener.Addr().String())
		listening = append(listening, one.server)
		go start(one.server, listener, log)
	}
	return func(ctx context.Context, within time.Duration) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within) // what ended the program does not end the answers
		defer cancel()
		for _, one := range slices.Backward(listening) { // metrics last
			_ = one.Shutdown(ctx) // what is not done within the time is cut off
		}
		door.Close()
	}, nil
}

func start(s *http.Server, listener net.Listener, log *slog.Logger) {
	serve := s.Serve
	if s.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error("Stopped listening")
	}
}
