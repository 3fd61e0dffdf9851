package evidence

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a proof (C2SP tlog-proof).
const proofHeader = "c2sp.org/tlog-proof@v1"

// Proof says where a certificate stands in the log.
type Proof struct {
	// Index of its leaf, from 0.
	Index int64
	// Checkpoint of the log that was proven to hold the leaf.
	Checkpoint Checkpoint
}

// Prove writes the proof that a leaf stands at an index of the log of a signed checkpoint. Stored reads the hashes of
// the log.
func Prove(index int64, checkpoint Checkpoint, signed []byte, stored tlog.HashReader) (string, error) {
	path, err := tlog.ProveRecord(checkpoint.Size, index, stored)
	if err != nil {
		return "", fmt.Errorf("proving a leaf: %w", err)
	}
	return formatProof(index, path, string(signed)), nil
}

// ProofSigner is the hash of the key that signed a proof, as its last line says; ErrForm when there is none. It checks nothing.
func ProofSigner(text string) (uint32, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0, ErrForm
	}
	signature, err := base64.StdEncoding.DecodeString(words[len(words)-1])
	if err != nil || len(signature) < 4 {
		return 0, ErrForm
	}
	return binary.BigEndian.Uint32(signature), nil
}

func formatProof(index int64, path []tlog.Hash, signed string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\nindex %d\n", proofHeader, index)
	for _, hash := range path {
		fmt.Fprintf(&text, "%s\n", hash)
	}
	text.WriteString("\n" + signed)
	return text.String()
}

// ReadProof checks that a leaf is in the log of the proof's checkpoint: ErrForm, ErrSignature, or ErrAbsent.
func ReadProof(text string, leaf Leaf, trust Trust) (Proof, error) {
	wrong := fmt.Errorf("reading the proof: %w", ErrForm)
	head, signed, ok := strings.Cut(text, "\n\n")
	if !ok {
		return Proof{}, wrong
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != proofHeader {
		return Proof{}, wrong
	}
	number, _ := strings.CutPrefix(lines[1], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil || index < 0 {
		return Proof{}, wrong
	}
	var path tlog.RecordProof
	for line := range slices.Values(lines[2:]) {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, wrong
		}
		path = append(path, hash)
	}
	if formatProof(index, path, signed) != text {
		return Proof{}, wrong
	}
	checkpoint, err := ReadCheckpoint([]byte(signed), trust)
	if err != nil {
		return Proof{}, err
	}
	if index >= checkpoint.Size || tlog.CheckRecord(path, checkpoint.Size, checkpoint.Root, index, leaf.hash()) != nil {
		return Proof{}, fmt.Errorf("checking the proof: %w", ErrAbsent)
	}
	return Proof{index, checkpoint}, nil
}
