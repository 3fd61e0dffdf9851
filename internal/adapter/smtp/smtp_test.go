package smtp

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/adapter/relay/relaytest"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

func send(t *testing.T, s *relaytest.Server, allowed bool, change func(*notice.Envelope)) notice.Outcome {
	t.Helper()
	options := egress.Options{}
	if allowed {
		options.Allow = []string{s.Address}
	}
	guard, err := egress.New(options)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := net.ResolveTCPAddr("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	e := notice.Envelope{
		Channel: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelSMTP, SMTP: &v1alpha1.SMTPChannel{
			Host: "127.0.0.1", Port: int32(addr.Port), TLS: v1alpha1.MailTLSStartTLS, From: "rempart@example.com", To: []string{"a@example.com", "b@example.com"},
		}},
		Index: 2, Key: strings.Repeat("ab", 32), Message: notice.Message{Subject: "Breach shop/bucket: étape", Text: "Une ligne\n"},
		Time: time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC), Secrets: notice.Secrets{Roots: s.Roots},
	}
	if change != nil {
		change(&e)
	}
	return New(guard).Send(t.Context(), e)
}

func TestAMailArrivesOnceWithItsKey(t *testing.T) {
	for name, s := range map[string]*relaytest.Server{
		"over STARTTLS":                           {StartTLS: true},
		"over implicit TLS":                       {Implicit: true},
		"in plain text where the operator allows": {},
	} {
		t.Run(name, func(t *testing.T) {
			relaytest.Serve(t, s)
			got := send(t, s, true, func(e *notice.Envelope) {
				if s.Implicit {
					e.Channel.SMTP.TLS = v1alpha1.MailTLSImplicit
				}
			})
			if got.Result != v1alpha1.DeliveryAccepted || got.MessageID != relay.MessageID(strings.Repeat("ab", 32)) {
				t.Fatalf("%+v", got)
			}
			if len(s.Mails()) != 1 || !strings.Contains(strings.ReplaceAll(s.Mails()[0], "\r\n ", " "), "Message-ID: "+got.MessageID) || !strings.Contains(s.Mails()[0], "To: <b@example.com>") || strings.Contains(s.Mails()[0], "a@example.com") {
				t.Errorf("%q", s.Mails())
			}
			if s.Secured()[0] != (s.StartTLS || s.Implicit) {
				t.Errorf("encrypted: %v", s.Secured()[0])
			}
		})
	}
}

func TestTheServersAnswersDecideWhetherToTryAgain(t *testing.T) {
	refused := notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	later := notice.Outcome{Result: v1alpha1.DeliveryServerError}
	for name, c := range map[string]struct {
		server *relaytest.Server
		want   notice.Outcome
	}{
		"no such mailbox":        {&relaytest.Server{Answers: map[string]string{"RCPT": "550 no such user camille@example.com"}}, refused},
		"greylisted":             {&relaytest.Server{Answers: map[string]string{"RCPT": "451 try again later"}}, later},
		"sender refused":         {&relaytest.Server{Answers: map[string]string{"MAIL": "553 no"}}, refused},
		"content refused":        {&relaytest.Server{Answers: map[string]string{".": "554 spam"}}, refused},
		"disk full":              {&relaytest.Server{Answers: map[string]string{".": "452 full"}}, later},
		"busy at the greeting":   {&relaytest.Server{Greeting: "421 too busy"}, later},
		"closed at the greeting": {&relaytest.Server{Greeting: "554 no service"}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			if got := send(t, relaytest.Serve(t, c.server), true, nil); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAnErrorAfterAcceptanceIsNoError(t *testing.T) {
	s := relaytest.Serve(t, &relaytest.Server{Answers: map[string]string{"RSET": "421 going down", "QUIT": "500 what"}})
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryAccepted {
		t.Errorf("%+v", got)
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	login := func(e *notice.Envelope) {
		e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret")
	}
	for name, c := range map[string]struct {
		server  *relaytest.Server
		allowed bool
		change  func(*notice.Envelope)
		want    v1alpha1.DeliveryResult
	}{
		"a private server":                        {&relaytest.Server{}, false, nil, v1alpha1.DeliveryBlocked},
		"an untrusted certificate":                {&relaytest.Server{StartTLS: true}, true, func(e *notice.Envelope) { e.Roots = nil }, v1alpha1.DeliveryTLSFailed},
		"implicit TLS towards a plain server":     {&relaytest.Server{}, true, func(e *notice.Envelope) { e.Channel.SMTP.TLS = v1alpha1.MailTLSImplicit }, v1alpha1.DeliveryTLSFailed},
		"a password on a plain connection":        {&relaytest.Server{Auth: true}, true, login, v1alpha1.DeliveryTLSFailed},
		"an address that the channel has not got": {&relaytest.Server{}, true, func(e *notice.Envelope) { e.Index = 3 }, v1alpha1.DeliveryChannelMissing},
	} {
		t.Run(name, func(t *testing.T) {
			s := relaytest.Serve(t, c.server)
			if got := send(t, s, c.allowed, c.change); got.Result != c.want || got.Permanent {
				t.Errorf("%+v, want %s", got, c.want)
			}
			if len(s.Mails()) != 0 || len(s.Logins()) != 0 {
				t.Errorf("mails %q, logins %q", s.Mails(), s.Logins())
			}
		})
	}
}

func TestLogsInOverTLS(t *testing.T) {
	for mode, s := range map[v1alpha1.MailTLS]*relaytest.Server{
		v1alpha1.MailTLSStartTLS: {StartTLS: true, Auth: true},
		v1alpha1.MailTLSImplicit: {Implicit: true, Auth: true},
	} {
		relaytest.Serve(t, s)
		got := send(t, s, true, func(e *notice.Envelope) {
			e.Channel.SMTP.TLS = mode
			e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret")
		})
		if got.Result != v1alpha1.DeliveryAccepted || len(s.Logins()) != 1 {
			t.Errorf("%s: %+v, %q", mode, got, s.Logins())
		}
	}
	wrong := relaytest.Serve(t, &relaytest.Server{StartTLS: true, Auth: true, Answers: map[string]string{"AUTH": "535 wrong"}})
	got := send(t, wrong, true, func(e *notice.Envelope) { e.Username, e.Password = telemetry.Hide("user"), telemetry.Hide("secret") })
	if got != (notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}) {
		t.Errorf("a wrong password: %+v", got)
	}
}

func TestAServerThatSaysNothingTimesOut(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the guard's limit of 10 seconds")
	}
	s := relaytest.Serve(t, &relaytest.Server{Silent: true})
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryTimeout {
		t.Errorf("%+v", got)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &relaytest.Server{Address: listener.Addr().String()}
	listener.Close()
	if got := send(t, s, true, nil); got.Result != v1alpha1.DeliveryRefused || got.Permanent {
		t.Errorf("%+v", got)
	}
}
