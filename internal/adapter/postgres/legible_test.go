package postgres_test

import (
	"fmt"
	"strings"
	"testing"
)

// odd are documents that json holds and jsonb refuses. %[1]s is the address, in a member or beside it.
var odd = map[string]string{
	"the character 0":               `{"a": "x\u0000\\u0000\\\u0000", "mail": "%[1]s"}`,
	"the character 0 in a name":     `{"a\u0000": 1, "mail": "%[1]s"}`,
	"half of a surrogate":           `{"a": "\ud800 \uD83D\uDE00 \\ud83d\udc00\uDBFFx", "mail": "%[1]s"}`,
	"the latter half":               `{"a": ["\uDC00", {"b": "\ud83d\ude00"}], "mail": "%[1]s"}`,
	"a large number":                `{"a": [1e400000, -1.50E+400000, 1.50, "1e400000"], "mail": "%[1]s"}`,
	"a small number":                `{"a":1e-20000, "mail": "%[1]s"}`,
	"a long number":                 `{"a": ` + strings.Repeat("9", 131073) + `, "mail": "%[1]s"}`,
	"a number that is the document": `1e400000`,
	"all at once":                   `{"mail": "%[1]s", "a": "\u0000\ud800", "b": 1e400000, "c": "say \"\\\u0000\\\" 1e400000", "d": null, "e": true, "f": -1}`,
}

// TestDocumentsThatPostgreSQLCannotReadAreTreatedLikeOthers: people are found in them, and what else is in them stays.
func TestDocumentsThatPostgreSQLCannotReadAreTreatedLikeOthers(t *testing.T) {
	const keys = `[{column: doc, path: [mail], identifier: Email}, {column: doc, path: [people, "*", mail], identifier: Email}]`
	for _, typ := range []string{"json", "form"} {
		sql := `CREATE DOMAIN form AS json; CREATE TABLE forms (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, doc ` + typ + `);`
		add := func(name, doc string) {
			sql += fmt.Sprintf("INSERT INTO forms (name, doc) VALUES ('%s', '%s');", name, doc)
		}
		people := 1
		add("ada", `{"mail": "ada@example.org", "a": 1}`)
		for _, doc := range odd {
			if strings.Contains(doc, "%") {
				people++
				add("ada", fmt.Sprintf(doc, "ada@example.org"))
				add("others", fmt.Sprintf(doc, "bob@example.org"))
				doc = fmt.Sprintf(doc, "")
			}
			add("team", `{"people": [{"mail": "ada@example.org"}, {"mail": "bob@example.org", "of": `+doc+`}, {"mail": "ada@example.org", "of": `+doc+`}], "x": `+doc+`}`)
			add("others", doc)
		}
		odds := len(odd)
		t.Run(typ, func(t *testing.T) {
			foreign{sql: sql, dataset: "tables: [{name: forms, subjectKeys: " + keys + ", onErasure: DeleteRows}]", others: []string{"SELECT id, name, doc::text FROM forms WHERE name = 'others'"},
				erased: fmt.Sprintf("0 public.forms DeleteRows %d\n0 public.forms Detach %d", people, odds), after: map[string]string{"SELECT count(*) FROM forms WHERE doc::text LIKE '%ada@%'": "0",
					"SELECT count(*) FROM forms WHERE name = 'team' AND doc::text LIKE '%bob@%' AND NOT doc::text ~ '[0-9a-f]{32}[u=]'": fmt.Sprint(odds)}}.play(t)
			foreign{sql: sql, dataset: "tables: [{name: forms, subjectKeys: " + keys + ", onErasure: MaskColumns}]", others: []string{"SELECT id, name, doc::text FROM forms WHERE name = 'others'"},
				erased: fmt.Sprintf("0 public.forms Detach %d\n0 public.forms MaskColumns %d", odds, people)}.play(t)
		})
	}
}

// TestWhatPostgreSQLCannotReadStaysInADocumentThatIsWritten, to the byte of each value.
func TestWhatPostgreSQLCannotReadStaysInADocumentThatIsWritten(t *testing.T) {
	// Where the library of cryptography keeps to FIPS 140-3, there is no MD5.
	s := newStore(t, `REVOKE EXECUTE ON FUNCTION pg_catalog.md5(text), pg_catalog.md5(bytea) FROM PUBLIC; CREATE TABLE forms (id int PRIMARY KEY, doc json); INSERT INTO forms VALUES (1, '{"z": "\u0000\\u0000\\\u0000", "mail": "ada@example.org", "s": "\ud800\uD83D\uDE00\\ud83d\udc00", "n": [1e400000,-1.5E-400000, 1.50, 12], "k\u0000": "1e400000"}')`, `
tables:
- {name: forms, subjectKeys: [{column: doc, path: [mail], identifier: Email}], columns: [{name: doc, within: [{path: [mail], mask: Pseudonym}]}], onErasure: MaskColumns}`)
	s.erased("0 public.forms MaskColumns 1", email("ada@example.org"))
	s.want(`{"n": [1e400000, -1.5E-400000, 1.50, 12], "s": "\ud800😀\\ud83d\udc00", "z": "\u0000\\u0000\\\u0000", "mail": "", "k\u0000": "1e400000"}`,
		"SELECT regexp_replace(doc::text, '\"[0-9a-f]{32}\"', '\"\"') FROM forms")
	// One in which nothing is the person's any more keeps its text.
	before := s.one("SELECT doc::text FROM forms")
	if done := s.erase("run-2", email("ada@example.org")); !done.OK || counts(done) != "" {
		t.Errorf("%+v", done)
	}
	s.want(before, "SELECT doc::text FROM forms")
}

// TestWhatIsEscapedBesideAnAddressHidesNobody: a member of JSON is text that programs write with escapes.
func TestWhatIsEscapedBesideAnAddressHidesNobody(t *testing.T) {
	for _, doc := range []string{`"\u0000ada@example.org"`, `"x\u0000ada@example.org\u0000"`, `"\u00a0ada@example.org\u0009"`, `"\ufeffada@example.org"`} {
		foreign{sql: `CREATE TABLE people (id int PRIMARY KEY, email text); CREATE TABLE logs (id int PRIMARY KEY, doc json); INSERT INTO logs VALUES (1, '` + doc + `'), (2, '{"mail": "\u0000bada@example.org"}')`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`, contradicted: "1 rows in public.logs"}.play(t)
	}
}
