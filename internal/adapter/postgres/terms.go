package postgres

import (
	"regexp"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// termKind is how a word is looked for in free text.
type termKind string

// Kinds of terms. Addresses and numbers are compared as whole tokens, so that ann@x.org is not found in joann@x.org.
const (
	termEmail termKind = "email" // an address with no character that ends a token
	termPhone termKind = "phone" // + and digits
	termPart  termKind = "part"  // anything else that is looked for within text
	termExact termKind = "exact" // the whole value of a column
	// Codes that are like no other, within text: 32 hexadecimal digits with hyphens or without, a run of letters and digits, and one that
	// marks join.
	termUUID   termKind = "uuid"
	termCode   termKind = "code"
	termJoined termKind = "joined"
)

// The tokens, as regular expressions of PostgreSQL, quoted. An address ends at white space, brackets, quotes and the
// marks that separate words; the text is in lower case. Marks of emphasis around it (_ and ~), which may begin an address too,
// are tried as either.
const (
	emailToken = `E'([^` + escaped + `]+@[^` + escaped + undomain + `]+)'`
	undomain   = `_~+%` // an address may have these before its @ alone
	escaped    = `\\s<>()\\[\\]{},;:"''\\\\|/=*` + "`" + `&!?#^$@` + `\\u00a0-\\u00bf\\u2000-\\u206f\\u2e00-\\u2e7f\\u3000-\\u303f\\ufeff\\uff00-\\uff0f\\uff1a-\\uff20`
	phoneToken = `'([+]?[0-9]{6,})'`
	uuidToken  = `'([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})'`
	codeToken  = `'([0-9a-z]{16,})'`
	joinToken  = `'([0-9a-z_-]{16,})'`
	phoneGap   = `E'([0-9])[ ()./\\u00a0\\u2000-\\u2015\\u202f-]+(?=[0-9])'`
)

// An address of which the @ is written otherwise, in text in lower case: in an address of the Web (also one within another), in
// a mail (quoted-printable), in HTML, in JSON and in programs. Quoted for PostgreSQL.
const (
	encodedAt = `'%(25)*40|=40|&#(0*64|x0*40);|&commat;|\\u0040'`
	webEscape = `'%(25)+'`
	webByte   = `'%[0-9a-f]{2}'`
)

// Without one of these, in a text as it is stored, there is no address, encoded or not, no telephone number, no UUID and no long code.
// Quoted for PostgreSQL; no character that lower() changes becomes one of them.
const (
	emailHint = `'[@%&\\]|=40'`
	phoneHint = `'[0-9]'`
	uuidHint  = `'[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}'`
	codeHint  = `'[0-9A-Za-z]{16}'`
	joinHint  = `'[0-9A-Za-z_-]{16}'`
)

// oneOf says that one of some texts, which may be NULL, has a character that a hint asks for. Most have none, and are not read further.
func oneOf(texts []string, hint string) string {
	parts := make([]string, len(texts))
	for i, text := range texts {
		parts[i] = text + ` OPERATOR(pg_catalog.~) ` + hint
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// encoded says that an address in a text is written otherwise. Most texts have nothing with which that begins, and to look for it is
// cheaper.
func encoded(text string) string {
	return `((pg_catalog.strpos(` + text + `, '%') OPERATOR(pg_catalog.>) 0 OR pg_catalog.strpos(` + text + `, '&') OPERATOR(pg_catalog.>) 0 OR pg_catalog.strpos(` + text + `, E'\\') OPERATOR(pg_catalog.>) 0 OR pg_catalog.strpos(` + text + `, '=40') OPERATOR(pg_catalog.>) 0) AND ` + text + ` OPERATOR(pg_catalog.~) ` + encodedAt + `)`
}

// decoded is text and, below it, the same with what stands for the characters of addresses. What else is encoded ends a token.
func decoded(text string) string {
	out := `pg_catalog.regexp_replace(` + text + `, ` + webEscape + `, '%', 'g')`
	for _, c := range [][2]string{{"%2b", "+"}, {"%2d", "-"}, {"%2e", "."}, {"%5f", "_"}, {`\u002b`, "+"}} {
		out = `pg_catalog.replace(` + out + `, '` + c[0] + `', '` + c[1] + `')`
	}
	out = `pg_catalog.regexp_replace(` + out + `, ` + encodedAt + `, '@', 'g')`
	return `pg_catalog.concat_ws(E'\n', ` + text + `, pg_catalog.regexp_replace(` + out + `, ` + webByte + `, ' ', 'g'))`
}

// elements is the text of arrays, JSON, XML, composites and the like with a comma for each mark that encloses an element, so that
// one is found as a whole: a text, a name in JSON, not the number 4711 among others.
func elements(text string) string {
	return `pg_catalog.translate(` + text + `, E'{}[]()<>"\\', ',,,,,,,,,,')`
}

// element says that a word is one of some elements.
func element(of, word string) string {
	return `pg_catalog.strpos(pg_catalog.concat(',', ` + of + `, ','), pg_catalog.concat(',', ` + elements(word) + `, ',')) OPERATOR(pg_catalog.>) 0`
}

// breaks are the characters that end a token, in Go: those of escaped. Beyond ASCII they are the punctuation, spaces and marks of
// no width of Unicode's blocks Latin-1, General and Supplemental Punctuation, CJK Symbols, and the full-width forms.
const breaks = `\s<>()\[\]{},;:"'\\|/=*` + "`" + `&!?#^$@\x{00a0}-\x{00bf}\x{2000}-\x{206f}\x{2e00}-\x{2e7f}\x{3000}-\x{303f}\x{feff}\x{ff00}-\x{ff0f}\x{ff1a}-\x{ff20}`

// plainAddress has no character that ends a token, and its domain does not end with a mark that is cut off.
var plainAddress = regexp.MustCompile(`^[^` + breaks + `]+@[^` + breaks + undomain + `]*[^` + breaks + undomain + `.\-]$`)

// extensions are those of files that programs name by an address. None is a top-level domain, so that what ends with one is no
// address of somebody else.
var extensions = strings.Fields("bak csv doc docx eml gif gz html ics jpeg jpg json log mbox odt p12 pdf pem pfx png svg tar txt vcf webp xls xlsx xml")

var plainNumber = regexp.MustCompile(`^\+?[0-9]{6,}$`)

// shortest is the fewest characters of an identifier that is looked for in columns that are not subject keys: shorter
// ones are found by chance.
const shortest = 6

// digits returns a telephone number without what people write between its digits; one that is too short as it is given.
func digits(number string) string {
	bare := strings.Map(func(r rune) rune {
		if r == '+' || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, number)
	if len(bare) < shortest {
		return number
	}
	return bare
}

type term struct {
	kind termKind
	word string
}

// termsOf returns what is looked for in text for a person.
func termsOf(person subject.Subject) []term {
	var out []term
	for _, kind := range person.Kinds() {
		for _, value := range forms(person, kind) {
			switch {
			case len([]rune(value)) < shortest:
			case kind == v1alpha1.IdentifierEmail && plainAddress.MatchString(strings.ToLower(value)):
				out = append(out, term{termEmail, value})
				for _, extension := range extensions {
					out = append(out, term{termEmail, value + "." + extension})
				}
			case kind == v1alpha1.IdentifierPhone && plainNumber.MatchString(value):
				out = append(out, term{termPhone, value})
			case kind == v1alpha1.IdentifierEmail || kind == v1alpha1.IdentifierPhone:
				out = append(out, term{termPart, value})
			default:
				out = append(out, term{termExact, value})
				if id := uuid(value); id != "" {
					out = append(out, term{termUUID, id})
				} else if kind := codeKind(value); kind != "" {
					out = append(out, term{kind, value})
				}
			}
		}
	}
	return out
}

// plainCode is long, and has letters and digits alone; joinedCode has marks that join words too.
var (
	plainCode  = regexp.MustCompile(`^[0-9A-Za-z]{16,}$`)
	joinedCode = regexp.MustCompile(`^[0-9A-Za-z_-]{16,}$`)
)

// codeKind is how a code is looked for within text that is like no other: one that is long and has several digits, or a digit among
// letters of either case. The name of a user seldom is. Empty for others.
func codeKind(code string) termKind {
	digits := 0
	for _, r := range code {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	mixed := digits > 0 && strings.ToLower(code) != code && strings.ToUpper(code) != code
	switch {
	case plainCode.MatchString(code) && (digits > 1 || mixed):
		return termCode
	case joinedCode.MatchString(code) && (digits > 3 || mixed):
		return termJoined
	default:
		return ""
	}
}

// marks of emphasis and of the end of a sentence, which may be around an address. Quoted for PostgreSQL.
const marks = `'.-_~'`

// terms says which kinds of words there are. Marked says that an address begins with a mark, which is then not cut off; where none
// does, a token without the marks around it is enough to find each.
// Addresses counts their words.
type terms struct {
	emails, phones, parts, exact, uuids, codes, joined, marked bool
	addresses                                                  int
}

// single tells whether all words of addresses are of one: itself, and as a file is named by it.
func (t terms) single() bool { return t.addresses == 1+len(extensions) }

func (t terms) with(kind termKind, word string) terms {
	switch kind {
	case termEmail:
		t.addresses++
		t.emails, t.marked = true, t.marked || strings.ContainsAny(word[:1], ".-_~")
	case termPhone:
		t.phones = true
	case termPart:
		t.parts = true
	case termExact:
		t.exact = true
	case termUUID:
		t.uuids = true
	case termCode:
		t.codes = true
	case termJoined:
		t.joined = true
	}
	return t
}

// withoutCodes are the terms but for codes, which may rightly stay as keys of the schema.
func (t terms) withoutCodes() terms {
	t.exact, t.uuids, t.codes, t.joined = false, false, false, false
	return t
}

// token is how codes of a kind are found within text: the words that may be one, as which it is compared, and what a text has that has any.
type token struct {
	kind              termKind
	token, word, hint string
}

// tokens are those of the codes that are looked for.
func (t terms) tokens() (out []token) {
	if t.uuids {
		out = append(out, token{termUUID, uuidToken, `pg_catalog.replace(found.m[1], '-', '')`, uuidHint})
	}
	if t.codes {
		out = append(out, token{termCode, codeToken, `found.m[1]`, codeHint})
	}
	if t.joined {
		out = append(out, token{termJoined, joinToken, `found.m[1]`, joinHint})
	}
	return out
}
