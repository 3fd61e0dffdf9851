package postgres_test

import (
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Columns that hold the names of users, as keys of the schema or as what refers to them, may go on holding a code of a person who is
// masked. An address in them is found, by a plan and by the verifier: a user can have it as their name, and what a column refers to
// can depend on a kind beside it.
func TestAnAddressIsFoundWhereCodesMayStay(t *testing.T) {
	const grants = `
CREATE TABLE users (login text PRIMARY KEY, email text, full_name text);
CREATE TABLE grants (id int PRIMARY KEY, kind int NOT NULL, grantee text, owner text NOT NULL, path text);
INSERT INTO users VALUES ('ada-lovelace', 'ada@example.org', 'Ada'), ('bob-ray', 'bob@example.org', 'Bob');
INSERT INTO grants VALUES (1, 0, 'bob-ray', 'ada-lovelace', '/a'), (2, 0, 'ada-lovelace', 'bob-ray', '/b'), (4, 0, 'cleo', 'bob-ray', '/d');`
	const dataset = `
tables:
- {name: users, subjectKeys: [{column: login, identifier: AccountID}, {column: email, identifier: Email}], columns: [{name: email}, {name: full_name}], onErasure: MaskColumns}
- name: grants
  references: [{columns: [owner], table: users, toColumns: [login]}, {columns: [grantee], table: users, toColumns: [login], where: {column: kind, values: ["0"]}}]
  ownedThrough: [{columns: [owner]}, {columns: [grantee]}]
  onErasure: `
	const left = "people are named in texts of "
	deleted, masked := dataset+"DeleteRows", dataset+"MaskColumns\n  columns: [{name: path}]"
	for name, c := range map[string]struct{ sql, dataset, found string }{
		"codes alone":                         {sql: grants, dataset: deleted},
		"codes alone that stay":               {sql: grants, dataset: masked},
		"beside a kind, in another's row":     {sql: grants + `INSERT INTO grants VALUES (3, 4, 'Ada@Example.org', 'bob-ray', '/c')`, dataset: deleted, found: "public.grants"},
		"beside a kind, in a row that stays":  {sql: grants + `INSERT INTO grants VALUES (3, 4, 'ada@example.org', 'ada-lovelace', '/c')`, dataset: masked, found: "public.grants"},
		"beside a kind, in a row that goes":   {sql: grants + `INSERT INTO grants VALUES (3, 4, 'ada@example.org', 'ada-lovelace', '/c')`, dataset: deleted},
		"as the name of a user":               {sql: grants + `UPDATE users SET login = 'ada@example.org' WHERE email LIKE 'ada%'`, dataset: deleted, found: "public.users"},
		"as the name of a user without email": {sql: grants + `INSERT INTO users VALUES ('ada@example.org', NULL, NULL)`, dataset: deleted, found: "public.users"},
		"an address of somebody else":         {sql: grants + `INSERT INTO grants VALUES (3, 4, 'bob@example.org', 'bob-ray', '/c')`, dataset: deleted},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.sql, c.dataset)
			who := person("email", "ada@example.org", "accountID", "ada-lovelace")
			if done := s.erase("run-1", who); !done.OK {
				t.Fatalf("%s: %s", done.Reason, done.Message)
			}
			if said := strings.Contains(s.planned.Message, left+c.found+" that stay"); said != (c.found != "") {
				t.Errorf("plan says %q", s.planned.Message)
			}
			switch o := s.verify(who); {
			case c.found == "" && !o.OK:
				t.Errorf("%s: %s", o.Reason, o.Message)
			case c.found != "" && (o.Reason != task.Contradicted || strings.Join(o.Names, " ") != c.found):
				t.Errorf("OK %v %s %q %v", o.OK, o.Reason, o.Message, o.Names)
			}
		})
	}
}
