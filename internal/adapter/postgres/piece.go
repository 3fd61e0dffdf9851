package postgres

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// How values that were destroyed are compared with texts although nobody knows them any more: both sides are cut into the same
// pieces, in lower case and without white space around them, and the pieces' keyed hashes are compared. A text is a piece as a
// whole; so is each of its parts between the marks that enclose the texts of JSON, arrays, XML and composites, or that separate
// what people write on one line; each e-mail address; and each telephone number, as digits.

// Bounds of a piece that is looked for, in characters, and of a text that is read for pieces, in bytes. Shorter pieces, and such
// with fewer letters, are found by chance; a longer text is something that somebody wrote, and no value.
const (
	shortestPiece = 8
	fewestLetters = 4
	longestValue  = 1024
	fewestDigits  = 9
)

// enclosing are the marks around texts within structures, and separating those between values on a line, with enclosing. What is
// cut by the first alone keeps its commas: a street is one text of JSON.
const (
	enclosing  = "\"{}[]<>\\\r\n\t"
	separating = enclosing + ",;|:()="
)

// oneMark is a class of PostgreSQL's regular expressions of some marks.
func oneMark(marks string) string {
	return "[" + strings.NewReplacer("[", `\[`, "]", `\]`, `\`, `\\`).Replace(marks) + "]"
}

// numberHint says that a text has a telephone number. Quoted for PostgreSQL.
const numberHint = `'[0-9][-0-9 ()./]{7,}[0-9]'`

// parted says that a text may have pieces but itself, or has white space around it. Most have not, and are not cut.
func parted(text, blanks string, addresses, numbers bool) string {
	marks := separating
	if addresses {
		marks += "@"
	}
	out := text + " OPERATOR(pg_catalog.~) " + literal(oneMark(marks)+"|^"+oneMark(blanks)+"|"+oneMark(blanks)+"$")
	if numbers {
		out += " OR " + text + " OPERATOR(pg_catalog.~) " + numberHint
	}
	return "(" + out + ")"
}

// parts are the pieces of a text but for itself, as an expression of an array. Addresses and numbers are only looked for where
// there are some to compare with.
func parts(text string, addresses, numbers bool) string {
	// Both are the store's simplest functions: to split by a regular expression takes it ten times as long.
	cut := func(marks string) string {
		return "pg_catalog.string_to_array(pg_catalog.translate(pg_catalog.lower(" + text + "), " + literal(marks) + ", " + literal(strings.Repeat(marks[:1], len(marks))) + "), " + literal(marks[:1]) + ")"
	}
	tokens := func(piece, of, token string) string {
		return "ARRAY(SELECT " + piece + " FROM pg_catalog.regexp_matches(" + of + ", " + token + ", 'g') AS f (m))"
	}
	out := "CASE WHEN " + text + " OPERATOR(pg_catalog.~) " + literal(oneMark(enclosing)) + " THEN " + cut(enclosing) + " ELSE '{}'::pg_catalog.text[] END OPERATOR(pg_catalog.||) " + cut(separating)
	if addresses {
		out += " OPERATOR(pg_catalog.||) " + tokens("pg_catalog.btrim(f.m[1], "+marks+")", "pg_catalog.lower("+text+")", emailToken)
	}
	if numbers {
		bare := "pg_catalog.regexp_replace(" + text + ", " + phoneGap + `, '\1', 'g')`
		out += " OPERATOR(pg_catalog.||) " + tokens("pg_catalog.ltrim(f.m[1], '+0')", text, phoneToken) + " OPERATOR(pg_catalog.||) " + tokens("pg_catalog.ltrim(f.m[1], '+0')", bare, phoneToken)
	}
	return out
}

var (
	// likeNumber is a telephone number as people write it, and nothing else; likeDate a date.
	likeNumber = regexp.MustCompile(`^[+(0-9][-0-9 ()./]{7,30}$`)
	likeDate   = regexp.MustCompile(`^(19|20)[0-9]{2}[-/.]?[01][0-9][-/.]?[0-3][0-9]|^[0-3]?[0-9][-/.][01]?[0-9][-/.](19|20)[0-9]{2}`)
)

// pieces returns what of a value, in lower case, is looked for: each piece once. The same value gives, in a text, pieces of which
// these are some.
func pieces(value, blanks string) []string {
	value = strings.Trim(value, blanks)
	if likeNumber.MatchString(value) {
		if number := bareNumber(value); len(number) >= fewestDigits && !likeDate.MatchString(value) {
			return []string{number}
		}
		return nil
	}
	all := []string{value}
	for _, marks := range []string{enclosing, separating} {
		for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(marks, r) }) {
			all = append(all, strings.Trim(part, blanks))
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(piece string) bool { return !distinctive(piece) })
}

// isWhole tells whether a piece of a value is all of it.
func isWhole(piece, value string) bool { return piece == value || likeNumber.MatchString(value) }

// fills says that a piece is all of a text, in SQL, as isWhole does.
func fills(piece, text, blanks string) string {
	return "(pg_catalog.btrim(pg_catalog.lower(" + text + "), " + literal(blanks) + ") OPERATOR(pg_catalog.=) " + piece + " OR " + text + " OPERATOR(pg_catalog.~) '^[-+0-9 ()./]+$' AND " +
		"pg_catalog.ltrim(pg_catalog.regexp_replace(" + text + ", '[^0-9]', '', 'g'), '0') OPERATOR(pg_catalog.=) " + piece + ")"
}

// bareNumber is a telephone number as its digits, without what is dialled before a country or a place.
func bareNumber(value string) string { return strings.TrimLeft(digits(value), "+0") }

// distinctive tells whether a piece says enough to be looked for.
func distinctive(piece string) bool {
	if utf8.RuneCountInString(piece) < shortestPiece {
		return false
	}
	letters := 0
	for _, r := range piece {
		if r >= 'a' && r <= 'z' || r >= utf8.RuneSelf {
			letters++
		}
	}
	return letters >= fewestLetters
}

// salt is the secret of a run under which values are remembered; nil where there is none.
type salt []byte

// What is hashed: values, the keys of rows, and what tells one salt from another.
const (
	saltedValue = "v"
	saltedRow   = "r"
	saltedCheck = "c"
	saltedSeed  = "s"
)

// hashSize is how many bytes of a hash are kept: two values of a store are not alike by chance.
const hashSize = 16

func (s salt) hash(what, text string) []byte {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(what))
	mac.Write([]byte(text))
	return mac.Sum(nil)[:hashSize]
}

// seed of the quick hash by which the texts of a store are sorted out before they are hashed well.
func (s salt) seed() int64 { return int64(binary.BigEndian.Uint64(s.hash(saltedSeed, ""))) } //nolint:gosec // all bits are wanted

// quick is the quick hash of a text under a seed, of which 24 bits are kept, and 7 bits of its length: a few texts of a million have
// those of a value by chance.
func quick(text, seed string) string {
	return fmt.Sprintf("((pg_catalog.hashtextextended(%s, %s) OPERATOR(pg_catalog.&) 16777215)::pg_catalog.int4 OPERATOR(pg_catalog.|) (%s OPERATOR(pg_catalog.<<) 24))", text, seed, lengthOf(text))
}

// lengthOf is 7 bits of the length of a text in bytes.
func lengthOf(text string) string {
	return "(pg_catalog.octet_length(" + text + ") OPERATOR(pg_catalog.&) 127)"
}

// pads are the two keys of HMAC (RFC 2104), with what is hashed behind the inner one.
func (s salt) pads(what string) (inner, outer []byte) {
	inner, outer = make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)
	copy(inner, s)
	copy(outer, s)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	return append(inner, what...), outer
}

// hashed is hash as an expression, of a text of a database in an encoding; inner and outer are expressions of the keys.
func hashed(text, encoding, inner, outer string) string {
	return fmt.Sprintf("pg_catalog.substr(pg_catalog.sha256(%s OPERATOR(pg_catalog.||) pg_catalog.sha256(%s OPERATOR(pg_catalog.||) pg_catalog.convert_to(%s, '%s'))), 1, %d)",
		outer, inner, text, encoding, hashSize)
}

// encoding in which texts come to this process: that of a database which has none is kept.
func (s *session) encoding() string {
	if s.conn.PgConn().ParameterStatus("server_encoding") == "SQL_ASCII" {
		return "SQL_ASCII"
	}
	return "UTF8"
}
