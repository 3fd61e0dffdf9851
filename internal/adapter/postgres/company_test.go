package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// long is a name of 63 bytes, the longest that PostgreSQL keeps.
var long = strings.Repeat("ß", 31) + "x"

// store of records, with names as people give them: capitals, dots, quotes, spaces, 63 bytes, keywords, several schemas.
var records = strings.ReplaceAll(`
CREATE SCHEMA "Sales.Data"; CREATE SCHEMA hr; CREATE EXTENSION citext;
CREATE DOMAIN hr.code AS char(5);
CREATE TABLE hr."Employee" ("EmployeeId" serial PRIMARY KEY, "ReportsTo" int REFERENCES hr."Employee", "E-Mail" citext UNIQUE, "Name" text);
CREATE TABLE "Sales.Data"."Customer" ("CustomerID" hr.code PRIMARY KEY, "E-Mail" text COLLATE "C" NOT NULL, "Fax" varchar(24), note text COLLATE "POSIX",
  "SupportRep" int REFERENCES hr."Employee" ON DELETE SET NULL);
CREATE TABLE "Sales.Data"."order" ("Order.ID" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "user" hr.code REFERENCES "Sales.Data"."Customer" ON DELETE CASCADE,
  placed timestamptz NOT NULL, total numeric(10,2) CHECK (total >= 0), "ship "" to" jsonb);
CREATE TABLE "Sales.Data"."LONG" ("Order.ID" bigint REFERENCES "Sales.Data"."order" ON DELETE CASCADE, "Line" smallint, "LONG" text, PRIMARY KEY ("Order.ID", "Line"));
CREATE TABLE public."Playlist" (id int PRIMARY KEY, owner hr.code REFERENCES "Sales.Data"."Customer", title text);
CREATE TABLE public."PlaylistTrack" (playlist int REFERENCES "Playlist" ON DELETE CASCADE, track int, added_by hr.code REFERENCES "Sales.Data"."Customer" ON DELETE CASCADE, PRIMARY KEY (playlist, track));
INSERT INTO hr."Employee" VALUES (1, NULL, 'boss@example.org', 'Boss'), (2, 1, 'ada@example.org', 'Ada'), (3, 2, 'cy@example.org', 'Cy');
INSERT INTO "Sales.Data"."Customer" VALUES ('ALFKI', 'Ada@Example.org', '+33 6 12 34 56 78', 'x', 3), ('BLAUS', 'bob@example.org', '+49 30 123456', 'y', 2);
INSERT INTO "Sales.Data"."order" ("user", placed, total, "ship "" to") VALUES ('ALFKI', '2020-01-01', 1, '{}'), ('ALFKI', '2026-01-01', 2, '{}'), ('BLAUS', '2026-01-01', 3, '{}');
INSERT INTO "Sales.Data"."LONG" VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c');
INSERT INTO "Playlist" VALUES (1, 'ALFKI', 'mine'), (2, 'BLAUS', 'his');
INSERT INTO "PlaylistTrack" VALUES (1, 1, 'ALFKI'), (1, 2, 'BLAUS'), (2, 1, 'ALFKI'), (2, 2, 'BLAUS');
`, "LONG", long)

var recordsDataset = strings.ReplaceAll(`
tables:
- schema: hr
  name: Employee
  subjectKeys: [{column: E-Mail, identifier: Email}]
  onErasure: DeleteRows
- schema: Sales.Data
  name: Customer
  subjectKeys: [{column: E-Mail, identifier: Email}, {column: Fax, identifier: Phone}]
  ownedThrough: [{columns: [SupportRep]}]
  onErasure: DeleteRows
- {schema: Sales.Data, name: order, onErasure: DeleteRows}
- {schema: Sales.Data, name: LONG, onErasure: DeleteRows}
- {name: Playlist, columns: [{name: title}], onErasure: DeleteRows}
- {name: PlaylistTrack, ownedThrough: [{columns: [added_by]}], onErasure: DeleteRows}`, "LONG", long)

func TestACompanyWithNamesOfAllKinds(t *testing.T) {
	dataset := strings.Replace(recordsDataset, "  ownedThrough: [{columns: [SupportRep]}]\n", "", 1)
	bob := []string{`SELECT "CustomerID", "E-Mail", "Fax", note FROM "Sales.Data"."Customer" WHERE "CustomerID" = 'BLAUS'`, `SELECT * FROM "Sales.Data"."order" WHERE "user" = 'BLAUS'`,
		`SELECT * FROM public."PlaylistTrack" WHERE added_by = 'BLAUS'`, `SELECT * FROM public."Playlist" WHERE owner = 'BLAUS'`, `SELECT "EmployeeId", "E-Mail", "Name" FROM hr."Employee" WHERE "EmployeeId" <> 2`}
	playAll(t, map[string]foreign{
		"customers of an employee who is a person too": {sql: records, dataset: dataset, others: bob, erased: strings.ReplaceAll(`
			0 Sales.Data.Customer DeleteRows 1
			0 Sales.Data.Customer Detach 1
			0 Sales.Data.order DeleteRows 2
			0 Sales.Data.LONG DeleteRows 2
			0 hr.Employee DeleteRows 1
			0 hr.Employee Detach 1
			0 public.Playlist MaskColumns 1
			0 public.PlaylistTrack DeleteRows 2`, "LONG", long)},
		"a number that is written otherwise": {sql: records, dataset: dataset, who: person("phone", "0033-6 12345678"), erased: "", others: append(bob, `SELECT * FROM hr."Employee"`)},
		"a number with spaces": {sql: records, dataset: dataset, who: person("phone", "+33612345678"), others: append(bob, `SELECT * FROM hr."Employee"`),
			after: map[string]string{`SELECT count(*) FROM "Sales.Data"."Customer"`: "1"}},
	})
}

