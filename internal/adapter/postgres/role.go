package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// strength lists what a login role may do beyond its duty, itself or as a member of another role, since SET ROLE is no boundary:
// what it is called, and the SQL that takes it away. The arrays are the schemas and the names of the tables of the dataset, whose
// partitions are looked at too. The owner of a database is a member of pg_database_owner, and is told of the database alone.
const strength = `
WITH RECURSIVE mine AS (
  SELECT r.*, me.rolname AS me, r.oid OPERATOR(pg_catalog.=) me.oid AS self, (
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('REVOKE %I FROM %I', g.rolname, me.rolname), '; ')
    FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid OPERATOR(pg_catalog.=) m.roleid
    WHERE m.member OPERATOR(pg_catalog.=) me.oid AND pg_catalog.pg_has_role(g.oid, r.oid, 'MEMBER')) AS leave
  FROM pg_catalog.pg_roles me JOIN pg_catalog.pg_roles r ON pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')
  WHERE me.rolname OPERATOR(pg_catalog.=) SESSION_USER),
declared AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS d (schema, name)
  UNION SELECT 'rempart', 'ledger'),
` + tables + `,
ledger AS (SELECT c.* FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE n.nspname OPERATOR(pg_catalog.=) 'rempart' AND c.relname OPERATOR(pg_catalog.=) 'ledger'),
found AS (
  SELECT CASE WHEN self AND rolsuper THEN a.place ELSE 1 END AS rank, a.name || CASE WHEN self THEN '' ELSE ' through ' || rolname END AS what,
    CASE WHEN self THEN pg_catalog.format('ALTER ROLE %I NO%s', me, a.name) ELSE leave END AS undo
  FROM mine, LATERAL (VALUES (0, 'SUPERUSER', rolsuper), (1, 'BYPASSRLS', rolbypassrls), (1, 'CREATEROLE', rolcreaterole), (1, 'CREATEDB', rolcreatedb),
    (1, 'REPLICATION', rolreplication)) AS a (place, name, has)
  WHERE a.has
  UNION SELECT 2, 'membership in ' || rolname, leave FROM mine
  WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_write_all_data')
  UNION SELECT 3, 'ownership of database ' || d.datname, CASE WHEN self THEN pg_catalog.format('ALTER DATABASE %I OWNER TO another_role', d.datname) ELSE leave END
  FROM mine JOIN pg_catalog.pg_database d ON d.datdba OPERATOR(pg_catalog.=) mine.oid WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  UNION SELECT 4, 'ownership of schema ' || n.nspname, CASE WHEN self THEN pg_catalog.format('ALTER SCHEMA %I OWNER TO another_role', n.nspname) ELSE leave END
  FROM mine JOIN pg_catalog.pg_namespace n ON n.nspowner OPERATOR(pg_catalog.=) mine.oid
  WHERE rolname OPERATOR(pg_catalog.<>) 'pg_database_owner' AND n.nspname IN (SELECT schema FROM declared UNION SELECT schema FROM tables)
  UNION SELECT 5, 'ownership of ' || t.schema || '.' || t.name, CASE WHEN self THEN pg_catalog.format('ALTER TABLE %I.%I OWNER TO another_role', t.schema, t.name) ELSE leave END
  FROM mine JOIN tables t ON t.owner OPERATOR(pg_catalog.=) mine.oid
  UNION SELECT 6, 'CREATE on schema rempart', pg_catalog.string_agg(DISTINCT pg_catalog.format('REVOKE CREATE ON SCHEMA rempart FROM %s',
    CASE WHEN p.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END), '; ')
  FROM (SELECT nspowner, (pg_catalog.aclexplode(nspacl)).* FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'rempart') AS p
  LEFT JOIN mine r ON r.oid OPERATOR(pg_catalog.=) p.grantee
  WHERE (p.grantee OPERATOR(pg_catalog.=) 0 OR r.oid IS NOT NULL) AND p.grantee OPERATOR(pg_catalog.<>) p.nspowner AND p.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
  HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
  UNION SELECT 7, p.privilege_type || ' on rempart.ledger', pg_catalog.string_agg(DISTINCT pg_catalog.format('REVOKE %s ON rempart.ledger FROM %s', p.privilege_type,
    CASE WHEN p.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END), '; ')
  FROM (SELECT relowner, (pg_catalog.aclexplode(relacl)).* FROM ledger
    UNION ALL SELECT relowner, (pg_catalog.aclexplode(a.attacl)).* FROM ledger JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) ledger.oid) AS p
  LEFT JOIN mine r ON r.oid OPERATOR(pg_catalog.=) p.grantee
  WHERE (p.grantee OPERATOR(pg_catalog.=) 0 OR r.oid IS NOT NULL) AND p.grantee OPERATOR(pg_catalog.<>) p.relowner AND p.privilege_type NOT IN ('SELECT', 'INSERT')
  GROUP BY p.privilege_type)
SELECT what, COALESCE(undo, '') FROM found ORDER BY rank, what`

