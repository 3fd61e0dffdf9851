package consentd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/app/consentd"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
)

// program is consentd as it runs in a pod.
type program struct {
	*testing.T
	cluster      consentdtest.Cluster
	config, keys string
	log          *lines
	stop         context.CancelFunc
	ended        chan int
	api, metrics string
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func prepare(t *testing.T) *program {
	t.Helper()
	p := &program{T: t, cluster: consentdtest.NewCluster(t), config: t.TempDir(), keys: consentdtest.Keys(t), log: &lines{}, ended: make(chan int, 1)}
	p.write(nil)
	return p
}

// write puts a policy into the folder.
func (p *program) write(change func(*settings.File)) {
	p.Helper()
	consentdtest.Write(p.T, p.config, p.cluster.File(p.T, change))
}

var address = regexp.MustCompile(`"msg":"Listening","address":"([^"]+)"`)

// start runs the program until the test ends.
func (p *program) start(flags ...string) {
	p.Helper()
	ctx, stop := context.WithCancel(p.Context())
	p.stop = stop
	args := append([]string{"consentd", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--config-dir=" + p.config, "--keys-dir=" + p.keys,
		"--reload-every=20ms", "--shutdown-delay=50ms"}, flags...)
	go func() { p.ended <- consentd.Main(ctx, args, p.log) }()
	p.Cleanup(p.end)
	p.until("the program does not listen", func() bool { return len(address.FindAllString(p.log.String(), -1)) == 2 })
	found := address.FindAllStringSubmatch(p.log.String(), -1)
	p.metrics, p.api = "http://"+found[0][1], "http://"+found[1][1]
}

func (p *program) end() {
	if p.stop == nil {
		return
	}
	p.stop()
	select {
	case code := <-p.ended:
		if code != 0 {
			p.Errorf("exit code %d: %s", code, p.log)
		}
	case <-time.After(time.Minute):
		p.Errorf("the program does not end: %s", p.log)
	}
	p.stop = nil
}

// until waits for what comes.
func (p *program) until(why string, is func() bool) {
	p.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("%s: %s", why, p.log)
		}
	}
}

// get asks, and returns status and body; 0 for no answer.
func (p *program) get(url string) (int, string) {
	p.Helper()
	answer, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, ""
	}
	return answer.StatusCode, string(body)
}

func (p *program) ready() {
	p.Helper()
	p.until("the program is not ready", func() bool { code, _ := p.get(p.api + "/readyz"); return code == 200 })
}

// post records an act of a visitor with the words of now.
func (p *program) post(secret, key string) (int, string) {
	p.Helper()
	var notice struct{ Token string }
	_, text := p.get(p.api + "/w/shop/notice.en.json")
	if err := json.Unmarshal([]byte(text), &notice); err != nil {
		p.Fatalf("%v: %s", err, text)
	}
	body, err := json.Marshal(map[string]any{"noticeToken": notice.Token, "method": "checkbox", "acts": []any{map[string]any{"purpose": "analytics", "decision": "granted"}}})
	if err != nil {
		p.Fatal(err)
	}
	return p.send("/v1/sites/shop/events", secret, key, body)
}

