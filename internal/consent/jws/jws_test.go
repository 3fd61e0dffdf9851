package jws_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/consent/jws"
)

const typ = "test+jwt"

var b64 = base64.RawURLEncoding

func keyOf(fill byte) jws.Key {
	key, err := jws.NewKey(bytes.Repeat([]byte{fill}, jws.SeedSize))
	if err != nil {
		panic(err)
	}
	return key
}

// secretOf is the same key by the standard library.
func secretOf(fill byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
}

func sign(t testing.TB, key jws.Key, payload string) string {
	t.Helper()
	text, err := key.Sign(typ, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forge writes a header of its own and signs it with the right key.
func forge(header, payload string) string {
	text := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	return text + "." + b64.EncodeToString(ed25519.Sign(secretOf(1), []byte(text)))
}

// TestTheStandardLibraryAloneChecksIt: RFC 7515 and RFC 8037 by crypto/ed25519 and encoding/base64.
func TestTheStandardLibraryAloneChecksIt(t *testing.T) {
	text := sign(t, keyOf(1), `{"a":1}`)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatal(text)
	}
	header, _ := b64.DecodeString(parts[0])
	payload, _ := b64.DecodeString(parts[1])
	signature, _ := b64.DecodeString(parts[2])
	if want := fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":%q}`, keyOf(1).ID(), typ); string(header) != want || string(payload) != `{"a":1}` {
		t.Errorf("%s %s", header, payload)
	}
	if !ed25519.Verify(secretOf(1).Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature does not hold")
	}
	if again := sign(t, keyOf(1), `{"a":1}`); again != text {
		t.Error("the same payload gave another text")
	}
	// RFC 7638: the members of the key in order, without spaces.
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + b64.EncodeToString(secretOf(1).Public().(ed25519.PublicKey)) + `"}`))
	if want := b64.EncodeToString(sum[:]); keyOf(1).ID() != want {
		t.Errorf("key %s, want %s", keyOf(1).ID(), want)
	}
}