// tables are those of declared (schema, name), with their partitions.
const tables = `tables AS (
  SELECT c.oid, c.relowner AS owner, n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE (n.nspname, c.relname) IN (SELECT schema, name FROM declared)
  UNION SELECT c.oid, c.relowner, n.nspname, c.relname FROM tables t JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) t.oid
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace)`

// superuser is the first word of strength about a role of whom all else is true.
const superuser = "SUPERUSER"

// suspect asks whether strength can list anything of the login role: whether it is a member of a role, has an attribute, owns anything, or whether
// the privileges of the ledger or of its schema go beyond what everybody needs. Of nearly all roles nothing of it is true, and to plan this costs a fresh session a
// quarter of what planning strength does, which is more than a person's rows in three tables.
const suspect = `
SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
  OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member OPERATOR(pg_catalog.=) r.oid)
  OR EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datdba OPERATOR(pg_catalog.=) r.oid)
  OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner OPERATOR(pg_catalog.=) r.oid)
  OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner OPERATOR(pg_catalog.=) r.oid)
  OR EXISTS (SELECT FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) AS p
    WHERE c.relname OPERATOR(pg_catalog.=) 'ledger' AND p.grantee IN (0, r.oid) AND p.privilege_type NOT IN ('SELECT', 'INSERT'))
  OR EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
    WHERE c.relname OPERATOR(pg_catalog.=) 'ledger' AND a.attacl IS NOT NULL)
  OR EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) AS p
    WHERE n.nspname OPERATOR(pg_catalog.=) 'rempart' AND p.grantee IN (0, r.oid) AND p.privilege_type OPERATOR(pg_catalog.=) 'CREATE')
FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER`

// weak refuses a login role that may do more than a dataset needs, and says what takes it away. What is to be done first follows the
// question in the same round trip.
func (s *session) weak(ctx context.Context, dataset *v1alpha1.Dataset, then ...query) error {
	suspected := true
	if err := s.several(ctx, append([]query{{sql: suspect, into: []any{&suspected}}}, then...)...); err != nil || !suspected {
		return err
	}
	var schemas, names, found, told []string
	if dataset != nil {
		for _, d := range dataset.Tables {
			schemas, names = append(schemas, grant.SchemaOf(d.Schema)), append(names, string(d.Name))
		}
	}
	var what, undo string
	err := s.rows(ctx, strength, []any{schemas, names}, []any{&what, &undo}, func() error {
		if len(found) == 0 || found[0] != superuser {
			found, told = append(found, what), append(told, what+" ("+undo+")")
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	return &task.Failure{Reason: task.RoleTooStrong, Names: found, Message: "The role may do more than its duty needs; take away " + plan.Summary(told, task.MaxMessage-100)}
}

// readOnly refuses a verifier that may write to a table of the dataset, a partition of one, the ledger, or the hashes of what was destroyed: who verifies
// must not be able to erase, nor to say that somebody was.
func (s *session) readOnly(ctx context.Context, p *plan.Plan) error {
	schemas, names := []string{"rempart", "rempart"}, []string{"ledger", "destroyed"}
	for _, m := range p.Members {
		schemas, names = append(schemas, m.Table.Schema), append(names, m.Table.Name)
	}
	var found []string
	_, err := s.row(ctx, `
WITH RECURSIVE declared AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS d (schema, name)),
`+tables+`
SELECT ARRAY(SELECT t.schema || '.' || t.name FROM tables t
  WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(r.oid, 'MEMBER')
                AND (pg_catalog.has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                     OR pg_catalog.has_any_column_privilege(r.oid, t.oid, 'INSERT, UPDATE')))
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
