// Package subjectkey names people without saying who they are: a reference is HMAC-SHA-256 of a person's normalised
// identifiers under a key that only the operator has. References of one key can be compared; when the key is destroyed
// they mean nothing. They are still pseudonymous personal data (Article 4(5)).
package subjectkey

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// SecretName is the Secret in the operator's namespace that holds the keys: ActiveKey names the key that new references
// use, and each key stands under its own name. Old keys stay until nobody needs to compare their references.
const SecretName = "rempart-subject-keys"

// ActiveKey is the key of the Secret's data that names the active key.
const ActiveKey = "active"

// Size is the length of a key in bytes.
const Size = 32

const scheme = "hmac-sha256"

// checkLabel separates keys that are derived for runs from every other use of a key.
const checkLabel = "rempart run check\x00"

// recallLabel separates the keys of namespaces, under which identifiers are remembered.
const recallLabel = "rempart recall\x00"

// Errors. They name key IDs, never keys or people.
var (
	// ErrMalformed means that the Secret is not a ring of keys.
	ErrMalformed = errors.New("reading the subject keys: not a ring of keys")
	// ErrKeyMissing means that the ring no longer has the key of a reference.
	ErrKeyMissing = errors.New("comparing a subject: the key of its reference is gone")
	// ErrReference means that a text is not a reference.
	ErrReference = errors.New("comparing a subject: not a reference")
)

var keyID = regexp.MustCompile(`^[a-z0-9][-a-z0-9]{0,62}$`)

// Ring holds the keys of the operator. It never prints them.
type Ring struct {
	active string
	keys   map[string][]byte
}

// Parse reads the data of the Secret.
func Parse(data map[string][]byte) (Ring, error) {
	ring := Ring{active: string(data[ActiveKey]), keys: make(map[string][]byte, len(data))}
	for id, key := range data {
		if id == ActiveKey {
			continue
		}
		if !keyID.MatchString(id) || len(key) != Size {
			return Ring{}, ErrMalformed
		}
		ring.keys[id] = key
	}
	if _, ok := ring.keys[ring.active]; !ok {
		return Ring{}, ErrMalformed
	}
	return ring, nil
}

// Data returns the data of a Secret with one key: its ID is the start of the key's own SHA-256, so that two rings that
// were made at once cannot mean different keys by one ID.
func Data(key []byte) (map[string][]byte, error) {
	if len(key) != Size {
		return nil, ErrMalformed
	}
	sum := sha256.Sum256(key)
	id := "k" + hex.EncodeToString(sum[:4])
	return map[string][]byte{ActiveKey: []byte(id), id: key}, nil
}

// Reference names a person under the active key: hmac-sha256:<key ID>:<hex>.
func (r Ring) Reference(person subject.Subject) string {
	return strings.Join([]string{scheme, r.active, person.MAC(r.keys[r.active])}, ":")
}

// References name a person by all identifiers together and by each alone, under every key of the ring: two that share an
// identifier share a reference. Sorted, the active key's first.
func (r Ring) References(person subject.Subject) []string {
	subjects := []subject.Subject{person}
	if parts := person.Parts(); len(parts) > 1 {
		subjects = append(subjects, parts...)
	}
	ids := slices.SortedFunc(maps.Keys(r.keys), func(a, b string) int {
		return cmp.Or(cmp.Compare(btoi(b == r.active), btoi(a == r.active)), strings.Compare(a, b))
	})
	var list []string
	for _, id := range ids {
		for _, s := range subjects {
			list = append(list, strings.Join([]string{scheme, id, s.MAC(r.keys[id])}, ":"))
		}
	}
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Same tells whether a reference names this person. The comparison takes the same time for every answer.
func (r Ring) Same(reference string, person subject.Subject) (bool, error) {
	parts := strings.Split(reference, ":")
	if len(parts) != 3 || parts[0] != scheme {
		return false, ErrReference
	}
	key, ok := r.keys[parts[1]]
	if !ok {
		return false, fmt.Errorf("%w: %q", ErrKeyMissing, parts[1])
	}
	return hmac.Equal([]byte(parts[2]), []byte(person.MAC(key))), nil
}

// RecallKeys derives, by ID, the keys under which a namespace remembers identifiers. Only the eraser of a replay in that namespace
// sees them, and learns nothing about the ring's own keys or about other namespaces.
func (r Ring) RecallKeys(namespace string) map[string][]byte {
	keys := make(map[string][]byte, len(r.keys))
	for id, key := range r.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(recallLabel + namespace))
		keys[id] = mac.Sum(nil)
	}
	return keys
}

// Recall names each identifier of a person alone, under the active key of the namespace, so that who comes back with a backup can
// be found.
func (r Ring) Recall(namespace string, person subject.Subject) []string {
	key := r.RecallKeys(namespace)[r.active]
	var list []string
	for _, part := range person.Parts() {
		list = append(list, task.Reference(r.active, part.MAC(key)))
	}
	return list
}

// RecallAll names each identifier of a person alone, under every key of the namespace, the active key's first: what was written down
// before a rotation is still compared.
func (r Ring) RecallAll(namespace string, person subject.Subject) []string {
	keys, list := r.RecallKeys(namespace), r.Recall(namespace, person)
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		for _, part := range person.Parts() {
			if id != r.active {
				list = append(list, task.Reference(id, part.MAC(keys[id])))
			}
		}
	}
	return list
}

// CheckKey derives the key under which one run checks that its subjects are the accepted ones. The eraser sees it, and
// learns nothing about the ring's own keys.
func (r Ring) CheckKey(runUID string) []byte {
	mac := hmac.New(sha256.New, r.keys[r.active])
	mac.Write([]byte(checkLabel + runUID))
	return mac.Sum(nil)
}

// String hides the keys from every printing verb.
func (Ring) String() string { return "[subject keys]" }

// GoString hides the keys from %#v.
func (Ring) GoString() string { return "[subject keys]" }
