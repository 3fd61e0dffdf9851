package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func TestTheSameRunTwiceErasesOnce(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	first := s.erase("run-1", who)
	s.sql(`INSERT INTO people (id, email) VALUES (9, 'ada@example.org')`) // somebody of that address came back
	second := s.erase("run-1", who)
	if !first.OK || first.Replayed || !second.OK || !second.Replayed {
		t.Fatalf("%+v\n%+v", first, second)
	}
	if counts(first) != counts(second) || first.Ledger != second.Ledger || !first.At.Equal(second.At) || first.PlanDigest != second.PlanDigest {
		t.Errorf("%+v\n%+v", first, second)
	}
	s.want("1", "SELECT count(*) FROM people WHERE id = 9")
	s.want("1", "SELECT count(*) FROM rempart.ledger")
}

func TestALowerEpochIsFenced(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	ada, bob := email("ada@example.org"), email("bob@example.org")
	digest := s.plan(ada).PlanDigest
	run := func(uid string, epoch int64, who subject.Subject) task.Outcome {
		tsk := s.task(uid, who)
		tsk.Epoch, tsk.PlanDigest = epoch, digest
		return s.engine(s.eraser).Erase(t.Context(), tsk, []subject.Subject{who})
	}
	if o := run("late", 7, ada); !o.OK {
		t.Fatalf("%+v", o)
	}
	if o := run("early", 6, bob); o.Reason != task.Fenced {
		t.Errorf("%+v", o)
	}
	s.want("1", "SELECT count(*) FROM people")
}

func TestAChangedSchemaStopsTheRun(t *testing.T) {
	for _, change := range []string{
		`ALTER TABLE people ADD COLUMN nickname text`,
		`ALTER TABLE people ALTER COLUMN score SET NOT NULL`,
		`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; CREATE TRIGGER watch BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION f()`,
	} {
		s := newStore(t, onePerson, oneTable)
		who := email("ada@example.org")
		tsk := s.task("run-1", who)
		tsk.PlanDigest = s.plan(who).PlanDigest
		s.sql(`CREATE INDEX ON people (name); INSERT INTO people (id, email, score) VALUES (3, 'cy@example.org', 1); CREATE TABLE unrelated (id int)`)
		if again := s.plan(who).PlanDigest; again != tsk.PlanDigest {
			t.Error("rows, indexes or unrelated tables changed the digest")
		}
		s.sql(change)
		if o := s.engine(s.eraser).Erase(t.Context(), tsk, []subject.Subject{who}); o.Reason != task.PlanChanged {
			t.Errorf("%s: %+v", change, o)
		}
		s.want("3", "SELECT count(*) FROM people")
	}
}

func TestLockedRowsAreATimeout(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	other := server.Connect(t, s.name)
	if _, err := other.Exec(t.Context(), `BEGIN; SELECT * FROM people WHERE id = 1 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	if o := s.erase("run-1", email("ada@example.org")); o.Reason != task.LockTimeout || !o.Reason.Retryable() {
		t.Errorf("%+v", o)
	}
	if _, err := other.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
}

func TestATerminatedBackendErasesNothingAndARetryWorks(t *testing.T) {
	s := newStore(t, fmt.Sprintf(shared, ""), sharedDataset)
	who := email("ada@example.org")
	all := `TABLE people`
	for _, stage := range []string{"begin", "gather", "execute", "ledger", "commit"} {
		before := s.sum(all) + s.sum("TABLE conversations") + s.sum("TABLE messages")
		tsk := s.task("run-1", who)
		tsk.PlanDigest = s.plan(who).PlanDigest
		e := s.engine(s.eraser)
		e.Hook = func(_ context.Context, at string) error {
			if at == stage {
				s.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rempart-eraser' AND datname = current_database()`)
			}
			return nil
		}
		if o := e.Erase(t.Context(), tsk, []subject.Subject{who}); o.OK || o.Reason != task.Interrupted {
			t.Errorf("%s: %+v", stage, o)
		}
		if after := s.sum(all) + s.sum("TABLE conversations") + s.sum("TABLE messages"); after != before {
			t.Errorf("%s: rows changed", stage)
		}
		s.want("0", "SELECT count(*) FROM rempart.ledger")
	}
	if o := s.erase("run-1", who); !o.OK || o.Replayed {
		t.Errorf("%+v", o)
	}
}

