package evidence

import (
	"fmt"
	"regexp"

	"golang.org/x/mod/sumdb/tlog"
)

// Leaf is what the log holds of a certificate: which request it is of, and its digest. Neither says anything of a person.
type Leaf struct {
	// RequestUID is the UID of the ErasureRequest.
	RequestUID string
	// Digest is sha256:<hex> of the certificate.
	Digest string
}

var leafLine = regexp.MustCompile(`^erasure ([0-9A-Za-z][-0-9A-Za-z]{0,63}) (sha256:[0-9a-f]{64})$`)

// ParseLeaf reads the line of a leaf, without its line feed.
func ParseLeaf(line string) (Leaf, error) {
	parts := leafLine.FindStringSubmatch(line)
	if parts == nil {
		return Leaf{}, fmt.Errorf("reading a leaf: %w", ErrForm)
	}
	return Leaf{parts[1], parts[2]}, nil
}

// String returns the line of the leaf: "erasure <request UID> sha256:<hex>".
func (l Leaf) String() string { return "erasure " + l.RequestUID + " " + l.Digest }

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
