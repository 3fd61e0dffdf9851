// Package client tells which program asks: by a ServiceAccount's token of the service's audience, verified offline against the cluster's
// published keys, so that a service that faces the internet needs no way to the API server.
package client

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// leeway is how far the clocks of the cluster may be apart.
const leeway = 30 * time.Second

// maxToken bounds what is parsed; a cluster's tokens have about 1 KB.
const maxToken = 16 << 10

// accepted are the algorithms that Kubernetes signs with. None and HS* are never accepted: RFC 8725, section 3.1.
var accepted = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// ErrRefused is why a token does not count. The reason is not told: it would help who forges.
var ErrRefused = errors.New("refused")

// Account is a ServiceAccount.
type Account struct{ Namespace, Name string }

// Issuer is who signs tokens: the cluster's issuer, and its keys as its /openid/v1/jwks publishes them.
type Issuer struct {
	Issuer string          `json:"issuer"`
	JWKS   json.RawMessage `json:"jwks"`
}

// Verifier knows the issuers, and which tokens it has verified: a client brings the same one until it ends, and the same keys give the
// same answer. Its zero value accepts nobody.
type Verifier struct {
	issuers map[string]jose.JSONWebKeySet
	known   *known
}

// known are tokens that were verified, by the SHA-256 of what they were made for and of themselves.
type known struct {
	mu     sync.RWMutex
	tokens map[[sha256.Size]byte]verified
}

// verified is whose a token is, and when it counts.
type verified struct {
	Account
	from, until time.Time
}

// maxKnown is how many tokens are remembered.
const maxKnown = 1024

func (k *known) find(sum [sha256.Size]byte, now time.Time) (Account, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	v, ok := k.tokens[sum]
	return v.Account, ok && !now.Before(v.from) && !now.After(v.until)
}

func (k *known) keep(sum [sha256.Size]byte, v verified) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.tokens) >= maxKnown {
		clear(k.tokens)
	}
	k.tokens[sum] = v
}

// NewVerifier reads the issuers' keys. A set without a public key, or with a private or symmetric one, is an error.
func NewVerifier(issuers []Issuer) (Verifier, error) {
	v := Verifier{map[string]jose.JSONWebKeySet{}, &known{tokens: map[[sha256.Size]byte]verified{}}}
	for _, issuer := range issuers {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(issuer.JWKS, &set); err != nil {
			return Verifier{}, fmt.Errorf("reading the keys of %q: %w", issuer.Issuer, err)
		}
		if issuer.Issuer == "" || len(set.Keys) == 0 {
			return Verifier{}, fmt.Errorf("reading the issuers: %q has no name or no keys", issuer.Issuer)
		}
		for _, key := range set.Keys {
			if !key.IsPublic() || !key.Valid() {
				return Verifier{}, fmt.Errorf("reading the keys of %q: %q is not a public key", issuer.Issuer, key.KeyID)
			}
		}
		if _, twice := v.issuers[issuer.Issuer]; twice {
			return Verifier{}, fmt.Errorf("reading the issuers: %q is there twice", issuer.Issuer)
		}
		v.issuers[issuer.Issuer] = set
	}
	return v, nil
}

// kubernetes is the private claim of a bound token.
type kubernetes struct {
	Kubernetes struct {
		Namespace      string `json:"namespace"`
		ServiceAccount struct {
			Name string `json:"name"`
		} `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

// Verify returns whose token it is, if it was made for an audience. It fails with ErrRefused, whatever the reason.
func (v Verifier) Verify(token, audience string, now time.Time) (Account, error) {
	if len(token) > maxToken || v.known == nil {
		return Account{}, ErrRefused
	}
	sum := sha256.Sum256([]byte(audience + "\x00" + token))
	if account, ok := v.known.find(sum, now); ok {
		return account, nil
	}
	parsed, err := jwt.ParseSigned(token, accepted)
	if err != nil || len(parsed.Headers) != 1 {
		return Account{}, ErrRefused
	}
	var unsafe jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unsafe); err != nil {
		return Account{}, ErrRefused
	}
	set, known := v.issuers[unsafe.Issuer]
	if !known {
		return Account{}, ErrRefused
	}
	for _, key := range set.Key(parsed.Headers[0].KeyID) {
		if checked, ok := check(parsed, key, jwt.Expected{Issuer: unsafe.Issuer, AnyAudience: jwt.Audience{audience}, Time: now}); ok {
			v.known.keep(sum, checked)
			return checked.Account, nil
		}
	}
	return Account{}, ErrRefused
}

// check verifies signature, times, audience and subject with one key. A token without an end is refused: it could never be taken
// back, as nothing here asks whether its ServiceAccount still exists.
func check(token *jwt.JSONWebToken, key jose.JSONWebKey, expected jwt.Expected) (verified, bool) {
	if key.Algorithm != "" && key.Algorithm != token.Headers[0].Algorithm {
		return verified{}, false
	}
	var claims jwt.Claims
	var private kubernetes
	if err := token.Claims(key.Key, &claims, &private); err != nil || claims.Expiry == nil {
		return verified{}, false
	}
	if err := claims.ValidateWithLeeway(expected, leeway); err != nil {
		return verified{}, false
	}
	account := Account{Namespace: private.Kubernetes.Namespace, Name: private.Kubernetes.ServiceAccount.Name}
	namespaced, ok := strings.CutPrefix(claims.Subject, "system:serviceaccount:")
	good := verified{account, claims.NotBefore.Time().Add(-leeway), claims.Expiry.Time().Add(leeway)}
	return good, ok && account.Namespace != "" && account.Name != "" && namespaced == account.Namespace+":"+account.Name
}
