package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/egress"
	"github.com/rempart-dev/rempart/internal/notice"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

var now = time.Date(2026, time.November, 24, 8, 0, 0, 0, time.UTC)

// receiver is a server whose address the operator allows.
func receiver(t *testing.T, handle http.HandlerFunc) (*Sender, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return sender(t, server.Listener.Addr().String()), server
}

func sender(t *testing.T, allow ...string) *Sender {
	t.Helper()
	guard, err := egress.New(egress.Options{Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	return New(guard)
}

func envelope(url string) notice.Envelope {
	return notice.Envelope{
		Channel: v1alpha1.NotificationChannelSpec{Type: v1alpha1.ChannelWebhook, Webhook: &v1alpha1.WebhookChannel{URL: url}},
		Index:   1, Key: strings.Repeat("ab", 32), Message: notice.Message{Payload: []byte(`{"type":"x"}`)}, Time: now,
		Secrets: notice.Secrets{Signing: []telemetry.Redact{telemetry.Hide("whsec_bmV3LWtleQ=="), telemetry.Hide("old-key\n")}},
	}
}

func TestAMessageIsSignedWithEachKey(t *testing.T) {
	var got http.Header
	var body []byte
	s, server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	e := envelope(server.URL + "/gdpr")
	if o := s.Send(t.Context(), e); o.Result != v1alpha1.DeliveryAccepted || o.MessageID != e.Key {
		t.Fatalf("%+v", o)
	}
	var want []string
	for _, key := range []string{"new-key", "old-key"} {
		mac := hmac.New(sha256.New, []byte(key))
		io.WriteString(mac, e.Key+".1795507200."+string(e.Payload))
		want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if got.Get("webhook-id") != e.Key || got.Get("webhook-timestamp") != "1795507200" || got.Get("webhook-signature") != strings.Join(want, " ") || string(body) != string(e.Payload) {
		t.Errorf("%v %s", got, body)
	}
	for _, forbidden := range []string{"Authorization", "Cookie"} {
		if got.Get(forbidden) != "" {
			t.Errorf("%s was sent", forbidden)
		}
	}
}

func TestAnswersDecideWhetherToTryAgain(t *testing.T) {
	for _, c := range []struct {
		status     int
		retryAfter string
		want       notice.Outcome
	}{
		{200, "", notice.Outcome{Result: v1alpha1.DeliveryAccepted, MessageID: strings.Repeat("ab", 32)}},
		{500, "", notice.Outcome{Result: v1alpha1.DeliveryServerError}},
		{503, "120", notice.Outcome{Result: v1alpha1.DeliveryServerError, RetryAfter: 2 * time.Minute}},
		{429, now.Add(time.Minute).Format(http.TimeFormat), notice.Outcome{Result: v1alpha1.DeliveryRefused, RetryAfter: time.Minute}},
		{408, "-5", notice.Outcome{Result: v1alpha1.DeliveryRefused}},
		{425, now.Add(-time.Hour).Format(http.TimeFormat), notice.Outcome{Result: v1alpha1.DeliveryRefused}},
		{404, "60", notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}},
		{401, "", notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}},
		{302, "", notice.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}},
	} {
		s, server := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			if c.retryAfter != "" {
				w.Header().Set("Retry-After", c.retryAfter)
			}
			w.WriteHeader(c.status)
		})
		if got := s.Send(t.Context(), envelope(server.URL)); got != c.want {
			t.Errorf("%d: %+v, want %+v", c.status, got, c.want)
		}
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	s, server := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	if got := s.Send(t.Context(), envelope(server.URL)); got.Result != v1alpha1.DeliveryAccepted {
		t.Errorf("%+v", got)
	}
}

func TestWhatCannotBeReachedHasAClass(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	for name, c := range map[string]struct {
		sender *Sender
		change func(*notice.Envelope)
		want   v1alpha1.DeliveryResult
	}{
		"nobody listens":        {sender(t, address), func(e *notice.Envelope) { e.Channel.Webhook.URL = "http://" + address }, v1alpha1.DeliveryRefused},
		"a private address":     {sender(t), func(e *notice.Envelope) { e.Channel.Webhook.URL = "https://10.0.0.1/" }, v1alpha1.DeliveryBlocked},
		"http without leave":    {sender(t), func(e *notice.Envelope) { e.Channel.Webhook.URL = "http://hooks.example.eu/" }, v1alpha1.DeliveryBlocked},
		"an untrusted server":   {sender(t, secure.Listener.Addr().String()), func(e *notice.Envelope) { e.Channel.Webhook.URL = secure.URL }, v1alpha1.DeliveryTLSFailed},
		"roots that are no PEM": {sender(t, secure.Listener.Addr().String()), func(e *notice.Envelope) { e.Channel.Webhook.URL, e.Roots = secure.URL, []byte("junk") }, v1alpha1.DeliveryTLSFailed},
		"not a webhook":         {sender(t), func(e *notice.Envelope) { e.Channel.Webhook = nil }, v1alpha1.DeliveryChannelMissing},
	} {
		e := envelope("")
		c.change(&e)
		if got := c.sender.Send(t.Context(), e); got.Result != c.want || got.Permanent {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	trusted := envelope(secure.URL)
	trusted.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if got := sender(t, secure.Listener.Addr().String()).Send(t.Context(), trusted); got.Result != v1alpha1.DeliveryRefused || !got.Permanent {
		t.Errorf("a trusted server that answers 404: %+v", got)
	}
}

func TestAServerThatNeverAnswersTimesOut(t *testing.T) {
	release := make(chan struct{})
	s, server := receiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := withDeadline(t)
	defer cancel()
	if got := s.Send(ctx, envelope(server.URL)); got.Result != v1alpha1.DeliveryTimeout {
		t.Errorf("%+v", got)
	}
}
