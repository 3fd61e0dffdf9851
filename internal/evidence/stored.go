package evidence

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Objects that hold evidence in a cluster: in the operator's namespace the key, the head of the log and its leaves; in the
// namespace of a request its certificate.
const (
	// KeySecretName is the Secret with the seed of the first key, under SeedKey. KeySecret names those of the next.
	KeySecretName = "rempart-evidence-key"
	SeedKey       = "seed"
	// AnnotationRotate, on the newest of these Secrets, asks for the next key.
	AnnotationRotate = "gdpr.rempart.dev/rotate"
	// PublicKeyName is the ConfigMap with all public keys, a line each, the newest last, under PublicKeyFile. Everybody may read it.
	PublicKeyName = "rempart-evidence-public-key"
	PublicKeyFile = "key.pub"
	// HeadName is the ConfigMap with the signed checkpoint of the whole log, under CheckpointFile.
	HeadName       = "rempart-evidence-head"
	CheckpointFile = "checkpoint"
	// LeavesFile has the leaves of an exported log, a line each.
	LeavesFile = "leaves"
	// CertificateFile is the certificate in its ConfigMap.
	CertificateFile = "certificate.json"
)

// Label marks leaves and certificates, by kind.
const (
	Label            = "gdpr.rempart.dev/evidence"
	LabelLeaf        = "leaf"
	LabelCertificate = "certificate"
)

// The data of a leaf's ConfigMap: its line, and the hashes that it brought, a line each.
const (
	LeafData   = "leaf"
	HashesData = "hashes"
)

const entryPrefix = "rempart-evidence-"

// EntryName is the ConfigMap of the leaf at an index. Whoever writes the same index writes the same name, so that of two
// only one succeeds.
func EntryName(index int64) string { return fmt.Sprintf("%s%012d", entryPrefix, index) }

// EntryIndex reads the index of a leaf from the name of its ConfigMap.
func EntryIndex(name string) (int64, error) {
	digits, _ := strings.CutPrefix(name, entryPrefix)
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || index < 0 || EntryName(index) != name {
		return 0, fmt.Errorf("reading the name of a leaf: %w", ErrForm)
	}
	return index, nil
}

// KeySecret is the Secret of the n-th key, from 1.
func KeySecret(n int) string {
	if n <= 1 {
		return KeySecretName
	}
	return fmt.Sprintf("%s-%d", KeySecretName, n)
}

// CertificateName is the ConfigMap of a request's certificate.
func CertificateName(requestUID string) string { return "erasure-certificate-" + requestUID }

// ReplayName is the ConfigMap of the certificate of a run that erased again.
func ReplayName(runUID string) string { return "replay-certificate-" + runUID }

// Entry is a leaf as it is stored, with the hashes that it brought to the tree: what a later leaf or a proof needs of it.
type Entry struct {
	Index  int64
	Leaf   Leaf
	Hashes []tlog.Hash
}

// Data is the data of the entry's ConfigMap.
func (e Entry) Data() map[string]string {
	lines := make([]string, 0, len(e.Hashes))
	for _, hash := range e.Hashes {
		lines = append(lines, hash.String())
	}
	return map[string]string{LeafData: e.Leaf.String(), HashesData: strings.Join(lines, "\n")}
}

// ParseEntry reads the data of the ConfigMap of the leaf at an index. ErrForm means that it is no leaf, or not there.
func ParseEntry(index int64, data map[string]string) (Entry, error) {
	leaf, err := ParseLeaf(data[LeafData])
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Index: index, Leaf: leaf}
	for line := range strings.SplitSeq(data[HashesData], "\n") {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return Entry{}, fmt.Errorf("reading a leaf: %w", ErrForm)
		}
		entry.Hashes = append(entry.Hashes, hash)
	}
	if brought := tlog.StoredHashCount(index+1) - tlog.StoredHashCount(index); int64(len(entry.Hashes)) != brought || entry.Hashes[0] != leaf.hash() {
		return Entry{}, fmt.Errorf("reading a leaf: %w", ErrForm)
	}
	return entry, nil
}
