package settings_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/client"
	"github.com/rempart-dev/rempart/internal/app/consentd/consentdtest"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/gate"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

const host = "https://consent.shop.example"

// read makes a policy of a file that change has made another.
func read(t *testing.T, change func(*settings.File)) (*settings.Policy, error) {
	t.Helper()
	return settings.Read(consentdtest.NewCluster(t).File(t, change), "digest", noon)
}

func mustRead(t *testing.T, change func(*settings.File)) *settings.Policy {
	t.Helper()
	p, err := read(t, change)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Dress(host); err != nil {
		t.Fatal(err)
	}
	return p
}

// another is a notice like the first, with another version.
func another(f *settings.File, version int32, change v1alpha1.NoticeChange) *v1alpha1.ConsentNotice {
	next := *f.Spec.Notices[0].DeepCopy()
	next.Version, next.Change = version, change
	f.Spec.Notices = append(f.Spec.Notices, next)
	return &f.Spec.Notices[len(f.Spec.Notices)-1]
}

func TestAFileThatCannotBeServedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*settings.File){
		"no tenant":             func(f *settings.File) { f.TenantID = "" },
		"the nil tenant":        func(f *settings.File) { f.TenantID = "00000000-0000-0000-0000-000000000000" },
		"no namespace":          func(f *settings.File) { f.Namespace = "" },
		"no controller":         func(f *settings.File) { f.Controller.LegalName = "" },
		"no digest":             func(f *settings.File) { f.MaterialDigest = "" },
		"a short digest":        func(f *settings.File) { f.MaterialDigest = "sha256:00" },
		"another digest":        func(f *settings.File) { f.MaterialDigest = strings.Replace(f.MaterialDigest, "sha256", "sha512", 1) },
		"no notice":             func(f *settings.File) { f.Spec.Notices = nil },
		"a notice of tomorrow":  func(f *settings.File) { f.Spec.Notices[0].EffectiveTime.Time = noon.Add(time.Hour) },
		"a purpose twice":       func(f *settings.File) { f.Spec.Purposes[1].Name = f.Spec.Purposes[0].Name },
		"a purpose on no basis": func(f *settings.File) { f.Spec.Purposes[0].LegalBasis = "" },
		"a site twice":          func(f *settings.File) { f.Spec.Sites[1].ID = f.Spec.Sites[0].ID },
		"a site without words":  func(f *settings.File) { f.Spec.Sites[1].Languages = append(f.Spec.Sites[1].Languages, "de") },
		"clients without issuer": func(f *settings.File) {
			f.TokenIssuers = nil
			f.Spec.Service.Clients[0].ServiceAccount = "x"
			f.TokenIssuers = []client.Issuer{{}}
		},
		"a record of no purpose": func(f *settings.File) { f.Spec.Gate.Records[0].Fields[0].Purposes = []v1alpha1.PartName{"spying"} },
	} {
		if _, err := read(t, change); !errors.Is(err, settings.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := consentdtest.NewCluster(t).File(t, nil)
	for name, text := range map[string][]byte{
		"nothing": nil, "half": good[:len(good)/2], "two": append(bytes.Clone(good), good...), "an array": []byte("[]"),
		"huge":          append(bytes.Clone(good), bytes.Repeat([]byte(" "), 1<<20)...),
		"unknown field": bytes.Replace(good, []byte(`"necessity":"Optional"`), []byte(`"necessity":"Optional","preticked":"Yes"`), 1),
	} {
		if _, err := settings.Read(text, "digest", noon); !errors.Is(err, settings.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutClientsNobodyIsOne(t *testing.T) {
	p := mustRead(t, func(f *settings.File) { f.Spec.Service.Clients, f.TokenIssuers = nil, nil })
	if _, err := p.Issuers.Verify("a.b.c", "consentd", noon); err == nil || p.Rights.Has(client.Account{Namespace: "shop", Name: "backend"}, v1alpha1.RightCheck) {
		t.Error("somebody is a client")
	}
	if _, err := read(t, func(f *settings.File) { f.TokenIssuers = nil }); err != nil {
		t.Errorf("clients that nobody can verify yet: %v", err)
	}
}

func TestTheNewestNoticeWhoseTimeHasComeIsShown(t *testing.T) {
	change := func(f *settings.File) {
		another(f, 2, v1alpha1.NoticeEditorial)
		another(f, 4, v1alpha1.NoticeMaterial).EffectiveTime.Time = noon.Add(time.Hour)
		another(f, 3, v1alpha1.NoticeEditorial)
	}
	p := mustRead(t, change)
	if p.Notice.Version != 3 {
		t.Errorf("version %d", p.Notice.Version)
	}
	for version, same := range map[int32]bool{1: true, 2: true, 3: true, 4: false} {
		if got := p.All[version]["fr"].Ref.Material != nil; got != same {
			t.Errorf("version %d means what is shown: %v", version, got)
		}
	}
	text := consentdtest.NewCluster(t).File(t, change)
	if later, err := settings.Read(text, "digest", noon.Add(time.Hour)); err != nil || later.Notice.Version != 4 || later.All[3]["fr"].Ref.Material != nil {
		t.Errorf("%v", err)
	}
}

func TestWhatIsPublishedIsCanonicalAndTheSameEachTime(t *testing.T) {
	one, two := mustRead(t, nil), mustRead(t, nil)
	a, err := one.Publication()
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.Publication()
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Notices) != 2 || len(a.Purposes) != 4 || len(a.Widgets) != 2 {
		t.Fatalf("%+v", a)
	}
	for i := range a.Notices {
		if !bytes.Equal(a.Notices[i].Body, b.Notices[i].Body) || !bytes.Equal(a.Notices[i].Material, one.Material) || bytes.ContainsAny(a.Notices[i].Body, "\n") {
			t.Errorf("%s", a.Notices[i].Body)
		}
	}
	for i := range a.Widgets {
		if !bytes.Equal(a.Widgets[i].SHA256, b.Widgets[i].SHA256) {
			t.Error("equal policies make different scripts")
		}
	}
}

func TestTheScriptDoesNotChangeWithTheCalendar(t *testing.T) {
	text := consentdtest.NewCluster(t).File(t, nil)
	var scripts []string
	for _, at := range []time.Time{noon, noon.AddDate(1, 2, 0), time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)} {
		p, err := settings.Read(text, "digest", at)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Dress(host); err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, p.Sites["shop"].Widget.SHA256)
	}
	if scripts[0] != scripts[1] || scripts[1] != scripts[2] {
		t.Errorf("%v", scripts)
	}
}

func TestEveryWidgetThatAPolicyCanAskForIsMade(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.ConsentWidget){
		"nothing said": func(w *v1alpha1.ConsentWidget) { *w = v1alpha1.ConsentWidget{} },
		"a cookie": func(w *v1alpha1.ConsentWidget) {
			w.Store, w.CookieDomain = v1alpha1.StoreCookie, "shop.example"
		},
		"a tab, for long": func(w *v1alpha1.ConsentWidget) {
			w.Store, w.ConsentTTL, w.SessionTTL = v1alpha1.StoreTab, "P13M", "PT24H"
		},
		"nobody is linked": func(w *v1alpha1.ConsentWidget) {
			w.Proof, w.DoNotTrack = v1alpha1.ProofAggregate, v1alpha1.DoNotTrackIgnored
		},
	} {
		p, err := read(t, func(f *settings.File) { change(&f.Spec.Widget) })
		if err == nil {
			err = p.Dress(host)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := read(t, func(f *settings.File) { f.Spec.Widget.SessionTTL = "PT0M" })
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Dress(host); !errors.Is(err, settings.ErrBroken) {
		t.Errorf("a session without a length: %v", err)
	}
}

// TestTheGateAsksForExplicitConsentOnEveryBasis: Article 9(2)(a) needs it beside a contract too.
func TestTheGateAsksForExplicitConsentOnEveryBasis(t *testing.T) {
	p := mustRead(t, func(f *settings.File) { f.Spec.Purposes[0].ConsentKind = v1alpha1.ConsentExplicit })
	if got := p.Rules.Purposes[0]; got.Name != "conversation" || got.Basis != gate.BasisConsent {
		t.Errorf("%+v", got)
	}
}

func TestTheGateKeepsNothingForLong(t *testing.T) {
	for seconds, want := range map[int32]time.Duration{-1: 0, 0: 0, 3: 3 * time.Second, 60: 5 * time.Second} {
		if got := mustRead(t, func(f *settings.File) { f.Spec.Gate.CacheSeconds = ptr.To(seconds) }).CacheFor(); got != want {
			t.Errorf("%d: %v", seconds, got)
		}
	}
	if got := mustRead(t, func(f *settings.File) { f.Spec.Gate.CacheSeconds = nil }).CacheFor(); got != time.Second {
		t.Errorf("%v", got)
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	write := func(folder, name string, key []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, break_ := range map[string]func(folder string){
		"absent":      func(f string) { _ = os.Remove(filepath.Join(f, "kek")) },
		"short":       func(f string) { write(f, "pepper", []byte("short")) },
		"empty":       func(f string) { write(f, "signing", nil) },
		"a text":      func(f string) { write(f, "pepper", []byte("bm90IGEga2V5IGJ1dCBiYXNlNjQgb2Ygb25lLi4uLi4=")) },
		"zeros":       func(f string) { write(f, "kek", make([]byte, 32)) },
		"the same":    func(f string) { key := bytes.Repeat([]byte("ab"), 16); write(f, "kek", key); write(f, "pepper", key) },
		"none before": func(f string) { write(f, "signing-before", []byte("short")) },
		"its own place": func(f string) {
			key := bytes.Repeat([]byte("ab"), 16)
			write(f, "signing", key)
			write(f, "signing-before", key)
		},
	} {
		folder := consentdtest.Keys(t)
		break_(folder)
		_, err := settings.ReadKeys(folder)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	folder := consentdtest.Keys(t)
	before, err := settings.ReadKeys(consentdtest.Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	write(folder, "signing-before", before.Seed)
	keys, err := settings.ReadKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []jws.Key{keys.Signing, before.Signing} {
		signed, err := key.Sign("t", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.Public.Open("t", signed); err != nil {
			t.Errorf("what was signed before does not verify: %v", err)
		}
	}
}

func TestKeysThatAreHeldHaveAnOrder(t *testing.T) {
	folder := consentdtest.Keys(t)
	write := func(name string, key []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func(n byte) []byte { return append(make([]byte, 31), n) }
	write("pepper-before-2", key(1))
	write("pepper-next", key(2))
	write("pepper-before-8", key(3))
	write("kek-before", key(4))
	write("kek-before-3", key(4)) // twice is once
	keys, err := settings.ReadKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, held := range append(keys.Peppers, keys.KEKs...) {
		got = append(got, held.Entry)
	}
	if want := "pepper pepper-next pepper-before-2 pepper-before-8 kek kek-before"; strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
	if !bytes.Equal(settings.Bytes(keys.Peppers)[1], key(2)) || keys.Entries()[consent.KeyKEK][seal.ID(key(4))] != "kek-before" {
		t.Errorf("%v", keys.Entries())
	}
	write("kek-next", key(2))
	if _, err := settings.ReadKeys(folder); err == nil {
		t.Error("a pepper wraps keys")
	}
	write("kek-next", []byte("short"))
	if _, err := settings.ReadKeys(folder); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("%v", err)
	}
}

func TestAPolicyIsServedOnceItIsPublic(t *testing.T) {
	folder, cluster := t.TempDir(), consentdtest.NewCluster(t)
	away := true
	adopted := 0
	store := settings.NewStore(folder, func(_ context.Context, p *settings.Policy) error {
		if away {
			return errors.New("the ledger is away")
		}
		adopted++
		return p.Dress(host)
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	load := func() error { return store.Load(t.Context(), noon) }
	if err := load(); !errors.Is(err, settings.ErrBroken) || store.Current() != nil {
		t.Errorf("no file: %v", err)
	}
	consentdtest.Write(t, folder, cluster.File(t, nil))
	if err := load(); err == nil || store.Current() != nil {
		t.Errorf("nobody published it: %v", err)
	}
	away = false
	for range 3 {
		if err := load(); err != nil || store.Current() == nil || store.Refused() {
			t.Fatalf("%v", err)
		}
	}
	served := store.Current()
	consentdtest.Write(t, folder, []byte("{"))
	if err := load(); !errors.Is(err, settings.ErrBroken) || store.Current() != served || !store.Refused() {
		t.Errorf("broken: %v", err)
	}
	consentdtest.Write(t, folder, cluster.File(t, func(f *settings.File) { f.Name = "another" }))
	if err := load(); !errors.Is(err, settings.ErrBroken) || store.Current() != served {
		t.Errorf("another's: %v", err)
	}
	consentdtest.Write(t, folder, cluster.File(t, nil))
	if err := load(); err != nil || store.Current() != served || store.Refused() || adopted != 1 {
		t.Errorf("mended: %v, adopted %d times", err, adopted)
	}
	consentdtest.Write(t, folder, cluster.File(t, func(f *settings.File) { f.Spec.Sites[1].Origins[0] = "https://www.blog.example" }))
	if err := load(); err != nil || !store.Current().Sites["blog"].Origins["https://www.blog.example"] {
		t.Errorf("changed: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"tenantID":"7d444840-9dc0-81d1-b245-5ffdce74fad2","spec":{"notices":[{"version":1}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := settings.Read(text, "digest", noon)
		if err != nil && !errors.Is(err, settings.ErrBroken) {
			t.Error(err)
		}
		if err == nil {
			_ = p.Dress(host)
		}
	})
}
