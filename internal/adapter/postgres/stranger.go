package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// stranger is a relation that the dataset does not have, with the columns that are searched.
type stranger struct {
	table *plan.Table
	// only says that the parts of the relation are searched by themselves.
	only bool
}

// beyond returns what is searched beyond the dataset: all other tables and materialised views with columns that can
// hold text, and, of a declared table's heirs, the columns that the declared table does not have. Unseen are those that
// the role cannot read. One of these that the scan found to look like personal data is refused.
func (s *session) beyond(ctx context.Context, dataset *v1alpha1.Dataset, p *plan.Plan, schema *plan.Schema) (seen []stranger, unseen []string, err error) {
	all := others(p, schema)
	readable, err := s.readable(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	found := plan.Scan(dataset, schema).Tables
	var lost []string
	for i, x := range all {
		switch {
		case readable[i]:
			seen = append(seen, x)
		case slices.Contains(found, x.table.Path()):
			lost = append(lost, x.table.Path())
		default:
			unseen = append(unseen, x.table.Path())
		}
	}
	if len(lost) > 0 {
		return nil, nil, &task.Failure{Reason: task.PrivilegeMissing, Names: lost,
			Message: "The verifier may not read undeclared tables that look like personal data: " + plan.Fit(lost, 2*roomOfNames) +
				"; declare them, or grant it SELECT and, where they have row security, a policy with USING (true)"}
	}
	return seen, unseen, nil
}

// others lists the relations beyond the dataset that can hold text.
func others(p *plan.Plan, schema *plan.Schema) []stranger {
	inherited := map[plan.Name]*plan.Table{} // heirs of members
	for _, m := range p.Members {
		for _, h := range schema.Heirs(m.Table) {
			inherited[plan.Name{Schema: h.Schema, Table: h.Name}] = m.Table
		}
	}
	var out []stranger
	for i := range schema.Tables {
		t := &schema.Tables[i]
		declared := slices.ContainsFunc(p.Members, func(m plan.Member) bool { return m.Table.Schema == t.Schema && m.Table.Name == t.Name })
		if declared || t.Kind == plan.View || (t.Partition && t.Kind != plan.Foreign) {
			continue
		}
		if whole := inherited[plan.Name{Schema: t.Schema, Table: t.Name}]; whole != nil {
			own := *t
			own.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c plan.Column) bool { return whole.Column(c.Name) != nil })
			t = &own
		}
		if slices.ContainsFunc(t.Columns, func(c plan.Column) bool { return c.Exact() || c.Elements() }) {
			out = append(out, stranger{table: t, only: t.Kind == plan.Ordinary})
		}
	}
	return out
}

// readable tells of each relation whether the role can read all of it: a foreign table would lead to another store, row
// security would hide rows.
func (s *session) readable(ctx context.Context, of []stranger) ([]bool, error) {
	var schemas, names []string
	for _, x := range of {
		schemas, names = append(schemas, x.table.Schema), append(names, x.table.Name)
	}
	var readable []bool
	_, err := s.row(ctx, `
SELECT ARRAY(SELECT COALESCE(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
    AND c.relkind <> 'f' AND NOT (`+hidden+`), false)
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS w (schema, name, at)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) w.schema
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname OPERATOR(pg_catalog.=) w.name
  ORDER BY w.at)`, []any{schemas, names}, &readable)
	return readable, err
}

// strangers searches relations that the dataset does not have.
func (v *search) strangers(ctx context.Context, of []stranger) error {
	for _, x := range of {
		from := table(x.table)
		if x.only {
			from = "ONLY " + from
		}
		before := len(v.found)
		if err := v.look(ctx, x.table, v1alpha1.EraseKeep, false, v.byText(x.table, from, "false", "NULL::pg_catalog.date")); err != nil {
			return err
		}
		if err := v.compare(ctx, texts{table: x.table, from: from, kept: "false", mine: "false", masked: "false", row: "''"}); err != nil {
			return err
		}
		if len(v.found) > before && x.table.Kind == plan.Materialised {
			v.stale = append(v.stale, x.table.Path())
		}
	}
	return nil
}

// advice says what to do about materialised views.
func (v *search) advice() string {
	if len(v.stale) == 0 {
		return ""
	}
	return "; refresh materialised views: " + list(v.stale)
}

// copies looks for people in what the dataset does not have, and returns notes for who approves the plan.
func (v *search) copies(ctx context.Context, seen []stranger, unseen []string) ([]string, error) {
	if err := v.strangers(ctx, seen); err != nil {
		return nil, err
	}
	var notes, stale, tables []string
	for _, name := range v.found {
		if slices.Contains(v.stale, name) {
			stale = append(stale, name)
		} else {
			tables = append(tables, name)
		}
	}
	if len(tables) > 0 {
		notes = append(notes, "people were found in "+plan.Fit(tables, roomOfNames)+", which the dataset does not have: to be declared, or the erasure will be contradicted")
	}
	if len(stale) > 0 {
		notes = append(notes, "people were found in materialised views, to be refreshed as soon as the run has committed, or the erasure will be contradicted: "+plan.Fit(stale, roomOfNames))
	}
	if len(unseen) > 0 {
		notes = append(notes, "not searched, since the verifier may not read them: "+list(unseen))
	}
	return notes, nil
}

// roomOfNames is how many bytes of a message the tables take in which people were found: each of two notes, or the verdict.
const roomOfNames = task.MaxMessage * 3 / 10

// list writes at most five names.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
