package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/token"
)

var (
	now    = time.Date(2026, 11, 29, 10, 59, 59, 999, time.FixedZone("", 5400))
	notice = consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: bytes.Repeat([]byte{0xab}, 32), Material: []byte("m")}
)

func key(fill byte) jws.Key {
	k, err := jws.NewKey(bytes.Repeat([]byte{fill}, jws.SeedSize))
	if err != nil {
		panic(err)
	}
	return k
}

func sign(t interface{ Fatal(...any) }, k jws.Key, site string, at time.Time) string {
	text, err := token.New(site, notice, at).Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheStandardLibraryAloneChecksIt reads a token by crypto/ed25519 and encoding/base64.
func TestTheStandardLibraryAloneChecksIt(t *testing.T) {
	parts := strings.Split(sign(t, key(7), "7f3a", now), ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature does not hold")
	}
	if want := `{"alg":"EdDSA","kid":"` + key(7).ID() + `","typ":"consent-notice+jwt"}`; string(header) != want {
		t.Errorf("%s", header)
	}
	// 2026-11-29T09:00:00Z, and a day later: 10:59:59 at 1:30 east is 09:29:59 in UTC.
	want := `{"site":"7f3a","notice":"shop","version":3,"lang":"fr","sha256":"` + base64.RawURLEncoding.EncodeToString(notice.SHA256) + `","iat":1795942800,"exp":1796029200}`
	if string(payload) != want {
		t.Errorf("%s, want %s", payload, want)
	}
}

// TestEverybodyGetsTheSameInAnHour: a token that differed would tell visitors apart.
func TestEverybodyGetsTheSameInAnHour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour := time.Unix(3600*rapid.Int64Range(0, 1<<20).Draw(t, "hour"), 0)
		within := rapid.Int64Range(0, int64(time.Hour)-1)
		a, b := hour.Add(time.Duration(within.Draw(t, "a"))), hour.Add(time.Duration(within.Draw(t, "b")))
		if sign(t, key(7), "s", a) != sign(t, key(7), "s", b.UTC()) {
			t.Error("two visitors of one hour have different tokens")
		}
		if sign(t, key(7), "s", a) == sign(t, key(7), "s", hour.Add(time.Hour)) {
			t.Error("the next hour has the same token")
		}
	})
}

func TestWhatComesBack(t *testing.T) {
	good := sign(t, key(7), "7f3a", now)
	issued := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	parts := strings.Split(good, ".")
	other := strings.Split(sign(t, key(7), "7f3a", now.Add(time.Hour)), ".")
	signed := func(typ, payload string) string {
		text, err := key(7).Sign(typ, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, c := range map[string]struct {
		text, site string
		at         time.Time
		want       error
	}{
		"at once":                             {good, "7f3a", now, nil},
		"the last instant of its day":         {good, "7f3a", issued.Add(24*time.Hour - 1), nil},
		"a day after its hour":                {good, "7f3a", issued.Add(24 * time.Hour), token.ErrExpired},
		"of another site":                     {good, "9b1c", now, token.ErrForeign},
		"of another site, and too old":        {good, "9b1c", issued.Add(48 * time.Hour), token.ErrForeign},
		"of another key":                      {sign(t, key(8), "7f3a", now), "7f3a", now, token.ErrForeign},
		"with the signature of another":       {parts[0] + "." + parts[1] + "." + other[2], "7f3a", now, token.ErrAltered},
		"altered, and too old":                {parts[0] + "." + other[1] + "." + parts[2], "7f3a", issued.Add(48 * time.Hour), token.ErrAltered},
		"nothing":                             {"", "7f3a", now, token.ErrAltered},
		"our receipt":                         {signed("consent-receipt+jwt", `{}`), "7f3a", now, token.ErrAltered},
		"our key and not our words":           {signed(token.Type, `{"site":"7f3a"}`), "7f3a", now, token.ErrAltered},
		"our key and a life of its own":       {signed(token.Type, `{"site":"7f3a","notice":"n","version":1,"lang":"fr","sha256":"","iat":1795942800,"exp":1895942800}`), "7f3a", now, token.ErrAltered},
		"our key and a minute of its own":     {signed(token.Type, `{"site":"7f3a","notice":"n","version":1,"lang":"fr","sha256":"","iat":1795942860,"exp":1796029260}`), "7f3a", now, token.ErrAltered},
		"without signature":                   {parts[0] + "." + parts[1] + ".", "7f3a", now, token.ErrAltered},
		"with an algorithm that signs nought": {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "7f3a", now, token.ErrAltered},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := token.Open(c.text, jws.NewKeys(key(7).Public()), c.site, c.at)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			want := token.Token{}
			if c.want == nil {
				want = token.New("7f3a", notice, now)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	keys, k := jws.NewKeys(key(7).Public()), key(7)
	f.Add([]byte(`{"site":"s","notice":"n","version":1,"lang":"fr","sha256":"q6s","iat":1795942800,"exp":1796029200}`))
	f.Add([]byte(`{"site":"s","iat":9223372036854775807,"exp":0}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		// The signature is good: what is left is the reading.
		text, err := k.Sign(token.Type, payload)
		if err != nil {
			t.Fatal(err)
		}
		read, err := token.Open(text, keys, "s", now)
		if err != nil {
			if !errors.Is(err, token.ErrAltered) && !errors.Is(err, token.ErrExpired) && !errors.Is(err, token.ErrForeign) {
				t.Error(err)
			}
			return
		}
		if again, err := read.Sign(k); err != nil || again != text {
			t.Errorf("%q is read as %+v", payload, read)
		}
	})
}
