// Package scram makes and compares what PostgreSQL stores of a password, so that no statement has to carry the password.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// iterationsOfServer is PostgreSQL's own number (RFC 7677 asks for at least 4096).
const iterationsOfServer = 4096

// errNotASCII refuses passwords that SASLprep (RFC 4013) might change: the server would then hash another text.
var errNotASCII = errors.New("making a password verifier: the password has characters other than printable ASCII")

// verifier returns what PostgreSQL stores of a password (RFC 5802, RFC 7677). It is given to the server instead of
// the password, which so is in no statement that a log could keep.
func verifier(password string, salt []byte, iterations int) (string, error) {
	for _, r := range password {
		if r < ' ' || r > '~' {
			return "", errNotASCII
		}
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("making a password verifier: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

// Verifier makes what PostgreSQL stores of a password, with a new salt. It has letters, digits and +/=:$- only, so that it
// needs no escape in a statement, and it opens no session: the password does.
func Verifier(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making a salt: %w", err)
	}
	return verifier(password, salt, iterationsOfServer)
}

// Matches tells whether a stored verifier is that of the password.
func Matches(stored, password string) bool {
	iterations, rest, ok := strings.Cut(strings.TrimPrefix(stored, "SCRAM-SHA-256$"), ":")
	if !ok || !strings.HasPrefix(stored, "SCRAM-SHA-256$") {
		return false
	}
	salt, _, _ := strings.Cut(rest, "$")
	raw, err := base64.StdEncoding.DecodeString(salt)
	n, bad := strconv.Atoi(iterations)
	if err != nil || bad != nil || n < 1 || n > 10_000_000 {
		return false
	}
	again, err := verifier(password, raw, n)
	return err == nil && subtle.ConstantTimeCompare([]byte(again), []byte(stored)) == 1
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
