package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

const twoPeople = `
CREATE TABLE people (id int PRIMARY KEY, email text, name text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');`

const deletesPeople = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`

var bobsRow = []string{"SELECT * FROM people WHERE id = 2"}

// Functions of triggers are written for the application: for its search path, its role and its settings.
func TestTriggersThatExpectTheApplicationRunOrAreNamed(t *testing.T) {
	trigger := func(body, when string) string {
		return twoPeople + `
CREATE TABLE log (id int);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + body + ` RETURN OLD; END $$;
CREATE ` + when + ` ON people FOR EACH ROW EXECUTE FUNCTION f();`
	}
	deleted := map[string]string{"SELECT count(*) FROM log": "1"}
	kept := []string{"TABLE people", "TABLE log"}
	playAll(t, map[string]foreign{
		"the search path": {sql: trigger("INSERT INTO log VALUES (OLD.id);", "TRIGGER writer AFTER DELETE") + "GRANT INSERT ON log TO PUBLIC", dataset: deletesPeople,
			erased: "0 public.people DeleteRows 1", after: deleted, others: bobsRow},
		"the search path of the database": {sql: `CREATE SCHEMA app; SET search_path = app;` + trigger("INSERT INTO log VALUES (OLD.id);", "TRIGGER writer AFTER DELETE") +
			`GRANT INSERT ON log TO PUBLIC; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app', current_database()); END $$`,
			dataset: strings.Replace(deletesPeople, "{name", "{schema: app, name", 1), erased: "0 app.people DeleteRows 1", after: deleted, others: bobsRow},
		"a search path that nobody set": {sql: `CREATE SCHEMA app; SET search_path = app;` + trigger("INSERT INTO log VALUES (OLD.id);", "TRIGGER writer AFTER DELETE"),
			dataset: strings.Replace(deletesPeople, "{name", "{schema: app, name", 1), stopped: "app.people (writer) does not find what it names", others: kept},
		"a privilege": {sql: trigger("INSERT INTO log VALUES (OLD.id);", "TRIGGER writer AFTER DELETE"), dataset: deletesPeople,
			stopped: "A trigger of public.people (writer) needs a privilege that the eraser's role lacks", others: kept},
		"a setting": {sql: trigger("PERFORM current_setting('app.user');", "TRIGGER writer AFTER DELETE"), dataset: deletesPeople,
			stopped: "public.people (writer) does not find what it names", others: kept},
		"nobody deletes": {sql: trigger("RAISE EXCEPTION 'no: %', OLD.email;", "TRIGGER guard BEFORE DELETE"), dataset: deletesPeople,
			stopped: "public.people (guard) raises an error", others: kept},
		"nobody deletes, said at the end": {sql: trigger("RAISE EXCEPTION 'no: %', OLD.email;", "CONSTRAINT TRIGGER guard AFTER DELETE"), dataset: deletesPeople,
			stopped: "public.people (guard) raises an error", others: kept},
		"nobody deletes, said when committing": {sql: strings.Replace(trigger("RAISE EXCEPTION 'no: %', OLD.email;", "CONSTRAINT TRIGGER guard AFTER DELETE"), "FOR EACH", "DEFERRABLE INITIALLY DEFERRED FOR EACH", 1), dataset: deletesPeople,
			stopped: "public.people (guard) raises an error", others: kept},
		"the second of two tables": {sql: trigger("RETURN OLD;", "TRIGGER quiet BEFORE DELETE") + `
CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people); INSERT INTO notes VALUES (1, 1), (2, 2);
CREATE TRIGGER first AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION f();
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER guard BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION g();`,
			dataset: deletesPeople + `
- {name: notes, onErasure: DeleteRows}`, stopped: "A trigger of public.people (guard, quiet) raises an error", others: append([]string{"TABLE notes"}, kept...)},
		"a disabled trigger": {sql: trigger("RAISE EXCEPTION 'no: %', OLD.email;", "TRIGGER guard BEFORE DELETE") + "ALTER TABLE people DISABLE TRIGGER guard", dataset: deletesPeople,
			erased: "0 public.people DeleteRows 1", others: bobsRow},
		"a constraint of what it writes": {sql: trigger("INSERT INTO public.log VALUES (NULL);", "TRIGGER writer AFTER DELETE") + "GRANT INSERT ON log TO PUBLIC; ALTER TABLE log ALTER id SET NOT NULL", dataset: deletesPeople,
			stopped: "public.people (writer) writes a row that lacks a value, such as the application's user who did it", others: kept},
		"an event trigger": {sql: twoPeople + `
CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF session_user LIKE 'verifier%' THEN RAISE EXCEPTION 'no'; END IF; END $$;
CREATE EVENT TRIGGER "no DDL" ON ddl_command_start EXECUTE FUNCTION f();`, dataset: deletesPeople, refused: "An event trigger of the database (no DDL)", others: []string{"TABLE people"}},
	})
}

