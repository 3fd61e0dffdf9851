package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// title is the second line of a statement of rotation. That of a checkpoint is a number: neither can pass for the other.
const title = "key rotated"

// Rotated says that the key of one text took the place of another's.
type Rotated struct{ Before, After string }

// Rotation is the statement that one key takes the place of another, signed by both: origin, a title, and the texts of the public
// keys of before and after, a line each. So whoever trusts one of the keys can trust the other for what it is: the one that
// follows, or the one that was.
func Rotation(before, after note.Signer, r Rotated) ([]byte, error) {
	if before.Name() != after.Name() || before.KeyHash() == after.KeyHash() {
		return nil, ErrKey
	}
	signed, err := note.Sign(&note.Note{Text: strings.Join([]string{after.Name(), title, r.Before, r.After, ""}, "\n")}, after, before)
	if err != nil {
		return nil, fmt.Errorf("signing a rotation: %w", err)
	}
	if _, err := ReadRotation(after.Name(), signed); err != nil {
		return nil, ErrKey // a text is not that of its signer
	}
	return signed, nil
}

// ReadRotation checks a statement of rotation of a log: that both keys which it names have signed it. Whether one of them is the
// log's is for the caller to know; Succession does.
func ReadRotation(origin string, statement []byte) (Rotated, error) {
	text, _, _ := strings.Cut(string(statement), "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[1] != title || lines[2] == lines[3] {
		return Rotated{}, ErrForm
	}
	for _, key := range lines[2:] {
		verifiers, err := Keys(origin, key)
		if err != nil {
			return Rotated{}, err
		}
		if signed, err := note.Open(statement, note.VerifierList(verifiers...)); err != nil || signed.Text != text+"\n" {
			return Rotated{}, ErrSignature
		}
	}
	return Rotated{Before: lines[2], After: lines[3]}, nil
}

// Succession are the texts of the keys of a log, newest first, as far as statements of rotation lead from a key that is known: to
// those that took its place, which it has signed for, and to those whose place it took, which it vouches for. Of two statements
// that say otherwise, the first counts; what is no statement leads nowhere.
func Succession(origin, known string, statements ...[]byte) []string {
	after, before := map[string]string{}, map[string]string{}
	for _, statement := range statements {
		r, err := ReadRotation(origin, statement)
		if err != nil {
			continue
		}
		if _, told := after[r.Before]; !told {
			after[r.Before] = r.After
		}
		if _, told := before[r.After]; !told {
			before[r.After] = r.Before
		}
	}
	keys := []string{known}
	for next, is := after[known]; is && !slices.Contains(keys, next); next, is = after[next] {
		keys = slices.Insert(keys, 0, next)
	}
	for last, is := before[known]; is && !slices.Contains(keys, last); last, is = before[last] {
		keys = append(keys, last)
	}
	return keys
}

// Public is the key of a text.
func Public(text string) (ed25519.PublicKey, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, ErrKey
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algorithm {
		return nil, ErrKey
	}
	return ed25519.PublicKey(raw[1:]), nil
}
