// Package policytest plays the log of a consent service for tests: checkpoints of any size, and proofs between them.
package policytest

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// Log is a log whose events are numbers behind a salt: another salt makes another log from the first event on.
type Log struct {
	Salt   string
	hashes []tlog.Hash
	size   int64
}

// ReadHashes is what tlog asks of a tree.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = l.hashes[index]
	}
	return out, nil
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func (l *Log) grow(size int64) {
	for ; l.size < size; l.size++ {
		l.hashes = append(l.hashes, must(tlog.StoredHashes(l.size, fmt.Appendf(nil, "%s%d", l.Salt, l.size), l))...)
	}
}

// Head is what the service says of its ledger at a size.
func (l *Log) Head(size int64, at time.Time) policy.LedgerAnswer {
	l.grow(size)
	root := must(tlog.TreeHash(size, l)).String()
	return policy.LedgerAnswer{Size: size, Root: root, CheckpointTime: &at,
		Checkpoint: fmt.Sprintf("consent.acme.example/t\n%d\n%s\n\n— consent.acme.example/t c2ln\n", size, root)}
}

// Path proves that the log of a larger size continues that of a smaller one.
func (l *Log) Path(from, to int64) [][]byte {
	l.grow(to)
	return proof.Path(must(tlog.ProveTree(to, from, l)))
}