func TestNothingOfATriggersErrorIsTold(t *testing.T) {
	s := newStore(t, twoPeople+`
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = OLD.email, TABLE = OLD.email, SCHEMA = OLD.email, CONSTRAINT = OLD.email, COLUMN = OLD.email; END $$;
CREATE TRIGGER guard BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION f();`, deletesPeople)
	o := s.erase("run-1", email("ada@example.org"))
	if all := o.Message + strings.Join(o.Names, " "); o.OK || o.Reason != task.PlanImpossible || strings.Contains(all, "example.org") {
		t.Errorf("%+v", o)
	}
}

func TestWhereCopiesGoIsSaid(t *testing.T) {
	const bare = `
CREATE TABLE people (id int, email text, name text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');`
	const parts = `
CREATE TABLE people (id int, email text, name text) PARTITION BY LIST (id);
CREATE TABLE people_1 PARTITION OF people FOR VALUES IN (1); CREATE TABLE people_2 PARTITION OF people DEFAULT;
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob');`
	const gone = "0 public.people DeleteRows 1"
	copies := []string{"public.people is published (copies)"}
	playAll(t, map[string]foreign{
		"a table":                         {sql: twoPeople + `CREATE PUBLICATION copies FOR TABLE people`, dataset: deletesPeople, noted: copies, erased: gone, others: bobsRow},
		"all tables":                      {sql: twoPeople + `CREATE PUBLICATION copies FOR ALL TABLES`, dataset: deletesPeople, noted: copies, erased: gone, others: bobsRow},
		"inserts only, without identity":  {sql: bare + `CREATE PUBLICATION copies FOR ALL TABLES WITH (publish = 'insert')`, dataset: deletesPeople, noted: copies, erased: gone, others: bobsRow},
		"without identity":                {sql: bare + `CREATE PUBLICATION copies FOR ALL TABLES`, dataset: deletesPeople, refused: "public.people is published by copies and has no replica identity", others: bobsRow},
		"with the whole row as identity":  {sql: bare + `CREATE PUBLICATION copies FOR ALL TABLES; ALTER TABLE people REPLICA IDENTITY FULL`, dataset: deletesPeople, erased: gone, others: bobsRow},
		"parts without identity":          {sql: parts + `CREATE PUBLICATION copies FOR TABLE people`, dataset: deletesPeople, refused: "has no replica identity", others: bobsRow},
		"parts published as their whole":  {sql: parts + `CREATE PUBLICATION copies FOR TABLE people WITH (publish_via_partition_root)`, dataset: deletesPeople, refused: "has no replica identity", others: bobsRow},
		"a table of which nobody decides": {sql: twoPeople + `CREATE TABLE other (n int); CREATE PUBLICATION copies FOR TABLE other`, dataset: deletesPeople, erased: gone, others: bobsRow},
	})
}

