package evidence

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// LeafKind is what a leaf tells of.
type LeafKind string

// Kinds of leaves.
const (
	// LeafErasure is of the certificate of a request that ended.
	LeafErasure LeafKind = "erasure"
	// LeafReplay is of the certificate of a run that erased again who came back with a backup.
	LeafReplay LeafKind = "replay"
	// LeafKey is of a key that was replaced by another.
	LeafKey LeafKind = "key"
)

// Leaf is what the log holds of a certificate: what it is of, and its digest. Neither says anything of a person.
type Leaf struct {
	Kind LeafKind
	// UID of the ErasureRequest, or of the ErasureRun of a replay; of a key the hash.
	UID string
	// Digest is sha256:<hex> of the certificate; empty for a key.
	Digest string
	// Rotation of a key; the zero one for others.
	Rotation Rotation
}

// largestUID is the most bytes of a UID.
const largestUID = 64

// ParseLeaf reads the line of a leaf, without its line feed.
func ParseLeaf(line string) (Leaf, error) {
	kind, rest, _ := strings.Cut(line, " ")
	if LeafKind(kind) == LeafKey {
		return parseRotation(line)
	}
	uid, digest, _ := strings.Cut(rest, " ")
	hash, hashed := strings.CutPrefix(digest, "sha256:")
	if LeafKind(kind) != LeafErasure && LeafKind(kind) != LeafReplay || !named(uid) || !hashed || len(hash) != 2*sha256.Size || strings.Trim(hash, "0123456789abcdef") != "" {
		return Leaf{}, fmt.Errorf("reading a leaf: %w", ErrForm)
	}
	return Leaf{Kind: LeafKind(kind), UID: uid, Digest: digest}, nil
}

// named tells whether a text can be a UID: letters, digits and, behind the first, hyphens. It is used as a file's name.
func named(uid string) bool {
	strange := func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return uid != "" && len(uid) <= largestUID && uid[0] != '-' && !strings.ContainsFunc(uid, strange)
}

// String returns the line of the leaf: "<kind> <UID> sha256:<hex>", or what parseRotation reads.
func (l Leaf) String() string {
	if r := l.Rotation; l.Kind == LeafKey {
		return strings.Join([]string{string(l.Kind), l.UID, r.From, r.To, r.FromSig, r.ToSig}, " ")
	}
	return string(l.Kind) + " " + l.UID + " " + l.Digest
}

// hash is the hash of the leaf in the tree (RFC 6962, section 2.1).
func (l Leaf) hash() tlog.Hash { return tlog.RecordHash([]byte(l.String())) }

// Grow returns the hashes that a leaf adds to a log of the given size, in the order in which tlog stores them. Stored
// reads those of the leaves before it.
func Grow(size int64, leaf Leaf, stored tlog.HashReader) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashesForRecordHash(size, leaf.hash(), stored)
	if err != nil {
		return nil, fmt.Errorf("growing the log: %w", err)
	}
	return hashes, nil
}

// Bringer tells which leaf brought a stored hash, and as which of its hashes.
func Bringer(index int64) (leaf int64, place int) {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n+1)<<level - 1, level
}

// valid tells whether the leaf has a line that can be read again.
func (l Leaf) valid() error {
	_, err := ParseLeaf(l.String())
	return err
}
