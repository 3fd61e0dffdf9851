package postgres_test

import "testing"

func TestMasksAndUniqueness(t *testing.T) {
	members := func(unique string) string {
		return `
CREATE TABLE members (id int PRIMARY KEY, club int NOT NULL, email text NOT NULL, nick text NOT NULL, deleted timestamptz);
CREATE UNIQUE INDEX ` + unique + `;
INSERT INTO members VALUES (1, 1, 'erased', 'x', NULL), (2, 1, 'ada@example.org', 'ada', NULL), (3, 2, 'ada@example.org', 'ada', NULL), (4, 1, 'bob@example.org', 'bob', NULL);`
	}
	constant := func(columns string) string {
		return `
tables:
- {name: members, subjectKeys: [{column: email, identifier: Email}], columns: [` + columns + `], onErasure: MaskColumns}`
	}
	const both = `{name: email, mask: Constant, constant: erased}, {name: nick, mask: Pseudonym}`
	bob := []string{"SELECT * FROM members WHERE id IN (1, 4)"}
	playAll(t, map[string]foreign{
		"constant, unique with another column, taken by a row that stays": {sql: members("u ON members (club, email)"), dataset: constant(both), refused: `"u"`},
		"constant, unique with another column, free": {sql: members("u ON members (club, email)") + `DELETE FROM members WHERE id = 1`, dataset: constant(both),
			erased: "0 public.members MaskColumns 2", others: bob[:0]},
		"constant, unique where not deleted":              {sql: members("v ON members (id)") + `DELETE FROM members WHERE id = 3; CREATE UNIQUE INDEX u ON members (email) WHERE deleted IS NULL`, dataset: constant(both), refused: `"u"`},
		"constant, unique by expression":                  {sql: members("u ON members (club, lower(email))"), dataset: constant(both), refused: `"u"`},
		"constant, unique where deleted, which nobody is": {sql: members("u ON members (club, email) WHERE deleted IS NOT NULL"), dataset: constant(both), erased: "0 public.members MaskColumns 2", others: bob},
		"constant, two rows of the person become alike":   {sql: members("v ON members (id)") + `UPDATE members SET nick = id; CREATE UNIQUE INDEX u ON members (nick, deleted) NULLS NOT DISTINCT`, dataset: constant(`{name: email, mask: Pseudonym}, {name: nick, mask: Constant, constant: erased}`), refused: `"u"`},
		"pseudonym, unique":                               {sql: members("u ON members (club, email)"), dataset: constant(`{name: email, mask: Pseudonym}, {name: nick, mask: Constant, constant: x}`), erased: "0 public.members MaskColumns 2", others: bob},
		"constant, unique and deferrable":                 {sql: members("v ON members (id)") + `ALTER TABLE members ADD CONSTRAINT u UNIQUE (club, email) DEFERRABLE INITIALLY DEFERRED`, dataset: constant(both), refused: `"u"`},
		"exclusion": {sql: `CREATE EXTENSION btree_gist; CREATE TABLE members (id int PRIMARY KEY, email text NOT NULL, stay daterange NOT NULL, EXCLUDE USING gist (email WITH =, stay WITH &&));
INSERT INTO members VALUES (1, 'erased', '[2026-01-01,2026-02-01)'), (2, 'ada@example.org', '[2026-01-15,2026-03-01)');`, dataset: constant(`{name: email, mask: Constant, constant: erased}`), refused: "members_email_stay_excl"},
	})
}

