package consentd_test

import (
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay/relaytest"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

const canary = "camille.durand@example.eu"

// mails lets the program mail by a server, and returns the flag that names what that wants to know.
func (p *program) mails(s *relaytest.Server, change func(*v1alpha1.ConsentMail)) string {
	p.Helper()
	at, err := net.ResolveTCPAddr("tcp", s.Address)
	if err != nil {
		p.Fatal(err)
	}
	folder := p.TempDir()
	for name, text := range map[string]string{"username": "consent\n", "password": "a password\n", "ca.crt": string(s.Roots)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			p.Fatal(err)
		}
	}
	p.write(func(f *settings.File) {
		f.Spec.Service.Mail = &v1alpha1.ConsentMail{Host: "127.0.0.1", Port: int32(at.Port), From: "privacy@shop.example", //nolint:gosec // a port
			Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "here"}, CASecretRef: &v1alpha1.SecretRef{Name: "roots"}, CredentialsSecretRef: &v1alpha1.SecretRef{Name: "login"}}
		if change != nil {
			change(f.Spec.Service.Mail)
		}
	})
	return "--mail-dir=" + folder
}

// meet makes the canary known.
func (p *program) meet() {
	p.Helper()
	body := `{"subject": {"kind": "email", "id": "` + canary + `"}, "site": "shop", "kind": "view"}`
	request, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.api+"/v1/subjects:invite", strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.cluster.Token(p.T, consentdtest.Namespace, "backend", time.Now()))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		p.Fatalf("%d", answer.StatusCode)
	}
}

// want asks for a link, and returns how long the answer took.
func (p *program) want(address string) time.Duration {
	p.Helper()
	start := time.Now()
	answer, err := http.PostForm(p.api+"/me/shop/link", url.Values{"email": {address}, "lang": {"fr"}})
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		p.Fatalf("%d", answer.StatusCode)
	}
	return time.Since(start)
}

// measured is a line of the metrics.
func (p *program) measured(line string) func() bool {
	return func() bool {
		_, text := p.get(p.metrics + "/metrics")
		return strings.Contains(text, line)
	}
}

// keptNobody looks for the canary and the password in the log and the metrics.
func (p *program) keptNobody() {
	p.Helper()
	_, metrics := p.get(p.metrics + "/metrics")
	for _, leak := range []string{canary, "camille", "a password", "token="} {
		if strings.Contains(strings.ToLower(p.log.String()+metrics), leak) {
			p.Errorf("%q is in the log or the metrics: %s", leak, p.log)
		}
	}
}

func TestALinkComesByTheMailServerOfThePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		server *relaytest.Server
		mode   v1alpha1.MailTLS
	}{"over STARTTLS": {&relaytest.Server{StartTLS: true, Auth: true}, v1alpha1.MailTLSStartTLS}, "over implicit TLS": {&relaytest.Server{Implicit: true, Auth: true}, v1alpha1.MailTLSImplicit}} {
		t.Run(name, func(t *testing.T) {
			s, p := relaytest.Serve(t, c.server), prepare(t)
			p.start("--ledger=memory", p.mails(s, func(m *v1alpha1.ConsentMail) { m.TLS = c.mode }))
			p.ready()
			p.meet()
			p.want("nobody@example.eu")
			p.want(" Camille.Durand@EXAMPLE.eu")
			p.until("no mail came", func() bool { return len(s.Mails()) == 1 })
			message, err := mail.ReadMessage(strings.NewReader(s.Mails()[0]))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
			if err != nil || message.Header.Get("To") != "<"+canary+">" || message.Header.Get("From") != "<privacy@shop.example>" || !s.Secured()[0] || len(s.Logins()) != 1 {
				t.Errorf("%v, TLS %v, logins %d: %v", err, s.Secured(), len(s.Logins()), message.Header)
			}
			path := regexp.MustCompile(`https://consent\.shop\.example(/me/shop\?token=\S+&lang=fr)`).FindStringSubmatch(string(text))
			if path == nil {
				t.Fatalf("there is no link: %s", text)
			}
			if status, page := p.get(p.api + path[1]); status != http.StatusOK || !strings.Contains(page, `<html lang="fr" dir="ltr">`) {
				t.Errorf("the link shows %d: %s", status, page)
			}
			p.until("the mail is not counted", p.measured(`rempart_consentd_mails_total{result="sent"} 1`))
			p.keptNobody()
		})
	}
}

func TestAMailServerThatCannotBeTrustedGetsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		server *relaytest.Server
		change func(*v1alpha1.ConsentMail)
		said   string
	}{
		"without TLS":                    {&relaytest.Server{Auth: true}, nil, "TLSFailed"},
		"with a certificate of somebody": {&relaytest.Server{StartTLS: true, Auth: true}, func(m *v1alpha1.ConsentMail) { m.CASecretRef = nil }, "TLSFailed"},
		"that quotes whom it refuses":    {&relaytest.Server{StartTLS: true, Answers: map[string]string{"RCPT": "550 no such user " + canary}}, func(m *v1alpha1.ConsentMail) { m.CredentialsSecretRef = nil }, "Refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := relaytest.Serve(t, c.server), prepare(t)
			p.start("--ledger=memory", p.mails(s, c.change))
			p.ready()
			p.meet()
			p.want(canary)
			p.until("nothing is said", func() bool {
				return strings.Contains(p.log.String(), `"msg":"Could not mail a link","result":"`+c.said+`"`)
			})
			if len(s.Mails())+len(s.Logins()) != 0 {
				t.Errorf("it got %q, %q", s.Mails(), s.Logins())
			}
			p.keptNobody()
		})
	}
}

// TestAMailServerThatSaysNothingHoldsNobodyUp: neither who asks, nor the end of the program.
func TestAMailServerThatSaysNothingHoldsNobodyUp(t *testing.T) {
	s, p := relaytest.Serve(t, &relaytest.Server{Silent: true}), prepare(t)
	p.start("--ledger=memory", p.mails(s, nil))
	p.ready()
	p.meet()
	for range 3 {
		if took := p.want(canary); took > 20*time.Second { // a mail server is given thirty
			t.Errorf("the answer took %s", took)
		}
	}
	start := time.Now()
	p.end()
	if took := time.Since(start); took > 12*time.Second { // it is cut off after fourteen
		t.Errorf("the program ended after %s", took)
	}
	var line struct{ Level string }
	for text := range strings.SplitSeq(strings.TrimSpace(p.log.String()), "\n") {
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Level == "ERROR" {
			t.Errorf("%v: %s", err, text)
		}
	}
}

func TestAFolderWithoutWhatTheMailServerWantsIsSaid(t *testing.T) {
	s, p := relaytest.Serve(t, &relaytest.Server{StartTLS: true}), prepare(t)
	p.mails(s, nil)
	p.start("--ledger=memory", "--mail-dir="+t.TempDir())
	p.ready()
	p.meet()
	p.want(canary)
	p.until("nothing is said", func() bool { return strings.Contains(p.log.String(), `"result":"ChannelMissing"`) })
	p.keptNobody()
}
