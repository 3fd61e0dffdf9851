package postgres_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// What a constant leaves in the place of a value is not the value, however much of it is in both or however the store prints it.
func TestAMaskIsNoValueThatIsBack(t *testing.T) {
	for name, c := range map[string]struct{ kind, before, constant string }{
		"a part":          {"text", "Deleted User (Ada)", "Deleted User"},
		"an element":      {"text[]", "{newsletter,premium-customer}", "{newsletter}"},
		"a name":          {"jsonb", `{"display_name": "Ada"}`, `{"display_name": "gone"}`},
		"as the mask":     {"jsonb", `{"name":"Deleted User"}`, `{"name":"Deleted User"}`},
		"with spaces":     {"text", " Deleted User ", " Deleted User "},
		"in another case": {"text", "DELETED USER", "Deleted User"},
		"padded":          {"char(20)", "Deleted User", "Deleted User"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "CREATE TABLE people (id int PRIMARY KEY, email text, value "+c.kind+")", `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: value, mask: Constant, constant: '`+c.constant+`'}], onErasure: MaskColumns}`)
			s.sql("INSERT INTO people VALUES (1, 'ada@example.org', $1::text::"+c.kind+")", c.before)
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			s.copies(s.looked("run-1", ada))
		})
	}
}

// A value that a constant replaced and that somebody writes again is named, and so is another column of the row that has it.
func TestAMaskedRowIsThePersonsOwn(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, label text);
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada Lovelace', 'for Ada: Ada Lovelace');`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: name, mask: Constant, constant: somebody}], onErasure: MaskColumns}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.copies(s.looked("run-1", ada), "public.people.label")
	s.sql("UPDATE people SET name = 'Ada Lovelace'")
	s.copies(s.looked("run-1", ada), "public.people.label", "public.people.name")
}

// A value in its place contradicts nothing when another row has it, in whatever order they are read, or when it is a part of a cell.
func TestWhatOthersHaveIsNotBack(t *testing.T) {
	nulls := `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: value, mask: "Null"}], onErasure: MaskColumns}`
	for name, c := range map[string]struct {
		kind, value, after string
		want               []string
	}{
		"a status":           {"text", "confirmed", "UPDATE people SET value = 'confirmed' WHERE value IS NULL", nil},
		"a document's names": {"jsonb", `{"notifications": true}`, `UPDATE people SET value = '{"notifications": false}' WHERE value IS NULL`, nil},
		"a part":             {"jsonb", `{"notifications": true}`, `UPDATE people SET value = '{"notifications": false}' WHERE value IS NULL; DELETE FROM people WHERE id = 2`, []string{"public.people.value"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, "CREATE TABLE people (id int PRIMARY KEY, email text, value "+c.kind+")", nulls)
			s.sql("INSERT INTO people VALUES (1, 'ada@example.org', $1::text::"+c.kind+"), (2, 'bob@example.org', $1::text::"+c.kind+")", c.value)
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			s.sql(c.after)
			s.copies(s.looked("run-1", ada), c.want...)
		})
	}
	s := newStore(t, `
CREATE TABLE seats (event int, seat int, email text, status text, PRIMARY KEY (event, seat));
INSERT INTO seats VALUES (7, 12, 'ada@example.org', 'confirmed'), (7, 13, 'bob@example.org', 'confirmed');`, `
tables:
- {name: seats, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	s.sql("INSERT INTO seats VALUES (7, 12, 'cy@example.org', 'confirmed')")
	s.copies(s.looked("run-1", ada))
}

// Rows count once, however many values are back in them.
func TestRowsWithValuesThatAreBackCountOnce(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, address text, phone text);
CREATE TABLE backup AS SELECT * FROM people;
INSERT INTO backup VALUES (1, NULL, 'Ada Lovelace', 'c/o Lord Byron, 12 rue de la Paix', '+33 6 12 34 56 78'), (2, NULL, 'Bea Lovelace', NULL, '+33 6 99 88 77 66');
INSERT INTO people SELECT id, 'p' || id || '@example.org', name, address, phone FROM backup;`, deletesPeople)
	people := []subject.Subject{email("p1@example.org"), email("p2@example.org")}
	s.gone("run-1", people...)
	s.sql("INSERT INTO people SELECT * FROM backup")
	if o := s.looked("run-1", people...); o.Reason != task.Contradicted || !strings.Contains(o.Message, "2 rows in public.people") {
		t.Errorf("%v %s %q", o.OK, o.Reason, o.Message)
	}
	s.sql("UPDATE people SET name = NULL, address = NULL")
	if o := s.looked("run-1", people...); o.Reason != task.Contradicted {
		t.Errorf("a number: %v %s %q", o.OK, o.Reason, o.Message)
	}
}