func TestMasksAndTypes(t *testing.T) {
	const ada = "0 public.people MaskColumns 1"
	people := func(column string) string {
		return `
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN given AS text NOT NULL;
CREATE DOMAIN inner_given AS given;
CREATE DOMAIN code AS varchar(12);
CREATE TABLE people (id int PRIMARY KEY, email text, x ` + column + `);`
	}
	dataset := func(mask string) string {
		return `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: x, ` + mask + `}], onErasure: MaskColumns}`
	}
	row := func(value string) string {
		return `INSERT INTO people VALUES (1, 'ada@example.org', ` + value + `), (2, 'bob@example.org', ` + value + `)`
	}
	bob := []string{"SELECT * FROM people WHERE id = 2"}
	playAll(t, map[string]foreign{
		"enum, constant":              {sql: people("mood NOT NULL") + row("'good'"), dataset: dataset("mask: Constant, constant: bad"), erased: ada, others: bob},
		"enum, unknown constant":      {sql: people("mood NOT NULL") + row("'good'"), dataset: dataset("mask: Constant, constant: sad"), refused: "public.people.x does not accept its constant"},
		"enum, pseudonym":             {sql: people("mood") + row("'good'"), dataset: dataset("mask: Pseudonym"), refused: "public.people.x is neither text nor uuid"},
		"domain, constant":            {sql: people("address") + row("'a@b'"), dataset: dataset("mask: Constant, constant: gone@erased.invalid"), erased: ada, others: bob},
		"domain, constant refused":    {sql: people("address") + row("'a@b'"), dataset: dataset("mask: Constant, constant: gone"), refused: "public.people.x"},
		"domain, pseudonym":           {sql: people("address") + row("'a@b'"), dataset: dataset("mask: Pseudonym"), erased: ada, others: bob},
		"check of an address":         {sql: people("text NOT NULL UNIQUE CHECK (x LIKE '%@%')") + `INSERT INTO people VALUES (1, 'ada@example.org', 'a@b')`, dataset: dataset("mask: Pseudonym"), erased: ada},
		"domain NOT NULL":             {sql: people("given") + row("'a'"), dataset: dataset("mask: 'Null'"), refused: "public.people.x is NOT NULL"},
		"domain over NOT NULL domain": {sql: people("inner_given") + row("'a'"), dataset: dataset("mask: 'Null'"), refused: "public.people.x is NOT NULL"},
		"short text, pseudonym":       {sql: people("varchar(20) NOT NULL UNIQUE") + `INSERT INTO people VALUES (1, 'ada@example.org', 'a')`, dataset: dataset("mask: Pseudonym"), erased: ada, after: map[string]string{"SELECT length(x) FROM people": "20"}},
		"short domain, pseudonym":     {sql: people("code NOT NULL") + row("'a'"), dataset: dataset("mask: Pseudonym"), erased: ada, others: bob},
		"very short text, pseudonym":  {sql: people("char(5) NOT NULL") + row("'a'"), dataset: dataset("mask: Pseudonym"), refused: "public.people.x holds 5 characters"},
		"citext, pseudonym":           {sql: people("citext NOT NULL") + row("'a'"), dataset: dataset("mask: Pseudonym"), erased: ada, others: bob},
		"array, null":                 {sql: people("text[]") + row("'{a}'"), dataset: dataset("mask: 'Null'"), erased: ada, others: bob},
		"array, constant":             {sql: people("text[] NOT NULL") + row("'{a}'"), dataset: dataset(`mask: Constant, constant: "{}"`), erased: ada, others: bob},
		"JSON, constant":              {sql: people("jsonb NOT NULL") + row("'{\"a\": 1}'"), dataset: dataset(`mask: Constant, constant: "{}"`), erased: ada, others: bob},
		"identity":                    {sql: people("int GENERATED ALWAYS AS IDENTITY") + `INSERT INTO people (id, email) VALUES (1, 'ada@example.org')`, dataset: dataset("mask: 'Null'"), refused: "public.people.x is computed"},
		"number too large":            {sql: people("smallint") + row("1"), dataset: dataset(`mask: Constant, constant: "70000"`), refused: "public.people.x"},
		"date, default":               {sql: people("date NOT NULL DEFAULT '1900-01-01'") + row("now()"), dataset: dataset(`mask: Default`), erased: ada, others: bob},
		"another collation":           {sql: people(`text COLLATE "C" NOT NULL`) + row("'a'"), dataset: dataset("mask: Pseudonym"), erased: ada, others: bob},
	})
}

func TestChainsOfActions(t *testing.T) {
	chain := func(action, null string) string {
		return `
CREATE TABLE people (id int PRIMARY KEY, email text);
INSERT INTO people VALUES (0, NULL), (1, 'ada@example.org'), (2, 'bob@example.org');
CREATE TABLE carts (id int PRIMARY KEY, person int ` + null + ` DEFAULT 0 REFERENCES people ON DELETE ` + action + `);
CREATE TABLE lines (id int PRIMARY KEY, cart int ` + null + ` DEFAULT 0 REFERENCES carts ON DELETE ` + action + `);
INSERT INTO carts VALUES (0, 0), (1, 1), (2, 2); INSERT INTO lines VALUES (1, 1), (2, 1), (3, 2);`
	}
	const people, carts, lines = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}`, `