func TestGeneratedColumnsFollowWhatTheyAreComputedFrom(t *testing.T) {
	people := func(computed string) string {
		return `CREATE TABLE people (id int PRIMARY KEY, email text, low text GENERATED ALWAYS AS (` + computed + `, name text);
INSERT INTO people VALUES (1, 'Ada@example.org', DEFAULT, 'Ada'), (2, 'bob@example.org', DEFAULT, 'Bob');`
	}
	masked := func(keys, email string) string {
		return `
tables:
- {name: people, subjectKeys: [` + keys + `], columns: [{name: email, mask: ` + email + `}, {name: name}], onErasure: MaskColumns}`
	}
	const low, both = `{column: low, identifier: Email}`, `{column: low, identifier: Email}, {column: email, identifier: Email}`
	const gone = "0 public.people MaskColumns 1"
	playAll(t, map[string]foreign{
		"the key":                  {sql: people("lower(email)) STORED UNIQUE"), dataset: masked(low, "Pseudonym"), erased: gone, others: bobsRow},
		"the key and its source":   {sql: people("lower(email)) STORED UNIQUE"), dataset: masked(both, "Null"), erased: gone, others: bobsRow},
		"a vector for searches":    {sql: twoPeople + `ALTER TABLE people ADD words tsvector GENERATED ALWAYS AS (to_tsvector('simple', email || ' ' || name)) STORED`, dataset: masked(`{column: email, identifier: Email}`, "Null"), erased: gone, others: bobsRow},
		"one that may not be null": {sql: people("lower(email)) STORED NOT NULL"), dataset: masked(low, "Null"), stopped: "public.people.low is NOT NULL and would become NULL", others: []string{"TABLE people"}},
		"its source is not masked": {sql: people("lower(email)) STORED"), dataset: strings.Replace(masked(low, "Null"), "{name: email, mask: Null}, ", "", 1),
			refused: "public.people.low is computed by the store", others: []string{"TABLE people"}},
		"a key that others follow": {sql: people("lower(email)) STORED UNIQUE") + `CREATE TABLE orders (id int, who text REFERENCES people (low) ON UPDATE CASCADE); INSERT INTO orders VALUES (1, 'ada@example.org'), (2, 'bob@example.org')`,
			dataset: masked(low, "Pseudonym") + "\n- {name: orders, columns: [{name: id, mask: Null}], onErasure: MaskColumns}", erased: "0 public.orders MaskColumns 1\n" + gone, others: append(bobsRow, "SELECT * FROM orders WHERE id = 2")},
		"a key that others do not follow": {sql: people("lower(email)) STORED UNIQUE") + `CREATE TABLE orders (id int, who text REFERENCES people (low)); INSERT INTO orders VALUES (1, 'ada@example.org')`,
			dataset: masked(low, "Pseudonym") + "\n- {name: orders, onErasure: DeleteRows}", refused: "public.people.low is computed from email, which cannot be masked: public.orders (who) refers to it", others: []string{"TABLE people", "TABLE orders"}},
	})
}

func TestAReferenceWhoseTriggersAreDisabledDoesNotFollow(t *testing.T) {
	foreign{sql: peopleByAddress + `
CREATE TABLE orders (id int PRIMARY KEY, who text NOT NULL REFERENCES customers ON UPDATE CASCADE, placed date);
INSERT INTO orders VALUES (1, 'ada@example.org', '2026-01-01');
ALTER TABLE customers DISABLE TRIGGER ALL;`, dataset: `
tables:
- {name: customers, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}], onErasure: MaskColumns}
- {name: orders, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: placed}}`,
		refused: "its triggers are disabled", others: []string{"TABLE customers", "TABLE orders"}}.play(t)
}

func TestTypesAndConstraintsOfAnExtensionInASchemaOfItsOwn(t *testing.T) {
	s := newStore(t, `
CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions;
SET search_path = public, extensions;
CREATE TABLE people (id int PRIMARY KEY, email citext UNIQUE CHECK (email ~ '@'), name text);
INSERT INTO people VALUES (1, 'Ada@Example.org', 'Ada'), (2, 'bob@example.org', 'Bob');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}`)
	s.sql("REVOKE USAGE ON SCHEMA extensions FROM " + s.eraser.Username)
	if o := s.erase("run-0", email("ada@example.org")); o.Reason != task.PrivilegeMissing || !strings.Contains(o.Message, "USAGE on schema extensions") {
		t.Errorf("%+v", o)
	}
	if o := s.provision(); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.erased("0 public.people MaskColumns 1", email("ada@example.org"))
}