func TestAStopAtAnyStageErasesNothing(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	tsk := s.task("run-1", who)
	tsk.PlanDigest = s.plan(who).PlanDigest
	for _, stage := range []string{"begin", "gather", "execute", "ledger", "commit"} {
		e := s.engine(s.eraser)
		e.Hook = func(_ context.Context, at string) error {
			if at == stage {
				return errors.New("stopped")
			}
			return nil
		}
		if o := e.Erase(t.Context(), tsk, []subject.Subject{who}); o.OK || o.Reason != task.Internal {
			t.Errorf("%s: %+v", stage, o)
		}
		s.want("2", "SELECT count(*) FROM people")
	}
}

func TestATriggerThatKeepsRowsStopsTheRun(t *testing.T) {
	s := newStore(t, onePerson+`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keeper BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION f();`, oneTable)
	o := s.erase("run-1", email("ada@example.org"))
	if o.Reason != task.PlanImpossible || !strings.Contains(o.Message, "a trigger interferes") {
		t.Errorf("%+v", o)
	}
	s.want("0", "SELECT count(*) FROM rempart.ledger")
}

func TestVerifierContradictsWhatIsFoundAgain(t *testing.T) {
	tables := onePerson + `
CREATE TABLE notes (id int PRIMARY KEY, person int REFERENCES people, body text, meta jsonb);
CREATE TABLE leads (id int, email text, comment text, tags text[]);`
	dataset := `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}, {column: name, identifier: CustomerID}], onErasure: DeleteRows}
- {name: notes, onErasure: DeleteRows}`
	for name, c := range map[string]struct{ sql, where string }{
		"nothing":                 {`SELECT 1`, ""},
		"longer address":          {`INSERT INTO notes VALUES (1, 2, 'to joada@example.org or ada@example.org.uk')`, ""},
		"came back":               {`INSERT INTO people (id, email) VALUES (9, 'Ada@Example.org')`, "public.people"},
		"in free text":            {`INSERT INTO notes VALUES (1, 2, 'Write to <ADA@example.org>.')`, "public.notes"},
		"in JSON after a newline": {`INSERT INTO notes (id, meta) VALUES (1, '{"to": "mail\nada@example.org"}')`, "public.notes"},
		"undeclared table":        {`INSERT INTO leads VALUES (1, 'ada@example.org')`, "public.leads"},
		"undeclared array":        {`INSERT INTO leads (tags) VALUES ('{vip,ada@example.org}')`, "public.leads"},
		"phone in text":           {`INSERT INTO leads (comment) VALUES ('call +33612345678, soon')`, "public.leads"},
		"longer number":           {`INSERT INTO leads (comment) VALUES ('call +336123456789')`, ""},
		"id as a whole value":     {`INSERT INTO leads (comment) VALUES ('CUST-4711')`, "public.leads"},
		"id within text":          {`INSERT INTO leads (comment) VALUES ('XCUST-4711X')`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, tables, dataset)
			who := person("email", "ada@example.org", "phone", "+33 6 12 34 56 78", "customerID", "CUST-4711")
			if o := s.erase("run-1", who); !o.OK {
				t.Fatalf("%+v", o)
			}
			s.sql(c.sql)
			o := s.verify(who)
			switch {
			case c.where == "" && !o.OK:
				t.Errorf("%+v", o)
			case c.where != "" && (o.Reason != task.Contradicted || len(o.Names) != 1 || o.Names[0] != c.where):
				t.Errorf("%+v", o)
			}
		})
	}
}

func TestHostileNamesAreQuoted(t *testing.T) {
	s := newStore(t, `
CREATE SCHEMA "We""ird; --";
CREATE TABLE "We""ird; --"."Ta'ble %s $1" ("I""d" int PRIMARY KEY, "e mail" text, "select" text CHECK ("select" <> 'x'), "Grüße" text);
CREATE TABLE "We""ird; --"."order" ("I""d" int REFERENCES "We""ird; --"."Ta'ble %s $1", "user" text);
INSERT INTO "We""ird; --"."Ta'ble %s $1" VALUES (1, 'ada@example.org', 'a', 'b'), (2, 'bob@example.org', 'a', 'b');
INSERT INTO "We""ird; --"."order" VALUES (1, 'u'), (2, 'u');`, `
tables:
- schema: 'We"ird; --'
  name: "Ta'ble %s $1"
  subjectKeys: [{column: e mail, identifier: Email}]
  columns: [{name: e mail, mask: Pseudonym}, {name: select, mask: Constant, constant: "'); DROP TABLE x; --"}, {name: Grüße}]
  onErasure: MaskColumns
- {schema: 'We"ird; --', name: order, onErasure: DeleteRows}`)
	s.erased(`
		0 We"ird; --.Ta'ble %s $1 MaskColumns 1
		0 We"ird; --.order DeleteRows 1`, email("ada@example.org"))
}

