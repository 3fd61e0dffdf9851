package subject

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// Errors about identifiers that nobody can have. Looked for in a store, they would be found nowhere, and the request would end as if
// the person had not been there.
var (
	ErrEmail  = errors.New("reading a subject: the e-mail address is none; write name@example.org alone, without the name of the person, angle brackets, spaces or mailto:, and name what is no address by another kind")
	ErrPhone  = errors.New("reading a subject: the telephone number is none; write one number of 3 to 18 digits, such as +33 6 12 34 56 78, without letters or an extension, and name what is no number by another kind")
	ErrUnseen = errors.New("reading a subject: an identifier has a character that cannot be seen, such as a tab or a byte order mark; give it without")
)

// Possible says why nobody can have the identifiers as they were given; nil when somebody may. It is asked once, when a person is given.
func (s Subject) Possible() error {
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		text, given := s.raw[keys[key]]
		if err := impossible(keys[key], text); given && err != nil {
			return fmt.Errorf("%w (key %q)", err, key)
		}
	}
	return nil
}

// impossible says why nobody can have an identifier of a kind; nil when somebody may. What an application calls its people is its own
// affair, and a Custom identifier is taken as it is.
func impossible(kind v1alpha1.IdentifierKind, text string) error {
	switch kind {
	case v1alpha1.IdentifierCustom:
		return nil
	case v1alpha1.IdentifierEmail:
		if strings.ContainsFunc(text, unseen) || strings.ContainsFunc(text, formats) {
			return ErrUnseen
		}
		if !address(text) {
			return ErrEmail
		}
	case v1alpha1.IdentifierPhone:
		if strings.ContainsFunc(text, unseen) || strings.ContainsFunc(text, formats) {
			return ErrUnseen
		}
		if !number(text) {
			return ErrPhone
		}
	default:
		if strings.ContainsFunc(text, unseen) {
			return ErrUnseen
		}
	}
	return nil
}

// unseen tells whether a character is a control, or the mark that editors write before a text.
func unseen(r rune) bool { return unicode.IsControl(r) || r == '\ufeff' }

// formats tells whether a character only says how others are shown. Names of accounts may have them: emoji are joined by one.
func formats(r rune) bool { return unicode.Is(unicode.Cf, r) }

// address tells whether a text is an e-mail address and nothing else: RFC 5321 4.1.2, with the letters of RFC 6531. Points may stand
// anywhere in the local part: there are such addresses. One in quotation marks may have anything within them but an end.
func address(text string) bool {
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at == len(text)-1 {
		return false
	}
	local, domain := text[:at], text[at+1:]
	quoted := quotedWhole.MatchString(local)
	literal := len(domain) > 2 && domain[0] == '[' && domain[len(domain)-1] == ']'
	return (quoted || !strings.ContainsFunc(local, unlike("!#$%&'*+-/=?^_`{|}~."))) &&
		(literal || !strings.ContainsFunc(domain, unlike("-._")) && strings.Trim(domain, ".-") != "")
}

// quotedWhole is a quoted string and nothing behind it.
var quotedWhole = regexp.MustCompile(`^"([^"\\]|\\.)+"$`)

// unlike tells whether a character is neither a letter, a digit or a mark on one, nor one of these. Beyond ASCII whatever is seen is
// taken: a mail server knows better.
func unlike(others string) func(rune) bool {
	return func(r rune) bool {
		if r > unicode.MaxASCII {
			return unicode.IsSpace(r) || !unicode.IsGraphic(r)
		}
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(others, r)
	}
}

// Fewest and most digits of a telephone number: those of an emergency call, and fifteen (E.164) after the longest prefix for abroad.
const (
	fewestDigits = 3
	mostDigits   = 18
)

// number tells whether a text is one telephone number: digits of any script, and what people write between them.
func number(text string) bool {
	digits, plus := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case r == '+' || r == '\uff0b':
			plus++
		case unicode.Is(unicode.Zs, r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune("./()[]\u00b7\u2212", r):
		default:
			return false
		}
	}
	return digits >= fewestDigits && digits <= mostDigits && plus <= 1
}