// A server that logs every statement with its values has none of those that went, and no key of their hashes.
func TestNoLogHasWhatIsDestroyed(t *testing.T) {
	srv := postgrestest.Start(t, "logging_collector=on", "log_directory=log", "log_statement=all", "log_min_duration_statement=0")
	s := newStoreOn(t, srv, shop, shopped)
	ada := email("ada@example.org")
	s.sql("SELECT 'the log begins here'")
	s.gone("run-1", ada)
	s.looked("run-1", ada)
	s.sql("SELECT 'the log ends here'")
	s.until("true", "position('the log ends here' IN pg_read_file(pg_current_logfile())) > 0")
	_, logged, _ := strings.Cut(s.one("pg_read_file(pg_current_logfile())"), "the log begins here")
	if !strings.Contains(logged, `INSERT INTO "rempart"."destroyed"`) || !strings.Contains(logged, "parameters: $1") {
		t.Fatal("the log lacks the statements")
	}
	for _, secret := range []string{"king-noel", "universit", "enchantress", "33612345678", "12 34 56 78", "frankfurt", strings.Repeat("31", 32), strings.Repeat("5b", 32)} {
		if at := strings.Index(strings.ToLower(logged), secret); at >= 0 {
			t.Errorf("%q is in the log: %.300s", secret, logged[max(0, at-100):])
		}
	}
}

// Texts that are none in the database's encoding cannot be read. Their people are erased all the same, and the verifier says so.
func TestTextsThatCannotBeReadAreErased(t *testing.T) {
	for name, c := range map[string]struct{ encoding, odd string }{
		"latin":     {"SQL_ASCII", "chr(233)"},
		"undefined": {"WIN1252", "chr(129)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStoreIn(t, c.encoding, "CREATE TABLE people (id int PRIMARY KEY, email text, name text); INSERT INTO people VALUES (1, 'ada@example.org', 'Andr' || "+c.odd+" || ' Lovelace')", deletesPeople)
			ada := email("ada@example.org")
			s.gone("run-1", ada)
			s.want("0", "SELECT count(*) FROM people")
			if o := s.looked("run-1", ada); !o.OK || !strings.Contains(o.Message, "none in its encoding") {
				t.Errorf("%+v", o)
			}
		})
	}
}

// newStoreIn is newStore in a database of another encoding.
func newStoreIn(t *testing.T, encoding, sql, dataset string) *store {
	t.Helper()
	name := "encoded_" + strings.ToLower(encoding)
	if _, err := server.Connect(t, "postgres").Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C'"); err != nil {
		t.Fatal(err)
	}
	s := &store{T: t, server: server, name: name, db: server.Connect(t, name), dataset: &v1alpha1.Dataset{}}
	s.eraser = postgres.Login{Username: "eraser_" + name, Password: "secret of eraser"}
	s.verifier = postgres.Login{Username: "verifier_" + name, Password: "secret of verifier"}
	s.sql(sql)
	if err := yaml.UnmarshalStrict([]byte(dataset), s.dataset); err != nil {
		t.Fatal(err)
	}
	if o := s.provision(); !o.OK {
		t.Fatalf("provision: %+v", o)
	}
	return s
}

