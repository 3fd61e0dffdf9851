package consentd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// mailer mails by the mail server that the policy names, always with TLS. The folder has what it wants to know and is known by; it is read
// for each mail, since another password may have come.
type mailer struct{ folder string }

// Mail makes one attempt. Like the database the server is a target that the author of the policy has named, in the cluster or not: the guard
// lets this one host and port be reached, and no other.
func (m mailer) Mail(ctx context.Context, mail *v1alpha1.ConsentMail, letter relay.Letter) relay.Outcome {
	server := relay.Server{Host: mail.Host, Port: mail.Port, TLS: mail.TLS}
	if err := m.secrets(mail, &server); err != nil {
		return relay.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	target, err := server.Target()
	if err != nil {
		return relay.Outcome{Result: v1alpha1.DeliveryBlocked}
	}
	guard, err := egress.New(egress.Options{Allow: []string{target.String()}})
	if err != nil {
		return relay.Outcome{Result: v1alpha1.DeliveryBlocked}
	}
	return relay.Deliver(ctx, guard, server, letter)
}

// secrets reads what the policy says that there is.
func (m mailer) secrets(mail *v1alpha1.ConsentMail, server *relay.Server) error {
	read := func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(m.folder, name))
		if value := strings.TrimRight(string(text), "\r\n"); err == nil && value != "" {
			return value, nil
		}
		return "", errors.New("reading what the mail server wants to know: a file cannot be read or is empty")
	}
	if mail.CredentialsSecretRef != nil {
		for name, into := range map[string]*telemetry.Redact{"username": &server.Username, "password": &server.Password} {
			value, err := read(name)
			if err != nil {
				return err
			}
			*into = telemetry.Hide(value)
		}
	}
	if mail.CASecretRef == nil {
		return nil
	}
	roots, err := read("ca.crt")
	server.Roots = []byte(roots)
	return err
}