func TestProvisionIsIdempotentAndFollowsPasswordsAndDataset(t *testing.T) {
	s := newStore(t, onePerson+`CREATE TABLE extra (id int PRIMARY KEY, email text);`, oneTable[:len(oneTable)-1]+`, {name: extra, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`)
	verifier := s.one("SELECT rolpassword FROM pg_authid WHERE rolname = $1", s.eraser.Username)
	if o := s.provision(); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want(verifier, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", s.eraser.Username)
	s.want("true", "SELECT has_table_privilege($1, 'extra', 'DELETE')", s.eraser.Username)
	s.want("false", "SELECT has_table_privilege($1, 'extra', 'INSERT')", s.eraser.Username)
	s.dataset.Tables = s.dataset.Tables[:1]
	s.eraser.Password = "another secret, with 'quotes'"
	if o := s.provision(); !o.OK {
		t.Fatalf("%+v", o)
	}
	s.want("false", "SELECT has_table_privilege($1, 'extra', 'SELECT')", s.eraser.Username)
	s.sql(`CREATE SCHEMA later; CREATE TABLE later.t (email text)`)
	s.want("true", "SELECT has_table_privilege($1, 'later.t', 'SELECT') AND has_schema_privilege($1, 'later', 'USAGE')", s.verifier.Username)
	s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
	admin := postgres.Login{Username: "root_of_test", Password: "x"}
	if o := s.engine(admin).Provision(t.Context(), s.task(""), admin, s.verifier); o.Reason != task.RoleTooStrong {
		t.Errorf("%+v", o)
	}
}

// TestASchemaThatLeftTheDatasetIsTakenAway from the eraser, by the administrator's script and by provisioning, with its tables, single
// columns and policies; what a column that stays is made of is not.
func TestASchemaThatLeftTheDatasetIsTakenAway(t *testing.T) {
	all := oneTable[:len(oneTable)-1] + `, {schema: parted, name: notes, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}]`
	sql := onePerson + `CREATE SCHEMA parted; CREATE TABLE parted.notes (id int PRIMARY KEY, email text); ALTER TABLE parted.notes ENABLE ROW LEVEL SECURITY;
CREATE SCHEMA kinds; CREATE DOMAIN kinds.word AS text; ALTER TABLE people ADD kind kinds.word; CREATE SCHEMA other; CREATE TABLE other.t (a int, b int);`
	for name, again := range map[string]func(*store){
		"provision": func(s *store) {
			if o := s.provision(); !o.OK {
				s.Fatalf("%+v", o)
			}
		},
		"script": func(s *store) {
			script, err := grant.Script(s.name, s.dataset, s.eraser.Username, s.verifier.Username)
			if err != nil {
				s.Fatal(err)
			}
			s.sql(script)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, sql, all)
			again(s)
			s.sql(`GRANT USAGE ON SCHEMA other TO ` + s.eraser.Username + `; GRANT UPDATE (b) ON other.t TO ` + s.eraser.Username)
			s.want("true", "SELECT has_table_privilege($1, 'parted.notes', 'DELETE') AND has_schema_privilege($1, 'parted', 'USAGE')", s.eraser.Username)
			s.dataset.Tables = s.dataset.Tables[:1]
			again(s)
			s.want("false", "SELECT has_schema_privilege($1, 'parted', 'USAGE') OR has_table_privilege($1, 'parted.notes', 'SELECT')", s.eraser.Username)
			s.want("false", "SELECT has_schema_privilege($1, 'other', 'USAGE') OR has_column_privilege($1, 'other.t', 'b', 'UPDATE')", s.eraser.Username)
			s.want("true", "SELECT has_schema_privilege($1, 'kinds', 'USAGE')", s.eraser.Username)
			s.want("true", "SELECT has_table_privilege($1, 'parted.notes', 'SELECT') AND has_schema_privilege($1, 'parted', 'USAGE')", s.verifier.Username)
			if name == "provision" { // in a script policies are comments, for the administrator to choose
				s.want("0", "SELECT count(*) FROM pg_policy WHERE polname = $1", "rempart "+s.eraser.Username)
			}
			s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
		})
	}
}