// What nearly everybody has is no longer looked for after a glimpse of a large table; what the person alone had is, in every table and form.
func TestWhatNearlyEverybodyHasIsDroppedEarly(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, phone text, profile jsonb);
CREATE TABLE notes (id int PRIMARY KEY, body text, detail jsonb);
INSERT INTO people SELECT n, 'p' || n || '@example.org', CASE WHEN n % 2 = 0 THEN 'Ada Lovelace' ELSE 'Person ' || n END, '+3361' || lpad(n::text, 7, '0'), jsonb_build_object('nick', 'nickname ' || n, 'team', 'analytical engines') FROM generate_series(1, 4000) n;
INSERT INTO notes SELECT n, 'of Ada Lovelace: ' || n, jsonb_build_object('by', 'Ada Lovelace', 'for', 'analytical engines') FROM generate_series(1, 3000) n;
ANALYZE;`, deletesPeople)
	ada, odd := email("p3000@example.org"), email("p3001@example.org")
	s.gone("run-1", ada, odd)
	o := s.looked("run-1", ada, odd)
	s.copies(o)
	if !strings.Contains(o.Message, "7 were looked for, and 2 were not") {
		t.Error(o.Message)
	}
	s.sql(`UPDATE notes SET body = 'Ada Lovelace (06 1 00 03 000)' WHERE id = 7; UPDATE notes SET detail = '{"a": ["x", "Nickname 3001"]}' WHERE id = 2999`)
	s.copies(s.looked("run-1", ada, odd), "public.notes.detail")
	s.sql(`UPDATE notes SET body = 'Ada Lovelace (+33 61 00 03 000)' WHERE id = 7`)
	s.copies(s.looked("run-1", ada, odd), "public.notes.body", "public.notes.detail")
	s.sql("UPDATE notes SET body = 'x', detail = '{}' WHERE id IN (7, 2999)")
	s.copies(s.looked("run-1", ada, odd))
	s.sql("DELETE FROM people") // then the name and the team are of nobody else
	s.copies(s.looked("run-1", ada, odd), "public.notes.detail")
}

// A run of which the eraser wrote nothing down is not one of which all was looked for; one that destroyed nothing is.
func TestARunThatWroteNothingDownSaysSo(t *testing.T) {
	s := newStore(t, shop, shopped)
	nobody, ada := email("nobody@example.org"), email("ada@example.org")
	s.gone("run-0", nobody)
	if o := s.looked("run-0", nobody); !o.OK || strings.Contains(o.Message, "not looked for") {
		t.Errorf("%+v", o)
	}
	s.sql("REVOKE DELETE ON rempart.destroyed FROM " + s.eraser.Username)
	s.gone("run-1", ada)
	if o := s.looked("run-1", ada); !o.OK || !strings.Contains(o.Message, "not looked for: the eraser wrote nothing down") {
		t.Errorf("%+v", o)
	}
}

// Another run may still be verified: its hashes stay for a month.
func TestHashesOfOtherRunsStayForAMonth(t *testing.T) {
	s := newStore(t, shop, shopped)
	ada, bob := email("ada@example.org"), email("bob@example.org")
	s.gone("run-1", ada)
	s.gone("run-2", bob)
	s.sql("DELETE FROM orders; DELETE FROM states") // of which Ada and Bob had the same
	s.copies(s.looked("run-1", ada), "public.audit.change", "public.labels.lines", "public.tickets.body")
	s.sql("UPDATE rempart.destroyed SET recorded_at = recorded_at - interval '31 days' WHERE run_uid = 'run-1'")
	s.gone("run-3", email("nobody@example.org"))
	s.want("0", "SELECT count(*) FROM rempart.destroyed WHERE run_uid = 'run-1'")
	s.want("true", "SELECT count(*) > 0 FROM rempart.destroyed WHERE run_uid = 'run-2'")
}

// A table that takes too long to compare is named, and the erasure is verified.
func TestATableThatTakesTooLongIsNotCompared(t *testing.T) {
	s := newStore(t, shop+`
CREATE TYPE place AS (street text, zip int);
CREATE FUNCTION slow(place) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  IF current_query() LIKE '%rempart_sought%' THEN RAISE EXCEPTION 'too long' USING ERRCODE = 'query_canceled'; END IF;
  RETURN $1.street;
END $$;
CREATE CAST (place AS text) WITH FUNCTION slow(place);
CREATE TABLE places (id int, at place);
INSERT INTO places VALUES (1, ROW('12, rue de l''Université', 75007));`, shopped)
	ada := email("ada@example.org")
	s.gone("run-1", ada)
	o := s.looked("run-1", ada)
	s.copies(o, "public.audit.change", "public.labels.lines", "public.orders.ship_name", "public.orders.ship_street", "public.tickets.body")
	if !strings.Contains(o.Message, "took too long: public.places") {
		t.Error(o.Message)
	}
}