func TestAReferenceToATableMeansNoRowOfItsHeirs(t *testing.T) {
	foreign{sql: `
CREATE TABLE files (id int PRIMARY KEY, owner text);
CREATE TABLE images (width int) INHERITS (files);
CREATE TABLE comments (id int PRIMARY KEY, file int REFERENCES files, body text);
INSERT INTO files VALUES (1, 'bob@example.org'), (2, 'ada@example.org');
INSERT INTO images VALUES (1, 'ada@example.org', 10);
INSERT INTO comments VALUES (1, 1, 'on the file of Bob'), (2, 2, 'on the file of Ada');`, dataset: `
tables:
- {name: files, subjectKeys: [{column: owner, identifier: Email}], onErasure: DeleteRows}
- {name: comments, onErasure: DeleteRows}`, others: []string{"SELECT * FROM comments WHERE id = 1", "SELECT * FROM ONLY files WHERE id = 1"},
		erased: "0 public.comments DeleteRows 1\n0 public.files DeleteRows 2"}.play(t)
}

func TestWhatAMissingIndexCostsIsSaid(t *testing.T) {
	foreign{sql: `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE visits (id int PRIMARY KEY, person int REFERENCES people, referrer text);
INSERT INTO people SELECT n, 'p' || n || '@example.org' FROM generate_series(1, 12000) n;
INSERT INTO people VALUES (0, 'ada@example.org');
INSERT INTO visits SELECT n, n % 12001, NULL FROM generate_series(1, 50000) n;
CREATE INDEX ON visits (id, person); CREATE INDEX ON visits (person) WHERE person > 5; CREATE INDEX ON people (email);
ANALYZE;`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: visits, onErasure: DeleteRows}`, erased: "0 public.people DeleteRows 1\n0 public.visits DeleteRows 4",
		others: []string{"SELECT * FROM visits WHERE person <> 0"},
		noted: []string{"public.visits (person) has no index: each row of public.people that goes makes the store read about 50,000 rows",
			"public.people.email has no index that finds a person: each run reads about 12,000 rows"}}.play(t)
}

const secured = `
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people, email text);
INSERT INTO people VALUES (1, 'ada@example.org'), (2, 'bob@example.org'); INSERT INTO notes VALUES (1, 1, 'ada@example.org'), (2, 2, 'bob@example.org');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (email = current_setting('app.user', true));`

func TestRowsHiddenByAPolicyAreNeverCalledErased(t *testing.T) {
	const people = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email}], onErasure: MaskColumns}`
	const notes = people + "\n- {name: notes, onErasure: DeleteRows}"
	bob := []string{"SELECT * FROM people WHERE id = 2", "SELECT * FROM notes WHERE id = 2"}
	playAll(t, map[string]foreign{
		"not declared, and looks like it": {sql: secured, dataset: people, refused: "public.notes"},
		"a restrictive policy":            {sql: secured + `CREATE POLICY less ON notes AS RESTRICTIVE USING (id > 1);`, dataset: notes, refused: "public.notes has row security"},
		"policies of our own":             {sql: secured, dataset: notes, others: bob, erased: "0 public.notes DeleteRows 1\n0 public.people MaskColumns 1"},
		"forced on the owner too":         {sql: secured + `ALTER TABLE notes FORCE ROW LEVEL SECURITY;`, dataset: notes, others: bob, erased: "0 public.notes DeleteRows 1\n0 public.people MaskColumns 1"},
	})
	s := newStore(t, secured, notes)
	policy := func(role string) string { return `"rempart ` + role + `"` }
	who := email("ada@example.org")
	for _, narrow := range []string{
		"ALTER POLICY " + policy(s.verifier.Username) + " ON notes USING (id > 1)",
		"DROP POLICY " + policy(s.verifier.Username) + " ON notes",
	} {
		s.sql(narrow)
		s.refused(task.PlanImpossible, "public.notes has row security", who)
		if o := s.verify(who); o.OK || o.Reason != task.PlanImpossible {
			t.Errorf("%+v", o)
		}
		if o := s.provision(); !o.OK { // brings them back
			t.Fatalf("%+v", o)
		}
	}
	work := s.task("run-1", who)
	work.PlanDigest = s.plan(who).PlanDigest
	s.sql("ALTER POLICY " + policy(s.eraser.Username) + " ON notes WITH CHECK (id > 1)")
	if o := s.engine(s.eraser).Erase(t.Context(), work, []subject.Subject{who}); o.OK || !strings.Contains(o.Message, "public.notes has row security") {
		t.Errorf("%+v", o)
	}
}

func TestTextsOfSeveralCollationsAreSearched(t *testing.T) {
	foreign{sql: `
CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE people (id int PRIMARY KEY, email text COLLATE alike UNIQUE, a text COLLATE "C", b text COLLATE "POSIX");
CREATE TABLE letters (x text COLLATE alike, y text COLLATE "C", z varchar COLLATE "POSIX");
INSERT INTO people VALUES (1, 'ADA@example.org', 'a', 'b'), (2, 'bob@example.org', 'a', 'b');
INSERT INTO letters VALUES ('to ada@example.org', 'a', 'b');`, dataset: `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`, contradicted: "public.letters", noted: []string{"public.letters"},
		others: []string{"SELECT * FROM people WHERE id = 2"}}.play(t)
}
