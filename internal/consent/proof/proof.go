// Package proof checks offline what a consent ledger shows: that an event is in its log, that the log only grew, and that
// the ledger's key signed it (RFC 6962, C2SP tlog-checkpoint). It needs the public key and nothing else.
package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/rempart-dev/rempart/internal/consent"
)

// What is wrong with a proof. None quotes what was read.
var (
	// ErrKey means that a seed or a text makes no key of this log.
	ErrKey = errors.New("not a key of this log")
	// ErrForm means that a text or a path is not written as a ledger writes it.
	ErrForm = errors.New("not in the form in which a ledger writes it")
	// ErrSignature means that none of the keys signed the checkpoint as it is.
	ErrSignature = errors.New("not signed by a key of this log, or changed after it was signed")
	// ErrAbsent means that the event, as it is, is not in the log of the checkpoint.
	ErrAbsent = errors.New("the event is not in the log")
	// ErrRolledBack means that the log is shorter than it was: an older copy was put back, or its end was cut off.
	ErrRolledBack = errors.New("the log is shorter than one that was signed before")
	// ErrForked means that the log does not continue the one that was signed before.
	ErrForked = errors.New("the log does not continue one that was signed before")
)

// Origin names a log: the host that serves it, and its tenant.
func Origin(host, tenant string) string { return host + "/" + tenant }

// SeedSize is the length in bytes of the secret from which a key is made.
const SeedSize = ed25519.SeedSize

// algorithm is Ed25519 in the keys of signed notes.
const algorithm = 1

// NewSigner returns the key of a seed of SeedSize bytes, and the text of its public key, one line. The same seed and origin
// always give the same key.
func NewSigner(origin string, seed []byte) (note.Signer, string, error) {
	if len(seed) != SeedSize {
		return nil, "", ErrKey
	}
	public, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, "", ErrKey
	}
	parts := strings.SplitN(public, "+", 3)
	secret := base64.StdEncoding.EncodeToString(append([]byte{algorithm}, seed...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + secret)
	if err != nil {
		return nil, "", ErrKey
	}
	return signer, public, nil
}

// Keys reads the texts of public keys of one log.
func Keys(origin string, texts ...string) ([]note.Verifier, error) {
	keys := make([]note.Verifier, len(texts))
	for i, text := range texts {
		key, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil || key.Name() != origin {
			return nil, ErrKey
		}
		keys[i] = key
	}
	return keys, nil
}

// Sign writes and signs the head of a log: origin, size and root, a line each.
func Sign(size int64, root tlog.Hash, signers ...note.Signer) ([]byte, error) {
	if len(signers) == 0 {
		return nil, ErrKey
	}
	signed, err := note.Sign(&note.Note{Text: text(signers[0].Name(), size, root)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return signed, nil
}

func text(origin string, size int64, root tlog.Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
}

// Read checks a signed checkpoint: ErrSignature when none of the keys signed it, ErrForm when it is not a checkpoint of
// their log. Signatures of other keys are ignored, as the format asks. The checkpoint has no time.
func Read(signed []byte, keys ...note.Verifier) (consent.Checkpoint, error) {
	head, _, err := ReadBy(signed, keys...)
	return head, err
}

// ReadBy is Read, and tells which of the keys signed the checkpoint, by their places.
func ReadBy(signed []byte, keys ...note.Verifier) (head consent.Checkpoint, by []int, err error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil || len(keys) == 0 {
		return consent.Checkpoint{}, nil, ErrSignature
	}
	if head, err = read(signed, opened, keys[0].Name()); err != nil {
		return consent.Checkpoint{}, nil, err
	}
	for i, key := range keys {
		if slices.ContainsFunc(opened.Sigs, func(s note.Signature) bool { return s.Name == key.Name() && s.Hash == key.KeyHash() }) {
			by = append(by, i)
		}
	}
	return head, by, nil
}

// read is the checkpoint of a note whose signatures were checked.
func read(signed []byte, opened *note.Note, origin string) (consent.Checkpoint, error) {
	for _, signature := range opened.Sigs {
		// A signature has one encoding: no bit of a checkpoint can be changed unseen.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return consent.Checkpoint{}, ErrForm
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 {
		return consent.Checkpoint{}, ErrForm
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return consent.Checkpoint{}, ErrForm
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || text(origin, size, root) != opened.Text {
		return consent.Checkpoint{}, ErrForm
	}
	return consent.Checkpoint{Size: size, Root: root[:], Note: signed}, nil
}

// Inclusion checks that an event whose leaf hash the caller has computed is in the log of the checkpoint. The checkpoint's
// signature is not looked at: Read does that.
func Inclusion(in consent.Inclusion, leaf []byte) error {
	path, err := hashes(in.Path)
	if err != nil {
		return err
	}
	ends, err := hashes([][]byte{in.Checkpoint.Root, leaf})
	if err != nil {
		return err
	}
	if in.Index < 0 || in.Index >= in.Checkpoint.Size || tlog.CheckRecord(path, in.Checkpoint.Size, ends[0], in.Index, ends[1]) != nil {
		return ErrAbsent
	}
	return nil
}

// Consistency checks that the log of one checkpoint extends that of another: ErrRolledBack, ErrForked, ErrForm.
func Consistency(before, now consent.Checkpoint, path [][]byte) error {
	proof, err := hashes(path)
	if err != nil {
		return err
	}
	roots, err := hashes([][]byte{before.Root, now.Root})
	switch {
	case err != nil:
		return err
	case before.Size < 0 || now.Size < 0:
		return ErrForm
	case before.Size > now.Size:
		return ErrRolledBack
	case before.Size == now.Size && roots[0] == roots[1], before.Size == 0:
		return nil
	case before.Size == now.Size, tlog.CheckTree(proof, now.Size, roots[1], before.Size, roots[0]) != nil:
		return ErrForked
	}
	return nil
}

func hashes(raw [][]byte) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(raw))
	for i, h := range raw {
		if len(h) != tlog.HashSize {
			return nil, ErrForm
		}
		out[i] = tlog.Hash(h)
	}
	return out, nil
}

// Path is a proof of tlog in the form in which ledgers hand it out.
func Path(proof []tlog.Hash) [][]byte {
	out := make([][]byte, len(proof))
	for i := range proof {
		out[i] = proof[i][:]
	}
	return out
}
