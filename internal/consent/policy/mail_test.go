package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// mailing is a pass of a policy that mails links, by a server that may be where it is.
func mailing(t *testing.T) Input {
	t.Helper()
	in := input(t, "managed")
	in.Policy.Spec.Service.Mail = &v1alpha1.ConsentMail{Host: "mail.acme.example", Port: 465, TLS: v1alpha1.MailTLSImplicit, From: "privacy@acme.example",
		Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"}, CredentialsSecretRef: &v1alpha1.SecretRef{Name: "mail-login"}, CASecretRef: &v1alpha1.SecretRef{Name: "mail-roots"}}
	in.MailPlace = allowed
	return in
}

// written is a child in JSON.
func written(t *testing.T, in Input, kind, name string) string {
	t.Helper()
	children, err := Desired(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range children {
		text, err := json.Marshal(child)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			Kind     string
			Metadata metav1.ObjectMeta
		}
		if err := json.Unmarshal(text, &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind == kind && head.Metadata.Name == name {
			return string(text)
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return ""
}

func TestAServiceThatMailsReachesTheMailServersPortAndHasItsSecretsAsFiles(t *testing.T) {
	in := mailing(t)
	service := ServiceName(in.Policy.Name)
	const egress = `{"ports":[{"protocol":"TCP","port":465}]}`
	if guard := written(t, in, "NetworkPolicy", service); !strings.Contains(guard, egress) {
		t.Errorf("it may not reach the mail server: %s", guard)
	}
	pods := written(t, in, "Deployment", service)
	for _, want := range []string{
		`"--mail-dir=/etc/consentd/mail"`, `{"name":"mail","readOnly":true,"mountPath":"/etc/consentd/mail"}`,
		`{"secret":{"name":"mail-login","items":[{"key":"username","path":"username"},{"key":"password","path":"password"}]}}`,
		`{"secret":{"name":"mail-roots","items":[{"key":"ca.crt","path":"ca.crt"}]}}`,
	} {
		if strings.Count(pods, want) != 1 {
			t.Errorf("not once in the Deployment: %s\n%s", want, pods)
		}
	}
	if strings.Contains(pods, "mail.acme.example") || strings.Contains(pods, `"env"`) {
		t.Error("what mails is in an argument or the environment")
	}
	text, err := in.Config()
	if err != nil || !strings.Contains(string(text), `"mail":{"host":"mail.acme.example","port":465,"tls":"Implicit","from":"privacy@acme.example"`) {
		t.Errorf("%v: the service does not learn of the mail server: %s", err, text)
	}
	needs := Needs(in.Policy)
	for _, want := range []string{"mail-login", "mail-roots"} {
		if !slices.ContainsFunc(needs, func(n Need) bool { return n.Secret == want }) {
			t.Errorf("Secret %s is not looked for", want)
		}
	}
	in.Policy.Spec.Service.Mail.Port = 0
	if guard := written(t, in, "NetworkPolicy", service); !strings.Contains(guard, `{"ports":[{"protocol":"TCP","port":587}]}`) {
		t.Errorf("without a port: %s", guard)
	}
	in.Policy.Spec.Service.Mail.CredentialsSecretRef, in.Policy.Spec.Service.Mail.CASecretRef = nil, nil
	if pods := written(t, in, "Deployment", service); strings.Contains(pods, "/etc/consentd/mail") {
		t.Errorf("there is a folder without a file: %s", pods)
	}
}

func TestWithoutAMailServerNothingIsOpened(t *testing.T) {
	in := mailing(t)
	in.Policy.Spec.Service.Mail, in.MailPlace.Verdict = nil, ""
	without, plain := written(t, in, "NetworkPolicy", ServiceName(in.Policy.Name)), written(t, input(t, "managed"), "NetworkPolicy", ServiceName(in.Policy.Name))
	if without != plain || strings.Contains(written(t, in, "Deployment", ServiceName(in.Policy.Name)), "mail") {
		t.Error("a policy without a mail server opens something for one")
	}
	if o := mailPlaceAllowed(in, Seen{}); o.Reason != "" {
		t.Errorf("it objects: %+v", o)
	}
}

func TestAMailServerThatMayNotBeWhereItIsGetsNothing(t *testing.T) {
	for verdict, reason := range map[v1alpha1.PlacementVerdict]string{v1alpha1.VerdictDenied: v1alpha1.ReasonPlaceNotAllowed, v1alpha1.VerdictUnknown: v1alpha1.ReasonPlaceUnknown, "": v1alpha1.ReasonPlaceUnknown} {
		in := mailing(t)
		in.MailPlace.Verdict = verdict
		if text, err := in.Config(); err != nil || strings.Contains(string(text), "mail.acme.example") {
			t.Errorf("%s: the service learns of it, %v", verdict, err)
		}
		if guard := written(t, in, "NetworkPolicy", ServiceName(in.Policy.Name)); strings.Contains(guard, "465") {
			t.Errorf("%s: the service reaches it", verdict)
		}
		for _, c := range Judge(in, Seen{}).Conditions {
			if c.Type == v1alpha1.ConditionResident && (c.Reason != reason || !strings.HasPrefix(c.Message, "The mail server is not where")) {
				t.Errorf("%s: %+v", verdict, c)
			}
		}
	}
}
