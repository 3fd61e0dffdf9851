package postgres_test

import (
	"fmt"
	"strings"
	"testing"
)

// In a schema of a hundred tables, what is to be declared is told at once, not one table at a time.
func TestAllUndeclaredTablesThatReferToWhatGoesAreNamed(t *testing.T) {
	sql := twoPeople
	for n, onDelete := range []string{"CASCADE", "CASCADE", "SET NULL", "RESTRICT", "NO ACTION", "SET DEFAULT"} {
		sql += fmt.Sprintf("CREATE TABLE t%d (person int REFERENCES people ON DELETE %s, by int REFERENCES people);", n, onDelete)
	}
	sql += "CREATE TABLE t6 (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE); CREATE TABLE t7 (id int PRIMARY KEY, t6 int REFERENCES t6 ON DELETE CASCADE, t7 int REFERENCES t7 ON DELETE CASCADE); CREATE TABLE t8 (t7 int REFERENCES t7);"
	s := newStore(t, sql, deletesPeople)
	planned := s.plan(email("ada@example.org"))
	for _, part := range []string{
		"Undeclared tables would lose rows by cascade: public.t0 (person), public.t1 (person), public.t6 (person), public.t7 (t6). Undeclared",
		"Undeclared tables would be changed: public.t2 (person), public.t5 (person)",
		"Undeclared tables would forbid the delete: public.t0 (by), public.t1 (by), public.t2 (by), public.t3 (by), public.t3 (person), public.t4 (by), public.t4 (person), public.t5 (by), public.t8 (t7)",
		"declare them in the dataset",
	} {
		if planned.OK || !strings.Contains(planned.Message, part) {
			t.Errorf("plan says %q, want %q", planned.Message, part)
		}
	}
}

func TestAllSecondCopiesAreNamed(t *testing.T) {
	sql, last := twoPeople, ""
	for n := range 14 {
		last = fmt.Sprintf("public.journal_%d", n)
		sql += fmt.Sprintf("CREATE TABLE %s (line text); INSERT INTO %[1]s VALUES ('to ada@example.org'); CREATE MATERIALIZED VIEW view_%d AS SELECT line FROM %[1]s;", last, n)
	}
	foreign{sql: sql, dataset: deletesPeople,
		contradicted: last, noted: []string{last, "public.journal_0", "public.view_0", "public.view_9"}}.play(t)
}

func TestAllThatTheVerifierMayNotReadIsNamed(t *testing.T) {
	foreign{sql: twoPeople + `
CREATE TABLE sessions (email text); ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE TABLE factors (email text); ALTER TABLE factors ENABLE ROW LEVEL SECURITY;`, dataset: deletesPeople,
		refused: "public.factors, public.sessions; declare them"}.play(t)
}

// A row with the addresses of two people is erased for either of them; who approves the plan is told.
func TestRowsOfTwoPeopleThatGoAreSaid(t *testing.T) {
	const letters = `
CREATE TABLE letters (id int PRIMARY KEY, sender text, recipient text, copy text);
INSERT INTO letters VALUES (1, 'ada@example.org', 'bob@example.org', NULL), (2, 'bob@example.org', 'bob@example.org', NULL), (3, 'ada@example.org', ' Ada@example.org', 'nobody');`
	const dataset = `
tables:
- {name: letters, subjectKeys: [{column: sender, identifier: Email}, {column: recipient, identifier: Email}, {column: copy, identifier: Email}], onErasure: DeleteRows}`
	const said = "also hold addresses that nobody gave, and go with them: public.letters.recipient"
	foreign{sql: letters, dataset: dataset, erased: "0 public.letters DeleteRows 2", noted: []string{said}, others: []string{"SELECT * FROM letters WHERE id = 2"}}.play(t)
	s := newStore(t, letters, dataset)
	if planned := s.plan(email("ada@example.org"), email("bob@example.org")); !planned.OK || strings.Contains(planned.Message, "nobody gave") {
		t.Errorf("%+v", planned)
	}
}

