package postgres

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
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

// between are the marks between the texts of JSON, which go with what encloses these: then most have no others.
var between = []string{": ", ", "}

// inQuotes writes a quotation mark for each mark that encloses.
var inQuotes = func() *strings.Replacer {
	var pairs []string
	for _, mark := range enclosing {
		pairs = append(pairs, string(mark), `"`)
	}
	return strings.NewReplacer(pairs...)
}()

// oneMark is a class of PostgreSQL's regular expressions of some marks.
func oneMark(marks string) string {
	return "[" + strings.NewReplacer("[", `\[`, "]", `\]`, `\`, `\\`).Replace(marks) + "]"
}

// numberHint says that a text may have a telephone number. Quoted for PostgreSQL.
const numberHint = `E'[0-9][-0-9 ()./\\u00a0\\u2000-\\u2015\\u202f]{8}'`

// apart says that an address is not all of a text that has one: something ends it, or it may begin or end with a mark. Quoted for
// PostgreSQL.
var apart = `E'[` + strings.Replace(escaped, "@", "", 1) + `]|@.*[@` + undomain + `]|^[.~_-]|[.~_-]$'`

// parted says that a text may have pieces but itself, or has white space around it. Most have not, and are not cut. Every state of a
// regular expression costs as much as a short text, since the store makes each anew for each text; so this one has as few as can be.
func parted(text, blanks string, addresses, numbers bool) string {
	like := func(pattern string) string { return text + " OPERATOR(pg_catalog.~~) '" + pattern + "'" }
	ways := []string{like(" %"), like("% "), text + " OPERATOR(pg_catalog.~) " + literal(oneMark(separating+strings.NewReplacer(" ", "", "\r", "", "\n", "", "\t", "").Replace(blanks)))}
	if addresses {
		ways = append(ways, "pg_catalog.strpos("+text+", '@') OPERATOR(pg_catalog.>) 0 AND "+text+" OPERATOR(pg_catalog.~) "+apart)
	}
	if numbers {
		ways = append(ways, text+" OPERATOR(pg_catalog.~) "+numberHint)
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

// parts are the pieces of a text but for itself, as an expression of an array. Addresses and numbers are only looked for where
// there are some to compare with. To replace one mark after the other takes the store less than a third of translate, and less
// than any regular expression.
func parts(text string, addresses, numbers bool) string {
	cut := func(text, marks string) string {
		for _, mark := range marks {
			text = "pg_catalog.replace(" + text + ", " + literal(string(mark)) + ", '\"')"
		}
		return text
	}
	all := "l.enclosed, NULLIF(" + cut("l.enclosed", strings.TrimPrefix(separating, enclosing)) + ", l.enclosed)"
	if numbers { // as written, and with what people write between digits taken out; without zeros before
		bare := "pg_catalog.regexp_replace(" + text + ", " + phoneGap + `, '\1', 'g')`
		all += ", CASE WHEN " + text + " OPERATOR(pg_catalog.~) " + numberHint + ` THEN pg_catalog.regexp_replace(pg_catalog.concat('"', ` + text + `, '"', ` + bare + `), '[^0-9]+0*', '"', 'g') END`
	}
	out := `pg_catalog.string_to_array(pg_catalog.concat_ws('"', ` + all + `), '"')`
	if addresses {
		out += " OPERATOR(pg_catalog.||) CASE WHEN pg_catalog.strpos(" + text + ", '@') OPERATOR(pg_catalog.>) 0 THEN ARRAY(SELECT pg_catalog.btrim(f.m[1], " + marks + ") FROM pg_catalog.regexp_matches(pg_catalog.lower(" + text + "), " + emailToken + ", 'g') AS f (m)) ELSE '{}'::pg_catalog.text[] END"
	}
	enclosed := cut("pg_catalog.lower("+text+")", strings.Trim(enclosing, `"`))
	for _, mark := range between {
		enclosed = "pg_catalog.replace(" + enclosed + `, '"` + mark + `', '"')`
	}
	out = "(SELECT " + out + " FROM (SELECT " + enclosed + " AS enclosed OFFSET 0) AS l)"
	if numbers { // most columns of numbers have nothing else
		out = "CASE WHEN " + text + " OPERATOR(pg_catalog.~) '^[+]?[0-9]+$' THEN ARRAY[pg_catalog.ltrim(" + text + ", '+0')] ELSE " + out + " END"
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
		return numberIn(value)
	}
	var numbers []string
	all := []string{value}
	enclosed := inQuotes.Replace(value)
	for _, mark := range between {
		enclosed = strings.ReplaceAll(enclosed, `"`+mark, `"`)
	}
	for part := range strings.SplitSeq(enclosed, `"`) {
		part = strings.Trim(part, blanks)
		all, numbers = append(all, part), append(numbers, numberIn(part)...)
	}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(separating, r) }) {
		all = append(all, strings.Trim(part, blanks))
	}
	all = append(slices.DeleteFunc(all, func(piece string) bool { return !distinctive(piece) }), numbers...)
	slices.Sort(all)
	return slices.Compact(all)
}

// numberIn returns the digits of a value that is a telephone number; nothing for another.
func numberIn(value string) []string {
	if number := bareNumber(value); likeNumber.MatchString(value) && len(number) >= fewestDigits && !likeDate.MatchString(value) {
		return []string{number}
	}
	return nil
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

func (s salt) hash(what, text string) []byte { return sum(s.mac(), what, text) }

func (s salt) mac() hash.Hash { return hmac.New(sha256.New, s) }

func sum(mac hash.Hash, what, text string) []byte {
	mac.Reset()
	mac.Write([]byte(what))
	mac.Write([]byte(text))
	return mac.Sum(nil)[:hashSize]
}

// seed of the quick hash by which the texts of a store are sorted out before they are hashed well.
func (s salt) seed() int64 { return int64(binary.BigEndian.Uint64(s.hash(saltedSeed, ""))) } //nolint:gosec // all bits are wanted

// quick is the quick hash of a text under a seed, of which 24 bits are kept, and 7 bits of its length: a few texts of a million have
// those of a value by chance.
func quick(text, seed string) string {
	return "(" + quickly(text, seed) + " OPERATOR(pg_catalog.|) (" + lengthOf(text) + " OPERATOR(pg_catalog.<<) 24))"
}

// quickly is quick without the length: to ask for both has the store put the text into lower case twice.
func quickly(text, seed string) string {
	return fmt.Sprintf("(pg_catalog.hashtextextended(%s, %s) OPERATOR(pg_catalog.&) %d)::pg_catalog.int4", text, seed, quickBits)
}

// quickBits are the bits of the quick hash without the length.
const quickBits = 1<<24 - 1

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
