// Package relaytest is a mail server for tests: the dialogue of RFC 5321 over real connections on loopback, with TLS by a certificate
// of its own.
package relaytest

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server speaks the dialogue of RFC 5321 over a real connection. Answers overrides the answer to a verb.
type Server struct {
	Answers  map[string]string
	Greeting string
	StartTLS bool // offers STARTTLS
	Implicit bool // TLS from the first byte
	Auth     bool
	Silent   bool // never says a word

	// Address is host:port, Roots the certificate in PEM, which names example.com and 127.0.0.1.
	Address string
	Roots   []byte
	tls     *tls.Config

	mu      sync.Mutex
	mails   []string
	secured []bool
	logins  []string
}

// Serve starts a server, which ends with the test.
func Serve(t testing.TB, s *Server) *Server {
	t.Helper()
	certificates := httptest.NewUnstartedServer(http.NotFoundHandler())
	certificates.StartTLS() // for its certificate, which names example.com and 127.0.0.1
	certificates.Close()
	s.tls = &tls.Config{Certificates: certificates.TLS.Certificates, MinVersion: tls.VersionTLS12}
	s.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificates.Certificate().Raw})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); running.Wait() })
	return s
}

func (s *Server) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	if s.Silent { // until the client, whose limit is tested, hangs up
		_, _ = conn.Read(make([]byte, 1))
		return
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	secured := s.Implicit
	if s.Implicit {
		conn = tls.Server(conn, s.tls)
	}
	lines := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
	greeting := s.Greeting
	if greeting == "" {
		greeting = "220 mail.example.com ready"
	}
	say(greeting)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.TrimSpace(strings.SplitN(strings.TrimSpace(line), " ", 2)[0]))
		if answer, ok := s.Answers[verb]; ok {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-mail.example.com")
			if s.StartTLS && !secured {
				say("250-STARTTLS")
			}
			if s.Auth {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go ahead")
			conn = tls.Server(conn, s.tls)
			lines, secured = bufio.NewReader(conn), true
		case "AUTH":
			s.mu.Lock()
			s.logins = append(s.logins, strings.TrimSpace(line))
			s.mu.Unlock()
			say("235 welcome")
		case "DATA":
			say("354 go on")
			var mail strings.Builder
			for {
				part, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if part == ".\r\n" {
					break
				}
				mail.WriteString(part)
			}
			s.mu.Lock()
			s.mails, s.secured = append(s.mails, mail.String()), append(s.secured, secured)
			s.mu.Unlock()
			if answer, ok := s.Answers["."]; ok {
				say(answer)
				continue
			}
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// Mails are those that were taken on, in full.
func (s *Server) Mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Secured tells of each mail whether it came over TLS.
func (s *Server) Secured() []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.secured)
}

// Logins are the lines of the verb AUTH.
func (s *Server) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}
