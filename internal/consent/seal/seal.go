// Package seal hides evidence so that it can be forgotten: each person has a key of their own, and whoever destroys it has
// destroyed what it sealed. The keys lie beside the data, wrapped by a key-encryption key that does not.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Sizes in bytes.
const (
	// KeySize is of key-encryption keys and of people's keys (AES-256).
	KeySize = 32
	// NonceSize is how much chance one sealing takes.
	NonceSize = 12
)

// Errors say nothing of what was sealed.
var (
	// ErrKey means that bytes are no key, or that the ring has no key of that name.
	ErrKey = errors.New("not a key of this ring")
	// ErrSealed means that what is there was not sealed by this key for this place: it was changed or moved.
	ErrSealed = errors.New("not sealed by this key for this place")
)

// Ring holds the key-encryption keys. It never prints them.
type Ring struct {
	current string
	keys    map[string]cipher.AEAD
}

// NewRing takes the key that wraps from now on, and older ones that still unwrap.
func NewRing(current []byte, older ...[]byte) (Ring, error) {
	ring := Ring{current: ID(current), keys: make(map[string]cipher.AEAD, 1+len(older))}
	for _, key := range append([][]byte{current}, older...) {
		aead, err := gcm(key)
		if err != nil {
			return Ring{}, err
		}
		ring.keys[ID(key)] = aead
	}
	return ring, nil
}

// ID names a key-encryption key: the start of a digest. Two rings cannot mean different keys by it.
func ID(key []byte) string {
	sum := sha256.Sum256(append([]byte("rempart kek\x00"), key...))
	return hex.EncodeToString(sum[:4])
}

// String hides the keys from every printing verb.
func (Ring) String() string { return "[key-encryption keys]" }

// GoString hides the keys from %#v.
func (Ring) GoString() string { return "[key-encryption keys]" }

// Current names the key that wraps.
func (r Ring) Current() string { return r.current }

// IDs names all keys of the ring.
func (r Ring) IDs() []string { return slices.Sorted(maps.Keys(r.keys)) }

// Has tells whether the ring has a key of that name.
func (r Ring) Has(named string) bool {
	_, has := r.keys[named]
	return has
}

// Rewrap wraps a person's key, which the named key wraps, by the current one. What it seals is not touched.
func (r Ring) Rewrap(nonce [NonceSize]byte, named string, wrapped []byte, tenant, subject uuid.UUID) ([]byte, error) {
	raw, err := r.unwrap(named, wrapped, tenant, subject)
	if err != nil {
		return nil, err
	}
	return r.keys[r.current].Seal(nonce[:], nonce[:], raw, place(tenant, subject)), nil
}

// Chance is what wrapping a new key takes: the key itself and a nonce.
type Chance struct {
	Key   [KeySize]byte
	Nonce [NonceSize]byte
}

// Key is a person's key.
type Key struct{ aead cipher.AEAD }

// New makes a person's key of chance, and returns it with its wrapped form, bound to tenant and person.
func (r Ring) New(chance *Chance, tenant, subject uuid.UUID) (Key, []byte, error) {
	aead, err := gcm(chance.Key[:])
	if err != nil {
		return Key{}, nil, err
	}
	wrapped := r.keys[r.current].Seal(chance.Nonce[:], chance.Nonce[:], chance.Key[:], place(tenant, subject))
	return Key{aead}, wrapped, nil
}

// Open unwraps a person's key. ErrKey where the ring has no key of that name.
func (r Ring) Open(named string, wrapped []byte, tenant, subject uuid.UUID) (Key, error) {
	raw, err := r.unwrap(named, wrapped, tenant, subject)
	if err != nil {
		return Key{}, err
	}
	aead, err := gcm(raw)
	return Key{aead}, err
}

func (r Ring) unwrap(named string, wrapped []byte, tenant, subject uuid.UUID) ([]byte, error) {
	kek, ok := r.keys[named]
	if !ok {
		return nil, ErrKey
	}
	if len(wrapped) < NonceSize {
		return nil, ErrSealed
	}
	raw, err := kek.Open(nil, wrapped[:NonceSize], wrapped[NonceSize:], place(tenant, subject))
	if err != nil {
		return nil, ErrSealed
	}
	return raw, nil
}

// Seal hides evidence of an event: nonce, ciphertext and tag. The same nonce must not be given twice.
func (k Key) Seal(nonce [NonceSize]byte, evidence []byte, tenant, event uuid.UUID) []byte {
	return k.aead.Seal(nonce[:], nonce[:], evidence, place(tenant, event))
}

// Open shows evidence that was sealed for the event.
func (k Key) Open(sealed []byte, tenant, event uuid.UUID) ([]byte, error) {
	if len(sealed) < NonceSize {
		return nil, ErrSealed
	}
	evidence, err := k.aead.Open(nil, sealed[:NonceSize], sealed[NonceSize:], place(tenant, event))
	if err != nil {
		return nil, ErrSealed
	}
	return evidence, nil
}

// place is the additional data that binds what is sealed to where it lies: tenant ‖ identifier.
func place(tenant, id uuid.UUID) []byte { return append(tenant[:], id[:]...) }

func gcm(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrKey
	}
	return cipher.NewGCM(block)
}
