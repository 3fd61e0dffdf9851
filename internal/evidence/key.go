package evidence

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Origin names the log in checkpoints, and its key in signatures. It does not begin as the texts that DSSE signs do
// ("DSSEv1 "), so one key can sign both and no signature of one passes for the other.
const Origin = "gdpr.rempart.dev/evidence"

// SeedSize is the length in bytes of the secret from which a key is made.
const SeedSize = ed25519.SeedSize

// algorithm is Ed25519 in the keys of signed notes.
const algorithm = 1

// Key signs certificates and checkpoints. It never prints its secret.
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
	text, err := note.NewEd25519VerifierKey(Origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		return Key{}, fmt.Errorf("making a key of evidence: %w", err)
	}
	public, err := ParsePublicKey(text)
	return Key{private, public}, err
}

// Public returns the key that checks what this one signs.
func (k Key) Public() PublicKey { return k.public }

// Name, KeyHash and Sign make the key a note.Signer.

// Name returns Origin.
func (Key) Name() string { return Origin }

// KeyHash tells keys apart.
func (k Key) KeyHash() uint32 { return k.public.KeyHash() }

// Sign signs a message with Ed25519 (RFC 8032): the same message always gives the same signature.
func (k Key) Sign(message []byte) ([]byte, error) { return ed25519.Sign(k.private, message), nil }

// String hides the secret from every printing verb.
func (Key) String() string { return "[evidence key]" }

// GoString hides the secret from %#v.
func (Key) GoString() string { return "[evidence key]" }

// PublicKey checks signatures. Its text is that of signed notes: name, hash and key, joined by plus signs.
type PublicKey struct {
	note.Verifier
	text string
	key  ed25519.PublicKey
}

// ParsePublicKey reads the text of a public key; white space around it is ignored.
func ParsePublicKey(text string) (PublicKey, error) {
	text = strings.TrimSpace(text)
	verifier, err := note.NewVerifier(text)
	if err != nil || verifier.Name() != Origin {
		return PublicKey{}, ErrKey
	}
	parts := strings.SplitN(text, "+", 3)
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != algorithm {
		return PublicKey{}, ErrKey
	}
	key := ed25519.PublicKey(data[1:])
	if again, err := note.NewEd25519VerifierKey(Origin, key); err != nil || again != text {
		return PublicKey{}, ErrKey
	}
	return PublicKey{verifier, text, key}, nil
}

// String returns the text of the key, one line.
func (p PublicKey) String() string { return p.text }

// ID names the key in certificates: its name and hash.
func (p PublicKey) ID() string { return fmt.Sprintf("%s+%08x", p.Name(), p.KeyHash()) }
