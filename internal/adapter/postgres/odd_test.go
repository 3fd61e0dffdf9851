package postgres_test

import "testing"

// TestADayThatNobodyMeansKeepsItsRow: its end could not be computed, and the run stopped.
func TestADayThatNobodyMeansKeepsItsRow(t *testing.T) {
	const kept = `
tables:
- {name: bills, subjectKeys: [{column: mail, identifier: Email}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: at}}`
	for _, typ := range []string{"date", "timestamp", "timestamptz"} {
		t.Run(typ, func(t *testing.T) {
			foreign{sql: `CREATE TABLE bills (id int PRIMARY KEY, mail text, at ` + typ + `);
INSERT INTO bills VALUES (1, 'ada@example.org', 'infinity'), (2, 'bob@example.org', 'infinity'), (3, 'ada@example.org', '-infinity'), (4, 'ada@example.org', '2026-01-01'), (5, 'ada@example.org', '2000-01-01'),
(6, 'ada@example.org', '294270-01-01'), (7, 'ada@example.org', '4000-01-01 BC')`, dataset: kept, others: []string{"SELECT * FROM bills WHERE id IN (1, 2, 3, 4, 6, 7)"}, erased: "0 public.bills DeleteRows 1\n0 public.bills Keep 5 until 2036-01-01"}.play(t)
		})
	}
}

