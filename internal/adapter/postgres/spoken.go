package postgres

import (
	"fmt"
	"regexp"
	"strings"
)

// How a name is found within a sentence. Hashes compare as a whole, so that every sequence of words would be hashed that may be a name.
// In a text the words of a name begin with a capital letter, or one of a script that has none, and follow each other, with at most two
// short words between (van der, de los): such runs are few. Of each the sequences of two to four words are hashed.

// likeName is a name of two to four words, in lower case and with a space between each two.
var likeName = regexp.MustCompile(`^[\pL\pM'’-]+( [\pL\pM'’-]+){1,3}$`)

// spoken is a name as it stands within a sentence; empty for a value that is none, or does not say enough.
func spoken(value string) string {
	name := strings.Join(strings.Fields(strings.ReplaceAll(value, ".", "")), " ")
	if !likeName.MatchString(name) || !distinctive(name) {
		return ""
	}
	return name
}

// Words of a run, as regular expressions of PostgreSQL. What is no lower case is taken for a capital: a database whose locale is C knows
// ASCII's alone. Most texts have no two of these beside each other, and are not cut.
const (
	capital  = `[^[:lower:][:punct:][:digit:][:space:]]`
	nameWord = capital + `(?:[^[:punct:][:digit:][:space:]]|[-''.])*`
	nameGap  = `[[:space:]]+(?:[[:lower:]]{1,3}[[:space:]]+){0,2}`
	nameRun  = "'" + nameWord + `(?:` + nameGap + nameWord + `)+'`
	namePair = "'" + capital + `[^[:space:]]*` + nameGap + capital + "'"
)

// shortestSentence is how long a text is in which there may be a name and something else, in bytes. Shorter ones are names, streets and
// titles, of which a store has many.
const shortestSentence = 24

// sentence says that a text may be one.
func sentence(text string) string {
	return fmt.Sprintf("pg_catalog.octet_length(%s) OPERATOR(pg_catalog.>=) %d AND pg_catalog.strpos(%[1]s, ' ') OPERATOR(pg_catalog.>) 0 AND %[1]s OPERATOR(pg_catalog.~) %[3]s", text, shortestSentence, namePair)
}

// names are the sequences of words in a text that may be names, as p.piece, to be joined with the text.
func names(text string) string {
	words := "pg_catalog.lower(pg_catalog.regexp_replace(pg_catalog.replace((pg_catalog.regexp_matches(" + text + ", " + nameRun + `, 'g'))[1], '.', ''), '[[:space:]]+', ' ', 'g'))`
	sequence := func(parts ...string) string {
		return "(" + strings.Join(parts, " OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) ") + ")"
	}
	return ` CROSS JOIN LATERAL (SELECT pg_catalog.string_to_array(pg_catalog.replace(` + words + ` OPERATOR(pg_catalog.||) ' ', '''s ', ' '), ' ') AS words) AS r` +
		" CROSS JOIN LATERAL (SELECT pg_catalog.unnest(r.words) AS a, pg_catalog.unnest(r.words[2:]) AS b, pg_catalog.unnest(r.words[3:]) AS c, pg_catalog.unnest(r.words[4:]) AS d) AS w" +
		" CROSS JOIN LATERAL (VALUES " + sequence("w.a", "w.b") + ", " + sequence("w.a", "w.b", "w.c") + ", " + sequence("w.a", "w.b", "w.c", "w.d") + ") AS p (piece)"
}
