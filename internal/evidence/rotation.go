package evidence

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
)

// Rotation says that a key of evidence was replaced by another. Both signed it: the old one says who follows, and the new one
// that it knows. All are texts: keys as public keys are written, signatures in base64.
type Rotation struct {
	From, To       string
	FromSig, ToSig string
}

// Rotate returns the leaf by which a key hands over to the next. The same keys always give the same leaf.
func Rotate(from, to Key) Leaf {
	r := Rotation{From: from.Public().String(), To: to.Public().String()}
	r.FromSig = base64.StdEncoding.EncodeToString(ed25519.Sign(from.private, r.text()))
	r.ToSig = base64.StdEncoding.EncodeToString(ed25519.Sign(to.private, r.text()))
	return Leaf{Kind: LeafKey, UID: fmt.Sprintf("%08x", to.KeyHash()), Rotation: r}
}

// text is what both keys sign. It begins neither as a checkpoint does, whose first line is Origin alone, nor as what DSSE signs.
func (r Rotation) text() []byte {
	return fmt.Appendf(nil, "%s key rotation\n%s\n%s\n", Origin, r.From, r.To)
}

// keys checks both signatures and returns the keys.
func (r Rotation) keys() (from, to PublicKey, err error) {
	if from, err = ParsePublicKey(r.From); err == nil {
		to, err = ParsePublicKey(r.To)
	}
	if err != nil || from.text != r.From || to.text != r.To || from.text == to.text {
		return from, to, fmt.Errorf("reading a rotation: %w", ErrForm)
	}
	for text, key := range map[string]PublicKey{r.FromSig: from, r.ToSig: to} {
		signature, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || base64.StdEncoding.EncodeToString(signature) != text {
			return from, to, fmt.Errorf("reading a rotation: %w", ErrForm)
		}
		if !ed25519.Verify(key.key, r.text(), signature) {
			return from, to, fmt.Errorf("checking a rotation: %w", ErrSignature)
		}
	}
	return from, to, nil
}

// parseRotation reads the line of a rotation: "key <hash of the new key> <old key> <new key> <signature> <signature>".
func parseRotation(line string) (Leaf, error) {
	words := strings.Split(line, " ")
	if len(words) != 6 {
		return Leaf{}, fmt.Errorf("reading a leaf: %w", ErrForm)
	}
	leaf := Leaf{Kind: LeafKey, UID: words[1], Rotation: Rotation{words[2], words[3], words[4], words[5]}}
	_, to, err := leaf.Rotation.keys()
	if err == nil && fmt.Sprintf("%08x", to.KeyHash()) != leaf.UID {
		err = fmt.Errorf("reading a leaf: %w", ErrForm)
	}
	return leaf, err
}
