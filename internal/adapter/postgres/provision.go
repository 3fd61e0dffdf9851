package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/scram"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Login is a role's name and password.
type Login struct{ Username, Password string }

// Provision makes, as the admin of a managed store, the roles of eraser and verifier, the ledger and the grants that the
// dataset needs. It is idempotent, and takes away what an earlier dataset needed and this one does not. Declared tables
// that do not exist yet are named in the outcome; a later run grants on them.
func (e *Engine) Provision(ctx context.Context, t task.Task, eraser, verifier Login) task.Outcome {
	o, err := e.provision(ctx, t, eraser, verifier)
	return e.outcome(task.Provision, o, err)
}

func (e *Engine) provision(ctx context.Context, t task.Task, eraser, verifier Login) (task.Outcome, error) {
	names := []string{e.Config.Username, eraser.Username, verifier.Username}
	slices.Sort(names)
	if len(slices.Compact(names)) < 3 || names[0] == "" {
		return task.Outcome{}, &task.Failure{Reason: task.RoleTooStrong, Message: "Admin, eraser and verifier must be three different roles"}
	}
	s, err := open(ctx, e.Config)
	if err != nil {
		return task.Outcome{}, err
	}
	defer s.close()
	if err := s.all(ctx, "BEGIN READ WRITE"); err != nil {
		return task.Outcome{}, err
	}
	if _, err := s.exec(ctx, `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))`, "rempart/provision"); err != nil {
		return task.Outcome{}, err
	}
	for _, login := range []Login{eraser, verifier} {
		if err := s.ensureRole(ctx, login); err != nil {
			return task.Outcome{}, err
		}
	}
	schema, err := s.catalogue(ctx)
	if err != nil {
		return task.Outcome{}, err
	}
	if err := s.all(ctx, grant.LedgerDDL...); err != nil {
		return task.Outcome{}, err
	}
	present, absent := declaredTables(t.Dataset, schema)
	if err := s.grantEraser(ctx, quote(t.Connection.Database), eraser.Username, present); err != nil {
		return task.Outcome{}, err
	}
	if err := s.openTables(ctx, present, eraser.Username, verifier.Username); err != nil {
		return task.Outcome{}, err
	}
	if err := s.grantVerifier(ctx, quote(t.Connection.Database), verifier.Username); err != nil {
		return task.Outcome{}, err
	}
	o := task.Outcome{Names: absent}
	if len(absent) > 0 {
		o.Message = fmt.Sprintf("%d declared tables do not exist yet; provision again when they do", len(absent))
	}
	return o, s.all(ctx, "COMMIT")
}

// ensureRole creates a login role or brings it back to what it must be. The password is set when it changed.
func (s *session) ensureRole(ctx context.Context, login Login) error {
	var stored string
	exists, err := s.row(ctx, `SELECT COALESCE(rolpassword, '') FROM pg_catalog.pg_authid WHERE rolname OPERATOR(pg_catalog.=) $1`, []any{login.Username}, &stored)
	if err != nil {
		return err
	}
	if !exists {
		if err := s.all(ctx, "CREATE ROLE "+quote(login.Username)); err != nil {
			return err
		}
	}
	if err := s.all(ctx, "ALTER ROLE "+quote(login.Username)+" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"); err != nil {
		return err
	}
	if scram.Matches(stored, login.Password) {
		return nil
	}
	verifier, err := scram.Verifier(login.Password)
	if err != nil {
		return &task.Failure{Reason: task.Internal, Message: "The password of a role has characters other than printable ASCII"}
	}
	return s.all(ctx, "ALTER ROLE "+quote(login.Username)+" PASSWORD '"+verifier+"'")
}

// declaredTables splits the dataset into what the store has and what it does not have yet.
func declaredTables(dataset *v1alpha1.Dataset, schema *plan.Schema) (present []v1alpha1.DatasetTable, absent []string) {
	if dataset == nil {
		return nil, nil
	}
	for _, d := range dataset.Tables {
		live := schema.Table(grant.SchemaOf(d.Schema), string(d.Name))
		if live == nil || (live.Kind != plan.Ordinary && live.Kind != plan.Partitioned) {
			absent = append(absent, grant.SchemaOf(d.Schema)+"."+string(d.Name))
			continue
		}
		present = append(present, d)
	}
	return present, absent
}

// grantEraser gives the eraser the declared tables and the ledger, and takes all other tables away.
func (s *session) grantEraser(ctx context.Context, database, name string, present []v1alpha1.DatasetTable) error {
	role := quote(name)
	statements, err := s.revocations(ctx, name)
	if err != nil {
		return err
	}
	var of []plan.Name
	statements = append(append(statements, grant.Database(database, role)), grant.WriteLedger(role)...)
	for _, d := range present {
		schema := quote(grant.SchemaOf(d.Schema))
		statements = append(statements, "GRANT USAGE ON SCHEMA "+schema+" TO "+role, grant.Erase(schema+"."+quote(string(d.Name)), role, d.OnErasure))
		of = append(of, plan.Name{Schema: grant.SchemaOf(d.Schema), Table: string(d.Name)})
	}
	schemas, err := s.leaning(ctx, of, false)
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		statements = append(statements, "GRANT USAGE ON SCHEMA "+quote(schema)+" TO "+role)
	}
	return s.all(ctx, statements...)
}

// revocations takes away all that a role was granted on tables of users, on columns of them, and on schemas.
func (s *session) revocations(ctx context.Context, role string) ([]string, error) {
	var statements []string
	var schema string
	var name *string
	err := s.rows(ctx, `
WITH r AS (SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1)
SELECT n.nspname::text, c.relname::text
FROM r, pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a WHERE a.grantee = r.oid)
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = r.oid))
UNION ALL
SELECT n.nspname::text, NULL FROM r, pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.grantee = r.oid)
ORDER BY 1, 2`, []any{role}, []any{&schema, &name}, func() error {
		on := "SCHEMA " + quote(schema)
		if name != nil {
			on = table(&plan.Table{Schema: schema, Name: *name})
		}
		statements = append(statements, "REVOKE ALL ON "+on+" FROM "+quote(role))
		return nil
	})
	return statements, err
}

// grantVerifier lets the verifier read all tables, those that the admin will create too: it must see what the dataset
// forgot.
func (s *session) grantVerifier(ctx context.Context, database, name string) error {
	role := quote(name)
	statements := append(append([]string{grant.Database(database, role)}, grant.ReadLedger(role)...),
		"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO "+role,
		"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "+role,
	)
	// Tables of other owners, future ones included, are covered by the predefined role where it exists (PostgreSQL 14).
	var readers bool
	if _, err := s.row(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pg_read_all_data')`, nil, &readers); err != nil {
		return err
	}
	if readers {
		statements = append(statements, "GRANT pg_read_all_data TO "+role)
	}
	var schema string
	err := s.rows(ctx, `SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`, nil, []any{&schema}, func() error {
		q := quote(schema)
		statements = append(statements, "GRANT USAGE ON SCHEMA "+q+" TO "+role,
			"REVOKE ALL ON ALL TABLES IN SCHEMA "+q+" FROM "+role, grant.ReadSchema(q, role))
		return nil
	})
	if err != nil {
		return err
	}
	return s.all(ctx, statements...)
}
