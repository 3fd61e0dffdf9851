package operator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// mount writes a certificate and its key as OLM mounts them.
func mount(t *testing.T, folder string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"webhook-service"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.key": {Type: "PRIVATE KEY", Bytes: private}, "tls.crt": {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// served starts a server and returns what tells the serial number of the certificate that it shows.
func served(t *testing.T, o options) func() (int64, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.webhookPort = listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- webhookServer(&certificate{}, o).Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	address := fmt.Sprintf("127.0.0.1:%d", o.webhookPort)
	return func() (int64, error) {
		dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
}

func TestWithoutASecretTheMountedCertificateIsServedAndItsSuccessor(t *testing.T) {
	folder := t.TempDir()
	mount(t, folder, 1)
	serial := served(t, options{webhookCerts: folder})
	g := gomega.NewWithT(t)
	g.Eventually(serial).WithTimeout(time.Minute).Should(gomega.BeEquivalentTo(1))
	mount(t, folder, 2)
	g.Eventually(serial).WithTimeout(time.Minute).Should(gomega.BeEquivalentTo(2))
}

func TestWithASecretAMountedCertificateIsNotServed(t *testing.T) {
	folder := t.TempDir()
	mount(t, folder, 1)
	serial := served(t, options{webhookCerts: folder, webhookSecret: "rempart-webhook-certs"})
	gomega.NewWithT(t).Eventually(func() error {
		_, err := serial()
		return err
	}).WithTimeout(time.Minute).Should(gomega.MatchError(gomega.ContainSubstring("tls: internal error")))
}

// recorder is a manager that only remembers what was added.
type recorder struct {
	ctrl.Manager
	added, checks []string
}

func (r *recorder) Add(m manager.Runnable) error {
	r.added = append(r.added, fmt.Sprintf("%T", m))
	return nil
}
func (r *recorder) AddReadyzCheck(name string, _ healthz.Checker) error {
	r.checks = append(r.checks, name)
	return nil
}
func (*recorder) AddHealthzCheck(string, healthz.Checker) error { return nil }
func (*recorder) GetWebhookServer() webhook.Server              { return webhook.NewServer(webhook.Options{}) }

func TestWithoutASecretNothingIsRenewedOrWaitedFor(t *testing.T) {
	r := &recorder{}
	if err := addServing(r, &certificate{}, options{}); err != nil {
		t.Fatal(err)
	}
	if len(r.added) != 0 || !slices.Equal(r.checks, []string{"webhooks"}) {
		t.Errorf("added %v, readiness asks %v", r.added, r.checks)
	}
}
