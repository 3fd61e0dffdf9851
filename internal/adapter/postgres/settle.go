package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// settlement is what becomes of each collected row: how many rows of each state a member's set has.
type settlement struct {
	*collector
	states []map[int]int64 // per member, state to rows
	pseudo []byte          // the secret of this run's pseudonyms; forgotten with the run
}

// settle decides the state of every collected row, and refuses what a row makes impossible.
func (c *collector) settle(ctx context.Context, asOf time.Time, secret []byte) (*settlement, error) {
	s := &settlement{collector: c, states: make([]map[int]int64, len(c.plan.Members)), pseudo: secret}
	for i := range c.plan.Members {
		s.states[i] = map[int]int64{initial(&c.plan.Members[i]): c.mine[i]}
		if err := s.keep(ctx, i, asOf); err != nil {
			return nil, err
		}
		if c.plan.Members[i].Explicit {
			continue
		}
		if _, err := s.row(ctx, "SELECT pg_catalog.count(*) FROM "+sharedOf(i), nil, &s.others[i]); err != nil {
			return nil, err
		}
	}
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	return s, s.constraints(ctx)
}

// keep marks the rows whose period runs. A row without a date is kept: nobody can say that its period is over.
func (s *settlement) keep(ctx context.Context, i int, asOf time.Time) error {
	if s.plan.Members[i].Action != v1alpha1.EraseKeep || s.mine[i] == 0 {
		return nil
	}
	n, err := s.exec(ctx, fmt.Sprintf(`UPDATE %s SET state = %d WHERE until IS NULL OR until OPERATOR(pg_catalog.>=) $1::pg_catalog.date`, setOf(i), stateKeep), day(asOf))
	s.states[i][stateKeep], s.states[i][stateDelete] = n, s.mine[i]-n
	return err
}

// day is the civil day, in UTC, at which keep periods are judged.
func day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// staying counts the rows of a member that people reach and that stay.
func (s *settlement) staying(i int) int64 { return s.mine[i] - s.states[i][stateDelete] + s.others[i] }

// concerns tells whether rows that stay may refer, by this link, to rows that go. Those that refer by an owning link
// are all collected, so that counting them is enough; others must be looked for.
func (s *settlement) concerns(l plan.Link) bool {
	return s.states[l.To][stateDelete] > 0 && (!l.Owning || s.staying(l.From) > 0)
}

// clearedAlready tells whether all rows that stay and refer by an owning link are changed so that they refer no more.
func (s *settlement) clearedAlready(l plan.Link) bool {
	if !l.Owning || s.others[l.From] > 0 || s.states[l.From][stateKeep] > 0 {
		return false
	}
	changes := changing(&s.plan.Members[l.From])
	for _, state := range []int{stateMask, stateDetach, stateFallback} {
		if s.states[l.From][state] > 0 && slices.ContainsFunc(l.Clear, func(name string) bool {
			return !slices.Contains(changes[state], plan.Change{Column: name, Mask: v1alpha1.MaskNull})
		}) {
			return false
		}
	}
	return true
}

// goes says that the live row t of a link is itself deleted.
func (s *settlement) goes(l plan.Link) string {
	return fmt.Sprintf("EXISTS (SELECT FROM %s AS g WHERE g.state OPERATOR(pg_catalog.=) %d AND %s)", setOf(l.From), stateDelete, sameRow(&s.plan.Members[l.From], "g"))
}

