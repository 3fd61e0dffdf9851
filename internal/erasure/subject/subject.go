// Package subject reads who a request is about. A Subject lives in the memory of a program for as long as one step needs
// it; it is never printed.
package subject

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Keys of a subject Secret, each with the kind of identifier that it holds.
var keys = map[string]v1alpha1.IdentifierKind{
	"email":      v1alpha1.IdentifierEmail,
	"phone":      v1alpha1.IdentifierPhone,
	"accountID":  v1alpha1.IdentifierAccountID,
	"customerID": v1alpha1.IdentifierCustomerID,
	"deviceID":   v1alpha1.IdentifierDeviceID,
	"custom":     v1alpha1.IdentifierCustom,
	// How a ledger of consents finds people whom nobody else knows.
	"consentSubject": v1alpha1.IdentifierConsentSubject,
	"consentReceipt": v1alpha1.IdentifierConsentReceipt,
}

// maxIdentifier is the most bytes of an identifier.
const maxIdentifier = 1024

// Errors. They name keys, never values.
var (
	ErrEmpty      = errors.New("reading a subject: no identifier")
	ErrUnknownKey = errors.New("reading a subject: a key is not an identifier")
	ErrTooLong    = errors.New("reading a subject: an identifier is longer than 1024 bytes")
	ErrManyLines  = errors.New("reading a subject: an identifier has a line break; a key holds one identifier, and each person has a request")
	ErrNotText    = errors.New("reading a subject: an identifier is not text in UTF-8, or has a zero byte")
)

// Subject holds a person's identifiers by kind, as they were given.
type Subject struct {
	raw map[v1alpha1.IdentifierKind]string
	// partly says that they gave further identifiers, which nobody knows any more.
	partly bool
}

// Partly returns the person as one who gave further identifiers, which nobody knows any more: what others' identifiers say beside
// theirs counts as if they were known.
func (s Subject) Partly() Subject { return Subject{raw: s.raw, partly: true} }

// IsPartly tells whether a person gave further identifiers, which nobody knows any more.
func (s Subject) IsPartly() bool { return s.partly }

// Read reads the data of a subject Secret. Every key must be an identifier: another Secret, named by mistake or malice,
// is refused and so never deleted. A value of several lines is refused too: taken for one identifier, a list of people would be found
// nowhere, and its request would end as if nobody had been there. Whether somebody can have such identifiers Possible says: what an application
// wrote, or a request that was accepted, is read as it is. Of several faults an unknown key is told
// first, then that of the first key in order.
func Read(data map[string][]byte) (Subject, error) {
	raw := map[v1alpha1.IdentifierKind]string{}
	present := slices.Sorted(maps.Keys(data))
	for _, key := range present {
		if _, known := keys[key]; !known {
			return Subject{}, fmt.Errorf("%w: %q; use email, phone, accountID, customerID, deviceID, consentSubject, consentReceipt or custom", ErrUnknownKey, key)
		}
	}
	for _, key := range present {
		kind, text := keys[key], strings.TrimSpace(string(data[key]))
		switch {
		case text == "":
			return Subject{}, fmt.Errorf("%w under key %q", ErrEmpty, key)
		case len(text) > maxIdentifier:
			return Subject{}, fmt.Errorf("%w, under key %q", ErrTooLong, key)
		case strings.ContainsAny(text, "\n\r\v\f\u0085\u2028\u2029"):
			return Subject{}, fmt.Errorf("%w (key %q)", ErrManyLines, key)
		case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
			return Subject{}, fmt.Errorf("%w, under key %q", ErrNotText, key)
		}
		raw[kind] = text
	}
	if len(raw) == 0 {
		return Subject{}, ErrEmpty
	}
	return Subject{raw: raw}, nil
}

// KnownKeys returns the keys that a subject Secret may have, sorted.
func KnownKeys() []string { return slices.Sorted(maps.Keys(keys)) }

