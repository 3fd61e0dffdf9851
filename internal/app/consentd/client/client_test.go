package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rempart-dev/rempart/internal/app/consentd/client"
)

const issuer = "https://kubernetes.default.svc"

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// cluster signs tokens as an API server does.
type cluster struct {
	*testing.T
	signer jose.Signer
	public jose.JSONWebKey
}

func newCluster(t *testing.T, algorithm jose.SignatureAlgorithm, kid string) cluster {
	t.Helper()
	var private, public any
	switch algorithm {
	case jose.ES256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, public = key, key.Public()
	case jose.RS256, jose.PS256:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		private, public = key, key.Public()
	default:
		private = []byte("0123456789abcdef0123456789abcdef")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cluster{t, signer, jose.JSONWebKey{Key: public, KeyID: kid, Use: "sig"}}
}

func (c cluster) issuer() client.Issuer {
	c.Helper()
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{c.public}})
	if err != nil {
		c.Fatal(err)
	}
	return client.Issuer{Issuer: issuer, JWKS: keys}
}

func claims(change func(map[string]any)) map[string]any {
	all := map[string]any{
		"iss": issuer, "aud": []string{"consentd"}, "sub": "system:serviceaccount:shop:api",
		"iat": now.Unix() - 60, "nbf": now.Unix() - 60, "exp": now.Unix() + 3540,
		"kubernetes.io": map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "api", "uid": "u"}, "pod": map[string]any{"name": "api-0", "uid": "p"}},
	}
	if change != nil {
		change(all)
	}
	return all
}

func (c cluster) token(change func(map[string]any)) string {
	c.Helper()
	token, err := jwt.Signed(c.signer).Claims(claims(change)).Serialize()
	if err != nil {
		c.Fatal(err)
	}
	return token
}

func TestATokenOfTheClusterNamesItsServiceAccount(t *testing.T) {
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.RS256} {
		c := newCluster(t, algorithm, "k1")
		v, err := client.NewVerifier([]client.Issuer{c.issuer()})
		if err != nil {
			t.Fatal(err)
		}
		account, err := v.Verify(c.token(nil), "consentd", now)
		if err != nil || account != (client.Account{Namespace: "shop", Name: "api"}) {
			t.Errorf("%s: %v, %v", algorithm, account, err)
		}
	}
}

func TestWhateverIsWrongWithATokenItIsRefused(t *testing.T) {
	c := newCluster(t, jose.ES256, "k1")
	v, err := client.NewVerifier([]client.Issuer{c.issuer()})
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(map[string]any) {
		return func(all map[string]any) { all[name] = value }
	}
	good := c.token(nil)
	for name, token := range map[string]string{
		"nothing":                  "",
		"no token":                 "a.b.c",
		"huge":                     strings.Repeat("a", 1<<20),
		"other audience":           c.token(set("aud", []string{"https://kubernetes.default.svc"})),
		"no audience":              c.token(set("aud", nil)),
		"expired":                  c.token(set("exp", now.Unix()-31)),
		"never expires":            c.token(set("exp", nil)),
		"not yet":                  c.token(set("nbf", now.Unix()+31)),
		"other issuer":             c.token(set("iss", "https://kubernetes.default.svc.")),
		"no issuer":                c.token(set("iss", nil)),
		"a user":                   c.token(set("sub", "alice")),
		"another account":          c.token(set("sub", "system:serviceaccount:shop:admin")),
		"no kubernetes claim":      c.token(set("kubernetes.io", nil)),
		"another cluster, same id": newCluster(t, jose.ES256, "k1").token(nil),
		"unknown key":              newCluster(t, jose.ES256, "k2").token(nil),
		"symmetric":                newCluster(t, jose.HS256, "k1").token(nil),
		"other algorithm":          newCluster(t, jose.PS256, "k1").token(nil),
		"unsigned":                 "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".",
		"signature cut":            good[:len(good)-4],
		"payload of another":       strings.Split(good, ".")[0] + "." + strings.Split(c.token(set("sub", "x")), ".")[1] + "." + strings.Split(good, ".")[2],
	} {
		if account, err := v.Verify(token, "consentd", now); err == nil {
			t.Errorf("%s: accepted as %v", name, account)
		}
	}
	if _, err := (client.Verifier{}).Verify(good, "consentd", now); err == nil {
		t.Error("nobody's keys verified a token")
	}
}

func TestATokenThatIsKnownEndsToo(t *testing.T) {
	c := newCluster(t, jose.ES256, "k1")
	v, err := client.NewVerifier([]client.Issuer{c.issuer()})
	if err != nil {
		t.Fatal(err)
	}
	token := c.token(nil)
	for _, at := range []struct {
		after time.Duration
		good  bool
	}{{0, true}, {time.Minute, true}, {time.Hour - 30*time.Second, true}, {time.Hour - 29*time.Second, false}, {-90 * time.Second, true}, {-91 * time.Second, false}, {0, true}} {
		if _, err := v.Verify(token, "consentd", now.Add(at.after)); (err == nil) != at.good {
			t.Errorf("after %v: %v", at.after, err)
		}
	}
	other, err := client.NewVerifier([]client.Issuer{newCluster(t, jose.ES256, "k1").issuer()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(token, "consentd", now); err == nil {
		t.Error("other keys know the token")
	}
}

func TestAFlippedBitIsRefused(t *testing.T) {
	c := newCluster(t, jose.ES256, "k1")
	v, err := client.NewVerifier([]client.Issuer{c.issuer()})
	if err != nil {
		t.Fatal(err)
	}
	good := c.token(nil)
	for i := range len(good) - 1 {
		if good[i+1] == '.' || i == len(good)-2 {
			continue // the last sign of a part has bits that mean nothing
		}
		flipped := []byte(good)
		flipped[i] ^= 1
		if _, err := v.Verify(string(flipped), "consentd", now); err == nil {
			t.Fatalf("accepted with byte %d flipped", i)
		}
	}
}

func TestKeysThatProveNothingAreRefused(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaked, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private, KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	fine := newCluster(t, jose.ES256, "k").issuer()
	for name, issuers := range map[string][]client.Issuer{
		"no JSON":     {{Issuer: issuer, JWKS: []byte("{")}},
		"no keys":     {{Issuer: issuer, JWKS: []byte(`{"keys":[]}`)}},
		"symmetric":   {{Issuer: issuer, JWKS: []byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k"}]}`)}},
		"private":     {{Issuer: issuer, JWKS: leaked}},
		"no name":     {{JWKS: fine.JWKS}},
		"there twice": {fine, fine},
	} {
		if _, err := client.NewVerifier(issuers); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := (client.Verifier{}).Verify(token, "consentd", now); err == nil {
			t.Fatal("nobody's keys verified a token")
		}
	})
}