// hold gives the fallback to rows that cannot go: a row that stays refers to them, and its reference cannot be nulled.
// A row that is held stays itself, and may hold others.
func (s *settlement) hold(ctx context.Context) error {
	holders := make([]string, len(s.plan.Members))
	for again := true; again; {
		again = false
		for _, l := range s.plan.Links {
			if !l.Real || len(l.Clear) > 0 || !s.concerns(l) {
				continue
			}
			n, err := s.exec(ctx, fmt.Sprintf(`UPDATE %s AS s SET state = %d WHERE s.state OPERATOR(pg_catalog.=) %d AND EXISTS (SELECT FROM %s AS t WHERE %s AND NOT %s)`,
				setOf(l.To), stateFallback, stateDelete, table(s.plan.Members[l.From].Table), refers(s.plan, l, "s"), s.goes(l)))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			again = true
			s.states[l.To][stateDelete] -= n
			s.states[l.To][stateFallback] += n
			if holders[l.To] == "" {
				holders[l.To] = s.plan.Members[l.From].Table.Path() + " (" + strings.Join(l.Columns, ", ") + ")"
			}
		}
	}
	for i, holder := range holders {
		if m := &s.plan.Members[i]; holder != "" && m.Fallback.Refusal != "" {
			return &task.Failure{Reason: task.PlanImpossible, Names: []string{holder, m.Table.Path()}, Message: fmt.Sprintf(
				"Rows of %s cannot be deleted: %s is NOT NULL and refers to them from rows that stay; and they cannot be masked instead: %s", m.Table.Path(), holder, m.Fallback.Refusal)}
		}
	}
	return nil
}

// changing lists the changes that the rows of a member undergo, by state.
func changing(m *plan.Member) map[int][]plan.Change {
	out := map[int][]plan.Change{}
	if len(m.Changes) > 0 {
		out[initial(m)] = m.Changes
	}
	if m.Fallback != nil {
		out[stateFallback] = m.Fallback.Changes
	}
	return out
}

// constraints asks whether CHECK constraints and types accept what columns become, before anything is written.
func (s *settlement) constraints(ctx context.Context) error {
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		for _, state := range []int{stateMask, stateDetach, stateFallback} {
			changes := changing(m)[state]
			if s.states[i][state] == 0 || len(changes) == 0 {
				continue
			}
			if err := s.constants(ctx, m, changes); err != nil {
				return err
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

// constants tries the constants of columns that are not text: the store alone knows what their types accept.
func (s *settlement) constants(ctx context.Context, m *plan.Member, changes []plan.Change) error {
	for _, c := range changes {
		column := m.Table.Column(c.Column)
		if c.Mask != v1alpha1.MaskConstant || column.Class == plan.Text {
			continue
		}
		_, err := s.exec(ctx, "SELECT CAST($1::pg_catalog.text AS "+column.Type+")", c.Constant)
		if f, ok := err.(*task.Failure); ok && f.Reason == task.PlanImpossible { //nolint:errorlint // failure returns the type itself
			return &task.Failure{Reason: f.Reason, Trace: f.Trace, Names: []string{m.Table.Path() + "." + c.Column},
				Message: m.Table.Path() + "." + c.Column + " does not accept its constant"}
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
	args := &arguments{}
	var columns []string
	for _, name := range check.Columns {
		expression := column("t", name)
		if at := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Column == name }); at >= 0 {
			expression = s.preview(m, changes[at], args)
		}
		columns = append(columns, expression+" AS "+quote(name))
	}
	if slices.ContainsFunc(changes, func(c plan.Change) bool { return sequence(m, c) && slices.Contains(check.Columns, c.Column) }) {
		return nil // evaluating the default would use up a number; the database judges at the time
	}
	sql := fmt.Sprintf(`SELECT EXISTS (SELECT FROM (SELECT %s FROM %s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d) AS becomes WHERE NOT (%s))`,
		strings.Join(columns, ", "), table(m.Table), numbered(i, state), sameRow(m, "s"), state, check.Expression)
	return s.violated(ctx, sql, args.values, m, check)
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

// detached is the FROM and WHERE of rows t that stay and refer, by a link, to rows s that go.
func (s *settlement) detached(l plan.Link) string {
	return fmt.Sprintf("%s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d AND NOT %s",
		table(s.plan.Members[l.From].Table), setOf(l.To), refers(s.plan, l, "s"), stateDelete, s.goes(l))
}
