package postgres_test

import (
	"testing"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

const onePerson = `
CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL UNIQUE, name varchar(10) NOT NULL DEFAULT 'x', score int CHECK (score > 0), upper text GENERATED ALWAYS AS (upper(name)) STORED);
INSERT INTO people (id, email, name, score) VALUES (1, 'ada@example.org', 'Ada', 3), (2, 'bob@example.org', 'Bob', 4);`

func TestMasksThatAConstraintForbidsStopThePlan(t *testing.T) {
	for name, c := range map[string]struct{ columns, part string }{
		"Null on NOT NULL":          {`{name: email}`, "people.email is NOT NULL, so it cannot be masked with Null; use Default, Constant or Pseudonym"},
		"Default without a default": {`{name: email, mask: Default}`, "has no default"},
		"Constant on UNIQUE":        {`{name: email, mask: Constant, constant: gone}`, "is UNIQUE"},
		"Pseudonym in ten chars":    {`{name: email, mask: Pseudonym}, {name: name, mask: Pseudonym}`, "holds 10 characters"},
		"Constant too long":         {`{name: email, mask: Pseudonym}, {name: name, mask: Constant, constant: much too long}`, "holds 10 characters"},
		"Pseudonym on a number":     {`{name: email, mask: Pseudonym}, {name: score, mask: Pseudonym}`, "neither text nor uuid"},
		"Constant against CHECK":    {`{name: email, mask: Pseudonym}, {name: score, mask: Constant, constant: "0"}`, `CHECK constraint "people_score_check"`},
		"Constant of another type":  {`{name: email, mask: Pseudonym}, {name: score, mask: Constant, constant: none}`, "is an integer"},
		"generated column":          {`{name: email, mask: Pseudonym}, {name: upper}`, "is computed by the store"},
		"key left out, NOT NULL":    {`{name: score}`, "people.email is NOT NULL"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, onePerson, "tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], columns: ["+c.columns+"], onErasure: MaskColumns}]")
			s.refused(task.PlanImpossible, c.part, email("ada@example.org"))
		})
	}
	s := newStore(t, onePerson, `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name, mask: Default}, {name: score, mask: Constant, constant: "1"}], onErasure: MaskColumns}]`)
	s.erased("0 public.people MaskColumns 1", email("ada@example.org"))
	s.want("x 1 X", "SELECT name || ' ' || score || ' ' || upper FROM people WHERE id = 1")
}

func TestUndeclaredTablesThatReferToWhatGoesStopThePlan(t *testing.T) {
	for action, part := range map[string]string{
		"ON DELETE CASCADE":  "would lose rows by cascade",
		"ON DELETE SET NULL": "would be changed",
		"":                   "would forbid the delete",
	} {
		s := newStore(t, onePerson+`CREATE SCHEMA app; CREATE TABLE app."Odd ""name" (person int REFERENCES people `+action+`)`,
			`tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`)
		s.refused(task.PlanImpossible, part, email("ada@example.org"))
		s.refused(task.PlanImpossible, `Undeclared table app.Odd "name`, email("ada@example.org"))
	}
}

func TestScanFindsWhatTheDatasetForgot(t *testing.T) {
	s := newStore(t, onePerson+`CREATE TABLE leads (id int, email text); CREATE TABLE other (id int, body text);`,
		`tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`)
	o := s.scan()
	if !o.OK || o.Reason != task.Undeclared || o.UndeclaredTables != 1 || o.UndeclaredColumns != 1 || o.Names[0] != "public.leads" {
		t.Errorf("%+v", o)
	}
}

