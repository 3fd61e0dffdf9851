package postgres

import "github.com/rempart-dev/rempart/internal/erasure/plan"

// json keeps whatever text has the form of JSON (RFC 8259); jsonb, as which it is read and changed, refuses what it cannot hold: the
// character 0, halves of surrogates, characters that the database's encoding lacks, and numbers beyond those of numeric. Such parts
// of a document are read as marks, which nothing takes for an identifier, and become what they were when it is written. A mark begins
// with a hash of the document, so that no part of it looks like one.

// Regular expressions of PostgreSQL, as they are. Within JSON a reverse solidus is always part of a string.
const (
	oddEscape = `\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})`
	// oddNarrow is the same where the database has another encoding than UTF-8: whether it has a character is not asked.
	oddNarrow = `\\u(0000|00[89a-fA-F][0-9a-fA-F]|0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-fA-F][0-9a-fA-F]{3})`
	evenPair  = `\\(u[dD][89abAB][0-9a-fA-F]{2})\\(u[dD][c-fC-F][0-9a-fA-F]{2})`
	// oddNumber finds more than jsonb refuses: the marks of the others become numbers again too.
	oddNumber = `[eE][-+]?[0-9]{4}|[0-9]{250}`
	// partOfJSON is a string, or what is between strings and numbers; or a number.
	partOfJSON = `("(?:[^"\\]|\\.)*"|[^-0-9"]+)|([-+.0-9eE]+)`
)

func oddIn(c *plan.Column) string {
	if c.Narrow {
		return oddNarrow
	}
	return oddEscape
}

// odd says that a live column of json may hold a document that jsonb does not. It is cheap, and finds more.
func odd(c *plan.Column) string {
	return "(" + verbatim(c) + " OPERATOR(pg_catalog.~) " + literal(oddIn(c)+`|(^|[:,[[:space:]])-?[0-9]+([.][0-9]+)?[eE][-+]?[0-9]{4}|[0-9]{250}`) + ")"
}

// verbatim is the text of a live column of json.
func verbatim(c *plan.Column) string { return column(live, c.Name) + "::pg_catalog.text" }

// mark is what the marks in a live column of json begin with: 32 hexadecimal digits of a hash, since a document may need many marks.
// Where cryptography keeps to FIPS 140-3, PostgreSQL has no MD5; and in SQL_ASCII no other encoding than the database's takes all bytes.
func mark(c *plan.Column) string {
	return "pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(" + verbatim(c) + ", pg_catalog.getdatabaseencoding())), 'hex'), 32)"
}

// marked is a live document of json as jsonb, with marks.
func marked(c *plan.Column) string {
	const number, text = "p.m[2]", "p.m[1]"
	escapes := "pg_catalog.replace(" + text + `, E'\\\\', E'\x01')`
	if !c.Narrow {
		escapes = "pg_catalog.regexp_replace(" + escapes + ", " + literal(evenPair) + `, E'\x02\\1\x02\\2', 'g')`
	}
	escapes = "pg_catalog.regexp_replace(" + escapes + ", " + literal(oddIn(c)) + `, pg_catalog.concat(d.mark, E'u\\1'), 'g')`
	escapes = "pg_catalog.replace(pg_catalog.replace(" + escapes + `, E'\x02', E'\\'), E'\x01', E'\\\\')`
	return "(SELECT pg_catalog.string_agg(CASE WHEN " + number + " OPERATOR(pg_catalog.~) " + literal(oddNumber) + ` THEN pg_catalog.concat('"', d.mark, '=', ` + number + `, '"')` +
		" WHEN " + text + " IS NULL THEN " + number + " WHEN " + text + " OPERATOR(pg_catalog.~) " + literal(oddIn(c)) + " THEN " + escapes + " ELSE " + text + " END, '' ORDER BY p.n)" +
		" FROM (SELECT " + mark(c) + " AS mark OFFSET 0) AS d CROSS JOIN LATERAL pg_catalog.regexp_matches(" + verbatim(c) + ", " + literal(partOfJSON) + ", 'g') WITH ORDINALITY AS p (m, n))::pg_catalog.jsonb"
}

// unmarked is the text of a document that was made of a live one, with what the marks stand for.
func unmarked(c *plan.Column, doc string) string {
	numbers := "pg_catalog.regexp_replace(" + doc + `, pg_catalog.concat('"', ` + mark(c) + `, '=([-+.0-9eE]+)"'), E'\\1', 'g')`
	return "pg_catalog.regexp_replace(" + numbers + ", pg_catalog.concat(" + mark(c) + `, '(u[0-9a-fA-F]{4})'), E'\\\\\\1', 'g')`
}
