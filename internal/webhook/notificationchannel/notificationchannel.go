// Package notificationchannel judges NotificationChannels at admission. A person notifies an authority; Rempart never
// does (Article 33 asks for a decision), so no channel may lead there.
package notificationchannel

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// Path is where the API server calls.
const Path = "/validate/notificationchannel"

// Rules that refusals name.
const (
	RuleAuthority = "no-authority"
	RuleURL       = "url"
)

type request = review.Request[*v1alpha1.NotificationChannel]

// New makes a handler. Authority tells whether a host belongs to a supervisory authority.
func New(scheme *runtime.Scheme, authority func(host string) bool) admission.Handler {
	return review.Handler(scheme, func() *v1alpha1.NotificationChannel { return &v1alpha1.NotificationChannel{} },
		func(_ context.Context, req request) (review.Answer, error) {
			var answer review.Answer
			if !req.Deleted() {
				judge(&answer, &req.Object.Spec, authority)
			}
			return answer, nil
		})
}

func judge(answer *review.Answer, spec *v1alpha1.NotificationChannelSpec, authority func(string) bool) {
	refuse := func(field, host string) {
		if authority(strings.ToLower(strings.TrimSuffix(host, "."))) {
			answer.Refuse(RuleAuthority, field, fmt.Sprintf("%s leads to a supervisory authority (rule %s): Rempart prepares a notification, a person submits it; name a channel of your organisation", field, RuleAuthority))
		}
	}
	if mail := spec.SMTP; mail != nil {
		refuse("spec.smtp.host", mail.Host)
		for i, to := range mail.To {
			refuse(fmt.Sprintf("spec.smtp.to[%d]", i), to[strings.LastIndex(to, "@")+1:])
		}
	}
	if hook := spec.Webhook; hook != nil {
		const field = "spec.webhook.url"
		parsed, err := url.Parse(hook.URL)
		switch {
		case err != nil || parsed.Hostname() == "":
			answer.Refuse(RuleURL, field, field+" is no URL with a host (rule "+RuleURL+")")
			return
		case parsed.User != nil:
			answer.Refuse(RuleURL, field, field+" holds a user name or password (rule "+RuleURL+"); put the secret in a Secret and name it in spec.webhook.signingSecretRef")
		case parsed.Fragment != "":
			answer.Refuse(RuleURL, field, field+" has a fragment, which no server sees (rule "+RuleURL+")")
		}
		refuse(field, parsed.Hostname())
	}
}
