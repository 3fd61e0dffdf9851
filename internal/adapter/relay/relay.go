// Package relay hands a mail to a mail server. Delivered means that the server answered 250 after DATA (RFC 5321). TLS is mandatory,
// unless whoever sends has leave to do without. What is mailed, and to whom, is for others to know.
package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Domain of the Message-ID: <id@rempart>.
const domain = "rempart"

// DefaultPort is that of mail submission (RFC 6409).
const DefaultPort = 587

// Server is a mail server that takes mails on.
type Server struct {
	Host string
	// Port is DefaultPort when 0.
	Port int32
	// TLS is StartTLS when empty.
	TLS v1alpha1.MailTLS
	// Plain lets a mail go without TLS where the server offers no STARTTLS. A password never does.
	Plain bool
	// Username and Password, where it wants them.
	Username, Password telemetry.Redact
	// Roots are certificates in PEM; the system's when empty.
	Roots []byte
}

// Letter is one mail to one address.
type Letter struct {
	// ID becomes the Message-ID: the same on each attempt, so that a receiver can tell a repetition.
	ID   string
	From string
	To   telemetry.Redact
	// Subject and Text, in plain text.
	Subject, Text string
	Time          time.Time
}

// Outcome is what an attempt came to. Permanent means that the server refused for good.
type Outcome struct {
	Result    v1alpha1.DeliveryResult
	Permanent bool
}

// MessageID of a letter.
func MessageID(id string) string { return "<" + id + "@" + domain + ">" }

// Target is the server's address, as far as it is well written.
func (s Server) Target() (egress.Target, error) {
	port := int(s.Port)
	if port == 0 {
		port = DefaultPort
	}
	return egress.ParseTarget(egress.Target{Host: s.Host, Port: port}.String()) //nolint:wrapcheck // a class, without the address
}

// Deliver makes one attempt, through a guard. No text of the server is kept: it may quote an address.
func Deliver(ctx context.Context, guard *egress.Guard, server Server, letter Letter) Outcome {
	message, err := compose(letter)
	if err != nil {
		return Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	}
	line := &line{dial: guard.DialContext}
	defer line.hangUp()
	defer context.AfterFunc(ctx, line.hangUp)() // the library heeds the context's end only until it is connected
	client, result := server.client(guard, line)
	if client == nil {
		return Outcome{Result: result}
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // an error after 250 is about saying goodbye
		return Outcome{Result: v1alpha1.DeliveryAccepted}
	}
	if ctx.Err() != nil {
		return Outcome{Result: v1alpha1.DeliveryTimeout}
	}
	return outcome(err)
}

func compose(letter Letter) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(letter.From); err != nil {
		return nil, err
	}
	if err := message.To(letter.To.Reveal()); err != nil {
		return nil, err
	}
	message.SetMessageIDWithValue(letter.ID + "@" + domain)
	message.SetDateWithValue(letter.Time)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	message.Subject(letter.Subject)
	message.SetBodyString(mail.TypeTextPlain, letter.Text)
	return message, nil
}

func (s Server) client(guard *egress.Guard, line *line) (*mail.Client, v1alpha1.DeliveryResult) {
	target, err := s.Target()
	if err != nil || guard.CheckTarget(target) != nil {
		return nil, v1alpha1.DeliveryBlocked
	}
	config := &tls.Config{ServerName: target.Host, MinVersion: tls.VersionTLS12}
	if len(s.Roots) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(s.Roots) {
			return nil, v1alpha1.DeliveryTLSFailed
		}
	}
	options := []mail.Option{
		mail.WithPort(target.Port), mail.WithTimeout(egress.Timeout), mail.WithTLSConfig(config), mail.WithHELO("localhost"), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithDialContextFunc(line.open),
	}
	switch {
	case s.TLS == v1alpha1.MailTLSImplicit:
		line.tls = config
		options = append(options, mail.WithSSL())
	case s.Plain:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if !s.Username.Empty() {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.Username.Reveal()), mail.WithPassword(s.Password.Reveal()))
		if line.tls != nil { // the library does not know that its dialer encrypts, and would refuse a password
			options = append(options, mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
		}
	}
	client, err := mail.NewClient(target.Host, options...)
	if err != nil {
		return nil, v1alpha1.DeliveryBlocked
	}
	return client, ""
}

// A line is the one connection of an attempt. The mail library leaves a connection open when the dialogue fails before
// the first message, and leaves implicit TLS to a dialer that is given to it; line does both.
type line struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	// tls protects the connection from the first byte; nil leaves that to STARTTLS.
	tls  *tls.Config
	mu   sync.Mutex
	conn net.Conn
}

func (l *line) open(ctx context.Context, network, address string) (net.Conn, error) {
	plain, err := l.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.conn = plain
	l.mu.Unlock()
	if l.tls == nil {
		return plain, nil
	}
	secured := tls.Client(plain, l.tls)
	return secured, secured.HandshakeContext(ctx)
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // closed before, when all went well
	}
}

// outcome reads an error: 5xx refuses for good, 4xx asks to try again, anything else is the connection's.
func outcome(err error) Outcome {
	code := 0
	var sent *mail.SendError
	var protocol *textproto.Error
	switch {
	case errors.As(err, &sent) && sent.ErrorCode() != 0:
		code = sent.ErrorCode()
	case errors.As(err, &protocol):
		code = protocol.Code
	}
	switch {
	case code >= 500:
		return Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	case code >= 400:
		return Outcome{Result: v1alpha1.DeliveryServerError}
	case sent == nil && ofTheDialogue(err):
		return Outcome{Result: v1alpha1.DeliveryTLSFailed}
	default:
		return Outcome{Result: v1alpha1.DeliveryResult(egress.ClassOf(err))}
	}
}

// ofTheDialogue tells an error that the mail library made itself, before any message was handed over, from one of the
// connection: the server offers no STARTTLS, or no way to log in that is safe on this connection.
func ofTheDialogue(err error) bool {
	var network net.Error
	return egress.ClassOf(err) == egress.ClassRefused && !errors.As(err, &network) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
