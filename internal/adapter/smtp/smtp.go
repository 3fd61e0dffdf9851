// Package smtp delivers messages by mail. Delivered means that the server answered 250 after DATA (RFC 5321). TLS is
// mandatory; only towards a server that the operator's configuration names may it be missing.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"

	"github.com/wneessen/go-mail"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
)

// Domain of the Message-ID: <key@rempart>.
const domain = "rempart"

// defaultPort is that of mail submission (RFC 6409).
const defaultPort = 587

// Sender mails through the egress guard.
type Sender struct{ guard *egress.Guard }

// New returns a sender.
func New(guard *egress.Guard) *Sender { return &Sender{guard: guard} }

// MessageID of a message: the same on each attempt, so that a receiver can tell a repetition.
func MessageID(key string) string { return "<" + key + "@" + domain + ">" }

// Accepts tells whether a channel's address is one that notifications may reach, as far as it shows before resolution.
func (s *Sender) Accepts(spec *v1alpha1.NotificationChannelSpec) bool {
	if spec.SMTP == nil {
		return false
	}
	_, err := s.target(spec.SMTP)
	return err == nil
}

// target is the server, if it may be reached.
func (s *Sender) target(channel *v1alpha1.SMTPChannel) (egress.Target, error) {
	port := int(channel.Port)
	if port == 0 {
		port = defaultPort
	}
	target, err := egress.ParseTarget(egress.Target{Host: channel.Host, Port: port}.String())
	if err != nil {
		return egress.Target{}, err
	}
	return target, s.guard.CheckTarget(target)
}

// Send makes one attempt. No text of the server is kept: it may quote an address.
func (s *Sender) Send(ctx context.Context, e notice.Envelope) notice.Outcome {
	channel := e.Channel.SMTP
	if channel == nil || int(e.Index) > len(channel.To) || e.Index < 1 {
		return notice.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	message, err := compose(e)
	if err != nil {
		return notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	}
	line := &line{dial: s.guard.DialContext}
	defer line.hangUp()
	client, result := s.client(channel, e, line)
	if client == nil {
		return notice.Outcome{Result: result}
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // an error after 250 is about saying goodbye
		return notice.Outcome{Result: v1alpha1.DeliveryAccepted, MessageID: MessageID(e.Key)}
	}
	return outcome(err)
}

func compose(e notice.Envelope) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(e.Channel.SMTP.From); err != nil {
		return nil, err
	}
	if err := message.To(e.Channel.SMTP.To[e.Index-1]); err != nil {
		return nil, err
	}
	message.SetMessageIDWithValue(e.Key + "@" + domain)
	message.SetDateWithValue(e.Time)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	message.Subject(e.Subject)
	message.SetBodyString(mail.TypeTextPlain, e.Text)
	return message, nil
}

func (s *Sender) client(channel *v1alpha1.SMTPChannel, e notice.Envelope, line *line) (*mail.Client, v1alpha1.DeliveryResult) {
	target, err := s.target(channel)
	if err != nil {
		return nil, v1alpha1.DeliveryBlocked
	}
	config := &tls.Config{ServerName: target.Host, MinVersion: tls.VersionTLS12}
	if len(e.Roots) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(e.Roots) {
			return nil, v1alpha1.DeliveryTLSFailed
		}
	}
	options := []mail.Option{
		mail.WithPort(target.Port), mail.WithTimeout(egress.Timeout), mail.WithTLSConfig(config), mail.WithHELO("localhost"), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithDialContextFunc(line.open),
	}
	switch {
	case channel.TLS == v1alpha1.MailTLSImplicit:
		line.tls = config
		options = append(options, mail.WithSSL())
	case s.guard.Allowed(target):
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if !e.Username.Empty() {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.Username.Reveal()), mail.WithPassword(e.Password.Reveal()))
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
	conn net.Conn
}

func (l *line) open(ctx context.Context, network, address string) (net.Conn, error) {
	plain, err := l.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = plain
	if l.tls == nil {
		return plain, nil
	}
	secured := tls.Client(plain, l.tls)
	return secured, secured.HandshakeContext(ctx)
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // closed before, when all went well
	}
}

// outcome reads an error: 5xx refuses for good, 4xx asks to try again, anything else is the connection's.
func outcome(err error) notice.Outcome {
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
		return notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	case code >= 400:
		return notice.Outcome{Result: v1alpha1.DeliveryServerError}
	case sent == nil && ofTheDialogue(err):
		return notice.Outcome{Result: v1alpha1.DeliveryTLSFailed}
	default:
		return notice.Outcome{Result: v1alpha1.DeliveryResult(egress.ClassOf(err))}
	}
}

// ofTheDialogue tells an error that the mail library made itself, before any message was handed over, from one of the
// connection: the server offers no STARTTLS, or no way to log in that is safe on this connection.
func ofTheDialogue(err error) bool {
	var network net.Error
	return egress.ClassOf(err) == egress.ClassRefused && !errors.As(err, &network) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