// TestOddSchemasAreTreatedOrRefusedByName, and nobody else's rows change.
func TestOddSchemasAreTreatedOrRefusedByName(t *testing.T) {
	playAll(t, map[string]foreign{
		"names": {sql: `CREATE SCHEMA "a.b""c"; CREATE TABLE "a.b""c"."x.""y" ("req" int PRIMARY KEY, "state" text, "k0" text, "t.""x" text, "x" text, "doc" jsonb, "until" date, "value" text, "ctid2" text, "rnd" int, "seed" bool, "r0" int);
INSERT INTO "a.b""c"."x.""y" VALUES (1, 'ada@example.org', 'a', 'b', 'c'), (2, 'bob@example.org', 'a', 'b', 'c')`, dataset: `
tables:
- {schema: 'a.b"c', name: 'x."y', subjectKeys: [{column: state, identifier: Email}], columns: [{name: k0}, {name: 't."x', mask: Pseudonym}, {name: x, mask: Constant, constant: 'a''\b"'}], onErasure: MaskColumns}`,
			others: []string{`SELECT * FROM "a.b""c"."x.""y" WHERE req = 2`}, erased: `0 a.b"c.x."y MaskColumns 1`},
		"generated from masked": {sql: `CREATE TABLE p (id int PRIMARY KEY, mail text, name text, whole text GENERATED ALWAYS AS (name || ' <' || mail || '>') STORED, len int GENERATED ALWAYS AS (length(mail)) STORED);
INSERT INTO p VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: name}], onErasure: MaskColumns}`, others: []string{"SELECT * FROM p WHERE id = 2"}, erased: "0 public.p MaskColumns 1"},
		"mask of the partition key": {sql: `CREATE TABLE p (id int, mail text NOT NULL, name text, PRIMARY KEY (id, mail)) PARTITION BY HASH (mail); CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p SELECT n, CASE WHEN n < 20 THEN 'ada@example.org' ELSE 'bob' || n || '@example.org' END, 'x' FROM generate_series(1, 40) n`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: mail, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}`, others: []string{"SELECT * FROM p WHERE id >= 20"}, erased: "0 public.p MaskColumns 19"},
		"exclusion": {sql: `CREATE TABLE p (id int PRIMARY KEY, mail text, room int, at int4range, EXCLUDE USING gist (at WITH &&)); INSERT INTO p VALUES (1, 'ada@example.org', 1, '[1,2)'), (2, 'bob@example.org', 1, '[3,4)')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: at}], onErasure: MaskColumns}`, others: []string{"SELECT * FROM p WHERE id = 2"}, erased: "0 public.p MaskColumns 1"},
		"enum constant": {sql: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE p (id int PRIMARY KEY, mail text, m mood); INSERT INTO p VALUES (1, 'ada@example.org', 'sad'), (2, 'bob@example.org', 'sad')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: m, mask: Constant, constant: ok}], onErasure: MaskColumns}`, others: []string{"SELECT * FROM p WHERE id = 2"}, erased: "0 public.p MaskColumns 1"},
		"enum constant that it lacks": {sql: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE p (id int PRIMARY KEY, mail text, m mood); INSERT INTO p VALUES (1, 'ada@example.org', 'sad')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: m, mask: Constant, constant: none}], onErasure: MaskColumns}`, refused: "public.p.m"},
		"domain over an array": {sql: `CREATE DOMAIN mails AS text[] CHECK (cardinality(VALUE) > 0); CREATE TABLE p (id int PRIMARY KEY, m mails); INSERT INTO p VALUES (1, '{ada@example.org}'), (2, '{bob@example.org}'), (3, '{ada@example.org,bob@example.org}')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: m, identifier: Email}], columns: [{name: m}], onErasure: MaskColumns}`, others: []string{"SELECT * FROM p"}, refused: "public.p.m does not accept"},
		"deferred constraint trigger that raises": {sql: `CREATE TABLE p (id int PRIMARY KEY, mail text); INSERT INTO p VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no %', OLD.mail; END$$; CREATE CONSTRAINT TRIGGER no AFTER DELETE ON p DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], onErasure: DeleteRows}`, others: []string{"SELECT * FROM p"}, stopped: "raises an error"},
		"deferred foreign keys in a cycle": {sql: `CREATE TABLE a (id int PRIMARY KEY, mail text, b int); CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED;
BEGIN; INSERT INTO a VALUES (1, 'ada@example.org', 1), (2, 'bob@example.org', 2), (3, 'ada@example.org', 2); INSERT INTO b VALUES (1, 1), (2, 2); COMMIT`, dataset: `
tables:
- {name: a, subjectKeys: [{column: mail, identifier: Email}], onErasure: DeleteRows}
- {name: b, onErasure: DeleteRows}`, others: []string{"SELECT * FROM a WHERE id = 2", "SELECT * FROM b WHERE id = 2"}},
		"a view with INSTEAD OF": {sql: `CREATE TABLE p (id int PRIMARY KEY, mail text); CREATE VIEW v AS SELECT * FROM p; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; CREATE TRIGGER f INSTEAD OF DELETE ON v FOR EACH ROW EXECUTE FUNCTION f()`, dataset: `
tables:
- {name: v, subjectKeys: [{column: mail, identifier: Email}], onErasure: DeleteRows}`, refused: "public.v is no table"},
		"a statement trigger that raises at others": {sql: `CREATE TABLE p (id int PRIMARY KEY, mail text); INSERT INTO p VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN UPDATE public.p SET mail = 'x' WHERE id = 2; RETURN NULL; END$$; CREATE TRIGGER also AFTER DELETE ON p FOR EACH STATEMENT EXECUTE FUNCTION also()`, dataset: `
tables:
- {name: p, subjectKeys: [{column: mail, identifier: Email}], onErasure: DeleteRows}`, erased: "0 public.p DeleteRows 1", noted: []string{"also"}},
		"a jsonb object of arrays with odd keys": {sql: `CREATE TABLE p (id int PRIMARY KEY, d jsonb); INSERT INTO p VALUES (1, '{"a\"b": {"it''s\\": ["ada@example.org", "bob@example.org"]}}')`, dataset: `
tables:
- {name: p, subjectKeys: [{column: d, path: ['a"b', 'it''s\', '*'], identifier: Email}], onErasure: DeleteRows}`, erased: "0 public.p Detach 1", after: map[string]string{"SELECT d::text FROM p": `{"a\"b": {"it's\\": ["bob@example.org"]}}`}},
	})
}
