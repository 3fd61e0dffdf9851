package postgres

import (
	"context"
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Row security, as the present role meets it. A role that may not bypass it sees all rows of a table only when, for each
// command that it may give, one permissive policy lets it see every row, and no restrictive one takes any away. Policies
// that depend on anything, such as a setting of the session, hide rows.
const (
	applies = `(0 = ANY (p.polroles) OR EXISTS (SELECT FROM pg_catalog.unnest(p.polroles) AS r (oid) WHERE r.oid <> 0 AND pg_catalog.pg_has_role(r.oid, 'USAGE')))`
	opens   = `p.polpermissive AND COALESCE(pg_catalog.pg_get_expr(p.polqual, p.polrelid), 'true') = 'true' AND COALESCE(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'`

	// hidden says that row security may hide rows of the relation c from the role.
	hidden = `c.relrowsecurity AND pg_catalog.row_security_active(c.oid) AND (
  EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd <> 'a' AND ` + applies + `)
  OR EXISTS (SELECT FROM (VALUES ('r', 'SELECT'), ('w', 'UPDATE'), ('d', 'DELETE')) AS k (command, privilege)
             WHERE (k.command = 'r' OR pg_catalog.has_table_privilege(c.oid, k.privilege))
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polcmd::pg_catalog.text IN ('*', k.command) AND ` + opens + ` AND ` + applies + `)))`
)

// stillOpen refuses what was found, or not found, in a table whose policies have come to hide rows. It is asked at the end
// of a transaction that read the tables: what it read is locked against changes of policies until then.
func (s *session) stillOpen(ctx context.Context, p *plan.Plan) error {
	var schemas, names, now []string
	for _, m := range p.Members {
		schemas, names = append(schemas, m.Table.Schema), append(names, m.Table.Name)
	}
	_, err := s.row(ctx, `
SELECT ARRAY(SELECT n.nspname || '.' || c.relname
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  WHERE `+hidden+` ORDER BY 1)`, []any{schemas, names}, &now)
	if err == nil && len(now) > 0 {
		return &task.Failure{Reason: task.PlanImpossible, Names: now, Message: fmt.Sprintf("Policies of %s hide rows since a moment ago; nothing can be said of them", now[0])}
	}
	return err
}

// openTables lets the roles of a managed store see all rows of the declared tables that have row security. Restrictive
// policies are left alone: the plan then names the table.
func (s *session) openTables(ctx context.Context, present []v1alpha1.DatasetTable, eraser, verifier string) error {
	secured := map[plan.Name]bool{}
	var name plan.Name
	err := s.rows(ctx, `SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity`,
		nil, []any{&name.Schema, &name.Table}, func() error {
			secured[name] = true
			return nil
		})
	if err != nil {
		return err
	}
	statements, err := s.closed(ctx, eraser)
	if err != nil {
		return err
	}
	for _, d := range present {
		if schema := grant.SchemaOf(d.Schema); secured[plan.Name{Schema: schema, Table: string(d.Name)}] {
			for _, p := range grant.Policies(schema, string(d.Name), eraser, verifier) {
				statements = append(statements, p.Drop, p.Create)
			}
		}
	}
	return s.all(ctx, statements...)
}

// closed drops the policies by which an eraser sees the rows of tables, which an earlier dataset may have had. The verifier goes on to
// see them: it looks for people in whatever the dataset leaves out.
func (s *session) closed(ctx context.Context, eraser string) ([]string, error) {
	var statements []string
	var schema, name string
	err := s.rows(ctx, `SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.polname OPERATOR(pg_catalog.=) $1 ORDER BY 1, 2`, []any{"rempart " + eraser}, []any{&schema, &name}, func() error {
		statements = append(statements, grant.Policies(schema, name, eraser, eraser)[0].Drop)
		return nil
	})
	return statements, err
}
