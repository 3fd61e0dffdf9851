package postgres_test

import (
	"maps"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// teams is a table of arrays: Ada alone in row 1, Ada with others in row 2, others in the rest.
func teams(kind string) string {
	return `CREATE EXTENSION citext; CREATE DOMAIN mails AS text[]; CREATE DOMAIN mail AS text;
CREATE TABLE teams (id int PRIMARY KEY, mails ` + kind + `, note text);
INSERT INTO teams VALUES (1, '{" Ada@Example.ORG","ada@example.org",NULL,""}', 'a'), (2, '{bob@example.org,ADA@example.org,NULL,"carol d@example.org","",ada@example.org}', 'b'),
  (3, '{bob@example.org,joada@example.org}', 'c'), (4, NULL, 'd'), (5, '{}', 'e');`
}

func TestArraysThatAreSubjectKeys(t *testing.T) {
	const (
		gone = `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], columns: [{name: note}], onErasure: DeleteRows}`
		masked = `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], columns: [{name: mails, category: addresses}, {name: note}], onErasure: MaskColumns}`
		shared = `SELECT (mails, note)::text FROM teams WHERE id = 2`
		rest   = `("{bob@example.org,NULL,""carol d@example.org"",""""}",b)`
	)
	others := []string{"SELECT * FROM teams WHERE id > 2"}
	both := "0 public.teams DeleteRows 1\n0 public.teams Detach 1"
	cases := map[string]foreign{
		"masked": {sql: teams("text[]"), dataset: masked, others: others, erased: "0 public.teams Detach 1\n0 public.teams MaskColumns 1",
			after: map[string]string{shared: rest, "SELECT (mails, note)::text FROM teams WHERE id = 1": `("{NULL,""""}",)`}},
		"masked with a mask of its own": {sql: teams("text[]"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], columns: [{name: mails, mask: "Null"}], onErasure: MaskColumns}`, others: others, erased: "0 public.teams Detach 1\n0 public.teams MaskColumns 1",
			after: map[string]string{shared: rest, "SELECT mails IS NULL FROM teams WHERE id = 1": "true"}},
		"detached": {sql: teams("text[]"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], detach: [note], onErasure: Detach}`, others: others, erased: "0 public.teams Detach 2",
			after: map[string]string{shared: rest, "SELECT (mails, note)::text FROM teams WHERE id = 1": `("{NULL,""""}",)`}},
		"kept, and what is shared when the period is over": {sql: teams("text[]") + `ALTER TABLE teams ADD made date; UPDATE teams SET made = '2026-01-01' WHERE id = 1; UPDATE teams SET made = '2000-01-01' WHERE id = 2;
INSERT INTO teams VALUES (6, '{ada@example.org,bob@example.org}', 'f', '2026-01-01')`, dataset: `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: made}}`,
			others: append(others, "SELECT * FROM teams WHERE id = 1"), erased: "0 public.teams Detach 1\n0 public.teams Keep 2 until 2036-01-01", after: map[string]string{shared: rest}},
		"an array that must not be NULL": {sql: teams("text[]") + `DELETE FROM teams WHERE id = 4; ALTER TABLE teams ALTER mails SET NOT NULL`, dataset: masked, others: others, erased: "0 public.teams Detach 1\n0 public.teams MaskColumns 1"},
		"no key that identifies rows":    {sql: teams("text[]") + `ALTER TABLE teams DROP CONSTRAINT teams_pkey`, dataset: gone, others: others, erased: both, after: map[string]string{shared: rest}},
		"a partitioned table": {sql: `CREATE TABLE teams (id int, mails text[], note text) PARTITION BY RANGE (id); CREATE TABLE teams_1 PARTITION OF teams FOR VALUES FROM (1) TO (2); CREATE TABLE teams_rest PARTITION OF teams DEFAULT;
INSERT INTO teams VALUES (1, '{ada@example.org}', 'a'), (2, '{ada@example.org,bob@example.org}', 'b'), (3, '{bob@example.org}', 'c')`, dataset: gone, others: others, erased: both, after: map[string]string{shared: `({bob@example.org},b)`}},
		"a key of its own that is the person's": {sql: teams("text[]") + `ALTER TABLE teams ADD owner text; UPDATE teams SET owner = 'ada@example.org' WHERE id = 2`, dataset: `
tables:
- {name: teams, subjectKeys: [{column: owner, identifier: Email}, {column: mails, identifier: Email}], onErasure: DeleteRows}`, others: others, erased: "0 public.teams DeleteRows 2"},
		"a key of its own that is another's": {sql: teams("text[]") + `ALTER TABLE teams ADD owner text; UPDATE teams SET owner = 'bob@example.org' WHERE id = 1`, dataset: `
tables:
- {name: teams, subjectKeys: [{column: owner, identifier: Email}, {column: mails, identifier: Email}], onErasure: DeleteRows}`, others: append(others, "SELECT id, owner, note FROM teams"), erased: "0 public.teams Detach 2"},
		"what refers to a row that is shared is nobody's": {sql: teams("text[]") + `CREATE TABLE tasks (id int PRIMARY KEY, team int NOT NULL REFERENCES teams); INSERT INTO tasks VALUES (1, 1), (2, 2), (3, 3)`,
			dataset: gone + `
- {name: tasks, onErasure: DeleteRows}`, others: append(others, "SELECT * FROM tasks WHERE id > 1"), erased: "0 public.tasks DeleteRows 1\n" + both},
		"the same, with an index": {sql: teams("text[]") + `CREATE TABLE tasks (id int PRIMARY KEY, team int NOT NULL REFERENCES teams); INSERT INTO tasks VALUES (1, 1), (2, 2), (3, 3);
CREATE INDEX ON tasks (team); ANALYZE`, dataset: gone + `
- {name: tasks, onErasure: DeleteRows}`, others: append(others, "SELECT * FROM tasks WHERE id > 1"), erased: "0 public.tasks DeleteRows 1\n" + both},
		"the same, with triggers": {sql: teams("text[]") + `CREATE TABLE tasks (id int PRIMARY KEY, team int NOT NULL REFERENCES teams); INSERT INTO tasks VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE past (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mails text[]); INSERT INTO past (mails) VALUES ('{bob@example.org}');
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$BEGIN INSERT INTO public.past (mails) VALUES (OLD.mails); RETURN COALESCE(NEW, OLD); END$$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON teams FOR EACH ROW EXECUTE FUNCTION keep()`, grows: true,
			dataset: gone + `
- {name: past, subjectKeys: [{column: mails, identifier: Email}], onErasure: DeleteRows}
- {name: tasks, onErasure: DeleteRows}`, others: append(others, "SELECT * FROM tasks WHERE id > 1", "SELECT * FROM past WHERE id = 1"),
			after: map[string]string{"SELECT string_agg(mails::text, ' ' ORDER BY id) FROM past": `{bob@example.org} {bob@example.org,NULL,"carol d@example.org",""}`, shared: rest}},
		"a trigger that puts it back": {sql: teams("text[]") + `CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.mails := OLD.mails; RETURN NEW; END$$;
CREATE TRIGGER back BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION back()`, dataset: gone, others: []string{"SELECT * FROM teams"}, stopped: "undo masks"},
		"a row that an owner has too": {sql: onePerson + `CREATE TABLE teams (id int PRIMARY KEY, owner int REFERENCES people, mails text[]);
INSERT INTO teams SELECT n, id, CASE n WHEN 1 THEN '{ada@example.org}' WHEN 2 THEN '{ada@example.org,bob@example.org}' WHEN 3 THEN '{bob@example.org}' END::text[] FROM people, generate_series(1, 4) AS n WHERE email = 'ada@example.org'`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], onErasure: DeleteRows}`, erased: "0 public.people DeleteRows 1\n0 public.teams DeleteRows 2\n0 public.teams Detach 2",
			after: map[string]string{"SELECT string_agg(concat(id, owner, mails), ' ' ORDER BY id) FROM teams": "2{bob@example.org} 3{bob@example.org}"}},
		"a CHECK that forbids fewer": {sql: teams("text[]") + `ALTER TABLE teams ADD CONSTRAINT two CHECK (id <> 2 OR cardinality(mails) > 5)`, dataset: gone, others: []string{"SELECT * FROM teams"}, refused: `"two"`},
		"arrays that become alike":   {sql: teams("text[]") + `CREATE UNIQUE INDEX u ON teams (mails); INSERT INTO teams VALUES (7, '{bob@example.org,NULL,"carol d@example.org",""}')`, dataset: gone, others: []string{"SELECT * FROM teams"}, refused: `"u"`},
		"two dimensions":             {sql: teams("text[]") + `UPDATE teams SET mails = '{{ada@example.org,bob@example.org}}' WHERE id = 2`, dataset: gone, others: []string{"SELECT * FROM teams"}, refused: "public.teams.mails has arrays of several dimensions"},
		"a key of the schema":        {sql: `CREATE TABLE teams (mails text[] PRIMARY KEY, note text)`, dataset: gone, refused: "public.teams.mails is a key of the schema"},
		"a generated array":          {sql: `CREATE TABLE teams (id int PRIMARY KEY, a text, mails text[] GENERATED ALWAYS AS (ARRAY[a]) STORED, note text)`, dataset: gone, refused: "public.teams.mails is computed by the store"},
		"dates":                      {sql: `CREATE TABLE teams (id int PRIMARY KEY, mails date[], note text)`, dataset: gone, refused: "public.teams.mails has the type"},
		"the address in a text of a row that is shared": {sql: teams("text[]") + `UPDATE teams SET note = 'ask ada@example.org' WHERE id = 2`, dataset: gone, others: others, noted: []string{"people are named in texts of public.teams"}, contradicted: "public.teams"},
	}
	for _, kind := range []string{"text[]", "citext[]", "varchar(40)[]", "mails", "mail[]", `text[] COLLATE "C"`} {
		cases["deleted, of the type "+kind] = foreign{sql: teams(kind), dataset: gone, others: others, erased: both, after: map[string]string{shared: rest}}
	}
	playAll(t, cases)
}

func TestArraysOfOtherIdentifiers(t *testing.T) {
	const id = "0b6f7d1a-5a1e-4a5e-9d4e-000000000001"
	playAll(t, map[string]foreign{
		"numbers": {sql: `CREATE TABLE teams (id int PRIMARY KEY, accounts bigint[]); INSERT INTO teams VALUES (1, '{4711}'), (2, '{4711,4712,NULL}'), (3, '{47110}')`, who: person("accountID", "4711"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: accounts, identifier: AccountID}], onErasure: DeleteRows}`, others: []string{"SELECT * FROM teams WHERE id = 3"}, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1",
			after: map[string]string{"SELECT accounts::text FROM teams WHERE id = 2": "{4712,NULL}"}},
		"UUIDs": {sql: `CREATE TABLE teams (id int PRIMARY KEY, accounts uuid[]); INSERT INTO teams VALUES (1, '{` + id + `}'), (2, '{` + id + `,0b6f7d1a-5a1e-4a5e-9d4e-000000000002}')`, who: person("accountID", "0B6F7D1A5A1E4A5E9D4E000000000001"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: accounts, identifier: AccountID}], onErasure: DeleteRows}`, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1",
			after: map[string]string{"SELECT accounts::text FROM teams WHERE id = 2": "{0b6f7d1a-5a1e-4a5e-9d4e-000000000002}"}},
		"telephone numbers": {sql: `CREATE TABLE teams (id int PRIMARY KEY, phones text[], mail text); INSERT INTO teams VALUES (1, '{"+33 6 12 34 56 78"}', NULL), (2, '{+33612345678,+33687654321}', NULL), (3, '{+33612345678}', 'bob@example.org')`,
			who: person("phone", "+33612345678", "email", "ada@example.org"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: phones, identifier: Phone}, {column: mail, identifier: Email}], onErasure: DeleteRows}`, others: []string{"SELECT * FROM teams WHERE id = 3"}, noted: []string{"public.teams.phones"},
			erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1", after: map[string]string{"SELECT phones::text FROM teams WHERE id = 2": "{+33687654321}"}},
	})
}

