package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rempart-dev/rempart/internal/consent/jws"
)

// keyBytes is how long each key is: an Ed25519 seed, a pepper, a key that wraps keys.
const keyBytes = 32

// Keys are the service's secrets. None is ever in the database, in a log or in an answer.
type Keys struct {
	// Signing signs receipts and notice tokens; Seed is what it is made of, for the log's key.
	Signing jws.Key
	Seed    []byte
	// Before is the seed of the key whose place Signing takes; nil where there is none, or the log says so already.
	Before []byte
	// Public checks what Signing signed, and what the key before it did. Those of earlier are known from the log.
	Public jws.Keys
	// Peppers and KEKs: the first of each is the one that is written under. The others are one that is to take its place, and those
	// whose place it took.
	Peppers, KEKs []Held
}

// fileBefore is the seed whose place that of fileSigning takes.
const (
	fileSigning = "signing"
	fileBefore  = "signing-before"
)

// ReadKeys reads the files signing (a seed), pepper and kek of a folder, 32 bytes each, and, if they are there, signing-before: the seed
// that signed until now, and the other peppers and key-encryption keys that are held.
func ReadKeys(folder string) (keys Keys, err error) {
	for _, one := range []struct {
		name string
		into *[]Held
	}{{"pepper", &keys.Peppers}, {"kek", &keys.KEKs}} {
		if *one.into, err = readHeld(folder, one.name); err != nil {
			return Keys{}, err
		}
	}
	if keys.Seed, err = readKey(folder, fileSigning); err != nil {
		return Keys{}, err
	}
	if shared(keys.Peppers, keys.KEKs, []Held{{Key: keys.Seed}}) {
		return Keys{}, errors.New("reading the keys: two of them are the same")
	}
	if keys.Signing, err = jws.NewKey(keys.Seed); err != nil {
		return Keys{}, fmt.Errorf("reading the key signing: %w", err)
	}
	keys.Public = jws.NewKeys(keys.Signing.Public())
	if _, err := os.Stat(filepath.Join(folder, fileBefore)); errors.Is(err, os.ErrNotExist) {
		return keys, nil
	}
	if keys.Before, err = readKey(folder, fileBefore); err != nil {
		return Keys{}, err
	}
	before, err := jws.NewKey(keys.Before)
	if err != nil || before.ID() == keys.Signing.ID() {
		return Keys{}, fmt.Errorf("reading the key %s: it is none, or the same as signing", fileBefore)
	}
	keys.Public = jws.NewKeys(keys.Signing.Public(), before.Public())
	return keys, nil
}

// readKey refuses what is no key before it is used as one: a wrong length, or all bytes alike.
func readKey(folder, name string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: the file cannot be read", name)
	}
	if len(key) != keyBytes || bytes.Count(key, key[:1]) == keyBytes {
		return nil, fmt.Errorf("reading the key %s: it is not one of %d bytes", name, keyBytes)
	}
	return key, nil
}
