package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var issuer = receipt.Issuer{URL: "https://consent.shop.example", Withdraw: "https://consent.shop.example/me/7f3a"}

func key(fill byte) jws.Key {
	k, err := jws.NewKey(bytes.Repeat([]byte{fill}, jws.SeedSize))
	if err != nil {
		panic(err)
	}
	return k
}

// message are the events of a message that was also a consent by checkbox: terms, storage, two purposes.
func message() []consent.Event {
	at := time.Date(2026, 11, 29, 10, 15, 30, 123456000, time.UTC)
	event := func(n byte, typ consent.EventType, purpose string, d *consent.Decision) consent.Event {
		return consent.Event{
			Tenant: uuid.UUID{1}, ID: uuid.UUID{0x01, 0x9b, 15: n}, Receipt: uuid.UUID{0x01, 0x9b, 15: 0xff}, Subject: uuid.UUID{5: 5},
			Type: typ, Purpose: purpose, Decision: d, Site: "7f3a", Method: consent.MethodCheckbox, CollectedBy: consent.CollectorWidget,
			Notice:     consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: bytes.Repeat([]byte{0xab}, 32), Material: []byte("m")},
			RecordedAt: at, Leaf: bytes.Repeat([]byte{n}, 32),
		}
	}
	events := []consent.Event{
		event(1, consent.EventTermsAccepted, "", nil), event(2, consent.EventStorageAcknowledged, "", ptr.To(consent.Granted)),
		event(3, consent.EventGiven, "newsletter", ptr.To(consent.Granted)), event(4, consent.EventRefused, "profiling", ptr.To(consent.Denied)),
	}
	events[2].ValidUntil = time.Date(2027, 5, 29, 10, 15, 30, 0, time.UTC)
	return events
}

func issue(t testing.TB, events []consent.Event, k jws.Key) string {
	t.Helper()
	claims, err := receipt.Of(issuer, events)
	if err != nil {
		t.Fatal(err)
	}
	text, err := receipt.Issue(claims, k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheReceiptIsAlwaysTheSame: it is not stored, so it must be made again from the events, in whatever order they are read.
func TestTheReceiptIsAlwaysTheSame(t *testing.T) {
	text := issue(t, message(), key(7))
	if *update {
		if err := os.WriteFile("testdata/receipt.golden", []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/receipt.golden")
	if err != nil {
		t.Fatal(err)
	}
	if text != strings.TrimSpace(string(golden)) {
		t.Errorf("%s, want %s", text, golden)
	}
	backwards := message()
	slices.Reverse(backwards)
	if issue(t, backwards, key(7)) != text {
		t.Error("the order of the events changes the receipt")
	}
}

// TestASecondReaderAgrees checks the golden receipt by crypto/ed25519 and encoding/base64 and reads it as plain JSON.
func TestASecondReaderAgrees(t *testing.T) {
	golden, err := os.ReadFile("testdata/receipt.golden")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(golden)), ".")
	var plain [3][]byte
	for i, part := range parts {
		if plain[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), plain[2]) {
		t.Error("the signature does not hold")
	}
	var header, claims map[string]any
	if json.Unmarshal(plain[0], &header) != nil || json.Unmarshal(plain[1], &claims) != nil {
		t.Fatal("no JSON")
	}
	if header["alg"] != "EdDSA" || header["typ"] != "consent-receipt+jwt" || header["kid"] == "" || len(header) != 3 {
		t.Errorf("%v", header)
	}
	leaf := func(n byte) string { return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{n}, 32)) }
	id := "019b0000-0000-0000-0000-00000000000"
	want := map[string]any{
		"iss": "https://consent.shop.example", "aud": "7f3a", "jti": "019b0000-0000-0000-0000-0000000000ff", "sub": "00000000-0005-0000-0000-000000000000",
		"iat": float64(1795947330), "exp": float64(1811585730),
		"ev": []any{
			map[string]any{"id": id + "1", "leaf": leaf(1), "type": "terms.accepted"},
			map[string]any{"id": id + "2", "leaf": leaf(2), "type": "storage.acknowledged"},
			map[string]any{"id": id + "3", "leaf": leaf(3), "type": "consent.given", "purpose": "newsletter", "decision": "granted"},
			map[string]any{"id": id + "4", "leaf": leaf(4), "type": "consent.refused", "purpose": "profiling", "decision": "denied"},
		},
		"notice": map[string]any{"id": "shop", "ver": float64(3), "lang": "fr", "sha256": base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xab}, 32))},
		"method": "checkbox", "jurisdiction": "EU", "withdraw": "https://consent.shop.example/me/7f3a",
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
}

