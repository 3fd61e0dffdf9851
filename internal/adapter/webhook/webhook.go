// Package webhook delivers messages by HTTPS POST in the form of Standard Webhooks: the headers webhook-id,
// webhook-timestamp and webhook-signature ("v1," and the base64 of HMAC-SHA-256 over id.timestamp.body).
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Sender posts through the egress guard.
type Sender struct{ guard *egress.Guard }

// New returns a sender.
func New(guard *egress.Guard) *Sender { return &Sender{guard: guard} }

// Accepts tells whether a channel's address is one that notifications may reach, as far as it shows before resolution.
func (s *Sender) Accepts(spec *v1alpha1.NotificationChannelSpec) bool {
	if spec.Webhook == nil {
		return false
	}
	_, err := s.guard.CheckURL(spec.Webhook.URL)
	return err == nil
}

// Send makes one attempt. Delivered means an answer of 2xx. No part of the answer but its status and Retry-After is used.
func (s *Sender) Send(ctx context.Context, e notice.Envelope) notice.Outcome {
	if e.Channel.Webhook == nil {
		return notice.Outcome{Result: v1alpha1.DeliveryChannelMissing}
	}
	target, err := s.guard.CheckURL(e.Channel.Webhook.URL)
	if err != nil {
		return notice.Outcome{Result: v1alpha1.DeliveryBlocked}
	}
	config, ok := trust(e.Roots)
	if !ok {
		return notice.Outcome{Result: v1alpha1.DeliveryTLSFailed}
	}
	ctx, cancel := context.WithTimeout(ctx, egress.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(e.Payload))
	if err != nil {
		return notice.Outcome{Result: v1alpha1.DeliveryBlocked}
	}
	sign(request.Header, e)
	answer, err := s.guard.Client(config).Do(request)
	if err != nil {
		return notice.Outcome{Result: v1alpha1.DeliveryResult(egress.ClassOf(err))}
	}
	defer func() { _ = answer.Body.Close() }()
	// What cannot be read does not matter: the status has been.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, egress.MaxBody))
	return outcome(answer.StatusCode, answer.Header, e)
}

// outcome reads an answer. 408, 425 and 429 ask to try again; other 4xx, and a redirect, refuse for good.
func outcome(status int, header http.Header, e notice.Envelope) notice.Outcome {
	retryAfter := after(header.Get("Retry-After"), e.Time)
	switch {
	case status >= 200 && status < 300:
		return notice.Outcome{Result: v1alpha1.DeliveryAccepted, MessageID: e.Key}
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return notice.Outcome{Result: v1alpha1.DeliveryRefused, RetryAfter: retryAfter}
	case status >= 500:
		return notice.Outcome{Result: v1alpha1.DeliveryServerError, RetryAfter: retryAfter}
	default:
		return notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	}
}

// after reads Retry-After: seconds, or a date (RFC 9110, section 10.2.3).
func after(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func sign(header http.Header, e notice.Envelope) {
	timestamp := strconv.FormatInt(e.Time.Unix(), 10)
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "rempart")
	header.Set("Webhook-Id", e.Key)
	header.Set("Webhook-Timestamp", timestamp)
	var signatures []string
	for _, key := range e.Signing {
		mac := hmac.New(sha256.New, keyOf(key))
		mac.Write([]byte(e.Key + "." + timestamp + "."))
		mac.Write(e.Payload)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if len(signatures) > 0 {
		header.Set("Webhook-Signature", strings.Join(signatures, " "))
	}
}

// keyOf reads a signing key: whsec_ and base64, as Standard Webhooks writes it, or else the bytes themselves.
func keyOf(secret telemetry.Redact) []byte {
	value := strings.TrimSpace(secret.Reveal())
	if encoded, ok := strings.CutPrefix(value, "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			return key
		}
	}
	return []byte(value)
}

// trust returns a configuration that trusts the given roots, or the system's when there are none.
func trust(roots []byte) (*tls.Config, bool) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(roots) == 0 {
		return config, true
	}
	config.RootCAs = x509.NewCertPool()
	return config, config.RootCAs.AppendCertsFromPEM(roots)
}
