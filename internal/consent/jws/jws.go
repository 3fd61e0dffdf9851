// Package jws signs and checks what the consent service hands out: compact JSON Web Signatures (RFC 7515) by Ed25519 (RFC 8037)
// whose header says nothing but algorithm, key and type. Every other way to write the same is refused, so that any changed
// byte is found, and so are all other algorithms, none and HMAC among them (RFC 8725, section 3.1).
package jws

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// What is wrong with a signed text. None quotes what was read.
var (
	// ErrForm: not written as Sign writes it.
	ErrForm = errors.New("not in the form in which Rempart signs")
	// ErrAlgorithm: it names another algorithm than EdDSA.
	ErrAlgorithm = errors.New("not signed by EdDSA")
	// ErrType: it is signed, and something else.
	ErrType = errors.New("signed for something else")
	// ErrForeign: it names a key that is not among those given.
	ErrForeign = errors.New("signed by a key that is not known")
	// ErrAltered: the key that it names did not sign this.
	ErrAltered = errors.New("changed after it was signed")
)

// MaxSize is the most bytes that Open reads.
const MaxSize = 64 << 10

// header is all that a header says, in the order in which it is written.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// Sign returns header, payload and signature. The same payload, type and key always give the same text (RFC 8032).
func (k Key) Sign(typ string, payload []byte) (string, error) {
	if len(k.private) == 0 {
		return "", ErrKey
	}
	signed, err := signingInput(header{string(jose.EdDSA), k.ID(), typ}, payload)
	if err != nil {
		return "", err
	}
	return finish(signed, ed25519.Sign(k.private, signed)), nil
}

// Open checks a text that was signed for a type by one of the keys, and returns its payload and the key's id.
func (k Keys) Open(typ, text string) (payload []byte, id string, err error) {
	if len(text) > MaxSize {
		return nil, "", ErrForm
	}
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if _, other := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); other {
		return nil, "", ErrAlgorithm
	}
	if err != nil || len(parsed.Signatures) != 1 {
		return nil, "", ErrForm
	}
	signature := parsed.Signatures[0]
	id = signature.Protected.KeyID
	if said, is := signature.Protected.ExtraHeaders[jose.HeaderType].(string); !is || said != typ {
		return nil, "", ErrType
	}
	public, known := k.find(id)
	if !known {
		return nil, "", ErrForeign
	}
	payload, err = parsed.Verify(public.key)
	if err != nil {
		return nil, "", ErrAltered
	}
	if again, err := signingInput(header{string(jose.EdDSA), id, typ}, payload); err != nil || finish(again, signature.Signature) != text {
		return nil, "", ErrForm
	}
	return payload, id, nil
}

// signingInput is what is signed: header and payload (RFC 7515, section 5.1). There is room behind it for the signature.
func signingInput(h header, payload []byte) ([]byte, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("writing a header: %w", err)
	}
	encoding := base64.RawURLEncoding
	text := make([]byte, 0, encoding.EncodedLen(len(head))+encoding.EncodedLen(len(payload))+encoding.EncodedLen(ed25519.SignatureSize)+2)
	return encoding.AppendEncode(append(encoding.AppendEncode(text, head), '.'), payload), nil
}

// finish writes the signature behind what was signed.
func finish(signed, signature []byte) string {
	return string(base64.RawURLEncoding.AppendEncode(append(signed, '.'), signature))
}
