package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
)

// Door stands before a server that is not there yet: it answers that the process lives and that it is not ready.
type Door struct {
	server  atomic.Pointer[Server]
	drained atomic.Bool
	closed  chan struct{}
	once    sync.Once
}

// NewDoor returns a closed one.
func NewDoor() *Door { return &Door{closed: make(chan struct{})} }

// Open lets requests through to a server.
func (d *Door) Open(s *Server) {
	d.server.Store(s)
	if d.drained.Load() {
		s.Drain()
	}
}

// Drain makes the server not ready and ends its streams.
func (d *Door) Drain() {
	if d.drained.Swap(true) {
		return
	}
	if s := d.server.Load(); s != nil {
		s.Drain()
	}
}

// Close says that no request is being answered any more.
func (d *Door) Close() { d.once.Do(func() { close(d.closed) }) }

// Closed is closed when no request is being answered any more.
func (d *Door) Closed() <-chan struct{} { return d.closed }

// ServeHTTP answers a request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := d.server.Load(); s != nil {
		s.ServeHTTP(w, r)
		return
	}
	harden(w.Header())
	if r.URL.Path == "/healthz" {
		_ = plain(w, "ok\n")
		return
	}
	problem.New(http.StatusServiceUnavailable, problem.NotReady, "The service is starting").After(retrySoon).Write(w)
}

// Frame returns a server every wait of which has an end; what Server reads before a turn keeps who is slow from holding others up. With a folder of tls.crt and tls.key it
// speaks TLS; another certificate that comes into the folder is used from then on.
func Frame(handler http.Handler, timeout time.Duration, folder string, log *slog.Logger) (*http.Server, error) {
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: timeout + 10*time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: silent(log),
	}
	if folder == "" {
		return s, nil
	}
	c := &certificate{folder: folder}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	return s, nil
}

// certificate reads the folder again after a minute.
type certificate struct {
	folder string
	mu     sync.Mutex
	pair   *tls.Certificate
	until  time.Time
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && time.Now().Before(c.until) {
		return c.pair, nil
	}
	c.until = time.Now().Add(time.Minute)
	chain, err := os.ReadFile(filepath.Join(c.folder, "tls.crt"))
	if err == nil {
		var key []byte
		if key, err = os.ReadFile(filepath.Join(c.folder, "tls.key")); err == nil {
			var pair tls.Certificate
			if pair, err = tls.X509KeyPair(chain, key); err == nil {
				c.pair = &pair
			}
		}
	}
	if c.pair == nil {
		return nil, fmt.Errorf("reading tls.crt and tls.key: %w", err)
	}
	return c.pair, nil // the one of before, where another is broken
}