func TestPeopleInArraysWithinJSON(t *testing.T) {
	const (
		members = `
tables:
- {name: teams, subjectKeys: [{column: doc, path: [members, "*", email], identifier: Email}], columns: [{name: doc, within: [{path: [members, "*", phone]}]}], onErasure: `
		tags = `
tables:
- {name: teams, subjectKeys: [{column: doc, path: ["*"], identifier: Email}], onErasure: DeleteRows}`
		shared, alone = "SELECT doc::text FROM teams WHERE id = 2", "SELECT doc::text FROM teams WHERE id = 1"
	)
	docs := func(kind string) string {
		return `CREATE TABLE teams (id int PRIMARY KEY, doc ` + kind + `);
INSERT INTO teams VALUES (1, '{"team": "x", "members": [{"email": "Ada@example.org", "phone": "1"}, null]}'),
  (2, '{"team": "y", "members": [{"email": "bob@example.org", "phone": "2"}, {"email": "ada@example.org", "phone": "1"}, {"name": "Carol"}, null]}'),
  (3, '{"members": {"email": "ada"}}'), (4, '["x"]'), (5, NULL), (6, '{"members": [{"email": "bob@example.org"}]}'), (7, '7'), (8, '{"members": [{"email": "ada@example.org"}, {"name": "Carol"}]}')`
	}
	others := []string{"SELECT id, doc::text FROM teams WHERE id > 2 AND id < 8"}
	rest := map[string]string{shared: `{"team": "y", "members": [{"email": "bob@example.org", "phone": "2"}, {"name": "Carol"}, null]}`,
		"SELECT doc::text FROM teams WHERE id = 8": `{"members": [{"name": "Carol"}]}`}
	masked := map[string]string{alone: `{"team": "x", "members": [null]}`}
	maps.Copy(masked, rest)
	playAll(t, map[string]foreign{
		"deleted": {sql: docs("jsonb"), dataset: members + "DeleteRows}", others: others, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 2", after: rest},
		"masked":  {sql: docs("jsonb"), dataset: members + "MaskColumns}", others: others, erased: "0 public.teams Detach 2\n0 public.teams MaskColumns 1", after: masked},
		"json":    {sql: docs("json"), dataset: members + "DeleteRows}", others: others, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 2", after: rest},
		"a list of texts": {sql: `CREATE TABLE teams (id int PRIMARY KEY, doc jsonb); INSERT INTO teams VALUES (1, '["ada@example.org", ""]'), (2, '["bob@example.org", " ada@example.org", 3]'), (3, '["bob@example.org"]'), (4, '"x"')`, dataset: tags,
			others: []string{"SELECT * FROM teams WHERE id > 2"}, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1", after: map[string]string{shared: `["bob@example.org", 3]`}},
		"a CHECK that forbids it": {sql: docs("jsonb") + `; ALTER TABLE teams ADD CHECK (id <> 2 OR jsonb_array_length(doc -> 'members') = 4)`, dataset: members + "DeleteRows}", others: []string{"SELECT * FROM teams"}, refused: "teams_"},
		"a key of its own for each element, and the mask of the element": {sql: docs("jsonb"), dataset: `
tables:
- {name: teams, subjectKeys: [{column: doc, path: [members, "*", email], identifier: Email}], columns: [{name: doc, within: [{path: [members, "*", email], mask: Pseudonym}]}], onErasure: MaskColumns}`,
			others: others, erased: "0 public.teams Detach 2\n0 public.teams MaskColumns 1", after: rest},
	})
}

func TestPeopleOfOneRunWhoShareAnArray(t *testing.T) {
	s := newStore(t, teams("text[]"), `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], onErasure: DeleteRows}`)
	others := s.sum("SELECT * FROM teams WHERE id > 3")
	s.erased("0 public.teams DeleteRows 1\n0 public.teams Detach 1\n1 public.teams Detach 1", email("ada@example.org"), email("joada@example.org"))
	s.want("{bob@example.org}", "SELECT mails FROM teams WHERE id = 3")
	if done := s.erase("run-2", email("bob@example.org"), email("carol d@example.org")); !done.OK || counts(done) != "0 public.teams DeleteRows 2" {
		t.Errorf("%+v", done)
	}
	if s.sum("SELECT * FROM teams WHERE id > 3") != others {
		t.Error("other people's rows changed")
	}
}

func TestAnArrayOnLegalHoldStays(t *testing.T) {
	s := newStore(t, teams("text[]"), `
tables:
- {name: teams, subjectKeys: [{column: mails, identifier: Email}], onErasure: DeleteRows}`)
	before := s.sum("SELECT * FROM teams WHERE id > 1")
	s.holds = []task.Hold{{Index: 1, Schema: "public", Table: "teams", UntilOn: "2030-01-01"}}
	s.holds[0].Where = append(s.holds[0].Where, where("id", v1alpha1.HoldEqual, "2"))
	s.erased("0 public.teams DeleteRows 1\n0 public.teams Keep 1 until 2030-01-01 hold 1", email("ada@example.org"))
	if s.sum("SELECT * FROM teams WHERE id > 1") != before {
		t.Error("a row on hold changed")
	}
}

func TestSeveralKeysWithinOneColumn(t *testing.T) {
	const forms = `CREATE TABLE forms (id int PRIMARY KEY, doc jsonb);
INSERT INTO forms VALUES (1, '{"mail": "ada@example.org", "backup": "ada@work.example", "tel": "1"}'), (2, '{"backup": " ADA@example.org", "tel": "+33 6 12 34 56 78"}'), (3, '{"tel": "+33612345678"}'), (4, '{"mail": "bob@example.org"}'), (5, NULL)`
	const keys = `subjectKeys: [{column: doc, path: [mail], identifier: Email}, {column: doc, path: [backup], identifier: Email}, {column: doc, path: [tel], identifier: Phone}]`
	const team = `CREATE TABLE teams (id int PRIMARY KEY, doc jsonb);
INSERT INTO teams VALUES (1, '[{"mail": "ada@example.org", "tel": "+33600000000"}, {"tel": "+33612345678"}]'),
  (2, '[{"mail": "ada@example.org", "tel": "+33612345678"}, {"mail": "bob@example.org", "tel": "+33687654321"}, {"tel": "+33612345678"}]'),
  (3, '[{"mail": "bob@example.org"}]')`
	const members = `
tables:
- {name: teams, subjectKeys: [{column: doc, path: ["*", mail], identifier: Email}, {column: doc, path: ["*", tel], identifier: Phone}], onErasure: DeleteRows}`
	ada := person("email", "ada@example.org", "phone", "+33612345678")
	others := []string{"SELECT * FROM forms WHERE id > 3"}
	playAll(t, map[string]foreign{
		"deleted": {sql: forms, who: ada, dataset: "tables: [{name: forms, " + keys + ", onErasure: DeleteRows}]", others: others, erased: "0 public.forms DeleteRows 3"},
		"masked": {sql: forms, who: ada, dataset: "tables: [{name: forms, " + keys + ", columns: [{name: doc, within: [{path: [tel], mask: Remove}]}], onErasure: MaskColumns}]", others: others, erased: "0 public.forms MaskColumns 3",
			after: map[string]string{"SELECT string_agg(doc::text, ' ' ORDER BY id) FROM forms WHERE id < 4": `{"mail": null, "backup": null} {"backup": null} {}`}},
		"one path twice": {sql: forms, dataset: "tables: [{name: forms, subjectKeys: [{column: doc, path: [mail], identifier: Email}, {column: doc, path: [mail], identifier: CustomerID}], onErasure: DeleteRows}]", refused: "subjectKeys[1] of public.forms"},
		"one array": {sql: team, who: ada, dataset: members, others: []string{"SELECT * FROM teams WHERE id = 3"}, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1",
			after: map[string]string{"SELECT doc::text FROM teams WHERE id = 2": `[{"tel": "+33687654321", "mail": "bob@example.org"}]`}},
		"an element with the number of an office stays another's": {sql: team + `; UPDATE teams SET doc = '[{"mail": "ada@example.org", "tel": "+33612345678"}, {"mail": "bob@example.org", "tel": "+33612345678"}]' WHERE id = 2`, who: ada, dataset: members,
			others: []string{"SELECT * FROM teams WHERE id = 3"}, erased: "0 public.teams DeleteRows 1\n0 public.teams Detach 1", noted: []string{"public.teams.doc at *.tel is also that of others"},
			after: map[string]string{"SELECT doc::text FROM teams WHERE id = 2": `[{"tel": "+33612345678", "mail": "bob@example.org"}]`}},
	})
}
