package postgres_test

import (
	"strings"
	"testing"
)

// What the verifier will hold against an erasure, the plan says before anybody approves it.
func TestThePlanSaysWhereTextsWillStillNameThePerson(t *testing.T) {
	const notes = twoPeople + `
CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people, body text, doc jsonb, tags text[]);
INSERT INTO notes VALUES (1, 1, 'by ada@example.org'), (2, 2, 'by bob@example.org');`
	const gone = deletesPeople + `
- {name: notes, onErasure: DeleteRows}`
	const masked = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}
- {name: notes, columns: [{name: body}], onErasure: MaskColumns}`
	others := append(bobsRow, "SELECT * FROM notes WHERE person = 2")
	const says = "people are named in texts of public.notes that stay"
	playAll(t, map[string]foreign{
		"another person's note":           {sql: notes + `UPDATE notes SET body = 'Ask ADA@example.org, not me' WHERE id = 2`, dataset: gone, noted: []string{says}, contradicted: "public.notes", others: others},
		"deep in another's document":      {sql: notes + `UPDATE notes SET doc = '{"a": [{"b": ["x", {"to": "ada@example.org"}]}]}' WHERE id = 2`, dataset: gone, noted: []string{says}, contradicted: "public.notes", others: others},
		"among others in an array":        {sql: notes + `UPDATE notes SET tags = '{bob@example.org,ada@example.org}' WHERE id = 2`, dataset: gone, noted: []string{says}, contradicted: "public.notes", others: others},
		"a column that nobody masks":      {sql: notes + `UPDATE notes SET tags = '{ada@example.org}' WHERE id = 1`, dataset: masked, noted: []string{says}, contradicted: "public.notes", others: others},
		"a note of nobody":                {sql: notes + `INSERT INTO notes VALUES (3, NULL, 'ada@example.org')`, dataset: gone, noted: []string{says}, contradicted: "public.notes", others: others},
		"white space of a fourth kind":    {sql: notes + `INSERT INTO people VALUES (3, E'\f ada@example.org', 'Ada')`, dataset: gone, noted: []string{"texts of public.people"}, contradicted: "public.people", others: others},
		"all of the person's goes":        {sql: notes, dataset: gone, erased: "0 public.notes DeleteRows 1\n0 public.people DeleteRows 1", others: others},
		"all of the person's is masked":   {sql: notes, dataset: masked, erased: "0 public.notes MaskColumns 1\n0 public.people MaskColumns 1", others: others},
		"a generated column that follows": {sql: notes + `ALTER TABLE people ADD low text GENERATED ALWAYS AS (lower(email)) STORED`, dataset: masked, erased: "0 public.notes MaskColumns 1\n0 public.people MaskColumns 1", others: others},
	})
	s := newStore(t, notes, masked)
	if o := s.plan(email("ada@example.org")); strings.Contains(o.Message, "texts") {
		t.Errorf("%q", o.Message)
	}
}

func TestWhatNobodySearchesIsNamed(t *testing.T) {
	foreign{sql: twoPeople + `
CREATE TABLE files (id int PRIMARY KEY, body bytea, pages bytea[], large oid);
INSERT INTO files VALUES (1, '\x00'::bytea || 'ada@example.org'::bytea, ARRAY['ada@example.org'::bytea], lo_from_bytea(0, 'ada@example.org'::bytea));`, dataset: deletesPeople,
		noted: []string{"bytes are searched only where they are text of at most 1 MiB: public.files.body", "bytes are not searched: public.files.pages", "large objects are not searched, and stay when rows go that refer to them: public.files.large"}, erased: "0 public.people DeleteRows 1", others: bobsRow}.play(t)
	foreign{sql: `CREATE EXTENSION lo; ` + twoPeople + `
ALTER TABLE people ADD photo lo, ADD name_words tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED;
CREATE TABLE found (person int, words tsvector); INSERT INTO found SELECT id, to_tsvector('simple', name) FROM people;
UPDATE people SET photo = lo_from_bytea(0, 'Ada');`, dataset: deletesPeople,
		noted: []string{"stay when rows go that refer to them: public.people.photo", "and not for names and other values: public.found.words"}, silent: "name_words", erased: "0 public.people DeleteRows 1", others: bobsRow}.play(t)
}

func TestStatisticsThatNameThePersonAreNamed(t *testing.T) {
	s := newStore(t, twoPeople+"ANALYZE people;", deletesPeople)
	who := email("ada@example.org")
	s.erased("0 public.people DeleteRows 1", who)
	if o := s.verify(who); !o.OK || !strings.Contains(o.Message, "ANALYZE on public.people") || len(o.Names) != 1 {
		t.Errorf("%+v", o)
	}
	s.sql("INSERT INTO people VALUES (3, 'cy@example.org'), (4, 'di@example.org'); ANALYZE people")
	if o := s.verify(who); !o.OK || o.Message != "" {
		t.Errorf("%+v", o)
	}
}

// TestStatisticsOfPartsAreLookedInto: the store samples each partition by itself, and each table that inherits.
func TestStatisticsOfPartsAreLookedInto(t *testing.T) {
	for name, c := range map[string]struct{ sql, analyse string }{
		"a partition": {`CREATE TABLE people (id int, email text) PARTITION BY LIST (id); CREATE TABLE people_1 PARTITION OF people DEFAULT;
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org'); ANALYZE people_1;`, "public.people"},
		"an heir": {`CREATE TABLE people (id int, email text); CREATE TABLE staff (room text) INHERITS (people);
INSERT INTO staff VALUES (1, 'ada@example.org', 'x'), (2, 'bob@example.org', 'y'); ANALYZE staff;`, "public.staff"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.sql, deletesPeople)
			who := email("ada@example.org")
			s.erased("0 public.people DeleteRows 1", who)
			if o := s.verify(who); !o.OK || !strings.Contains(o.Message, "ANALYZE on "+c.analyse) || len(o.Names) != 1 {
				t.Errorf("%+v", o)
			}
			s.sql("INSERT INTO people VALUES (3, 'cy@example.org'), (4, 'di@example.org'), (5, 'di@example.org'); ANALYZE")
			if o := s.verify(who); !o.OK || o.Message != "" {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestStatisticsThatOnlyTheOwnerSeesAreNamed: columns that are sampled together keep values that nobody else can look into.
func TestStatisticsThatOnlyTheOwnerSeesAreNamed(t *testing.T) {
	s := newStore(t, twoPeople+`ALTER TABLE people ADD city text; CREATE TABLE towns (name text); CREATE TABLE logs (line text, day date);
CREATE STATISTICS both_of_them (mcv) ON email, city FROM people; CREATE STATISTICS lowered ON (lower(name)) FROM towns; CREATE STATISTICS counts (ndistinct) ON line, day FROM logs;`, deletesPeople)
	if o := s.plan(email("ada@example.org")); !o.OK || !strings.Contains(o.Message, "and are not searched: public.people, public.towns") {
		t.Errorf("%s %q", o.Reason, o.Message)
	}
}
