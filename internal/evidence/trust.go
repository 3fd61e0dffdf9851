package evidence

import (
	"fmt"
	"slices"
	"strings"
)

// Trust is whose signatures count: those of one PublicKey, or of Keys.
type Trust interface {
	trusted() []PublicKey
}

func (p PublicKey) trusted() []PublicKey { return []PublicKey{p} }

// Keys are public keys in the order in which they signed: each but the first replaced the one before it.
type Keys []PublicKey

func (k Keys) trusted() []PublicKey { return k }

// ParseKeys reads public keys, a line each. ErrKey means that there is none, one twice, or a line that is none.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	for line := range strings.Lines(strings.TrimSpace(text)) {
		key, err := ParsePublicKey(line)
		if err != nil || keys.has(key) {
			return nil, ErrKey
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ErrKey
	}
	return keys, nil
}

// String returns the keys as ParseKeys reads them, a line each.
func (k Keys) String() string {
	var text strings.Builder
	for _, key := range k {
		fmt.Fprintln(&text, key)
	}
	return text.String()
}

// Last is the key that signs now.
func (k Keys) Last() PublicKey { return k[len(k)-1] }

func (k Keys) has(key PublicKey) bool {
	return slices.ContainsFunc(k, func(p PublicKey) bool { return p.text == key.text })
}

// KeysOf are the keys that signed a log with these rotations, in their order; none where it has none. ErrChain means that they do
// not follow each other.
func KeysOf(rotations []Rotation) (Keys, error) {
	var keys Keys
	for i, r := range rotations {
		from, to, err := r.keys()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			keys = Keys{from}
		}
		if keys.Last().text != from.text || keys.has(to) {
			return nil, fmt.Errorf("following the keys of the log: %w", ErrChain)
		}
		keys = append(keys, to)
	}
	return keys, nil
}
