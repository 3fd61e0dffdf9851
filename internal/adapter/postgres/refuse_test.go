package postgres_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
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
	s := newStore(t, `CREATE TABLE people (email text); INSERT INTO people VALUES ('ada@example.org'); CREATE RULE put AS ON INSERT TO people DO INSTEAD NOTHING;
CREATE RULE keep AS ON DELETE TO people DO INSTEAD NOTHING; ALTER TABLE people DISABLE RULE keep`, oneTable)
	s.erased("0 public.people DeleteRows 1", email("ada@example.org")) // a run inserts nothing
	s = newStore(t, onePerson+`CREATE TABLE lonely (id int)`, `
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
	s.refused(task.RoleTooStrong, "pg_write_all_data", who)
	s.sql("REVOKE pg_write_all_data FROM " + s.verifier.Username)
}

// undoes is the SQL that a refusal of a role gives.
var undoes = regexp.MustCompile(`\(((?:ALTER|REVOKE) [^()]*(?:\([^()]*\))?[^()]*)\)`)

// tooStrong is what makes a role E of a database D too strong, through a role G or itself, and what of it is refused.
var tooStrong = map[string][]string{
	"ALTER ROLE E SUPERUSER":                                          {"SUPERUSER"},
	"ALTER ROLE E BYPASSRLS":                                          {"BYPASSRLS"},
	"ALTER ROLE E CREATEROLE CREATEDB":                                {"CREATEDB", "CREATEROLE"},
	"ALTER ROLE E REPLICATION":                                        {"REPLICATION"},
	"ALTER ROLE G CREATEROLE; GRANT G TO E":                           {"CREATEROLE through G"},
	"GRANT pg_execute_server_program TO E":                            {"membership in pg_execute_server_program"},
	"GRANT pg_read_server_files, pg_write_server_files TO E":          {"membership in pg_read_server_files", "membership in pg_write_server_files"},
	"GRANT pg_write_all_data TO E":                                    {"membership in pg_write_all_data"},
	"GRANT pg_write_all_data TO G; GRANT G TO E":                      {"membership in pg_write_all_data"},
	"ALTER TABLE people OWNER TO E":                                   {"ownership of public.people"},
	"ALTER TABLE people OWNER TO G; GRANT G TO E":                     {"ownership of public.people"},
	"ALTER SCHEMA public OWNER TO E":                                  {"ownership of schema public"},
	"ALTER SCHEMA rempart OWNER TO E":                                 {"ownership of schema rempart"},
	"ALTER TABLE rempart.ledger OWNER TO E":                           {"ownership of rempart.ledger"},
	"GRANT CREATE ON SCHEMA rempart TO E":                             {"CREATE on schema rempart"},
	"GRANT CREATE ON SCHEMA rempart TO PUBLIC":                        {"CREATE on schema rempart"},
	"GRANT CREATE ON SCHEMA rempart TO G; GRANT G TO E":               {"CREATE on schema rempart"},
	"ALTER TABLE parts.old OWNER TO E":                                {"ownership of parts.old"},
	"ALTER TABLE parts.older OWNER TO G; GRANT G TO E":                {"ownership of parts.older"},
	"ALTER SCHEMA parts OWNER TO E":                                   {"ownership of schema parts"},
	"ALTER DATABASE D OWNER TO E":                                     {"ownership of database D"},
	"GRANT UPDATE, DELETE, TRUNCATE ON rempart.ledger TO E":           {"DELETE on rempart.ledger", "TRUNCATE on rempart.ledger", "UPDATE on rempart.ledger"},
	"GRANT UPDATE (counts) ON rempart.ledger TO E":                    {"UPDATE on rempart.ledger"},
	"GRANT DELETE ON rempart.ledger TO PUBLIC":                        {"DELETE on rempart.ledger"},
	"GRANT DELETE ON rempart.ledger TO G; GRANT G TO E":               {"DELETE on rempart.ledger"},
	"GRANT TRUNCATE ON rempart.ledger TO E; ALTER ROLE E REPLICATION": {"REPLICATION", "TRUNCATE on rempart.ledger"},
}

// visits are in partitions, of which one has a partition itself.
const visits = `
CREATE TABLE visits (person int, at date) PARTITION BY RANGE (at);
CREATE SCHEMA parts;
CREATE TABLE parts.old PARTITION OF visits FOR VALUES FROM ('2000-01-01') TO ('2020-01-01') PARTITION BY RANGE (at);
CREATE TABLE parts.older PARTITION OF parts.old FOR VALUES FROM ('2000-01-01') TO ('2010-01-01');`

const withVisits = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: visits, subjectKeys: [{column: person, identifier: AccountID}], onErasure: DeleteRows}`

// TestAVerifierThatMayWriteAnywhereIsRefused: to a partition, or to the ledger, which says who was erased.
func TestAVerifierThatMayWriteAnywhereIsRefused(t *testing.T) {
	s := newStore(t, onePerson+visits, withVisits)
	who := email("ada@example.org")
	for grant, on := range map[string]string{
		"INSERT ON rempart.ledger": "rempart.ledger", "INSERT (counts) ON rempart.ledger": "rempart.ledger",
		"DELETE ON parts.older": "parts.older", "UPDATE (at) ON parts.old": "parts.old",
	} {
		s.sql("GRANT " + grant + " TO " + s.verifier.Username)
		s.refused(task.RoleTooStrong, on, who)
		if o := s.verify(who); o.Reason != task.RoleTooStrong {
			t.Errorf("%s: %+v", grant, o)
		}
		s.sql("REVOKE " + grant + " FROM " + s.verifier.Username)
	}
	if o := s.plan(who); !o.OK {
		t.Errorf("%+v", o)
	}
}

func TestAnEraserThatMayDoMoreThanEraseIsRefusedWithWhatTakesItAway(t *testing.T) {
	s := newStore(t, onePerson+visits, withVisits)
	who, group := email("ada@example.org"), "group_"+s.name
	named := strings.NewReplacer("E", s.eraser.Username, "G", group, "D", s.name)
	word := regexp.MustCompile(`\b[EGD]\b`)
	meant := func(text string) string { return word.ReplaceAllStringFunc(text, named.Replace) }
	s.sql(meant("CREATE ROLE G"))
	t.Cleanup(func() {
		_, _ = s.db.Exec(context.Background(), "DROP OWNED BY "+group)
		_, _ = s.db.Exec(context.Background(), "DROP ROLE "+group)
	})
	digest, n := s.plan(who).PlanDigest, 0
	erase := func(digest string) task.Outcome {
		n++
		tsk := s.task(fmt.Sprintf("run-%d", n), who)
		tsk.PlanDigest = digest
		return s.engine(s.eraser).Erase(t.Context(), tsk, []subject.Subject{who})
	}
	for sql, names := range tooStrong {
		names = slices.Clone(names)
		for i := range names {
			names[i] = meant(names[i])
		}
		s.sql(meant(sql))
		o := erase(digest)
		if o.Reason != task.RoleTooStrong || !slices.Equal(o.Names, names) {
			t.Fatalf("%s: OK %v %s %q %q", sql, o.OK, o.Reason, o.Names, o.Message)
		}
		for _, undo := range undoes.FindAllStringSubmatch(o.Message, -1) {
			s.sql(strings.ReplaceAll(undo[1], "another_role", postgrestest.Superuser))
		}
		if o := erase("another"); o.Reason == task.RoleTooStrong || o.OK {
			t.Errorf("%s: after what the refusal says: %s %q", sql, o.Reason, o.Message)
		}
		s.sql(meant("ALTER ROLE G NOCREATEROLE; REVOKE pg_write_all_data FROM G; REVOKE G FROM E; REASSIGN OWNED BY G TO CURRENT_USER; DROP OWNED BY G"))
		if o := s.provision(); !o.OK { // an owner's grants go with the ownership
			t.Fatalf("%+v", o)
		}
	}
	if o := erase(digest); !o.OK {
		t.Errorf("%+v", o)
	}
}
