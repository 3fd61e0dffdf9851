package consent

import (
	"context"
	"errors"
	"slices"
	"strconv"
)

// ErrKeyMissing says that a key that rows of the ledger need is not here, and without it the answer would be wrong or cannot be read. Nothing is
// lost: with the key it is as it was.
var ErrKeyMissing = errors.New("a key that the ledger needs is missing")

// KeyKind says what a key is for that the ledger does not keep.
type KeyKind string

// The kinds of keys.
const (
	// KeyKEK wraps the keys of people.
	KeyKEK KeyKind = "kek"
	// KeyPepper hides names of people.
	KeyPepper KeyKind = "pepper"
)

// MostBefore is how many peppers, and keys that wrap keys, are kept whose place another has taken.
const MostBefore = 8

// NextEntry is the entry of a Secret, and the file, of a key that is to take the place of the one of a name.
func NextEntry(name string) string { return name + "-next" }

// BeforeEntries are those of keys whose place another has taken.
func BeforeEntries(name string) []string {
	entries := []string{name + "-before"}
	for n := 2; n <= MostBefore; n++ {
		entries = append(entries, name+"-before-"+strconv.Itoa(n))
	}
	return entries
}

// KeyUse is a key and what needs it. ID is the start of a digest of the key: it names the key and tells nothing of it.
type KeyUse struct {
	Kind KeyKind
	ID   string
	// Current keys are those under which this process writes; Held are those that it has.
	Current, Held bool
	// Rows is how many people's keys are wrapped by it, or names hidden under it, as last counted; nil before.
	Rows *int64
}

// Needed tells whether rows may need the key.
func (u KeyUse) Needed() bool { return u.Rows == nil || *u.Rows > 0 }

// Missing tells whether rows may need a key that is not here.
func (u KeyUse) Missing() bool { return u.Needed() && !u.Held }

// Keys lets other keys take the place of those that a ledger is made with.
type Keys interface {
	// KeyUses returns the keys that were ever written under, and those that are held, by kind and then the newest first.
	KeyUses(ctx context.Context) ([]KeyUse, error)
	// Tend does a part of what another key leaves to do: wraps some keys of people anew, and counts what old keys are needed for when that
	// is done. More says that there is something left to do at once.
	Tend(ctx context.Context) (more bool, err error)
}

// TakesBack tells whether an act only says no. It is recorded also where a key is missing: what was given must be as easy to take back as
// it was to give (Article 7(3)). A wish to be erased is more than that.
func (a *Act) TakesBack() bool {
	return !slices.ContainsFunc(a.Choices, func(c Choice) bool { return c.Decision != Denied || c.Type == EventErasureAsked })
}
