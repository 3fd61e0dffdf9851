package smtp

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// server speaks the dialogue of RFC 5321 over a real connection. Answers overrides the answer to a verb.
type server struct {
	answers  map[string]string
	greeting string
	starttls bool // offers STARTTLS
	implicit bool // TLS from the first byte
	auth     bool
	silent   bool // never says a word

	address string
	tls     *tls.Config
	roots   []byte

	mu      sync.Mutex
	mails   []string
	secured []bool
	logins  []string
}

func serve(t *testing.T, s *server) *server {
	t.Helper()
	certificates := httptest.NewUnstartedServer(http.NotFoundHandler())
	certificates.StartTLS() // for its certificate, which names example.com and 127.0.0.1
	certificates.Close()
	s.tls = &tls.Config{Certificates: certificates.TLS.Certificates, MinVersion: tls.VersionTLS12}
	s.roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificates.Certificate().Raw})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
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

func (s *server) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	if s.silent { // until the client, whose limit is tested, hangs up
		_, _ = conn.Read(make([]byte, 1))
		return
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	secured := s.implicit
	if s.implicit {
		conn = tls.Server(conn, s.tls)
	}
	lines := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
	greeting := s.greeting
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
		if answer, ok := s.answers[verb]; ok {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-mail.example.com")
			if s.starttls && !secured {
				say("250-STARTTLS")
			}
			if s.auth {
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
			if answer, ok := s.answers["."]; ok {
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

func send(t *testing.T, s *server, allowed bool, change func(*notice.Envelope)) notice.Outcome {
	t.Helper()
	options := egress.Options{}
	if allowed {
		options.Allow = []string{s.address}
	}
	guard, err := egress.New(options)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := net.ResolveTCPAddr("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	e := notice.Envelope{
		Channel: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{
			Host: "127.0.0.1", Port: int32(addr.Port), TLS: v1alpha1.MailTLSStartTLS, From: "rempart@example.com", To: []string{"a@example.com", "b@example.com"},
		}},
		Index: 2, Key: strings.Repeat("ab", 32), Message: notice.Message{Subject: "Breach shop/bucket: étape", Text: "Une ligne\n"},
		Time: time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC), Secrets: notice.Secrets{Roots: s.roots},
	}
	if change != nil {
		change(&e)
	}
	return New(guard).Send(t.Context(), e)
}

func TestAMailArrivesOnceWithItsKey(t *testing.T) {
	for name, s := range map[string]*server{
		"over STARTTLS":                           {starttls: true},
		"over implicit TLS":                       {implicit: true},
		"in plain text where the operator allows": {},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, s)
			got := send(t, s, true, func(e *notice.Envelope) {
				if s.implicit {
					e.Channel.SMTP.TLS = v1alpha1.MailTLSImplicit
				}
			})
			if got.Result != v1alpha1.DeliveryAccepted || got.MessageID != relay.MessageID(strings.Repeat("ab", 32)) {
				t.Fatalf("%+v", got)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.mails) != 1 || !strings.Contains(strings.ReplaceAll(s.mails[0], "\r\n ", " "), "Message-ID: "+got.MessageID) || !strings.Contains(s.mails[0], "To: <b@example.com>") || strings.Contains(s.mails[0], "a@example.com") {
				t.Errorf("%q", s.mails)
			}
			if s.secured[0] != (s.starttls || s.implicit) {
				t.Errorf("encrypted: %v", s.secured[0])
			}
		})
	}
}

func TestTheServersAnswersDecideWhetherToTryAgain(t *testing.T) {
	refused := notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	later := notice.Outcome{Result: v1alpha1.DeliveryServerError}
	for name, c := range map[string]struct {
		server *server
		want   notice.Outcome
	}{
		"no such mailbox":        {&server{answers: map[string]string{"RCPT": "550 no such user camille@example.com"}}, refused},
		"greylisted":             {&server{answers: map[string]string{"RCPT": "451 try again later"}}, later},
		"sender refused":         {&server{answers: map[string]string{"MAIL": "553 no"}}, refused},
		"content refused":        {&server{answers: map[string]string{".": "554 spam"}}, refused},
		"disk full":              {&server{answers: map[string]string{".": "452 full"}}, later},
		"busy at the greeting":   {&server{greeting: "421 too busy"}, later},
		"closed at the greeting": {&server{greeting: "554 no service"}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			if got := send(t, serve(t, c.server), true, nil); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAnErrorAfterAcceptanceIsNoError(t *testing.T) {
	s := serve(t, &server{answers: map[string]string{"RSET": "421 going down", "QUIT": "500 what"}})
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryAccepted {
		t.Errorf("%+v", got)
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	login := func(e *notice.Envelope) {
		e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret")
	}
	for name, c := range map[string]struct {
		server  *server
		allowed bool
		change  func(*notice.Envelope)
		want    v1alpha1.DeliveryResult
	}{
		"a private server":                        {&server{}, false, nil, v1alpha1.DeliveryBlocked},
		"an untrusted certificate":                {&server{starttls: true}, true, func(e *notice.Envelope) { e.Roots = nil }, v1alpha1.DeliveryTLSFailed},
		"implicit TLS towards a plain server":     {&server{}, true, func(e *notice.Envelope) { e.Channel.SMTP.TLS = v1alpha1.MailTLSImplicit }, v1alpha1.DeliveryTLSFailed},
		"a password on a plain connection":        {&server{auth: true}, true, login, v1alpha1.DeliveryTLSFailed},
		"an address that the channel has not got": {&server{}, true, func(e *notice.Envelope) { e.Index = 3 }, v1alpha1.DeliveryChannelMissing},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.server)
			if got := send(t, s, c.allowed, c.change); got.Result != c.want || got.Permanent {
				t.Errorf("%+v, want %s", got, c.want)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.mails) != 0 || len(s.logins) != 0 {
				t.Errorf("mails %q, logins %q", s.mails, s.logins)
			}
		})
	}
}

func TestLogsInOverTLS(t *testing.T) {
	for mode, s := range map[v1alpha1.MailTLS]*server{
		v1alpha1.MailTLSStartTLS: {starttls: true, auth: true},
		v1alpha1.MailTLSImplicit: {implicit: true, auth: true},
	} {
		serve(t, s)
		got := send(t, s, true, func(e *notice.Envelope) {
			e.Channel.SMTP.TLS = mode
			e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret")
		})
		s.mu.Lock()
		if got.Result != v1alpha1.DeliveryAccepted || len(s.logins) != 1 {
			t.Errorf("%s: %+v, %q", mode, got, s.logins)
		}
		s.mu.Unlock()
	}
	wrong := serve(t, &server{starttls: true, auth: true, answers: map[string]string{"AUTH": "535 wrong"}})
	got := send(t, wrong, true, func(e *notice.Envelope) { e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret") })
	if got != (notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}) {
		t.Errorf("a wrong password: %+v", got)
	}
}

func TestAServerThatSaysNothingTimesOut(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the guard's limit of 10 seconds")
	}
	s := serve(t, &server{silent: true})
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryTimeout {
		t.Errorf("%+v", got)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: listener.Addr().String()}
	listener.Close()
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryRefused || got.Permanent {
		t.Errorf("%+v", got)
	}
}
