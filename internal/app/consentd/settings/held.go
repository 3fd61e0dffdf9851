package settings

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Held is a pepper or a key-encryption key, and the file that it was in.
type Held struct {
	Entry string
	Key   []byte
}

// readHeld reads the keys of a kind. The first must be there; one that is there twice, as while somebody moves it, is one.
func readHeld(folder, name string) (held []Held, err error) {
	for i, entry := range append([]string{name, consent.NextEntry(name)}, consent.BeforeEntries(name)...) {
		if _, err := os.Stat(filepath.Join(folder, entry)); i > 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		key, err := readKey(folder, entry)
		if err != nil {
			return nil, err
		}
		if !shared(held, []Held{{Key: key}}) {
			held = append(held, Held{entry, key})
		}
	}
	return held, nil
}

// shared tells whether a key is in two of the lists.
func shared(lists ...[]Held) bool {
	for i, list := range lists {
		for _, other := range lists[i+1:] {
			for _, one := range list {
				if slices.ContainsFunc(other, func(h Held) bool { return bytes.Equal(h.Key, one.Key) }) {
					return true
				}
			}
		}
	}
	return false
}

// Bytes are the keys alone.
func Bytes(held []Held) [][]byte {
	keys := make([][]byte, len(held))
	for i, h := range held {
		keys[i] = h.Key
	}
	return keys
}

// Entries are the files of peppers and key-encryption keys, by the names that the ledger has for them.
func (k Keys) Entries() map[consent.KeyKind]map[string]string {
	entries := map[consent.KeyKind]map[string]string{consent.KeyPepper: {}, consent.KeyKEK: {}}
	for _, h := range k.Peppers {
		entries[consent.KeyPepper][event.PepperID(h.Key)] = h.Entry
	}
	for _, h := range k.KEKs {
		entries[consent.KeyKEK][seal.ID(h.Key)] = h.Entry
	}
	return entries
}