func (p *program) send(path, secret, key string, body []byte) (int, string) {
	p.Helper()
	r, err := http.NewRequest(http.MethodPost, p.api+path, bytes.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+secret)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// receiptOf is the receipt of an answer.
func receiptOf(t *testing.T, answer string) string {
	t.Helper()
	var body struct{ Receipt string }
	if err := json.Unmarshal([]byte(answer), &body); err != nil || body.Receipt == "" {
		t.Fatalf("%v: %s", err, answer)
	}
	return body.Receipt
}

const secret = "AAECAwQFBgcICQoLDA0ODw"

func TestThePolicyIsReplacedWhileTheServiceRuns(t *testing.T) {
	p := prepare(t)
	p.start("--ledger=memory", "--rate=0") // it asks as often as it can
	p.ready()
	shown := func() (version int) {
		var notice struct{ Version int }
		_, text := p.get(p.api + "/w/shop/notice.fr.json")
		if err := json.Unmarshal([]byte(text), &notice); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return notice.Version
	}
	if shown() != 1 {
		t.Fatal(shown())
	}
	p.write(func(f *settings.File) {
		next := f.Spec.Notices[0]
		next.Version = 2
		f.Spec.Notices = append(f.Spec.Notices, next)
	})
	p.until("the new notice is not shown", func() bool { return shown() == 2 })

	metric := func(name string) string {
		_, text := p.get(p.metrics + "/metrics")
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no metric %s: %s", name, text)
		}
		return found[1]
	}
	for name, broken := range map[string][]byte{
		"half":           p.cluster.File(t, nil)[:1000],
		"empty":          nil,
		"unknown field":  bytes.Replace(p.cluster.File(t, nil), []byte(`"tenantID"`), []byte(`"assumeConsent":true,"tenantID"`), 1),
		"another tenant": p.cluster.File(t, func(f *settings.File) { f.TenantID = "00000000-0000-4000-8000-000000000001" }),
		"other words":    p.cluster.File(t, func(f *settings.File) { f.Spec.Notices[0].Texts[0].Banner = "Vous acceptez tout." }),
		"no site's text": p.cluster.File(t, func(f *settings.File) { f.Spec.Sites[0].Languages = append(f.Spec.Sites[0].Languages, "de") }),
		"private keys":   p.cluster.File(t, func(f *settings.File) { f.TokenIssuers[0].JWKS = []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`) }),
	} {
		consentdtest.Write(t, p.config, broken)
		p.until(name+" was not refused", func() bool { return metric("rempart_consentd_policy_refused") == "1" })
		if shown() != 2 {
			t.Errorf("%s: notice %d is shown", name, shown())
		}
		p.write(func(f *settings.File) {
			next := f.Spec.Notices[0]
			next.Version = 2
			f.Spec.Notices = append(f.Spec.Notices, next)
		})
		p.until("mended and still refused", func() bool { return metric("rempart_consentd_policy_refused") == "0" })
	}
	if code, _ := p.get(p.metrics + "/internal/v1/status"); code != 404 {
		t.Errorf("status at the port of metrics: %d", code)
	}
	answer, err := http.Get(p.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("metrics lack headers: %v", answer.Header)
	}
	if code, _ := p.get(p.api + "/metrics"); code != 404 {
		t.Errorf("metrics at the port of pages: %d", code)
	}
}

func TestTheServiceEndsWhatItBegan(t *testing.T) {
	p := prepare(t)
	p.start("--ledger=memory", "--shutdown-delay=2s")
	p.ready()
	p.stop()
	p.until("still ready", func() bool { code, _ := p.get(p.api + "/readyz"); return code == 503 })
	if code, text := p.post(secret, "k"); code != 201 { // pages that have not heard of it yet
		t.Errorf("%d %s", code, text)
	}
	p.end()
	if code, _ := p.get(p.api + "/healthz"); code != 0 {
		t.Error("still listening")
	}
}

func TestWhatCannotWorkIsSaidAtOnce(t *testing.T) {
	p := prepare(t)
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"no database":        {[]string{"consentd"}, 2},
		"another command":    {[]string{"consentd", "--ledger=memory", "serve"}, 2},
		"another ledger":     {[]string{"consentd", "--ledger=sqlite"}, 2},
		"no address":         {[]string{"consentd", "--ledger=memory", "--url=consent.example"}, 2},
		"another TLS":        {[]string{"consentd", "--database-host=h", "--database-tls=prefer"}, 2},
		"no such flag":       {[]string{"consentd", "--assume-consent"}, 2},
		"a range that isn't": {[]string{"consentd", "--ledger=memory", "--trusted-proxies=10.0.0.1/8"}, 2},
		"no policy":          {[]string{"consentd", "--ledger=memory", "--config-dir=" + t.TempDir(), "--keys-dir=" + p.keys}, 1},
		"no keys":            {[]string{"consentd", "--ledger=memory", "--config-dir=" + p.config, "--keys-dir=" + t.TempDir()}, 1},
		"no credentials":     {[]string{"consentd", "--database-host=127.0.0.1", "--database-tls=Disable", "--credentials-dir=" + t.TempDir(), "--config-dir=" + p.config, "--keys-dir=" + p.keys}, 1},
		"migrate memory":     {[]string{"consentd", "migrate", "--ledger=memory"}, 1},
		"migrate nobody":     {[]string{"consentd", "migrate", "--database-host=127.0.0.1", "--database-tls=Disable", "--credentials-dir=" + t.TempDir()}, 1},
	} {
		args := append(c.args[:1:1], c.args[1:]...)
		if c.code == 1 && !strings.Contains(name, "migrate") {
			args = append(args, "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--shutdown-delay=10ms")
		}
		if code := consentd.Main(t.Context(), args, io.Discard); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
	}
}

func TestTheServiceOnPostgreSQLFromMigrationToAudit(t *testing.T) {
	server := postgrestest.Start(t)
	name, admin := server.Database(t)
	credentials := t.TempDir()
	for role, login := range map[string][2]string{
		"admin": {postgrestest.Superuser, postgrestest.Password}, "app": {"consent_app", "a password of the app"},
		"sequencer": {"consent_seq", "a password of the sequencer"}, "pruner": {"consent_prune", "a password of the pruner"},
	} {
		folder := filepath.Join(credentials, role)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"username": login[0], "password": login[1] + "\n"} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	flags := []string{"--credentials-dir=" + credentials, "--database-host=127.0.0.1", "--database-port=" + strconv.Itoa(int(server.Port)), "--database-name=" + name, "--database-tls=Disable", "--rate=0"}
	p := prepare(t)
	for range 2 { // twice is once
		if code := consentd.Main(t.Context(), append([]string{"consentd", "migrate"}, flags...), p.log); code != 0 {
			t.Fatalf("exit code %d: %s", code, p.log)
		}
	}
	p.start(flags...)
	p.ready()
	code, before := p.post(secret, "k1")
	if code != 201 {
		t.Fatalf("%d %s", code, before)
	}
	if code, text := p.post(secret, "k1"); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	if code, text := p.send("/v1/sites/shop/withdrawals", secret, "", nil); code != 204 {
		t.Fatalf("%d %s", code, text)
	}
	var events int
	if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM consent.events WHERE subject_ref IS NOT NULL`).Scan(&events); err != nil || events != 2 {
		t.Errorf("%d events, %v", events, err)
	}
	type answer struct {
		Ledger struct {
			Size       int
			Checkpoint string
		}
		Audit struct {
			Verified bool
			Time     *time.Time
		}
	}
	status := func() (a answer) {
		_, text := p.get(p.api + "/internal/v1/status")
		_ = json.Unmarshal([]byte(text), &a)
		return a
	}
	p.until("the events are not in the log", func() bool { a := status(); return a.Ledger.Size >= 2 && a.Audit.Time != nil })
	if a := status(); !a.Audit.Verified || a.Ledger.Checkpoint == "" {
		t.Errorf("%+v", a)
	}
	note := status().Ledger.Checkpoint
	p.end()
	for _, canary := range []string{secret, "a password of", "127.0.0.1:" + strconv.Itoa(int(server.Port))} {
		if strings.Contains(p.log.String(), canary) {
			t.Errorf("the log has %q: %s", canary, p.log)
		}
	}

	// The signing key is replaced by one that the old key does not name: nothing counts.
	seedOf := func(folder string) []byte {
		seed, err := os.ReadFile(filepath.Join(folder, "signing"))
		if err != nil {
			t.Fatal(err)
		}
		return seed
	}
	put := func(file string, key []byte) {
		if err := os.WriteFile(filepath.Join(p.keys, file), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, next := seedOf(p.keys), seedOf(consentdtest.Keys(t))
	put("signing", next)
	p.log = &lines{}
	p.start(flags...)
	p.ready() // acts are recorded all the same
	p.until("the audit is not done", func() bool { return status().Audit.Time != nil })
	if a := status(); a.Audit.Verified || a.Ledger.Checkpoint != "" {
		t.Errorf("another key signs the log unseen: %+v", a)
	}
	p.end()

	// With the old key beside it, it takes its place. The log goes on, and what the key of before signed still counts.
	put("signing-before", old)
	p.log = &lines{}
	p.start(flags...)
	p.ready()
	code, after := p.post("BAECAwQFBgcICQoLDA0ODw", "k2")
	if code != 201 {
		t.Fatalf("%d %s", code, after)
	}
	size := status().Ledger.Size
	p.until("the log does not go on", func() bool {
		a := status()
		return a.Ledger.Size > size || a.Ledger.Size > 10 && a.Ledger.Checkpoint != note
	})
	p.until("the audit is not done", func() bool { return status().Audit.Time != nil })
	if !status().Audit.Verified {
		t.Error("a log whose key was replaced is called contradicted")
	}
	note = status().Ledger.Checkpoint
	p.end()

	// The old key itself can go: the log has its public half.
	if err := os.Remove(filepath.Join(p.keys, "signing-before")); err != nil {
		t.Fatal(err)
	}
	p.log = &lines{}
	p.start(flags...)
	p.ready()
	_, text := p.get(p.api + "/.well-known/jwks.json")
	p.until("the old key is not public", func() bool {
		_, text = p.get(p.api + "/.well-known/jwks.json")
		return strings.Count(text, `"kid"`) == 2
	})
	keys, err := jws.ParseKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range []string{receiptOf(t, before), receiptOf(t, after)} {
		if _, _, err := receipt.Open(signed, keys); err != nil {
			t.Errorf("a receipt does not verify: %v", err)
		}
	}
	p.end()

	// Nor does it come back.
	put("signing", old)
	if code := consentd.Main(t.Context(), append([]string{"consentd", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--shutdown-delay=10ms", "--config-dir=" + p.config, "--keys-dir=" + p.keys}, flags...), io.Discard); code != 1 {
		t.Errorf("a key whose place was taken signs again: exit code %d", code)
	}
	put("signing", next)

	// The service moves to another host. Its log keeps its name, and goes on.
	if err := os.WriteFile(filepath.Join(p.config, "checkpoint"), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	p.log = &lines{}
	p.start(append(flags, "--url=https://elsewhere.example")...)
	p.ready()
	if code, text := p.post("CAECAwQFBgcICQoLDA0ODw", "k3"); code != 201 {
		t.Fatalf("%d %s", code, text)
	}
	size = status().Ledger.Size
	p.until("the audit is not done", func() bool { return status().Audit.Time != nil })
	if !status().Audit.Verified {
		t.Error("a log whose service moved is called contradicted")
	}
	p.until("the log of the service that moved does not go on", func() bool { a := status(); return a.Ledger.Checkpoint != "" && a.Ledger.Checkpoint != note })
	p.end()

	// Somebody cuts the log off while the service is away. The head that lies outside shows it.
	for _, table := range []string{"checkpoints", "heads", "leaves", "tiles", "events", "pending", "state"} {
		if _, err := admin.Exec(t.Context(), `SET session_replication_role = replica`); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec(t.Context(), `DELETE FROM consent.`+table); err != nil {
			t.Fatal(err)
		}
	}
	p.log = &lines{}
	p.start(flags...)
	p.until("the audit is not done", func() bool { return status().Audit.Time != nil })
	if status().Audit.Verified {
		t.Error("a log that was cut off is called whole")
	}
}
