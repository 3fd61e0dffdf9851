package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// constraints asks whether CHECK constraints and types accept what columns become, before anything is written.
func (s *settlement) constraints(ctx context.Context) error {
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		for _, state := range treated {
			changes := changing(m)[state]
			if s.states[i][state] == 0 || len(changes) == 0 {
				continue
			}
			if err := s.types(ctx, i, state, changes); err != nil {
				return err
			}
			if err := s.shapes(ctx, i, state, changes); err != nil {
				return err
			}
			for _, u := range m.Table.Uniques {
				if err := s.unique(ctx, i, state, changes, u); err != nil {
					return err
				}
			}
			for _, check := range m.Table.Checks {
				if err := s.check(ctx, i, state, changes, check); err != nil {
					return err
				}
			}
		}
	}
	for _, l := range s.plan.Links {
		if err := s.checkClearing(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// types tries the new values of domains, and the constants of columns that are not text: the store alone knows what their
// types accept.
func (s *settlement) types(ctx context.Context, i, state int, changes []plan.Change) error {
	m := &s.plan.Members[i]
	for _, c := range changes {
		column := m.Table.Column(c.Column)
		constant := c.Mask == v1alpha1.MaskConstant
		if sequence(m, c) || (!column.Domain && (!constant || column.Class == plan.Text)) {
			continue
		}
		args := &arguments{}
		sql := "SELECT CAST(" + sample(m, c, args) + " AS " + column.Type + ")"
		if c.Mask == "" { // what is within is judged as it becomes, row by row
			args = &arguments{}
			sql = fmt.Sprintf("SELECT pg_catalog.count(%s) FROM %s AS t JOIN %s AS s ON %s", s.preview(m, c, args), table(m.Table), numbered(i, state), sameRow(m, "s"))
		}
		_, err := s.exec(ctx, sql, args.values...)
		if f, ok := err.(*task.Failure); ok && f.Reason == task.PlanImpossible { //nolint:errorlint // failure returns the type itself
			what := "the mask " + string(c.Mask)
			switch {
			case constant:
				what = "its constant"
			case c.Mask == "":
				what = "what its values would become"
			}
			return &task.Failure{Reason: f.Reason, Trace: f.Trace, Names: []string{m.Table.Path() + "." + c.Column},
				Message: fmt.Sprintf("%s.%s does not accept %s", m.Table.Path(), c.Column, what)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check evaluates a CHECK constraint over the rows as they would become.
func (s *settlement) check(ctx context.Context, i, state int, changes []plan.Change, check plan.Check) error {
	m := &s.plan.Members[i]
	if !touches(changes, check) {
		return nil
	}
	if numbers(m, changes, check.Columns) {
		return nil
	}
	args := &arguments{}
	columns := s.become(m, changes, check.Columns, args)
	sql := fmt.Sprintf(`SELECT EXISTS (SELECT FROM (SELECT %s FROM %s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d) AS becomes WHERE NOT (%s))`,
		strings.Join(columns, ", "), table(m.Table), numbered(i, state), sameRow(m, "s"), state, check.Expression)
	return s.violated(ctx, sql, args.values, m, check)
}

// numbers tells whether a changed column takes its default from a sequence. Evaluating it would use up a number; the
// database judges at the time.
func numbers(m *plan.Member, changes []plan.Change, columns []string) bool {
	return slices.ContainsFunc(changes, func(c plan.Change) bool { return sequence(m, c) && slices.Contains(columns, c.Column) })
}

// become lists columns of the live row t as they become, each under its name.
func (s *settlement) become(m *plan.Member, changes []plan.Change, names []string, args *arguments) []string {
	var columns []string
	for _, name := range names {
		expression := column("t", name)
		if at := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Column == name }); at >= 0 {
			expression = s.preview(m, changes[at], args)
		}
		columns = append(columns, expression+" AS "+quote(name))
	}
	return columns
}

// unique asks whether the rows as they would become collide, under a unique index or an exclusion constraint, with each
// other or with rows that stay as they are. Pseudonyms never do; indexes that hold over some rows of the table alone are left to the database.
func (s *settlement) unique(ctx context.Context, i, state int, changes []plan.Change, u plan.Unique) error {
	m := &s.plan.Members[i]
	apart := func(c plan.Change) bool {
		return slices.Contains(u.Columns, c.Column) && (c.Mask == v1alpha1.MaskPseudonym || u.Plain && c.Mask == v1alpha1.MaskNull && !u.NullsNotDistinct)
	}
	touched := slices.ContainsFunc(changes, func(c plan.Change) bool { return slices.Contains(u.Columns, c.Column) })
	if !touched || u.Part != "" || m.Table.Inherited || slices.ContainsFunc(changes, apart) || numbers(m, changes, u.Columns) {
		return nil
	}
	operators, err := s.operators(ctx, m.Table, u)
	if err != nil || slices.Contains(operators, "") {
		return err
	}
	var keys, alike, live []string
	for k, expression := range u.Keys {
		a, b := fmt.Sprintf("a.u%d", k), fmt.Sprintf("b.u%d", k)
		keys = append(keys, fmt.Sprintf("(%s) AS u%d", expression, k))
		same := "(" + a + " " + operators[k] + " " + b + ")"
		if u.NullsNotDistinct {
			same = "(" + same + " OR (" + a + " IS NULL AND " + b + " IS NULL))"
		}
		alike = append(alike, same)
	}
	for k, expression := range keyExpressions(m, "t") {
		live = append(live, fmt.Sprintf("%s AS %s", expression, keyNames(m)[k]))
	}
	where := ""
	if u.Predicate != "" {
		where = " WHERE (" + u.Predicate + ")"
	}
	args := &arguments{}
	sql := fmt.Sprintf(`WITH new AS MATERIALIZED (SELECT rempart_row, %[1]s FROM (SELECT pg_catalog.row_number() OVER () AS rempart_row, %[2]s FROM %[3]s AS t JOIN %[4]s AS s ON %[5]s WHERE s.state OPERATOR(pg_catalog.=) %[6]d) AS becomes%[7]s)
SELECT EXISTS (SELECT FROM new AS a JOIN new AS b ON a.rempart_row OPERATOR(pg_catalog.<) b.rempart_row AND %[8]s)
    OR EXISTS (SELECT FROM new AS a JOIN (SELECT %[9]s, %[1]s FROM %[3]s AS t%[7]s) AS b ON %[8]s WHERE NOT EXISTS (SELECT FROM %[10]s AS x WHERE x.state OPERATOR(pg_catalog.=) %[6]d AND %[11]s))`,
		strings.Join(keys, ", "), strings.Join(s.become(m, changes, u.Columns, args), ", "), table(m.Table), numbered(i, state), sameRow(m, "s"), state, where,
		strings.Join(alike, " AND "), strings.Join(live, ", "), setOf(i), sameSetRow(m, "b", "x"))
	var collide bool
	if _, err := s.row(ctx, sql, args.values, &collide); err != nil {
		return err
	}
	if !collide {
		return nil
	}
	return &task.Failure{Reason: task.PlanImpossible, Names: []string{m.Table.Path(), u.Name},
		Message: fmt.Sprintf("%q of %s keeps rows apart by (%s), and their masks would make some alike; use Pseudonym", u.Name, m.Table.Path(), strings.Join(u.Columns, ", "))}
}

// operators returns what compares the keys of an index as the index does; empty for one of which that is not known.
func (s *session) operators(ctx context.Context, t *plan.Table, u plan.Unique) (operators []string, err error) {
	_, err = s.row(ctx, `
SELECT ARRAY(SELECT COALESCE((SELECT pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, op.oprname)
         FROM pg_catalog.pg_operator op JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace
         WHERE op.oid = COALESCE(
           (SELECT o.conexclop[n] FROM pg_catalog.pg_constraint o WHERE i.indisexclusion AND o.conrelid = i.indrelid AND o.conindid = i.indexrelid AND o.contype = 'x'),
           (SELECT am.amopopr FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_amop am ON am.amopfamily = oc.opcfamily
              AND am.amopstrategy = 3 AND am.amoplefttype = oc.opcintype AND am.amoprighttype = oc.opcintype
            WHERE oc.oid = i.indclass[n - 1]))), '')
       FROM pg_catalog.generate_series(1, i.indnkeyatts) AS n ORDER BY n)
FROM pg_catalog.pg_index i WHERE i.indexrelid = $1::pg_catalog.text::pg_catalog.regclass`,
		[]any{pgx.Identifier{t.Schema, u.Name}.Sanitize()}, &operators)
	return operators, err
}

// checkClearing evaluates the CHECK constraints of rows that would be detached.
func (s *settlement) checkClearing(ctx context.Context, l plan.Link) error {
	m := &s.plan.Members[l.From]
	var changes []plan.Change
	for _, name := range l.Clear {
		changes = append(changes, plan.Change{Column: name, Mask: v1alpha1.MaskNull})
	}
	for _, check := range m.Table.Checks {
		if !touches(changes, check) || !s.concerns(l) {
			continue
		}
		var columns []string
		for _, name := range check.Columns {
			expression := column("t", name)
			if slices.Contains(l.Clear, name) {
				expression = "NULL::" + m.Table.Column(name).Type
			}
			columns = append(columns, expression+" AS "+quote(name))
		}
		sql := fmt.Sprintf(`SELECT EXISTS (SELECT FROM (SELECT %s FROM %s) AS becomes WHERE NOT (%s))`, strings.Join(columns, ", "), s.detached(l), check.Expression)
		if err := s.violated(ctx, sql, nil, m, check); err != nil {
			return err
		}
	}
	return nil
}

func (s *settlement) violated(ctx context.Context, sql string, args []any, m *plan.Member, check plan.Check) error {
	var violated bool
	if _, err := s.row(ctx, sql, args, &violated); err != nil {
		return err
	}
	if !violated {
		return nil
	}
	return &task.Failure{Reason: task.PlanImpossible, Names: []string{m.Table.Path(), check.Name},
		Message: fmt.Sprintf("CHECK constraint %q of %s forbids what the columns (%s) would become; choose other masks", check.Name, m.Table.Path(), strings.Join(check.Columns, ", "))}
}

func touches(changes []plan.Change, check plan.Check) bool {
	return slices.ContainsFunc(changes, func(c plan.Change) bool { return slices.Contains(check.Columns, c.Column) })
}

func sequence(m *plan.Member, c plan.Change) bool {
	return c.Mask == v1alpha1.MaskDefault && strings.Contains(m.Table.Column(c.Column).Default, "nextval(")
}
