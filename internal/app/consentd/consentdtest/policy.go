// Package consentdtest makes what tests of the consent service need: a policy, keys, and a cluster that signs tokens.
package consentdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rempart-dev/rempart/internal/app/consentd/client"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent/place"
)

// Policy is the policy of the tests, without keys by which clients could be known.
//
//go:embed policy.json
var Policy []byte

// Issuer of the cluster's tokens, and the namespace of the policy.
const (
	Issuer    = "https://kubernetes.default.svc"
	Namespace = "shop"
)

// Cluster signs tokens as an API server does.
type Cluster struct {
	signer jose.Signer
	keys   json.RawMessage
}

// NewCluster returns one with a key of its own.
func NewCluster(t testing.TB) Cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return Cluster{signer, keys}
}

// Token returns a token of a ServiceAccount, for clients, that begins now and lives an hour.
func (c Cluster) Token(t testing.TB, namespace, name string, now time.Time) string {
	t.Helper()
	return c.TokenFor(t, place.Audience, namespace, name, now)
}

// TokenFor is Token for an audience.
func (c Cluster) TokenFor(t testing.TB, audience, namespace, name string, now time.Time) string {
	t.Helper()
	token, err := jwt.Signed(c.signer).Claims(map[string]any{
		"iss": Issuer, "aud": []string{audience}, "sub": "system:serviceaccount:" + namespace + ":" + name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": namespace, "serviceaccount": map[string]any{"name": name, "uid": "u"}},
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// File is the policy of the tests, whose clients have tokens of the cluster. Change may make it another.
func (c Cluster) File(t testing.TB, change func(*settings.File)) []byte {
	t.Helper()
	var file settings.File
	if err := json.Unmarshal(Policy, &file); err != nil {
		t.Fatal(err)
	}
	file.TokenIssuers = []client.Issuer{{Issuer: Issuer, JWKS: c.keys}}
	if change != nil {
		change(&file)
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Keys writes keys into a folder, and returns it.
func Keys(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"signing", "pepper", "kek"} {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		if err := os.WriteFile(filepath.Join(folder, name), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// Write puts a policy file into a folder as the kubelet does: whole, or not at all.
func Write(t testing.TB, folder string, text []byte) {
	t.Helper()
	part := filepath.Join(folder, fmt.Sprintf("..%d", time.Now().UnixNano()))
	if err := os.WriteFile(part, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(folder, settings.PolicyFile)); err != nil {
		t.Fatal(err)
	}
}