- {name: carts, onErasure: DeleteRows}`, `
- {name: lines, onErasure: DeleteRows}`
	others := []string{"SELECT * FROM people WHERE id = 2", "SELECT * FROM carts WHERE id = 2", "SELECT * FROM lines WHERE id = 3"}
	cases := map[string]foreign{}
	for _, action := range []string{"CASCADE", "SET NULL", "RESTRICT", "SET DEFAULT", "NO ACTION DEFERRABLE INITIALLY DEFERRED"} {
		cases[action+", all declared"] = foreign{sql: chain(action, ""), dataset: people + carts + lines, others: others,
			erased: "0 public.carts DeleteRows 1\n0 public.lines DeleteRows 2\n0 public.people DeleteRows 1"}
		cases[action+", lines stay"] = foreign{sql: chain(action, ""), dataset: people + carts + `
- {name: lines, onErasure: Detach, detach: [cart]}`, others: others,
			erased: "0 public.carts DeleteRows 1\n0 public.lines Detach 2\n0 public.people DeleteRows 1", after: map[string]string{"SELECT count(*) FROM lines WHERE cart IS NULL": "2"}}
	}
	cases["end of a chain not declared"] = foreign{sql: chain("CASCADE", ""), dataset: people + carts, others: others, refused: "Undeclared table public.lines"}
	cases["RESTRICT in a circle"] = foreign{sql: `
CREATE TABLE people (id int PRIMARY KEY, email text, cart int NOT NULL);
CREATE TABLE carts (id int PRIMARY KEY, person int NOT NULL REFERENCES people ON DELETE RESTRICT, parent int REFERENCES carts ON DELETE RESTRICT);
INSERT INTO people VALUES (1, 'ada@example.org', 1), (2, 'bob@example.org', 3);
INSERT INTO carts VALUES (1, 1, NULL), (2, 1, 1), (3, 2, NULL);
ALTER TABLE people ADD FOREIGN KEY (cart) REFERENCES carts ON DELETE RESTRICT;`, dataset: people + carts, others: []string{"SELECT * FROM people WHERE id = 2", "SELECT * FROM carts WHERE id = 3"},
		erased: "0 public.carts DeleteRows 2\n0 public.people DeleteRows 1"}
	playAll(t, cases)
}

func TestARefusalNamesTheLastOfTheRowsThatHoldOthers(t *testing.T) {
	const sql = `
CREATE TABLE authors (id int PRIMARY KEY, email text NOT NULL);
CREATE TABLE lists (id int PRIMARY KEY, owner int NOT NULL REFERENCES authors, title text);
CREATE TABLE entries (list int NOT NULL REFERENCES lists, person int NOT NULL REFERENCES authors, PRIMARY KEY (list, person));
INSERT INTO authors VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
INSERT INTO lists VALUES (1, 1, 'a'), (2, 2, 'b'); INSERT INTO entries VALUES (1, 2), (2, 1), (2, 2);`
	dataset := func(owners string) string {
		return `
tables:
- {name: authors, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: lists, columns: [{name: title}], onErasure: DeleteRows}
- {name: entries, ownedThrough: [` + owners + `], onErasure: DeleteRows}`
	}
	playAll(t, map[string]foreign{
		"a person's list with an entry of somebody else": {sql: sql, dataset: dataset("{columns: [person]}"),
			refused: "Rows of public.authors cannot be deleted: public.lists (owner) is NOT NULL and refers to them from rows that stay; those stay since public.entries (list) is NOT NULL and refers to them; to erase its rows too, name list in ownedThrough of public.entries; and they cannot be masked"},
		"what it says to do": {sql: sql, dataset: dataset("{columns: [person]}, {columns: [list]}"), others: []string{"SELECT * FROM lists WHERE id = 2", "SELECT * FROM entries WHERE list = 2 AND person = 2"},
			erased: "0 public.authors DeleteRows 1\n0 public.entries DeleteRows 2\n0 public.lists DeleteRows 1"},
	})
}
