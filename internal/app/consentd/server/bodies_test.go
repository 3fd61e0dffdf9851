package server_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/server"
)

// slowly is a connection over which a body does not come until the test says so, or the service gives it up.
type slowly struct {
	*httptest.ResponseRecorder
	*io.PipeReader
	rest  *io.PipeWriter
	first sync.Once
	began chan struct{}
	ended chan struct{}
}

func newSlowly() *slowly {
	s := &slowly{ResponseRecorder: httptest.NewRecorder(), began: make(chan struct{}), ended: make(chan struct{})}
	s.PipeReader, s.rest = io.Pipe()
	return s
}

func (s *slowly) begun() { s.first.Do(func() { close(s.began) }) }

// Read tells that the service waits for the body.
func (s *slowly) Read(p []byte) (int, error) {
	s.begun()
	return s.PipeReader.Read(p)
}

// SetReadDeadline ends the body where that is over.
func (s *slowly) SetReadDeadline(at time.Time) error {
	if !at.IsZero() && time.Until(at) <= 0 {
		return s.rest.CloseWithError(os.ErrDeadlineExceeded)
	}
	return nil
}

// sends sends the headers of a withdrawal from an address, and returns when its body is waited for or it was answered.
func (w *world) sends(s *slowly, peer string) {
	w.Helper()
	r := request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: s}.build()
	r.RemoteAddr = peer
	go func() {
		defer close(s.ended)
		w.ServeHTTP(s, r)
		s.begun()
	}()
	<-s.began
}

// TestWhoSendsSlowlyHoldsUpNobody: bodies that do not come take no turn, of which there is one here.
func TestWhoSendsSlowlyHoldsUpNobody(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.InFlight = 1 })
	slow := make([]*slowly, 10)
	for i := range slow {
		slow[i] = newSlowly()
		w.sends(slow[i], "198.51.100.1:"+strconv.Itoa(1000+i))
	}
	w.ask(request{method: "GET", path: "/w/shop/notice.fr.json"}).is(200, "")
	w.post(2, "k", w.act("message", "conversation")).is(201, "")
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(2)}).is(204, "")
	for i, s := range slow {
		_ = s.rest.Close()
		<-s.ended
		if s.Code != 204 {
			t.Errorf("body %d came late, and was answered %d: %s", i, s.Code, s.Body)
		}
	}
}

// TestANetworkHasSoManyOpenBodies: one too many ends the oldest of the same network, so that who comes anew is answered.
func TestANetworkHasSoManyOpenBodies(t *testing.T) {
	w := newWorld(t, nil)
	other := newSlowly()
	w.sends(other, "203.0.113.1:1")
	slow := make([]*slowly, server.BodiesAtOnce+1)
	for i := range slow {
		slow[i] = newSlowly()
		w.sends(slow[i], "198.51.100.1:"+strconv.Itoa(1000+i))
	}
	<-slow[0].ended // by the service: the test does not end it
	if slow[0].Code != 400 {
		t.Errorf("the oldest was answered %d", slow[0].Code)
	}
	for i, s := range append(slow[1:], other) {
		_ = s.rest.Close()
		<-s.ended
		if s.Code != 204 {
			t.Errorf("body %d was answered %d: %s", i+1, s.Code, s.Body)
		}
	}
	if n := w.OpenBodies(); n != 0 {
		t.Errorf("%d networks are remembered", n)
	}
}

// TestABodyThatEndsEarlyIsNotTheLedgersFault: a withdrawal that breaks off was answered as if the ledger were away.
func TestABodyThatEndsEarlyIsNotTheLedgersFault(t *testing.T) {
	w := newWorld(t, nil)
	half := newSlowly()
	_ = half.rest.CloseWithError(io.ErrUnexpectedEOF)
	w.ask(request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: half.PipeReader}).is(400, "bad_request")
}

// TestABodyIsReadFromAConnectionThatIsKept: what bounds the reading of a body is over with it, and the connection takes another request.
func TestABodyIsReadFromAConnectionThatIsKept(t *testing.T) {
	w := newWorld(t, nil)
	frame, err := server.Frame(w.Server, 5*time.Second, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(nil)
	listener.Config = frame
	listener.Start()
	defer listener.Close()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	answers := bufio.NewReader(connection)
	for range 3 {
		r := request{method: "POST", path: "/v1/sites/shop/withdrawals", origin: shop, bearer: secretOf(1), body: `{"purposes":["conversation"]}`}.build()
		if err := r.Write(connection); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != 204 || answer.Close {
			t.Errorf("answered %d, closes: %v, %v", answer.StatusCode, answer.Close, err)
		}
	}
}
