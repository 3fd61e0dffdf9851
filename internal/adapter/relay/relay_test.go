package relay

import (
	"context"
	"mime"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay/relaytest"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

func guardFor(t *testing.T, address string) *egress.Guard {
	t.Helper()
	guard, err := egress.New(egress.Options{Allow: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func serverAt(t *testing.T, s *relaytest.Server) Server {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	return Server{Host: "127.0.0.1", Port: int32(at.Port), Roots: s.Roots} //nolint:gosec // a port
}

func letterTo(address string) Letter {
	return Letter{ID: "1", From: "privacy@example.com", To: telemetry.Hide(address), Subject: "Vos choix", Text: "Voilà.\n", Time: time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)}
}

func TestALetterGoesOverTLSOrNotAtAll(t *testing.T) {
	s := relaytest.Serve(t, &relaytest.Server{})
	guard, server := guardFor(t, s.Address), serverAt(t, s)
	if got := Deliver(t.Context(), guard, server, letterTo("ada@example.org")); got != (Outcome{Result: v1alpha1.DeliveryTLSFailed}) {
		t.Errorf("to a server that may be reached, without leave to do without TLS: %+v", got)
	}
	if len(s.Mails()) != 0 {
		t.Errorf("it was sent: %q", s.Mails())
	}
	server.Plain = true
	if got := Deliver(t.Context(), guard, server, letterTo("ada@example.org")); got.Result != v1alpha1.DeliveryAccepted {
		t.Errorf("with leave: %+v", got)
	}
}

func TestNothingInALetterBecomesAHeaderOrACommand(t *testing.T) {
	s := relaytest.Serve(t, &relaytest.Server{StartTLS: true})
	guard, server := guardFor(t, s.Address), serverAt(t, s)
	hostile := letterTo("ada@example.org")
	hostile.Subject = "Choix\r\nBcc: mallory@example.org\r\n\r\nhello"
	hostile.Text = "One\r\n.\r\nMAIL FROM:<mallory@example.org>\r\n"
	if got := Deliver(t.Context(), guard, server, hostile); got.Result != v1alpha1.DeliveryAccepted {
		t.Fatalf("%+v", got)
	}
	if len(s.Mails()) != 1 {
		t.Fatalf("%d mails: %q", len(s.Mails()), s.Mails())
	}
	message, err := mail.ReadMessage(strings.NewReader(s.Mails()[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil || message.Header.Get("Bcc") != "" || !strings.HasPrefix(subject, "Choix") || message.Header.Get("To") != "<ada@example.org>" || message.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%q, %v: %v", subject, err, message.Header)
	}
	for _, address := range []string{"ada@example.org\r\nRCPT TO:<mallory@example.org>", "ada@example.org, mallory@example.org", "ada@example.org>\r\nDATA", "", "ada"} {
		if got := Deliver(t.Context(), guard, server, letterTo(address)); got != (Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}) {
			t.Errorf("%q: %+v", address, got)
		}
	}
	if len(s.Mails()) != 1 {
		t.Errorf("%q", s.Mails())
	}
}

func TestAServerThatIsSlowIsLeftWhenTheTimeIsUp(t *testing.T) {
	s := relaytest.Serve(t, &relaytest.Server{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := Deliver(ctx, guardFor(t, s.Address), serverAt(t, s), letterTo("ada@example.org")); got != (Outcome{Result: v1alpha1.DeliveryTimeout}) {
		t.Errorf("%+v", got)
	}
}
