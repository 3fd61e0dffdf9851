package residencypolicy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/notice"
)

var ends = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func excepting(end time.Time) *v1alpha1.ResidencyPolicy {
	policy, at := eu(), metav1.NewTime(end)
	policy.Spec.Exceptions = []v1alpha1.ResidencyException{{Name: "move", Rule: v1alpha1.ExceptionStorageClass, Namespace: "lab", ExpiresTime: &at}}
	return policy
}

func registerOf(officer string) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "lab", Name: "crm-" + officer}, Spec: v1alpha1.DataRegisterSpec{OfficerRef: v1alpha1.ClusterRef{Name: v1alpha1.ObjectName(officer)}}}
}

func officerOf(name string, channels ...v1alpha1.ObjectName) *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.DataProtectionOfficerSpec{TimeZone: "Europe/Paris", Language: "fr", Channels: channels}}
}

func mailing(name string, to ...string) *v1alpha1.NotificationChannel {
	return &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.NotificationChannelSpec{SMTP: &v1alpha1.SMTPChannel{To: to}}}
}

func (c *cluster) messages(t *testing.T) []v1alpha1.Notification {
	t.Helper()
	list := &v1alpha1.NotificationList{}
	if err := c.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestOfficersOfTheNamespaceAreToldOnceThatAnExceptionEndsSoon(t *testing.T) {
	c := start(t, excepting(ends), namespace("lab", map[string]string{"data": "personal"}), registerOf("acme"), registerOf("group"), registerOf("nobody"),
		officerOf("acme", "mail", "hook"), officerOf("group", "hook"), officerOf("stranger", "mail"), mailing("mail", "a@example.com", "b@example.com"))
	prolonged := ends.AddDate(0, 3, 0)
	for _, step := range []struct {
		at, end time.Time
		total   int
		notice  v1alpha1.ExceptionNotice
	}{
		{ends.AddDate(0, 0, -31), ends, 0, ""},
		{ends.AddDate(0, 0, -30), ends, 3, v1alpha1.NoticeOfficers}, // two addresses, and a hook that two officers share
		{ends.AddDate(0, 0, -1), ends, 3, v1alpha1.NoticeOfficers},
		{ends.AddDate(0, 0, -1), prolonged, 3, ""},
		{prolonged.AddDate(0, 0, -30), prolonged, 6, v1alpha1.NoticeOfficers}, // another end is told of anew
		{prolonged, prolonged, 6, ""},
	} {
		c.clock.SetTime(step.at)
		policy := &v1alpha1.ResidencyPolicy{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: "eu-only"}, policy); err != nil {
			t.Fatal(err)
		}
		policy.Spec.Exceptions = excepting(step.end).Spec.Exceptions
		if err := c.Update(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
		c.snapshot(t)
		got := c.judge(t)
		if all := c.messages(t); len(all) != step.total || got.Status.Exceptions[0].Notice != step.notice {
			t.Errorf("at %v: %d messages, notice %q", step.at, len(all), got.Status.Exceptions[0].Notice)
		}
		if again := c.judge(t); again.ResourceVersion != got.ResourceVersion {
			t.Errorf("at %v: a second pass writes", step.at)
		}
	}
	for _, message := range c.messages(t) {
		owner := metav1.GetControllerOf(&message)
		if !notice.Genuine(&message) || message.Namespace != "lab" || owner == nil || owner.UID != "u1" || string(owner.UID) != message.Spec.ObjectRef.UID {
			t.Errorf("%+v", message)
		}
		text, err := notice.Render(&message, message.Spec.Language)
		if err != nil || !strings.Contains(text.Text, "move") || !strings.Contains(text.Text, "01:00 +01:00") && !strings.Contains(text.Text, "02:00 +02:00") {
			t.Errorf("%v: %s", err, text.Text)
		}
	}
}

func TestWhereNobodyIsToldTheStatusAndTheEventSaySo(t *testing.T) {
	for name, test := range map[string]struct {
		objects []client.Object
		notice  v1alpha1.ExceptionNotice
		event   string
	}{
		"no register":        {nil, v1alpha1.NoticeNoRegister, "its namespace has no register"},
		"no officer":         {[]client.Object{registerOf("gone")}, v1alpha1.NoticeNoChannel, "has a channel"},
		"an officer without": {[]client.Object{registerOf("acme"), officerOf("acme")}, v1alpha1.NoticeNoChannel, "has a channel"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, append(test.objects, excepting(ends), namespace("lab", map[string]string{"data": "personal"}))...)
			c.clock.SetTime(ends.AddDate(0, 0, -3))
			c.snapshot(t)
			if got := c.judge(t); got.Status.Exceptions[0].Notice != test.notice || len(c.messages(t)) != 0 {
				t.Errorf("%+v", got.Status.Exceptions)
			}
			if event := <-c.events.Events; !strings.Contains(event, test.event) {
				t.Error(event)
			}
		})
	}
}

func TestAMessageThatCannotBeWrittenStopsNoJudgement(t *testing.T) {
	c := start(t, excepting(ends), namespace("lab", map[string]string{"data": "personal"}), registerOf("acme"), officerOf("acme", "hook"))
	c.clock.SetTime(ends.AddDate(0, 0, -3))
	c.snapshot(t)
	broken := errors.New("no")
	c.status.Reader = interceptor.NewClient(c.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return broken
		}})
	policy := &v1alpha1.ResidencyPolicy{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "eu-only"}, policy); err != nil {
		t.Fatal(err)
	}
	if _, err := c.status.Reconcile(t.Context(), policy); !errors.Is(err, broken) {
		t.Errorf("the failure is not retried: %v", err)
	}
	if got := policy.Status; len(got.Exceptions) != 1 || got.Exceptions[0].State != v1alpha1.ExceptionExpiresSoon || got.Exceptions[0].Notice != "" || reason(t, policy, v1alpha1.ConditionReady) != v1alpha1.ReasonJudged {
		t.Errorf("%+v", got)
	}
	c.status.Reader = c.Client
	if got := c.judge(t); got.Status.Exceptions[0].Notice != v1alpha1.NoticeOfficers || len(c.messages(t)) != 1 {
		t.Errorf("%+v", got.Status.Exceptions)
	}
}
