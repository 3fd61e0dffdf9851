package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// blame finds words for a statement that failed in what triggers of the members do: their functions are the application's,
// and expect its roles, its search path and its settings. The text of the error may quote a row.
func (s *settlement) blame(err error, members ...int) error {
	f, ok := err.(*task.Failure) //nolint:errorlint // failure returns the type itself
	if !ok || f.Trace.SQLState == "" || f.Reason == task.LockTimeout || f.Reason == task.Interrupted || f.Reason == task.TimedOut {
		return err
	}
	var names, words []string
	for _, i := range members {
		t := s.plan.Members[i].Table
		if f.Trace.Constraint != "" && f.Trace.Schema == t.Schema && f.Trace.Table == t.Name {
			return err // the table's own constraint says enough
		}
		if len(t.Triggers) > 0 {
			names, words = append(names, t.Path()), append(words, t.Path()+" ("+strings.Join(t.Triggers, ", ")+")")
		}
	}
	if len(names) == 0 {
		return err
	}
	return &task.Failure{Reason: task.PlanImpossible, Names: names, Trace: task.Trace{SQLState: f.Trace.SQLState}, // what else an error says of itself, a function may choose
		Message: "A trigger of " + plan.Summary(words, 300) + " " + failing(f.Trace.SQLState) + "; nothing was erased"}
}

// failing says why the function of a trigger stopped, and what to do (PostgreSQL 15, appendix A).
func failing(code string) string {
	switch code {
	case "P0001":
		return "raises an error, and so forbids what the dataset orders: let it pass over the eraser's role, or declare what it allows"
	case "42501":
		return "needs a privilege that the eraser's role lacks: let its function be SECURITY DEFINER with a search_path of its own, or grant it"
	case "42P01", "42883", "42703", "42704", "3F000":
		return "does not find what it names: let its function have a search_path of its own, or the eraser's role that of the application (ALTER ROLE ... SET search_path)"
	case "23502":
		return "writes a row that lacks a value, such as the application's user who did it: let it pass over the eraser's role"
	default:
		return "stops with SQLSTATE " + code
	}
}

// everyone lists the members of the plan.
func (s *settlement) everyone() []int {
	all := make([]int, len(s.plan.Members))
	for i := range all {
		all[i] = i
	}
	return all
}

// blamed is blame for a statement that is sent with others.
func (s *settlement) blamed(members ...int) func(error) error {
	return func(err error) error { return s.blame(err, members...) }
}

// makeTemporary makes temporary tables, and names the event triggers that keep the role from it. What fills them follows in the
// same round trip.
func (s *session) makeTemporary(ctx context.Context, tables []string, fill ...query) error {
	queries, refused := plain(tables...), false
	for i := range queries {
		queries[i].blame = func(err error) error { refused = true; return err }
	}
	err := s.several(ctx, append(queries, fill...)...)
	if f, ok := err.(*task.Failure); !ok || !refused || f.Trace.SQLState == "" || f.Reason == task.LockTimeout || f.Reason == task.Interrupted { //nolint:errorlint // failure returns the type itself
		return err
	}
	if rollback := s.all(ctx, "ROLLBACK"); rollback != nil {
		return rollback
	}
	var may bool
	var names []string
	if _, asked := s.row(ctx, `SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'), ARRAY(SELECT e.evtname::pg_catalog.text
FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled IN ('O', 'A') AND e.evtevent IN ('ddl_command_start', 'ddl_command_end') ORDER BY 1)`, nil, &may, &names); asked != nil {
		return asked
	}
	switch {
	case !may:
		return &task.Failure{Reason: task.PrivilegeMissing, Names: []string{"TEMPORARY"}, Message: "The role lacks the privilege TEMPORARY on the database, in which a run gathers rows"}
	case len(names) == 0:
		return err
	}
	return &task.Failure{Reason: task.PlanImpossible, Names: names,
		Message: fmt.Sprintf("An event trigger of the database (%s) keeps the role from making temporary tables, in which a run gathers rows; let it pass over temporary tables, or over the role", list(names))}
}

// leansOn lists the schemas, other than their own, of what columns and constraints of tables are made of: types, functions and
// operators, such as those of an extension.
const leansOn = `
SELECT DISTINCT n.nspname::pg_catalog.text AS name, n.oid FROM (
  SELECT b.typnamespace AS ns FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_type b ON b.oid IN (t.oid, t.typbasetype) JOIN tables ON tables.oid = a.attrelid WHERE NOT a.attisdropped AND a.attnum > 0
  UNION ALL
  SELECT COALESCE(p.pronamespace, o.oprnamespace, t.typnamespace) FROM pg_catalog.pg_constraint c JOIN tables ON tables.oid = c.conrelid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid
    LEFT JOIN pg_catalog.pg_proc p ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_type t ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.refobjid) AS u
JOIN pg_catalog.pg_namespace n ON n.oid = u.ns WHERE n.nspname !~ '^pg_'`

// leaning lists the schemas on which tables lean; unusable only those that the role may not use.
func (s *session) leaning(ctx context.Context, of []plan.Name, unusable bool) ([]string, error) {
	var schemas, names, found []string
	for _, n := range of {
		schemas, names = append(schemas, n.Schema), append(names, n.Table)
	}
	_, err := s.row(ctx, `
WITH tables AS (SELECT c.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname OPERATOR(pg_catalog.=) w.name)
SELECT ARRAY(SELECT name FROM (`+leansOn+`) AS s WHERE NOT ($3::pg_catalog.bool AND pg_catalog.has_schema_privilege(s.oid, 'USAGE')) ORDER BY 1)`,
		[]any{schemas, names, unusable}, &found)
	return found, err
}

// explainUsage finds better words for a constraint that cannot be judged, since it uses a schema that the role may not use.
func (s *settlement) explainUsage(ctx context.Context, err error) error {
	if f, ok := err.(*task.Failure); !ok || f.Trace.SQLState != "42501" { //nolint:errorlint // failure returns the type itself
		return err
	}
	if rollback := s.all(ctx, "ROLLBACK"); rollback != nil {
		return rollback
	}
	var of []plan.Name
	for _, m := range s.plan.Members {
		of = append(of, plan.Name{Schema: m.Table.Schema, Table: m.Table.Name})
	}
	schemas, asked := s.leaning(ctx, of, true)
	if asked != nil || len(schemas) == 0 {
		return err
	}
	names := slices.Clone(schemas)
	for i := range names {
		names[i] = "USAGE on schema " + names[i]
	}
	return &task.Failure{Reason: task.PrivilegeMissing, Names: names,
		Message: "The role may not use what columns and constraints of the dataset's tables are made of; it lacks " + list(names)}
}
