package postgres_test

import (
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

const (
	composed   = "ren\u00e9@example.org"
	decomposed = "rene\u0301@example.org"
)

func TestAPersonIsFoundHoweverTheStoreSpellsThem(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text, name text);
CREATE UNIQUE INDEX ON people (lower(email));
INSERT INTO people VALUES (1, 'ada@example.org', 'Ada'), (2, 'bob@example.org', 'Bob'), (3, 'rene@example.org', 'Rene');`
	const gone = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`
	const byOther = `
tables:
- {name: people, subjectKeys: [{column: other, identifier: Custom}], onErasure: DeleteRows}`
	others := []string{"SELECT * FROM people WHERE id < 4 AND email <> 'ada@example.org'"}
	play := func(values string, who subject.Subject, erased string) foreign {
		return foreign{sql: people + "INSERT INTO people VALUES " + values, dataset: gone, who: who, erased: "0 public.people DeleteRows " + erased, others: others}
	}
	typed := func(kind, values string, who subject.Subject) foreign {
		return foreign{sql: "CREATE TABLE people (id int PRIMARY KEY, other " + kind + "); INSERT INTO people VALUES " + values, dataset: byOther, who: who,
			erased: "0 public.people DeleteRows 1", others: []string{"SELECT * FROM people WHERE id > 1"}}
	}
	playAll(t, map[string]foreign{
		"composed and decomposed":              play("(4, '"+composed+"'), (5, '"+decomposed+"')", email(composed), "2"),
		"decomposed is given":                  play("(4, '"+composed+"'), (5, '"+decomposed+"')", email(decomposed), "2"),
		"a domain in ASCII is given":           play("(4, 'x@exämple.org'), (5, 'X@xn--exmple-cua.org')", email("x@xn--exmple-cua.org"), "2"),
		"a domain in Unicode is given":         play("(4, 'x@exämple.org'), (5, 'X@xn--exmple-cua.org')", email("x@exämple.org"), "2"),
		"white space around it":                play("(4, ' Ada@Example.org'), (5, E'ADA@example.org\\r\\n'), (6, ' ada@example.org '), (7, 'joada@example.org ')", email("ada@example.org"), "4"),
		"white space, in a table that is read": play("(4, E'\\t Ada@Example.org'), (5, E'ADA@example.org \\r\\n'), (6, '\u00a0ada@example.org'), (7, 'joada@example.org '); ANALYZE people", email("ada@example.org"), "4"),
		"white space, in a large table": play("(4, ' Ada@Example.org'), (5, E'ADA@example.org\\r\\n'), (6, 'joada@example.org '); INSERT INTO people SELECT n, n || '@example.com' FROM generate_series(10, 200) AS n; ANALYZE people",
			email("ada@example.org"), "3"),
		"white space, in a table of middle size": play("(4, ' Ada@Example.org'), (5, E'ADA@example.org \\r\\n'), (6, 'joada@example.org '); INSERT INTO people SELECT n, n || '@example.com' FROM generate_series(10, 60) AS n; ANALYZE people",
			email("ada@example.org"), "3"),
		"an address of the Internet":              typed("inet", "(1, '203.0.113.7'), (2, '203.0.113.70')", person("custom", "203.0.113.7")),
		"another address of the Internet":         typed("inet", "(1, '2001:db8::1'), (2, '2001:db8::')", person("custom", "2001:DB8:0:0:0:0:0:1")),
		"an address of a device":                  typed("macaddr", "(1, '08:00:2b:01:02:03'), (2, '08:00:2b:01:02:04')", person("custom", "08-00-2B-01-02-03")),
		"a longer address":                        play("(4, ' ada.lovelace@example.org')", email("ada@example.org"), "1"),
		"an address of the Internet kept as text": typed("text", "(1, '203.0.113.7'), (2, '203.0.113.70')", person("custom", "203.0.113.7")),
	})
}

