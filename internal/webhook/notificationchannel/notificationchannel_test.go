package notificationchannel

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
)

func TestChannelsNeverLeadToAnAuthority(t *testing.T) {
	mail := func(host string, to ...string) v1alpha1.NotificationChannelSpec {
		return v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{Host: host, To: to}}
	}
	hook := func(url string) v1alpha1.NotificationChannelSpec {
		return v1alpha1.NotificationChannelSpec{Webhook: &v1alpha1.WebhookChannel{URL: url}}
	}
	for name, test := range map[string]struct {
		spec    v1alpha1.NotificationChannelSpec
		refused string
	}{
		"the officer's mail":     {mail("smtp.example.com", "dpo@example.com"), ""},
		"an authority's mailbox": {mail("smtp.example.com", "dpo@example.com", "x@CNIL.fr"), "spec.smtp.to[1] leads to a supervisory authority"},
		"an authority's server":  {mail("smtp.cnil.fr."), "spec.smtp.host"},
		"a hook":                 {hook("https://hooks.example.eu/gdpr"), ""},
		"an authority's form":    {hook("https://notifications.cnil.fr/x"), "spec.webhook.url leads"},
		"a password in the URL":  {hook("https://u:p@hooks.example.eu/"), "user name or password"},
		"no host":                {hook("https:///x"), "no URL with a host"},
		"a fragment":             {hook("https://hooks.example.eu/#x"), "fragment"},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(harness.Scheme(t), func(host string) bool { return host == "cnil.fr" || strings.HasSuffix(host, ".cnil.fr") })
			harness.Expect(t, h.Handle(t.Context(), harness.Request(t, "alice", &v1alpha1.NotificationChannel{Spec: test.spec}, nil)), test.refused)
		})
	}
}
