package widget

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func config() Config {
	return Config{
		Tenant: uuid.MustParse("7d444840-9dc0-81d1-b245-5ffdce74fad2"), Site: "shop", Host: "https://consent.shop.example", Languages: []string{"fr", "en"}, DefaultLanguage: "fr",
		Material: "0123456789abcdef", Version: 1, Requested: []string{"conversation"}, Asserted: []string{"conversation"},
		Acceptance: AcceptByMessage, Store: StoreLocal,
		ConsentTTL: 15_552_000, SessionTTL: 1800, ReadAtLoad: true, Proof: ProofLinked, SendURL: "https://shop.example/messages",
	}
}

func build(t *testing.T, c Config) []byte {
	t.Helper()
	script, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// zipped is the size after gzip -9.
func zipped(t *testing.T, data []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

func TestTheScriptHoldsNothingThatPagesForbid(t *testing.T) {
	script := string(build(t, config()))
	for _, word := range []string{"eval(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "new Function", "setAttribute(\"style", ".style.",
		"indexedDB", "caches", "serviceWorker", "sendBeacon", "import(", "setInterval", "@import", "url("} {
		if strings.Contains(script, word) {
			t.Errorf("the script contains %s", word)
		}
	}
}

// TestTheScriptIsSmall holds what the script weighs, with style sheet, queue and the words of two languages that are needed without the notice, for a visitor's first load.
func TestTheScriptIsSmall(t *testing.T) {
	const limit = 6 << 10 // bytes after gzip -9
	if size := zipped(t, build(t, config())); size > limit {
		t.Errorf("the script has %d bytes after gzip -9, more than %d", size, limit)
	} else {
		t.Logf("%d bytes after gzip -9", size)
	}
}

// TestTheCookieOutlivesTheConsent: it also has withdrawals, which hold until the next acceptance, and refusals.
func TestTheCookieOutlivesTheConsent(t *testing.T) {
	c := config()
	c.Store, c.CookieDomain, c.ConsentTTL = StoreCookie, "shop.example", 2_592_000
	if script := build(t, c); !bytes.Contains(script, []byte("; Path=/; Secure; SameSite=Lax; Max-Age=34128000; Domain=shop.example")) {
		t.Errorf("the cookie ends with the consent: %s", script[len(script)-600:])
	}
}

// TestTwoPoliciesUnderOneDomainKeepTwoCookies: with one they would take each other's choices, withdrawals and secrets for their own.
func TestTwoPoliciesUnderOneDomainKeepTwoCookies(t *testing.T) {
	c := config()
	c.Store, c.CookieDomain = StoreCookie, "shop.example"
	one := build(t, c)
	c.Tenant = uuid.MustParse("0f0f0f0f-8dc0-81d1-b245-5ffdce74fad2")
	two := build(t, c)
	for script, name := range map[string]string{string(one): "__Secure-rempart-7d444840=", string(two): "__Secure-rempart-0f0f0f0f="} {
		if strings.Count(script, name) != 2 || strings.Count(script, "__Secure-") != 2 { // where it is read, and where it is written
			t.Errorf("%s: %s", name, script)
		}
	}
	c.Tenant = uuid.Nil
	if _, err := Build(c); err == nil {
		t.Error("a cookie of no policy")
	}
}

func TestEqualConfigurationsMakeEqualBytes(t *testing.T) {
	c := config()
	c.Languages = append(c.Languages, "de", "es", "it", "nl", "pl", "pt-BR")
	one, two := build(t, c), build(t, c)
	if !bytes.Equal(one, two) {
		t.Error("two builds of one configuration differ")
	}
	if bytes.Equal(build(t, config()), one) {
		t.Error("another configuration has the same bytes")
	}
}

// TestTheConfigurationIsALiteral: whatever a policy says, it stays data.
func TestTheConfigurationIsALiteral(t *testing.T) {
	c := config()
	c.SendURL = "https://shop.example/\"});alert(1)//</script>\u2028"
	script := build(t, c)
	literal := script[bytes.LastIndex(script, []byte("})(["))+3 : bytes.LastIndex(script, []byte(");"))]
	var read []any
	if err := json.Unmarshal(literal, &read); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(read, any(c.SendURL)) {
		t.Errorf("the literal says %v", read)
	}
	if bytes.Contains(script, []byte("</script")) || bytes.Contains(literal, []byte("\u2028")) {
		t.Error("the literal is not escaped")
	}
}

func TestEveryLanguageHasEveryTextAndIsSmall(t *testing.T) {
	for _, language := range Languages() {
		if _, err := Interface(language); err != nil {
			t.Error(err)
			continue
		}
		if len(packs[language]) != len(packs["en"]) {
			t.Errorf("%s has %d texts, English %d", language, len(packs[language]), len(packs["en"]))
		}
		c := config()
		plain := zipped(t, build(t, c))
		c.Languages = append(c.Languages, language)
		if more := zipped(t, build(t, c)) - plain; more > 130 {
			t.Errorf("%s adds %d bytes, more than 130", language, more)
		}
	}
}

// TestKeysStay: pages that pin an old build ask for their words by these keys.
func TestKeysStay(t *testing.T) {
	for _, key := range []string{"age", "changed", "close", "ephemeral", "failed", "gpc", "label", "launcher", "needed", "page", "privacy", "recorded",
		"refused", "retry", "save", "send", "terms", "unread", "withdraw", "you"} {
		if packs["en"][key] == "" {
			t.Errorf("the interface text %q is gone", key)
		}
	}
	texts, err := Interface("pt-BR")
	if err != nil || texts["send"] != packs["pt"]["send"] {
		t.Errorf("%v, %v", texts, err)
	}
}

func TestAMissingTextFailsTheBuild(t *testing.T) {
	kept := packs["de"]
	defer func() { packs["de"] = kept }()
	packs["de"] = map[string]string{"send": "Senden"}
	c := config()
	c.Languages = append(c.Languages, "de")
	if _, err := Build(c); err == nil || !strings.Contains(err.Error(), `"de" lacks`) {
		t.Errorf("got %v", err)
	}
}

func TestAConfigurationThatCannotBeFollowedIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"site is not":            func(c *Config) { c.Site = "a b" },
		"no base URL":            func(c *Config) { c.Host = "https://consent.shop.example/" },
		"not language tags":      func(c *Config) { c.Languages = []string{"__proto__"} },
		"none of the site's":     func(c *Config) { c.DefaultLanguage = "de" },
		"hexadecimal":            func(c *Config) { c.Material = "0123" },
		"asserted purposes":      func(c *Config) { c.Asserted = []string{"newsletter"} },
		"acceptance":             func(c *Config) { c.Acceptance = "" },
		"store":                  func(c *Config) { c.Store = "" },
		"proof":                  func(c *Config) { c.Proof = "" },
		"not positive":           func(c *Config) { c.SessionTTL = 0 },
		"no interface texts":     func(c *Config) { c.Languages = append(c.Languages, "fi") },
		`building the widget of`: func(c *Config) { c.Proof = "" },
	} {
		c := config()
		change(&c)
		if _, err := Build(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
