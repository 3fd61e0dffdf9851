package evidence

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of the log: how many leaves it has, and the root of their tree.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
}

// CheckpointOf returns the checkpoint of a log of the given size. Stored reads the hashes of its leaves.
func CheckpointOf(size int64, stored tlog.HashReader) (Checkpoint, error) {
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("hashing the log: %w", err)
	}
	return Checkpoint{size, root}, nil
}

// text is the text that is signed: origin, size and root, a line each (C2SP tlog-checkpoint).
func (c Checkpoint) text() string { return fmt.Sprintf("%s\n%d\n%s\n", Origin, c.Size, c.Root) }

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(key Key) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, key)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return signed, nil
}

// ReadCheckpoint checks a signed checkpoint: ErrSignature when no key that is trusted signed it, ErrForm for any text that Sign
// does not write, such as one with a second signature.
func ReadCheckpoint(signed []byte, trust Trust) (Checkpoint, error) {
	var verifiers []note.Verifier
	for _, key := range trust.trusted() {
		verifiers = append(verifiers, key)
	}
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checking the checkpoint: %w", ErrSignature)
	}
	checkpoint, err := parseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(opened.Sigs[0].Base64)
	whole := fmt.Sprintf("%s\n— %s %s\n", opened.Text, Origin, base64.StdEncoding.EncodeToString(signature))
	if err != nil || whole != string(signed) {
		return Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", ErrForm)
	}
	return checkpoint, nil
}

// SignedHead is a signed checkpoint part by part: who passes it on can write the note again, line by line.
type SignedHead struct {
	Origin          string
	Size            int64
	Root, Signature string
}

// SplitCheckpoint checks a signed checkpoint as ReadCheckpoint does, and returns its parts.
func SplitCheckpoint(signed []byte, trust Trust) (SignedHead, error) {
	checkpoint, err := ReadCheckpoint(signed, trust)
	if err != nil {
		return SignedHead{}, err
	}
	words := strings.Fields(string(signed))
	return SignedHead{Origin, checkpoint.Size, checkpoint.Root.String(), words[len(words)-1]}, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	wrong := fmt.Errorf("reading the checkpoint: %w", ErrForm)
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, wrong
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, wrong
	}
	root, err := tlog.ParseHash(lines[2])
	if checkpoint := (Checkpoint{size, root}); err == nil && checkpoint.text() == text {
		return checkpoint, nil
	}
	return Checkpoint{}, wrong
}