func TestTablesThatCannotBeTreatedStopThePlan(t *testing.T) {
	for sql, part := range map[string]string{
		`CREATE VIEW people AS SELECT 'a'::text AS email`:                                           "is no table",
		`CREATE TABLE people (email text); CREATE RULE r AS ON DELETE TO people DO INSTEAD NOTHING`: "has rewrite rules",
	} {
		s := newStore(t, sql, `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`)
		s.refused(task.PlanImpossible, part, email("ada@example.org"))
	}
	s := newStore(t, onePerson+`CREATE TABLE lonely (id int)`, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: lonely, onErasure: DeleteRows}`)
	s.refused(task.PlanImpossible, "Rows of public.lonely belong to nobody", email("ada@example.org"))
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	s := newStore(t, onePerson, `
tables:
- {name: people, subjectKeys: [{column: mail, identifier: Email}], columns: [{name: surname}], onErasure: DeleteRows}`)
	s.refused(task.ColumnMissing, "public.people.mail, public.people.surname", email("ada@example.org"))
	s = newStore(t, onePerson, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {schema: sales, name: orders, onErasure: DeleteRows}`)
	s.refused(task.TableMissing, "sales.orders", email("ada@example.org"))
	if o := s.provision(); !o.OK || len(o.Names) != 1 || o.Names[0] != "sales.orders" {
		t.Errorf("%+v", o)
	}
	s.sql(`CREATE SCHEMA sales; CREATE TABLE sales.orders (id int PRIMARY KEY, person int REFERENCES people)`)
	if o := s.provision(); !o.OK || len(o.Names) != 0 {
		t.Errorf("%+v", o)
	}
	s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
}

const oneTable = `tables: [{name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`

func TestConnectionTroubleHasItsReason(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	check := func(want task.Reason, o task.Outcome) {
		t.Helper()
		if o.OK || o.Reason != want {
			t.Errorf("%s %q, want %s", o.Reason, o.Message, want)
		}
	}
	wrong := s.verifier
	wrong.Password = "wrong"
	check(task.AuthenticationFailed, s.engine(wrong).Scan(t.Context(), s.task("")))
	wrong.Username = "nobody"
	check(task.AuthenticationFailed, s.engine(wrong).Scan(t.Context(), s.task("")))
	e := s.engine(s.verifier)
	e.Config.Connection.Database = "absent"
	check(task.DatabaseMissing, e.Scan(t.Context(), s.task("")))
	e = s.engine(s.verifier)
	e.Config.Connection.Port = 1
	check(task.Unreachable, e.Scan(t.Context(), s.task("")))
	e = s.engine(s.verifier)
	e.Config.Connection.Host = "host.invalid"
	check(task.Unreachable, e.Scan(t.Context(), s.task("")))
	e = s.engine(s.verifier)
	e.Config.Connection.TLS.Mode = "Require"
	check(task.TLSFailed, e.Scan(t.Context(), s.task("")))

	s.sql("REVOKE DELETE ON people FROM " + s.eraser.Username)
	o := s.erase("run-1", who)
	check(task.PrivilegeMissing, o)
	if len(o.Names) != 1 || o.Names[0] != "DELETE on public.people" {
		t.Errorf("%v", o.Names)
	}
	s.sql("DROP TABLE rempart.ledger")
	check(task.LedgerMissing, s.erase("run-1", who))
}

func TestRolesThatAreTooStrongAreRefused(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	s.sql("GRANT UPDATE (name) ON people TO " + s.verifier.Username)
	s.refused(task.RoleTooStrong, "public.people", who)
	if o := s.verify(who); o.Reason != task.RoleTooStrong {
		t.Errorf("%+v", o)
	}
	if o := s.provision(); !o.OK { // provisioning takes it back
		t.Errorf("%+v", o)
	}
	if o := s.plan(who); !o.OK {
		t.Errorf("%+v", o)
	}
	digest := s.plan(who).PlanDigest
	s.sql("ALTER ROLE " + s.eraser.Username + " BYPASSRLS")
	tsk := s.task("run-1", who)
	tsk.PlanDigest = digest
	if o := s.engine(s.eraser).Erase(t.Context(), tsk, nil); o.Reason != task.RoleTooStrong {
		t.Errorf("%+v", o)
	}
	s.sql("GRANT pg_write_all_data TO " + s.verifier.Username)
	s.refused(task.RoleTooStrong, "public.people", who)
	s.sql("REVOKE pg_write_all_data FROM " + s.verifier.Username)
}
