package operator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// How often the certificate's Secret is read: often until there is one, then at a pace that a rotation can wait for.
const (
	firstLook = 2 * time.Second
	nextLook  = time.Minute
)

var errNoCertificate = errors.New("serving webhooks: no certificate yet")

// certificate serves the webhooks' certificate straight from its Secret. The leader alone writes that Secret; a mounted
// volume would reach the other replica only after the kubelet's next sync, up to two minutes later.
type certificate struct {
	reader  client.Reader
	key     types.NamespacedName
	current atomic.Pointer[tls.Certificate]
}

// webhookServer answers admission requests with the certificate of the Secret or, when there is none, with what lies in
// the folder, read again when it changes.
func webhookServer(certs *certificate, o options) webhook.Server {
	tlsOptions := []func(*tls.Config){harden}
	if o.rotates() {
		tlsOptions = append(tlsOptions, certs.Configure)
	}
	return webhook.NewServer(webhook.Options{Port: o.webhookPort, CertDir: o.webhookCerts, TLSOpts: tlsOptions})
}

func harden(config *tls.Config) {
	config.MinVersion = tls.VersionTLS12
	config.NextProtos = []string{"http/1.1"} // HTTP/2 stays off: a rapid reset costs the server more than the client
}

// NeedLeaderElection is false: every replica serves webhooks.
func (*certificate) NeedLeaderElection() bool { return false }

// Start reads the Secret until ctx ends.
func (c *certificate) Start(ctx context.Context) error {
	log := logf.FromContext(ctx).WithName("webhook-certificate")
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := c.load(ctx); err != nil {
			log.V(1).Info("Waiting for the certificate", "secret", c.key, "cause", err.Error())
		}
		timer.Reset(c.pace())
	}
}

func (c *certificate) pace() time.Duration {
	if c.current.Load() == nil {
		return firstLook
	}
	return nextLook
}

func (c *certificate) load(ctx context.Context) error {
	secret := &corev1.Secret{}
	if err := c.reader.Get(ctx, c.key, secret); err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return fmt.Errorf("parsing the certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// Configure makes a server use the certificate.
func (c *certificate) Configure(config *tls.Config) {
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if pair := c.current.Load(); pair != nil {
			return pair, nil
		}
		return nil, errNoCertificate
	}
}

// Ready is a readiness check.
func (c *certificate) Ready(*http.Request) error {
	if c.current.Load() == nil {
		return errNoCertificate
	}
	return nil
}