func TestAReceiptIsReadAgain(t *testing.T) {
	claims, err := receipt.Of(issuer, message())
	if err != nil {
		t.Fatal(err)
	}
	text := issue(t, message(), key(7))
	got, by, err := receipt.Open(text, jws.NewKeys(key(8).Public(), key(7).Public()))
	if err != nil || by != key(7).ID() {
		t.Fatal(err)
	}
	if diff := cmp.Diff(claims, got); diff != "" {
		t.Error(diff)
	}
	if hash, err := got.Events[1].LeafHash(); err != nil || !bytes.Equal(hash, bytes.Repeat([]byte{2}, 32)) {
		t.Errorf("%x, %v", hash, err)
	}
	if !got.Recorded().Equal(time.Date(2026, 11, 29, 10, 15, 30, 0, time.UTC)) {
		t.Error(got.Recorded())
	}
	if _, _, err := receipt.Open(text, jws.NewKeys(key(8).Public())); !errors.Is(err, jws.ErrForeign) {
		t.Error(err)
	}
}

// TestWhatTheKeySignedAndIsNoReceipt: the type keeps a text that was signed for something else from passing, the form one with
// more in it.
func TestWhatTheKeySignedAndIsNoReceipt(t *testing.T) {
	for payload, c := range map[string]struct {
		typ  string
		want error
	}{
		`{}`:                             {receipt.Type, jws.ErrForm},
		`{"iss":1}`:                      {receipt.Type, jws.ErrForm},
		`{"iss":"https://shop.example"}`: {"consent-notice+jwt", jws.ErrType},
	} {
		text, err := key(7).Sign(c.typ, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := receipt.Open(text, jws.NewKeys(key(7).Public())); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestAReceiptOfNobodyAndOfNoConsent(t *testing.T) {
	events := message()[3:]
	events[0].Subject = uuid.Nil
	claims, err := receipt.Of(issuer, events)
	if err != nil || claims.Subject != "" || claims.Expires != 0 {
		t.Errorf("%+v, %v", claims, err)
	}
	text := issue(t, events, key(7))
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if err != nil || bytes.Contains(payload, []byte(`"sub"`)) || bytes.Contains(payload, []byte(`"exp"`)) {
		t.Errorf("%s, %v", payload, err)
	}
}

func TestEventsOfSeveralActsHaveNoReceipt(t *testing.T) {
	for name, change := range map[string]func(*consent.Event){
		"another tenant":   func(e *consent.Event) { e.Tenant = uuid.UUID{2} },
		"another receipt":  func(e *consent.Event) { e.Receipt = uuid.UUID{2} },
		"another person":   func(e *consent.Event) { e.Subject = uuid.UUID{2} },
		"another site":     func(e *consent.Event) { e.Site = "x" },
		"another method":   func(e *consent.Event) { e.Method = consent.MethodButton },
		"another notice":   func(e *consent.Event) { e.Notice.Notice = "x" },
		"another version":  func(e *consent.Event) { e.Notice.Version++ },
		"another language": func(e *consent.Event) { e.Notice.Language = "en" },
		"other words":      func(e *consent.Event) { e.Notice.SHA256 = []byte{1} },
		"the same twice":   func(e *consent.Event) { e.ID = message()[0].ID },
	} {
		t.Run(name, func(t *testing.T) {
			events := message()
			change(&events[2])
			if _, err := receipt.Of(issuer, events); !errors.Is(err, receipt.ErrEvents) {
				t.Error(err)
			}
		})
	}
	if _, err := receipt.Of(issuer, nil); !errors.Is(err, receipt.ErrEvents) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	keys, k := jws.NewKeys(key(7).Public()), key(7)
	claims, err := receipt.Of(issuer, message())
	if err != nil {
		f.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte(`{"iss":"","aud":"","jti":"00000000-0000-0000-0000-000000000000","iat":0,"ev":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		// The signature is good: what is left is the reading.
		text, err := k.Sign(receipt.Type, payload)
		if err != nil {
			t.Fatal(err)
		}
		claims, _, err := receipt.Open(text, keys)
		if err != nil {
			return
		}
		if again, err := receipt.Issue(claims, k); err != nil || again != text {
			t.Errorf("%q is read as %+v", payload, claims)
		}
	})
}
