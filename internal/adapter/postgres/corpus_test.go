package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// metacharacters mean something to SQL, to a pattern, to a path, to COPY, to a formatter, to a terminal, or look like what they are not.
var metacharacters = []string{
	`'`, `"`, "`", `\`, `;`, `--`, `/*`, `*/`, `$$`, `$a$`, `$1`, `:x`, `::int`, `||`, `()`, `[]`, `{}`, `<>`, `=`, `!`, `@`, `&`, `|`, `#`, `^`, `~`, `?`, `,`, `.`,
	`%`, `_`, `*`, `+`, `.*`, `\d`, `\y`, `[[:alpha:]]`, `$.a`, `$[*]`, `#>>`, `\.`, `\N`, `\t`, `\x41`, `\u0041`, `%s`, `%n`, `%[1]q`, `{{.}}`, `${x}`,
	"\u200b", "\u200d", "\u202e", "\u2066", "\u0301", "\u00a0", "\u3000", "\ufeff", "\ufffd", "\U0001f600", "\u2019", "\uff07", "\u02bc", "\u0430", "\u0130", "\ufb01", "\U0010ffff",
}

// payloads are whole attempts, and words that a server takes for something else.
var payloads = []string{
	`'; DROP TABLE people; --`, `"; DROP TABLE people; --`, `\'; SELECT 1; --`, `$$; DROP SCHEMA public CASCADE; $$`, `' OR '1'='1`, `' OR true --`, `') OR ('a'='a`, `1; DELETE FROM people`, `' UNION SELECT NULL --`,
	`'||(SELECT pg_sleep(9))||'`, `"; SET ROLE postgres; --`, `\"; DROP TABLE people; --`, `E'\'' OR true`, `U&'\0027'`, `U&"\0041"`, `U&'d!0061t' UESCAPE '!'`, `B'1'`, `X'1F'`, `N'a'`, `$tag$ OR true $tag$`, `%' OR who LIKE '%`,
	`/* */ OR true`, `/*! */`, `--%0a`, `a/**/b`, `COPY people FROM PROGRAM 'true'`, `\copy people to x`, `\! true`, `\q`, `\.`, `1 OR 1=1`, `*`, `people.*`, `(SELECT 1)`, `CASE WHEN true THEN 1 END`, `a'b"c\d`,
	`select`, `order`, `user`, `table`, `all`, `null`, `NULL`, `true`, `default`, `current_user`, `session_user`, `public`, `pg_temp`, `pg_catalog`, `pg_class`, `information_schema`, `rempart`, `ledger`, `ctid`, `xmin`, `oid`, `tableoid`,
	`cmax`, `value`, `excluded`, `new`, `old`, `t`, `s`, `k0`, `state`, `row`, `rempart_set_1`, `id`, `ID`, `Id`, `0`, `-1`, `1e5`, `0x1F`, `NaN`, `Infinity`, `inf`, `now`, `today`, `epoch`, `infinity`, `[1,2)`, `{1,2}`, `{"a":"b"}`, `["a"]`, `(1,2)`,
	`O'Brien`, `..`, `../../etc/passwd`, `a.b`, `"a"."b"`, `http://a/?b=c&d=e`, `a@b`, `<script>alert(1)</script>`, `=1+1`, `@SUM(1)`, `${jndi:ldap://a}`, "a\u00a0b", "Z\u0334\u0335a\u0336l\u0337g\u0338o", "\u05e9\u05dc\u05d5\u05dd", "\u202eada", "\u0627\u0644\u0633\u0644\u0627\u0645",
	"\uff41\uff44\uff41", "\u0430da", "\u212bngstr\u00f6m", "A\u030angstro\u0308m", "\u00c5ngstr\u00f6m", "\u00df", "\u1e9e", "\u0131", "\u017f", "\U0001f469\u200d\U0001f4bb", "\U0001f1eb\U0001f1f7", "\u7530\u4e2d", "\ud55c\uae00", "\u0e01\u0e33", "\u2028", "\u2029", "a\nb", "a\r\nb", "a\tb", "\x01", "\x1b[31m", "\x7f", "\u0085",
	strings.Repeat("x", 63), strings.Repeat("x", 62) + "y", strings.Repeat("\u00e9", 31), strings.Repeat("'", 60), strings.Repeat(`"`, 60), strings.Repeat(`\`, 60), strings.Repeat("\u00e9", 300), strings.Repeat("y", 64), strings.Repeat("y", 1000),
}

// corpus is what is put wherever a string of somebody else's can stand.
func corpus() []string {
	list := slices.Clone(payloads)
	for _, c := range metacharacters {
		list = append(list, c, c+c, c+"ada", "ada"+c, "a"+c+"da")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// names are the payloads and metacharacters that a catalogue can hold, but for those that are reserved there.
func names() []string {
	var list []string
	reserved := []string{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid", "public", "information_schema", "rempart"}
	strange := append(slices.Clone(payloads), metacharacters...)
	for _, c := range metacharacters[:40] {
		strange = append(strange, "a"+c+"da")
	}
	for _, text := range strange {
		if len(text) <= 63 && !slices.Contains(list, text) && !strings.HasPrefix(text, "pg_") && !slices.Contains(reserved, text) {
			list = append(list, text)
		}
	}
	return list
}

// TestHostileIdentifiersAreValuesAndNothingElse looks for each string of the corpus beside strings that are nearly it: half of the people
// are erased first, so that the other half are bystanders.
func TestHostileIdentifiersAreValuesAndNothingElse(t *testing.T) {
	s := newStore(t, `CREATE TABLE people (id int PRIMARY KEY, who text, mail text, near boolean); CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people, body text)`,
		`tables: [{name: people, subjectKeys: [{column: who, identifier: Custom}, {column: mail, identifier: Email}], onErasure: DeleteRows}, {name: notes, onErasure: DeleteRows}]`)
	s.sql(`ALTER DATABASE ` + s.name + ` SET standard_conforming_strings = off`)
	s.sql(`ALTER DATABASE ` + s.name + ` SET backslash_quote = on`)
	halves, taken, next := [2][]subject.Subject{}, map[string]bool{}, 0
	row := func(who, mail string, near bool) {
		if mail == "" {
			s.sql(`INSERT INTO people VALUES ($1, $2, NULL, $3)`, next, who, near)
		} else {
			s.sql(`INSERT INTO people VALUES ($1, NULL, $2, $3)`, next, mail, near)
		}
		s.sql(`INSERT INTO notes VALUES ($1, $1, $2)`, next, "of "+who)
		next++
	}
	s.sql(`BEGIN`)
	for _, text := range corpus() {
		who, err := subject.Read(map[string][]byte{"custom": []byte(text)})
		if err != nil || taken[who.Values(v1alpha1.IdentifierCustom)[0]] {
			continue // of several lines, or only spaces: refused before any store is asked
		}
		text = who.Values(v1alpha1.IdentifierCustom)[0]
		taken[text] = true
		mail := `"` + text + `"@example.org`
		if both, err := subject.Read(map[string][]byte{"custom": []byte(text), "email": []byte(mail)}); err == nil && both.Possible() == nil && !taken[subject.Normalise(v1alpha1.IdentifierEmail, mail)] {
			who = both
			taken[subject.Normalise(v1alpha1.IdentifierEmail, mail)] = true
		} else {
			mail = ""
		}
		row(text, "", false)
		if mail != "" {
			row(text, mail, false)
		}
		half := len(halves[0]) - len(halves[1])
		halves[half] = append(halves[half], who)
	}
	people := len(taken)
	for _, text := range corpus() {
		for _, near := range []string{text + "x", "x" + text, strings.ToUpper(text), strings.ToLower(text), " " + text, text[:len(text)/2], strings.Repeat(text, 2), "xx"} {
			if utf8.ValidString(near) && !taken[strings.TrimSpace(near)] {
				row(near, "", true)
			}
		}
	}
	s.sql(`COMMIT`)
	if len(halves[0])+len(halves[1]) < 200 {
		t.Fatalf("%d people", people)
	}
	tables := s.sum(`SELECT relname, relnamespace FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't'`)
	for i, half := range halves {
		mine := s.one(`SELECT count(*) FROM people WHERE NOT near`)
		others := s.sum(`SELECT * FROM people WHERE near`) + s.sum(`SELECT n.* FROM notes n JOIN people p ON p.id = n.person WHERE near`)
		o := s.erase(fmt.Sprintf("run-%d", i), half...)
		if !o.OK || len(o.Requests) != len(half) {
			t.Fatalf("run %d: %.500v", i, o)
		}
		for k, c := range o.Requests {
			if rows := c.Rows[0]; rows < 1 || rows > 2 {
				t.Errorf("%q: %d rows of people", half[k].Values(v1alpha1.IdentifierCustom), rows)
			}
		}
		if o := s.verify(half...); !o.OK {
			t.Errorf("run %d is not verified: %.500v", i, o.Message)
		}
		if after := s.sum(`SELECT * FROM people WHERE near`) + s.sum(`SELECT n.* FROM notes n JOIN people p ON p.id = n.person WHERE near`); after != others {
			t.Errorf("run %d changed rows of others", i)
		}
		if left := s.one(`SELECT count(*) FROM people WHERE NOT near`); left == mine || i == 1 && left != "0" {
			t.Errorf("run %d left %s of %s rows", i, left, mine)
		}
	}
	if after := s.sum(`SELECT relname, relnamespace FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't'`); after != tables {
		t.Error("the tables are not those of before")
	}
}

// TestHostileNamesAndConstantsAreQuoted gives each string of the corpus to a schema, a table, its key, a masked column, an index and a
// foreign key, and masks by it.
func TestHostileNamesAndConstantsAreQuoted(t *testing.T) {
	var ddl strings.Builder
	dataset, hostile, constants := v1alpha1.Dataset{}, names(), corpus()
	q := grant.Quote
	for i, name := range hostile {
		schema, table, child := q(name), hostile[(i+1)%len(hostile)], cut("c"+hostile[(i+1)%len(hostile)])
		on, key, masked := schema+"."+q(table), q(cut("k"+name)), cut("m"+name)
		fmt.Fprintf(&ddl, "CREATE SCHEMA %s; CREATE TABLE %s (%s int PRIMARY KEY, %s text, %s text); CREATE INDEX %s ON %s (%s);\n", schema, on, key, q(name), q(masked), q(cut("i"+name)), on, q(masked))
		fmt.Fprintf(&ddl, "INSERT INTO %s VALUES (1, 'ada@example.org', 'a'), (2, 'bob@example.org', 'b');\n", on)
		dataset.Tables = append(dataset.Tables, v1alpha1.DatasetTable{Schema: v1alpha1.Identifier(name), Name: v1alpha1.Identifier(table), OnErasure: v1alpha1.EraseMaskColumns,
			SubjectKeys: []v1alpha1.SubjectKey{{Column: v1alpha1.Identifier(name), Identifier: v1alpha1.IdentifierEmail}},
			Columns:     []v1alpha1.DatasetColumn{{Name: v1alpha1.Identifier(name), Mask: v1alpha1.MaskPseudonym}, {Name: v1alpha1.Identifier(masked), Mask: v1alpha1.MaskConstant, Constant: constants[i*7%len(constants)]}}})
		if i%8 == 0 { // each table more takes its time
			fmt.Fprintf(&ddl, "CREATE TABLE %s.%s (%s int CONSTRAINT %s REFERENCES %s); CREATE INDEX ON %[1]s.%[2]s (%[3]s); INSERT INTO %[1]s.%[2]s VALUES (1), (2);\n", schema, q(child), q(name), q(cut("f"+name)), on)
			dataset.Tables = append(dataset.Tables, v1alpha1.DatasetTable{Schema: v1alpha1.Identifier(name), Name: v1alpha1.Identifier(child), OnErasure: v1alpha1.EraseDeleteRows})
		}
	}
	s := newStore(t, ddl.String(), `{}`)
	s.dataset = &dataset
	if o := s.provision(); !o.OK {
		t.Fatalf("%.800v", o)
	}
	s.sql(`ALTER DATABASE ` + s.name + ` SET standard_conforming_strings = off`)
	relations := s.sum(`SELECT relname, relnamespace FROM pg_class WHERE relpersistence <> 't'`)
	o := s.erase("run-1", email("ada@example.org"))
	if !o.OK {
		t.Fatalf("%.800v", o)
	}
	for i, name := range hostile {
		on := q(name) + "." + q(hostile[(i+1)%len(hostile)])
		s.want("1", `SELECT count(*) FROM `+on+` WHERE `+q(name)+` = 'bob@example.org' AND `+q(cut("m"+name))+` = 'b'`)
		s.want("1", `SELECT count(*) FROM `+on+` WHERE `+q(name)+` NOT LIKE '%@example.org' AND `+q(cut("m"+name))+` = $1`, constants[i*7%len(constants)])
		if i%8 == 0 {
			s.want("{2}", `SELECT array_agg(`+q(name)+`) FROM `+q(name)+`.`+q(cut("c"+hostile[(i+1)%len(hostile)])))
		}
	}
	if after := s.sum(`SELECT relname, relnamespace FROM pg_class WHERE relpersistence <> 't'`); after != relations {
		t.Error("the relations are not those of before")
	}
	if o := s.verify(email("ada@example.org")); !o.OK {
		t.Errorf("%.800v", o)
	}
}

// cut is a name as PostgreSQL cuts it: at 63 bytes, between characters.
func cut(name string) string {
	for len(name) > 63 || !utf8.ValidString(name) {
		name = name[:len(name)-1]
	}
	return name
}

func TestTheCorpusIsLargeAndStrange(t *testing.T) {
	seen := 0
	for _, text := range corpus() {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("%q is no text of a store", text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			seen++
		}
	}
	if len(corpus()) < 200 || len(names()) < 200 || seen < 200 {
		t.Errorf("%d strings, %d names, %d strange ones", len(corpus()), len(names()), seen)
	}
}
