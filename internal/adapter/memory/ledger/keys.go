package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// wrapped is a person's key under a key-encryption key.
type wrapped struct {
	kek string
	key []byte
}

// link is whose a name is, and the pepper under which it is hidden.
type link struct {
	subject uuid.UUID
	pepper  string
}

// use is a key that was adopted.
type use struct {
	kind consent.KeyKind
	id   string
}

// Rekey lets the ledger go on with other keys, as if it were opened with them: the first of each is the one that it writes under.
func (l *Ledger) Rekey(peppers, keks [][]byte) error {
	ring, err := seal.NewRing(keks[0], keks[1:]...)
	if err != nil {
		return fmt.Errorf("making the ring of keys: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peppers, l.ring = peppers, ring
	for _, now := range []use{{consent.KeyKEK, ring.Current()}, {consent.KeyPepper, event.PepperID(peppers[0])}} {
		l.used = append(slices.DeleteFunc(l.used, func(u use) bool { return u == now }), now)
	}
	return nil
}

func (l *Ledger) has(kind consent.KeyKind, id string) bool {
	if kind == consent.KeyKEK {
		return l.ring.Has(id)
	}
	return slices.ContainsFunc(l.peppers, func(p []byte) bool { return event.PepperID(p) == id })
}

// rows is how many need a key.
func (l *Ledger) rows(u use) (n int64) {
	if u.kind == consent.KeyKEK {
		for _, w := range l.keys {
			if w.kek == u.id {
				n++
			}
		}
		return n
	}
	for _, of := range l.links {
		if of.pepper == u.id {
			n++
		}
	}
	return n
}

// KeyUses returns the keys that were ever written under, and those that are held.
func (l *Ledger) KeyUses(context.Context) ([]consent.KeyUse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := slices.Clone(l.used)
	slices.Reverse(known)
	for _, id := range l.ring.IDs() {
		known = append(known, use{consent.KeyKEK, id})
	}
	for _, p := range l.peppers {
		known = append(known, use{consent.KeyPepper, event.PepperID(p)})
	}
	var uses []consent.KeyUse
	for _, kind := range []consent.KeyKind{consent.KeyKEK, consent.KeyPepper} {
		for i, u := range known {
			if u.kind != kind || slices.Index(known, u) < i {
				continue
			}
			n := l.rows(u)
			current := u.id == l.ring.Current() || u.id == event.PepperID(l.peppers[0])
			uses = append(uses, consent.KeyUse{Kind: u.kind, ID: u.id, Current: current, Held: l.has(u.kind, u.id), Rows: &n})
		}
	}
	return uses, nil
}

// Tend wraps all keys of people anew.
func (l *Ledger) Tend(context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for subject, w := range l.keys {
		if w.kek == l.ring.Current() {
			continue
		}
		if key, err := l.ring.Rewrap([seal.NonceSize]byte(chance(seal.NonceSize)), w.kek, w.key, l.tenant, subject); err == nil {
			l.keys[subject] = wrapped{l.ring.Current(), key}
		}
	}
	return false, nil
}

// key opens the key of a person. There is none of who was forgotten.
func (l *Ledger) key(subject uuid.UUID) (seal.Key, bool, error) {
	w, there := l.keys[subject]
	if !there {
		return seal.Key{}, false, nil
	}
	key, err := l.ring.Open(w.kek, w.key, l.tenant, subject)
	if errors.Is(err, seal.ErrKey) {
		err = consent.ErrKeyMissing
	}
	return key, true, err
}

// lost tells whether names are hidden under a pepper that is not here.
func (l *Ledger) lost() bool {
	for _, of := range l.links {
		if !l.has(consent.KeyPepper, of.pepper) {
			return true
		}
	}
	return false
}

// unknown is why a person is not found.
func (l *Ledger) unknown(person consent.Person) error {
	if person.Kind != consent.KindSubject && l.lost() {
		return consent.ErrKeyMissing
	}
	return consent.ErrUnknown
}

// named finds a person by the forms of a name, and leaves the newest form alone. Two people to whom they lead become the one of the
// older.
func (l *Ledger) named(person consent.Person) (uuid.UUID, bool) {
	var found []uuid.UUID
	for _, pepper := range l.peppers {
		form := string(event.Link(pepper, person))
		of, there := l.links[form]
		if !there {
			continue
		}
		found = append(found, of.subject)
		delete(l.links, form)
	}
	if len(found) == 0 {
		return uuid.Nil, false
	}
	subject := found[len(found)-1]
	for _, other := range found {
		if other != subject && !slices.Contains(l.merged[subject], other) {
			l.join(subject, other)
		}
	}
	l.name(person, subject)
	return subject, true
}

// name keeps a name of a person.
func (l *Ledger) name(person consent.Person, subject uuid.UUID) {
	l.links[string(event.Link(l.peppers[0], person))] = link{subject, event.PepperID(l.peppers[0])}
}