func TestCopiesInColumnsOfOtherTypesAreNamed(t *testing.T) {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text, device uuid);
INSERT INTO people VALUES (1, 'ada@example.org', '6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f'), (2, 'bob@example.org', NULL);`
	const gone = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}, {column: device, identifier: DeviceID}], onErasure: DeleteRows}`
	for name, sql := range map[string]string{
		"a range of texts":           `CREATE TYPE span AS RANGE (subtype = text); CREATE TABLE copies (s span); INSERT INTO copies VALUES ('[ada@example.org,zoe@example.org]')`,
		"several ranges of texts":    `CREATE TYPE span AS RANGE (subtype = text); CREATE TABLE copies (s span_multirange); INSERT INTO copies VALUES ('{[ada@example.org,zoe@example.org]}')`,
		"a UUID":                     `CREATE TABLE copies (u uuid); INSERT INTO copies VALUES ('6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f')`,
		"a UUID that is no lower":    `CREATE TABLE copies (u text); INSERT INTO copies VALUES ('6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f')`,
		"an element of an array":     `CREATE TABLE copies (k text[]); INSERT INTO copies VALUES ('{a,@ada:example.net}')`,
		"a quoted element":           `CREATE TABLE copies (k text[]); INSERT INTO copies VALUES ('{"c/o Ada, 7"}')`,
		"an element among UUIDs":     `CREATE TABLE copies (k uuid[]); INSERT INTO copies VALUES ('{00000000-0000-0000-0000-000000000000,6f2b6f0e-3b1e-4a5e-9f5c-0a1b2c3d4e5f}')`,
		"a name in JSON":             `CREATE TABLE copies (j jsonb); INSERT INTO copies VALUES ('{"@ada:example.net": ["room"]}')`,
		"a text in JSON":             `CREATE TABLE copies (j json); INSERT INTO copies VALUES ('{"user" :"@ada:example.net"}')`,
		"JSON in a text of JSON":     `CREATE TABLE copies (j jsonb); INSERT INTO copies VALUES ('{"payload": "{\"user\": \"@ada:example.net\"}"}')`,
		"JSON in an array":           `CREATE TABLE copies (j jsonb[]); INSERT INTO copies VALUES (ARRAY['{"user": "@ada:example.net"}'::jsonb])`,
		"XML":                        `CREATE TABLE copies (x xml); INSERT INTO copies VALUES ('<user>@ada:example.net</user>')`,
		"a composite":                `CREATE TYPE card AS (n int, who text); CREATE TABLE copies (c card); INSERT INTO copies VALUES ((1, '@ada:example.net'))`,
		"names and values":           `CREATE EXTENSION hstore; CREATE TABLE copies (h hstore); INSERT INTO copies VALUES ('user=>"@ada:example.net"')`,
		"an address of the Internet": `CREATE TABLE copies (i inet); INSERT INTO copies VALUES ('203.0.113.7')`,
	} {
		t.Run(name, func(t *testing.T) {
			who := "@ada:example.net"
			if name == "a quoted element" {
				who = "c/o Ada, 7"
			}
			foreign{sql: people + sql, dataset: gone, who: person("email", "ada@example.org", "deviceID", "6F2B6F0E-3B1E-4A5E-9F5C-0A1B2C3D4E5F", "custom", "203.0.113.7", "customerID", who),
				contradicted: "public.copies", noted: []string{"public.copies"}, others: []string{"SELECT * FROM people WHERE id = 2", "TABLE copies"}}.play(t)
		})
	}
}

func TestAnIdentifierIsNoPartOfAnElement(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (code text PRIMARY KEY);
CREATE TABLE texts (a text[], j jsonb, x xml);
INSERT INTO people VALUES ('100234');
INSERT INTO texts VALUES ('{1100234,"no 100234"}', '{"order": 100234, "note": "for 100234", "id": "100234-7", "n": [1, 100234, 2]}', '<n>no 100234</n>');`, `
tables:
- {name: people, subjectKeys: [{column: code, identifier: CustomerID}], onErasure: DeleteRows}`)
	s.erased("0 public.people DeleteRows 1", person("customerID", "100234"))
}

func TestACodeThatStaysAsAKeyContradictsNothing(t *testing.T) {
	s := newStore(t, `
CREATE TABLE people (code text PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, code text NOT NULL REFERENCES people, note text);
INSERT INTO people VALUES ('CUST-4711', 'Ada'), ('CUST-4712', 'Bob');
INSERT INTO orders VALUES (1, 'CUST-4711', 'x'), (2, 'CUST-4712', 'y');`, `
tables:
- {name: people, subjectKeys: [{column: code, identifier: CustomerID}], columns: [{name: name}], onErasure: MaskColumns}
- {name: orders, columns: [{name: note}], onErasure: MaskColumns}`)
	s.erased(`
		0 public.orders MaskColumns 1
		0 public.people MaskColumns 1`, person("customerID", "CUST-4711"))
	s.sql("UPDATE orders SET note = 'CUST-4711' WHERE id = 2")
	if o := s.verify(person("customerID", "CUST-4711")); o.OK {
		t.Error("the code in another column was not found")
	}
}
