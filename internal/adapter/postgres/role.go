package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// weak refuses a login role that is superuser or may pass over row security, itself or as a member of another role: SET
// ROLE is no boundary.
func weak() query {
	var strong bool
	return query{sql: `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE (r.rolsuper OR r.rolbypassrls) AND pg_catalog.pg_has_role(r.oid, 'MEMBER'))`, into: []any{&strong}, each: func() error {
		if !strong {
			return nil
		}
		return &task.Failure{Reason: task.RoleTooStrong, Message: "The role is superuser or may bypass row security; give it no more than the dataset needs"}
	}}
}

// readOnly refuses a verifier that may write to a table of the dataset: who verifies must not be able to erase.
func (s *session) readOnly(ctx context.Context, p *plan.Plan) error {
	var schemas, names []string
	for _, m := range p.Members {
		schemas, names = append(schemas, m.Table.Schema), append(names, m.Table.Name)
	}
	var found []string
	_, err := s.row(ctx, `
SELECT ARRAY(SELECT n.nspname || '.' || c.relname
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname OPERATOR(pg_catalog.=) w.name
  WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(r.oid, 'MEMBER')
                AND (pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                     OR pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')))
  ORDER BY 1)`, []any{schemas, names}, &found)
	if err == nil && len(found) > 0 {
		return &task.Failure{Reason: task.RoleTooStrong, Names: found, Message: "The verifier may write to " + strings.Join(found[:min(3, len(found))], ", ") + "; it must only read"}
	}
	return err
}

// need is a privilege on a table.
type need struct {
	table     *plan.Table
	privilege string
}

// needs lists the privileges of the eraser.
func needs(p *plan.Plan) []need {
	out := reads(p)
	for i := range p.Members {
		m := &p.Members[i]
		changes := len(changing(m)) > 0 || slices.ContainsFunc(p.Links, func(l plan.Link) bool {
			return l.From == i && p.Members[l.To].MayGo() && len(l.Clear) > 0
		})
		if changes {
			out = append(out, need{m.Table, "UPDATE"})
		}
		if m.MayGo() {
			out = append(out, need{m.Table, "DELETE"})
		}
	}
	return out
}

// reads lists the privileges of the verifier.
func reads(p *plan.Plan) []need {
	var out []need
	for _, m := range p.Members {
		out = append(out, need{m.Table, "SELECT"})
	}
	return out
}

// privileged refuses a role that lacks something, and says what.
func (s *session) privileged(ctx context.Context, wanted []need) error {
	var schemas, names, privileges []string
	for _, n := range wanted {
		schemas, names, privileges = append(schemas, n.table.Schema), append(names, n.table.Name), append(privileges, n.privilege)
	}
	var missing []string
	_, err := s.row(ctx, `
SELECT ARRAY(SELECT w.privilege || ' on ' || n.nspname || '.' || c.relname
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[])) AS w (schema, name, privilege)
  JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname OPERATOR(pg_catalog.=) w.name
  WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') OR NOT pg_catalog.has_table_privilege(c.oid, w.privilege)
  ORDER BY 1)`, []any{schemas, names, privileges}, &missing)
	if err == nil && len(missing) > 0 {
		return &task.Failure{Reason: task.PrivilegeMissing, Names: missing, Message: "The role lacks " + plan.Fit(missing, 2*roomOfNames) + "; kubectl gdpr grants prints what it needs"}
	}
	return err
}