// An account that has the person's address beside its own is taken for theirs; who approves the plan is told.
func TestAccountsThatArePeoplesByAReferenceAloneAreSaid(t *testing.T) {
	const sql = `
CREATE TABLE users (id int PRIMARY KEY, login text NOT NULL);
CREATE TABLE media (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, sendto text NOT NULL);
INSERT INTO users VALUES (1, 'ada@example.org'), (2, 'bob@example.org'), (3, 'cy');
INSERT INTO media VALUES (1, 1, 'ada@example.org'), (2, 2, 'bob@example.org'), (3, 3, 'cy@example.org');`
	const dataset = `
tables:
- {name: users, subjectKeys: [{column: login, identifier: Email}], references: [{columns: [id], table: media, toColumns: [user_id]}], ownedThrough: [{columns: [id]}], onErasure: DeleteRows}
- {name: media, subjectKeys: [{column: sendto, identifier: Email}], ownedThrough: [{columns: [user_id]}], onErasure: DeleteRows}`
	const said = "people's by a reference alone hold addresses that nobody gave, and are treated as theirs: "
	others := []string{"SELECT * FROM users WHERE id = 3", "SELECT * FROM media WHERE user_id = 3"}
	playAll(t, map[string]foreign{
		"none":                         {sql: sql, dataset: dataset, erased: "0 public.media DeleteRows 1\n0 public.users DeleteRows 1", silent: said, others: others},
		"a second address":             {sql: sql + `INSERT INTO media VALUES (4, 1, 'ada@work.example')`, dataset: dataset, erased: "0 public.media DeleteRows 2\n0 public.users DeleteRows 1", noted: []string{said + "public.media.sendto;"}, others: others},
		"the account of somebody else": {sql: sql + `INSERT INTO media VALUES (4, 2, 'Ada@example.org')`, dataset: dataset, erased: "0 public.media DeleteRows 3\n0 public.users DeleteRows 2", noted: []string{said + "public.media.sendto, public.users.login;"}, others: others},
	})
	s := newStore(t, sql+`INSERT INTO media VALUES (4, 2, 'Ada@example.org')`, dataset)
	if planned := s.plan(email("ada@example.org"), email("bob@example.org")); !planned.OK || strings.Contains(planned.Message, said) {
		t.Errorf("%+v", planned)
	}
}

// An invoice of somebody else that the law keeps may name the person, and so may what is shared. Nothing contradicts it, and it is said.
func TestTextsOfOthersThatRightlyStayAreSaid(t *testing.T) {
	const said = "people are named in texts of rows of others that the law keeps or that are shared, and that stay as they are: "
	const invoices = twoPeople + `
CREATE TABLE invoices (id int PRIMARY KEY, person int REFERENCES people, issued date, note text);
INSERT INTO invoices VALUES (1, 1, '2026-01-01', 'for ada@example.org'), (2, 2, '2026-01-01', 'as for NAME');`
	const kept = deletesPeople + `
- {name: invoices, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}}`
	named := strings.Replace(invoices, "NAME", "ada@example.org", 1)
	playAll(t, map[string]foreign{
		"kept": {sql: named, dataset: kept, noted: []string{said + "public.invoices"}, others: []string{"SELECT * FROM invoices WHERE id = 2"},
			erased: "0 public.invoices Keep 1 until 2036-01-01\n0 public.people DeleteRows 1"},
		"shared": {sql: twoPeople + `
CREATE TABLE talks (id int PRIMARY KEY, a int REFERENCES people, b int REFERENCES people, title text);
INSERT INTO talks VALUES (1, 1, 2, 'with ada@example.org'), (2, 2, 2, 'x');`, dataset: deletesPeople + `
- {name: talks, onErasure: DeleteRows}`, noted: []string{said + "public.talks"}, others: []string{"SELECT * FROM talks WHERE id = 2", "SELECT title FROM talks"}},
	})
	s := newStore(t, strings.Replace(invoices, "NAME", "joada@example.org", 1), kept)
	if planned := s.plan(email("ada@example.org")); !planned.OK || strings.Contains(planned.Message, "rows of others") {
		t.Errorf("the person's own invoice alone names them: %+v", planned)
	}
}

// A person's own list of contacts holds the addresses of others. Without its owner named it stays; who approves is told.
func TestRowsThatStaySinceTheyAreSharedAreSaid(t *testing.T) {
	const contacts = twoPeople + `
CREATE TABLE contacts (id int PRIMARY KEY, person int REFERENCES people, email text);
INSERT INTO contacts VALUES (1, 1, 'bob@example.org'), (2, 2, 'bob@example.org');`
	const declared = deletesPeople + `
- {name: contacts, subjectKeys: [{column: email, identifier: Email}], OWNER onErasure: DeleteRows}`
	shared := strings.Replace(declared, "OWNER", "", 1)
	owned := strings.Replace(declared, "OWNER", "ownedThrough: [{columns: [person]}],", 1)
	foreign{sql: contacts, dataset: shared, noted: []string{"rows of public.contacts lead to people and stay"}, others: []string{"SELECT * FROM contacts WHERE id = 2", "SELECT email FROM contacts"}}.play(t)
	s := newStore(t, contacts, owned)
	s.erased("0 public.contacts DeleteRows 1\n0 public.people DeleteRows 1", email("ada@example.org"))
	if strings.Contains(s.planned.Message, "lead to people") {
		t.Error(s.planned.Message)
	}
}
