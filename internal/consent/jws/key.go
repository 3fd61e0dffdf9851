package jws

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// ErrKey means: bytes are no seed, or a document is no set of public keys.
var ErrKey = errors.New("not a key of consent")

// SeedSize is the length in bytes of the secret from which a key is made.
const SeedSize = ed25519.SeedSize

// Key signs. It never prints its secret.
type Key struct {
	private ed25519.PrivateKey
	public  PublicKey
}

// NewKey returns the key of a seed of SeedSize bytes. The same seed always gives the same key.
func NewKey(seed []byte) (Key, error) {
	if len(seed) != SeedSize {
		return Key{}, ErrKey
	}
	private := ed25519.NewKeyFromSeed(seed)
	public, err := publicKey(private.Public().(ed25519.PublicKey))
	return Key{private, public}, err
}

// ID names the key: its thumbprint (RFC 7638), so that two keys never share a name.
func (k Key) ID() string { return k.public.id }

// Public returns the key that checks what this one signs.
func (k Key) Public() PublicKey { return k.public }

// String hides the secret from every printing verb.
func (Key) String() string { return "[consent key]" }

// GoString hides the secret from %#v.
func (Key) GoString() string { return "[consent key]" }

// PublicKey checks signatures.
type PublicKey struct {
	id  string
	key ed25519.PublicKey
}

func publicKey(key ed25519.PublicKey) (PublicKey, error) {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, fmt.Errorf("naming a key: %w", err)
	}
	return PublicKey{base64.RawURLEncoding.EncodeToString(sum), key}, nil
}

// PublicOf is the key of its raw form.
func PublicOf(key ed25519.PublicKey) (PublicKey, error) {
	if len(key) != ed25519.PublicKeySize {
		return PublicKey{}, ErrKey
	}
	return publicKey(slices.Clone(key))
}

// Keys are public keys: the one that signs now, and the old ones, without which old receipts could not be checked.
type Keys struct{ keys []PublicKey }

// NewKeys is the set of keys, each once.
func NewKeys(keys ...PublicKey) Keys {
	var set Keys
	for _, key := range keys {
		if _, known := set.find(key.id); !known {
			set.keys = append(set.keys, key)
		}
	}
	return set
}

// Document is the set as a JWKS document (RFC 7517), in the order in which the keys were given.
func (k Keys) Document() ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range k.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.key, KeyID: key.id, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("writing the set of keys: %w", err)
	}
	return document, nil
}

// ParseKeys reads a JWKS document. Keys of other kinds are left out, for they sign nothing of ours; a secret key, or one whose
// name is not its thumbprint, is ErrKey, and so is a document without a key.
func ParseKeys(document []byte) (Keys, error) {
	var set jose.JSONWebKeySet
	if json.Unmarshal(document, &set) != nil {
		return Keys{}, ErrKey
	}
	var found []PublicKey
	for _, key := range set.Keys {
		if !key.IsPublic() {
			return Keys{}, ErrKey
		}
		ours, is := key.Key.(ed25519.PublicKey)
		if !is {
			continue
		}
		public, err := publicKey(ours)
		if err != nil || public.id != key.KeyID {
			return Keys{}, ErrKey
		}
		found = append(found, public)
	}
	if len(found) == 0 {
		return Keys{}, ErrKey
	}
	return NewKeys(found...), nil
}

func (k Keys) find(id string) (PublicKey, bool) {
	i := slices.IndexFunc(k.keys, func(p PublicKey) bool { return p.id == id })
	if i < 0 {
		return PublicKey{}, false
	}
	return k.keys[i], true
}

// Public are the keys in raw form, for what else they sign: the heads of the log.
func (k Keys) Public() []ed25519.PublicKey {
	raw := make([]ed25519.PublicKey, 0, len(k.keys))
	for _, key := range k.keys {
		raw = append(raw, slices.Clone(key.key))
	}
	return raw
}
