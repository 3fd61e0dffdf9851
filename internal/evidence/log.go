package evidence

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Log is a whole log whose leaves are those that its checkpoint signs.
type Log struct {
	// Head is the checkpoint of the log, Signed its note.
	Head   Checkpoint
	Signed []byte
	leaves []Leaf
	index  map[string]int64
	hashes hashes
}

// hashes are all stored hashes of a log, in the order of tlog.
type hashes []tlog.Hash

// ReadHashes makes hashes a tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, ErrLeaves
		}
		found[i] = h[index]
	}
	return found, nil
}

// ReadLog checks a whole log: leaves, a line each, in order, against a signed checkpoint. ErrTail, ErrUnsigned,
// ErrLeaves and ErrTwice say what is wrong. An older copy of leaves and checkpoint passes; Extends finds it.
func ReadLog(leaves, checkpoint []byte, public PublicKey) (*Log, error) {
	head, err := ReadCheckpoint(checkpoint, public)
	if err != nil {
		return nil, err
	}
	l := &Log{Head: head, Signed: checkpoint, index: map[string]int64{}}
	text, whole := strings.CutSuffix(string(leaves), "\n")
	lines := strings.Split(text, "\n")
	switch {
	case len(leaves) == 0:
		lines = nil
	case !whole:
		return nil, fmt.Errorf("reading the log: %w", ErrForm)
	}
	switch size := int64(len(lines)); {
	case size < head.Size:
		return nil, fmt.Errorf("checking the log: %w", ErrTail)
	case size > head.Size:
		return nil, fmt.Errorf("checking the log: %w", ErrUnsigned)
	}
	for _, line := range lines {
		if err := l.add(line); err != nil {
			return nil, err
		}
	}
	return l, l.check()
}

func (l *Log) add(line string) error {
	leaf, err := ParseLeaf(line)
	if err != nil {
		return err
	}
	if _, twice := l.index[leaf.UID]; twice {
		return fmt.Errorf("checking the log: %w", ErrTwice)
	}
	size := int64(len(l.leaves))
	grown, err := Grow(size, leaf, l.hashes)
	if err != nil {
		return err
	}
	l.leaves, l.index[leaf.UID], l.hashes = append(l.leaves, leaf), size, append(l.hashes, grown...)
	return nil
}

func (l *Log) check() error {
	found, err := CheckpointOf(l.Head.Size, l.hashes)
	if err != nil {
		return err
	}
	if found != l.Head {
		return fmt.Errorf("checking the log: %w", ErrLeaves)
	}
	return nil
}

// Find returns the index of a leaf: ErrAbsent when the log has none of its request, ErrContradicted when it has another.
func (l *Log) Find(leaf Leaf) (int64, error) {
	index, ok := l.index[leaf.UID]
	if !ok {
		return 0, ErrAbsent
	}
	if l.leaves[index] != leaf {
		return 0, ErrContradicted
	}
	return index, nil
}

// Extends checks that the log continues one that was seen before: ErrRolledBack when it is shorter, ErrForked when its
// first leaves are others.
func (l *Log) Extends(seen Checkpoint) error {
	if seen.Size > l.Head.Size {
		return ErrRolledBack
	}
	then, err := CheckpointOf(seen.Size, l.hashes)
	if err != nil {
		return err
	}
	if then != seen {
		return ErrForked
	}
	return nil
}

// Prove writes the proof that the leaf at an index is in the log.
func (l *Log) Prove(index int64) (string, error) { return Prove(index, l.Head, l.Signed, l.hashes) }

// Extends compares two checkpoints without the leaves: ErrRolledBack when the one that was seen before is of a longer log,
// ErrForked when they differ at the same size. ErrNotShown means that it takes the whole log to tell.
func (c Checkpoint) Extends(seen Checkpoint) error {
	switch {
	case seen.Size > c.Size:
		return ErrRolledBack
	case seen.Size < c.Size:
		return ErrNotShown
	case seen.Root != c.Root:
		return ErrForked
	}
	return nil
}