// Values returns the identifier of a kind as given and normalised, without repetition; nil when the subject has none.
func (s Subject) Values(kind v1alpha1.IdentifierKind) []string {
	raw, ok := s.raw[kind]
	if !ok {
		return nil
	}
	if normal := Normalise(kind, raw); normal != raw {
		return []string{raw, normal}
	}
	return []string{raw}
}

// Spellings returns how a store may write the identifier of a kind, without repetition: its Values, and of an e-mail address
// those with the domain in ASCII and in Unicode (UTS 46), each composed and decomposed (Unicode NFC and NFD), which look
// alike and are other bytes. An international telephone number is also written without its plus: E.164 is of digits alone.
func (s Subject) Spellings(kind v1alpha1.IdentifierKind) []string {
	out := s.Values(kind)
	if kind == v1alpha1.IdentifierEmail {
		return spelledAddresses(out)
	}
	if kind == v1alpha1.IdentifierPhone {
		for _, value := range slices.Clone(out) {
			if bare, ok := strings.CutPrefix(value, "+"); ok && bare != "" && strings.Trim(bare, "0123456789") == "" {
				out = append(out, bare)
			}
		}
	}
	return out
}

func spelledAddresses(out []string) []string {
	for _, value := range slices.Clone(out) {
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			if domain, err := idna.Lookup.ToUnicode(value[at+1:]); err == nil {
				out = append(out, value[:at+1]+domain)
			}
		}
	}
	for _, value := range slices.Clone(out) {
		out = append(out, norm.NFC.String(value), norm.NFD.String(value))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Kinds returns the kinds of identifiers that the subject has, sorted.
func (s Subject) Kinds() []v1alpha1.IdentifierKind {
	kinds := make([]v1alpha1.IdentifierKind, 0, len(s.raw))
	for kind := range s.raw {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// KeyOf is the key of a subject Secret for a kind of identifier.
func KeyOf(kind v1alpha1.IdentifierKind) string {
	for key, k := range keys {
		if k == kind {
			return key
		}
	}
	return ""
}

// Parts returns one subject per identifier.
func (s Subject) Parts() []Subject {
	parts := make([]Subject, 0, len(s.raw))
	for _, kind := range s.Kinds() {
		parts = append(parts, Subject{raw: map[v1alpha1.IdentifierKind]string{kind: s.raw[kind]}})
	}
	return parts
}

// Normalise returns the form in which identifiers are compared: e-mail addresses in lower case, composed (Unicode NFC), with
// the domain in ASCII (UTS 46), phone numbers in E.164 where they are international, others as they are.
func Normalise(kind v1alpha1.IdentifierKind, value string) string {
	value = strings.TrimSpace(value)
	switch kind {
	case v1alpha1.IdentifierEmail:
		return normaliseEmail(value)
	case v1alpha1.IdentifierPhone:
		number, err := phonenumbers.Parse(value, "")
		if err != nil {
			return value
		}
		return phonenumbers.Format(number, phonenumbers.E164)
	default:
		return value
	}
}

func normaliseEmail(value string) string {
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return strings.ToLower(value)
	}
	domain, err := idna.Lookup.ToASCII(value[at+1:])
	if err != nil {
		domain = strings.ToLower(value[at+1:])
	}
	return norm.NFC.String(strings.ToLower(value[:at])) + "@" + domain
}

// MAC returns HMAC-SHA-256, in hex, of the normalised subject: the same person in another spelling has the same MAC.
func (s Subject) MAC(key []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, kind := range s.Kinds() {
		normal := Normalise(kind, s.raw[kind])
		fmt.Fprintf(mac, "%s:%d:%s\n", kind, len(normal), normal)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// hidden is what every way of printing a Subject gives.
const hidden = "[subject]"

// String hides the person from %s and %v.
func (Subject) String() string { return hidden }

// GoString hides the person from %#v.
func (Subject) GoString() string { return hidden }

// Format hides the person from all other verbs, which would reach into the fields.
func (Subject) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText hides the person from encoders and structured logs.
func (Subject) MarshalText() ([]byte, error) { return []byte(hidden), nil }