func TestWhatIsRefused(t *testing.T) {
	good := sign(t, keyOf(1), `{}`)
	parts := strings.Split(good, ".")
	id := keyOf(1).ID()
	hs := b64.EncodeToString([]byte(fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":%q}`, id, typ))) + "." + parts[1]
	mac := hmac.New(sha256.New, secretOf(1).Public().(ed25519.PublicKey))
	mac.Write([]byte(hs))
	none := b64.EncodeToString([]byte(fmt.Sprintf(`{"alg":"none","kid":%q,"typ":%q}`, id, typ))) + "." + parts[1]
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"alg none":                           {none + ".", jws.ErrAlgorithm},
		"alg none with the signature":        {none + "." + parts[2], jws.ErrAlgorithm},
		"HMAC with the public key as secret": {hs + "." + b64.EncodeToString(mac.Sum(nil)), jws.ErrAlgorithm},
		"RSA":                                {forge(fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":%q}`, id, typ), `{}`), jws.ErrAlgorithm},
		"no algorithm":                       {forge(fmt.Sprintf(`{"kid":%q,"typ":%q}`, id, typ), `{}`), jws.ErrAlgorithm},
		"another type":                       {forge(fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"JWT"}`, id), `{}`), jws.ErrType},
		"no type":                            {forge(fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, id), `{}`), jws.ErrType},
		"no key":                             {forge(fmt.Sprintf(`{"alg":"EdDSA","typ":%q}`, typ), `{}`), jws.ErrForeign},
		"another key":                        {sign(t, keyOf(2), `{}`), jws.ErrForeign},
		"the name of our key":                {strings.Join([]string{parts[0], parts[1], strings.Split(sign(t, keyOf(2), `{}`), ".")[2]}, "."), jws.ErrAltered},
		"one more word in the header":        {forge(fmt.Sprintf(`{"alg":"EdDSA","cty":"x","kid":%q,"typ":%q}`, id, typ), `{}`), jws.ErrForm},
		"header in another order":            {forge(fmt.Sprintf(`{"kid":%q,"alg":"EdDSA","typ":%q}`, id, typ), `{}`), jws.ErrForm},
		"a line break":                       {good + "\n", jws.ErrForm},
		"a space before":                     {" " + good, jws.ErrForm},
		"JSON serialisation":                 {`{"payload":"e30","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, jws.ErrForm},
		"nothing":                            {"", jws.ErrForm},
		"too long":                           {strings.Repeat("a", jws.MaxSize+1), jws.ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			payload, _, err := jws.NewKeys(keyOf(1).Public()).Open(typ, c.text)
			if !errors.Is(err, c.want) || payload != nil {
				t.Errorf("%s, %v, want %v", payload, err, c.want)
			}
		})
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	keys := jws.NewKeys(keyOf(1).Public())
	good := sign(t, keyOf(1), `{"a":1}`)
	if payload, id, err := keys.Open(typ, good); err != nil || string(payload) != `{"a":1}` || id != keyOf(1).ID() {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			bad := []byte(good)
			bad[i] ^= 1 << bit
			if _, _, err := keys.Open(typ, string(bad)); err == nil {
				t.Fatalf("bit %d of byte %d may be flipped", bit, i)
			}
		}
	}
}

func TestOldKeysStay(t *testing.T) {
	old, current := keyOf(1), keyOf(2)
	document, err := jws.NewKeys(current.Public(), old.Public(), current.Public()).Document()
	if err != nil {
		t.Fatal(err)
	}
	var plain struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(document, &plain); err != nil || len(plain.Keys) != 2 {
		t.Fatalf("%s, %v", document, err)
	}
	if first := plain.Keys[0]; first["kty"] != "OKP" || first["crv"] != "Ed25519" || first["alg"] != "EdDSA" || first["use"] != "sig" ||
		first["kid"] != current.ID() || first["x"] != b64.EncodeToString(secretOf(2).Public().(ed25519.PublicKey)) || len(first) != 6 {
		t.Errorf("%v", first)
	}
	keys, err := jws.ParseKeys(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []jws.Key{old, current} {
		if _, id, err := keys.Open(typ, sign(t, key, `{}`)); err != nil || id != key.ID() {
			t.Errorf("%s, %v", id, err)
		}
	}
}

func TestSetsOfKeysAreReadStrictly(t *testing.T) {
	x, d := b64.EncodeToString(secretOf(1).Public().(ed25519.PublicKey)), b64.EncodeToString(bytes.Repeat([]byte{1}, 32))
	id := keyOf(1).ID()
	for name, document := range map[string]string{
		"no JSON":                    `x`,
		"no key":                     `{"keys":[]}`,
		"a secret key":               `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"` + id + `","x":"` + x + `","d":"` + d + `"}]}`,
		"an HMAC secret":             `{"keys":[{"kty":"oct","kid":"a","k":"` + d + `"},{"kty":"OKP","crv":"Ed25519","kid":"` + id + `","x":"` + x + `"}]}`,
		"a name that is another's":   `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"` + keyOf(2).ID() + `","x":"` + x + `"}]}`,
		"a key that is not all here": `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"` + id + `","x":"AA"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := jws.ParseKeys([]byte(document)); !errors.Is(err, jws.ErrKey) {
				t.Error(err)
			}
		})
	}
	if _, err := jws.NewKey([]byte("short")); !errors.Is(err, jws.ErrKey) {
		t.Error(err)
	}
}

func TestKeysHideTheirSecret(t *testing.T) {
	key := keyOf(7)
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(text, "7, 7") || strings.Contains(text, "7 7") || strings.Contains(text, "0x7") {
		t.Error(text)
	}
}

func FuzzOpen(f *testing.F) {
	keys, signed := jws.NewKeys(keyOf(1).Public()), sign(f, keyOf(1), `{"a":1}`)
	for _, seed := range []string{"", "..", signed, signed + "=", forge(`{"alg":"none"}`, `{}`), forge(`{"alg":"EdDSA","crit":["b64"],"b64":false}`, `{}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := keys.Open(typ, text); err == nil && text != signed {
			t.Errorf("%q was never signed", text)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	document, err := jws.NewKeys(keyOf(1).Public()).Document()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(document)
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := jws.ParseKeys(document)
		if err != nil {
			return
		}
		again, err := keys.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.ParseKeys(again); err != nil {
			t.Errorf("%q gives %q, which is not read again: %v", document, again, err)
		}
	})
}