func TestGrantStatementsSuffice(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	s.sql("DROP SCHEMA rempart CASCADE; DROP OWNED BY " + s.eraser.Username + ", " + s.verifier.Username)
	s.sql("DROP ROLE " + s.eraser.Username + ", " + s.verifier.Username)
	script, err := grant.Script(s.name, s.dataset, s.eraser.Username, s.verifier.Username)
	if err != nil {
		t.Fatal(err)
	}
	s.sql(script)
	s.sql("CREATE TABLE other (email text); GRANT DELETE ON other TO " + s.eraser.Username)
	s.sql(script) // an administrator runs it again when the dataset changes
	s.sql("ALTER ROLE " + s.eraser.Username + " PASSWORD '" + s.eraser.Password + "'; ALTER ROLE " + s.verifier.Username + " PASSWORD '" + s.verifier.Password + "'")
	s.want("false", "SELECT has_table_privilege($1, 'other', 'DELETE')", s.eraser.Username)
	s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
}

func TestTheLedgerHoldsNoIdentifier(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	s.erased("0 public.people DeleteRows 1", email("ada@example.org"))
	// "ada" alone would be met by chance: the ledger holds hashes, and text writes them in hexadecimal digits.
	s.want("0", "SELECT count(*) FROM rempart.ledger l WHERE l::text ILIKE ANY (ARRAY['%ada@%', '%example.org%', '%' || encode('ada@', 'hex') || '%'])")
	s.want("run-1|shop|crm|{request-0}|1", "SELECT run_uid || '|' || register || '|' || store || '|' || request_uids::text || '|' || epoch FROM rempart.ledger")
}

// deaf is a connection that sends everything and, once COMMIT was sent, loses what comes back.
type deaf struct {
	net.Conn
	committing bool
}

func (d *deaf) Write(p []byte) (int, error) {
	d.committing = d.committing || bytes.Contains(p, []byte("COMMIT\x00"))
	return d.Conn.Write(p)
}

func (d *deaf) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if d.committing {
		_ = d.Close()
		return 0, io.EOF
	}
	return n, err
}

func TestALostReplyToCommitIsMadeGoodByTheLedger(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	tsk := s.task("run-1", who)
	tsk.PlanDigest = s.plan(who).PlanDigest
	e := s.engine(s.eraser)
	dial := e.Config.Dial
	e.Config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &deaf{Conn: conn}, err
	}
	if o := e.Erase(t.Context(), tsk, []subject.Subject{who}); o.OK || o.Reason != task.Interrupted {
		t.Fatalf("%+v", o)
	}
	s.want("1", "SELECT count(*) FROM people") // it was committed
	if o := s.engine(s.eraser).Erase(t.Context(), tsk, []subject.Subject{who}); !o.OK || !o.Replayed || counts(o) != "0 public.people DeleteRows 1" {
		t.Errorf("%+v", o)
	}
}

// mute is a connection that, from some moment on, sends nothing any more, and so hears nothing.
type mute struct {
	net.Conn
	from *atomic.Bool
}

func (m mute) Write(p []byte) (int, error) {
	if m.from.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

func TestAStoreThatAnswersSlowlyForEverIsCalledSo(t *testing.T) {
	s := newStore(t, onePerson, oneTable)
	who := email("ada@example.org")
	work := s.task("run-1", who)
	work.PlanDigest = s.plan(who).PlanDigest
	e, silent := s.engine(s.eraser), &atomic.Bool{}
	dial := e.Config.Dial
	e.Config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return mute{conn, silent}, err
	}
	e.Hook = func(_ context.Context, stage string) error {
		if stage == "execute" {
			silent.Store(true)
		}
		return nil
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	if o := e.Erase(ctx, work, []subject.Subject{who}); o.OK || o.Reason != task.TimedOut || !o.Reason.Retryable() {
		t.Errorf("%+v", o)
	}
	s.want("2", "SELECT count(*) FROM people")
}

func TestTheStoreEndsTheWorkOfAKilledClient(t *testing.T) {
	s := newStore(t, onePerson+`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN OLD; END';
CREATE TRIGGER slow BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION f();`, oneTable)
	who := email("ada@example.org")
	work := s.task("run-1", who)
	work.PlanDigest = s.plan(who).PlanDigest
	e := s.engine(s.eraser)
	dial, dialled, first := e.Config.Dial, atomic.Bool{}, make(chan net.Conn, 1)
	e.Config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, net.ErrClosed // who is killed cannot ask for a cancellation
		}
		conn, err := dial(ctx, network, address)
		first <- conn
		return conn, err
	}
	ended := make(chan task.Outcome, 1)
	go func() { ended <- e.Erase(t.Context(), work, []subject.Subject{who}) }()
	const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'"
	s.until("1", sleeping, s.eraser.Username)
	_ = (<-first).Close()
	if o := <-ended; o.OK || o.Reason != task.Interrupted {
		t.Errorf("%+v", o)
	}
	s.until("0", sleeping, s.eraser.Username)
	s.want("2", "SELECT count(*) FROM people")
}
