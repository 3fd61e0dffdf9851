package evidence

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Log is a whole log whose leaves are those that its checkpoint signs.
type Log struct {
	// Head is the checkpoint of the log, Signed its note.
	Head   Checkpoint
	Signed []byte
	// Keys that signed it, in their order: the one before the first rotation, and each that a rotation brought. The last signed Head.
	Keys   Keys
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

// ReadLog checks a whole log: leaves, a line each, in order, against a signed checkpoint. ErrTail, ErrUnsigned, ErrLeaves, ErrTwice
// and ErrChain say what is wrong. An older copy of leaves and checkpoint passes; Extends finds it. It is enough to trust one of
// the keys that signed the log: each rotation is signed by the key before it and by the one behind it, so that one leads to all.
// Its newest key must have signed the checkpoint.
func ReadLog(leaves, checkpoint []byte, trust Trust) (*Log, error) {
	text, whole := strings.CutSuffix(string(leaves), "\n")
	lines := strings.Split(text, "\n")
	keys, err := keysIn(lines)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		if !slices.ContainsFunc(trust.trusted(), keys.has) {
			return nil, fmt.Errorf("checking the keys of the log: %w", ErrSignature)
		}
		trust = keys.Last()
	}
	head, err := ReadCheckpoint(checkpoint, trust)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		keys = signerOf(checkpoint, trust)
	}
	l := &Log{Head: head, Signed: checkpoint, Keys: keys, index: map[string]int64{}}
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

// keysIn are the keys that the rotations among the lines of leaves lead along.
func keysIn(lines []string) (Keys, error) {
	var rotations []Rotation
	for _, line := range lines {
		if !strings.HasPrefix(line, string(LeafKey)+" ") {
			continue
		}
		leaf, err := ParseLeaf(line)
		if err != nil {
			return nil, err
		}
		rotations = append(rotations, leaf.Rotation)
	}
	return KeysOf(rotations)
}

// signerOf is the one of several trusted keys that signed a checkpoint.
func signerOf(checkpoint []byte, trust Trust) Keys {
	for _, key := range trust.trusted() {
		if _, err := ReadCheckpoint(checkpoint, key); err == nil {
			return Keys{key}
		}
	}
	return nil
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
