package consentpolicy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/internal/app/consentd"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/wish"
)

// program is consentd as the Deployment would run it, but for its addresses, its files' places and its ledger.
type program struct {
	t       *testing.T
	mu      sync.Mutex
	address string
	stop    func()
	// config is the folder of its configuration.
	config string
}

// start runs the program anew, with the files that the operator wrote.
func (p *program) start() {
	t := p.t
	t.Helper()
	deployment := &appsv1.Deployment{}
	eventually(t, "a Deployment", there(t, "chat-consentd", deployment))
	config, keys, none := mounted(t, "chat-consentd-config"), mounted(t, "chat-consentd-keys"), t.TempDir()
	p.config = config
	args := slices.Clone(deployment.Spec.Template.Spec.Containers[0].Args)
	for i, arg := range args {
		switch {
		case strings.HasPrefix(arg, "--config-dir="):
			args[i] = "--config-dir=" + config
		case strings.HasPrefix(arg, "--forgotten-dir="):
			args[i] = "--forgotten-dir=" + mounted(t, "chat-consentd-forgotten")
		case strings.HasPrefix(arg, "--keys-dir="):
			args[i] = "--keys-dir=" + keys
		case strings.HasPrefix(arg, "--credentials-dir="):
			args[i] = "--credentials-dir=" + none
		}
	}
	p.end()
	args = append(append([]string{"consentd"}, args...), "--ledger=memory", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--shutdown-delay=0s")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended, out := make(chan int, 1), &output{}
	go func() { ended <- consentd.Main(ctx, args, out) }()
	var found [][]string // where it listens: the metrics first
	eventually(t, "consentd listens", func() bool {
		found = listening.FindAllStringSubmatch(out.String(), -1)
		return len(found) == 2
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = found[1][1]
	p.stop = func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("consentd ended with %d: %s", code, out.String())
		}
	}
	if len(deployment.Spec.Template.Spec.InitContainers) != 1 {
		t.Fatal("nothing migrates the ledger")
	}
	migrate := append([]string{"consentd"}, deployment.Spec.Template.Spec.InitContainers[0].Args...)
	if code := consentd.Main(ctx, append(migrate, "--credentials-dir="+none), &bytes.Buffer{}); code != 1 {
		t.Errorf("the migration ends with %d: its arguments are not understood, or it had credentials from nowhere", code)
	}
}

// reload brings the configuration of now into the folder, as the kubelet does.
func (p *program) reload() {
	p.t.Helper()
	secret := &corev1.Secret{}
	must(p.t, server.Client.Get(p.t.Context(), key("chat-consentd-config"), secret))
	for file, content := range secret.Data {
		if there, err := os.ReadFile(filepath.Join(p.config, file)); err == nil && bytes.Equal(there, content) {
			continue
		}
		part := filepath.Join(p.config, "..part")
		must(p.t, os.WriteFile(part, content, 0o600))
		must(p.t, os.Rename(part, filepath.Join(p.config, file)))
	}
}

// end stops the program if it runs.
func (p *program) end() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// mounted writes a Secret into a folder, as the kubelet does.
func mounted(t *testing.T, name string) string {
	t.Helper()
	secret, folder := &corev1.Secret{}, t.TempDir()
	must(t, server.Client.Get(t.Context(), key(name), secret))
	for file, content := range secret.Data {
		must(t, os.WriteFile(filepath.Join(folder, file), content, 0o600))
	}
	return folder
}

var listening = regexp.MustCompile(`"msg":"Listening","address":"([^"]+)"`)

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// ask asks the program, wherever the operator believes it to be, and reads JSON where into is not nil.
func (p *program) ask(ctx context.Context, method, path, token, kind, body string, into any) error {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: status %d", method, path, response.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

const inJSON = "application/json"

// Status asks what is served.
func (p *program) Status(ctx context.Context, _ string) (*policy.Answer, error) {
	answer := &policy.Answer{}
	return answer, p.ask(ctx, http.MethodGet, "/internal/v1/status", "", inJSON, "", answer)
}

// Wishes asks for the first page of a list.
func (p *program) Wishes(ctx context.Context, _, token string, list wish.List) (wish.Page, error) {
	var page wish.Page
	return page, p.ask(ctx, http.MethodGet, fmt.Sprintf("/internal/v1/wishes?way=%s&opened=%t&limit=%d", list.Way, list.Opened, list.Limit), token, inJSON, "", &page)
}

// Later has others go before some wishes.
func (p *program) Later(ctx context.Context, _, token string, ids []uuid.UUID) error {
	body, err := json.Marshal(map[string][]uuid.UUID{"ids": ids})
	if err != nil {
		return err
	}
	return p.ask(ctx, http.MethodPost, "/internal/v1/wishes:later", token, inJSON, string(body), nil)
}

// Answer tells what became of a wish.
func (p *program) Answer(ctx context.Context, _, token string, id uuid.UUID, state wish.State) error {
	return p.ask(ctx, http.MethodPost, "/internal/v1/wishes:answer", token, inJSON, fmt.Sprintf(`{"id":%q,"state":%q}`, id, state), nil)
}

// Forgotten asks the program too.
func (p *program) Forgotten(ctx context.Context, _, token string, from int64) (page policy.ForgottenPage, err error) {
	var answer struct {
		To     int64
		Marks  []string
		Pepper string
	}
	err = p.ask(ctx, http.MethodGet, fmt.Sprintf("/internal/v1/forgotten?from=%d", from), token, inJSON, "", &answer)
	return policy.ForgottenPage{Marks: make([]consent.Mark, len(answer.Marks)), To: answer.To, Pepper: answer.Pepper}, err
}

// Consistency is not asked for: the log does not grow, but begins anew.
func (*program) Consistency(context.Context, string, string, int64, int64) ([][]byte, error) {
	return nil, errors.New("the log did not grow")
}
