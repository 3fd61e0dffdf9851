package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// literals is the temporary table of what columns are compared with: the statements are the same for all values.
const literals = "pg_temp.rempart_literals"

// heldDepth is how many references away from a held row the verifier looks for what is held with it.
const heldDepth = 4

// held are the legal holds of a task, matched with the plan, those that last longest first.
type held struct {
	plan  *plan.Plan
	holds []task.Hold
	// member is the table of each hold in the plan.
	member []int
}

// loadHolds matches the holds with the plan and copies their literals into a temporary table. A hold that cannot be judged
// stops the step: nobody could say what it keeps.
func (s *session) loadHolds(ctx context.Context, p *plan.Plan, holds []task.Hold) (*held, error) {
	h := &held{plan: p, holds: slices.Clone(holds)}
	if len(holds) == 0 {
		return h, nil
	}
	slices.SortStableFunc(h.holds, func(a, b task.Hold) int { return cmp.Compare(b.UntilOn, a.UntilOn) })
	if err := s.makeTemporary(ctx, []string{`CREATE TEMPORARY TABLE ` + literals + ` (hold pg_catalog.int4 NOT NULL, place pg_catalog.int4 NOT NULL, literal pg_catalog.text NOT NULL) ON COMMIT DROP`}); err != nil {
		return nil, err
	}
	var rows [][]any
	for i, hold := range h.holds {
		at := slices.IndexFunc(p.Members, func(m plan.Member) bool { return m.Table.Schema == hold.Schema && m.Table.Name == hold.Table })
		if at < 0 {
			return nil, unclear(hold.Schema+"."+hold.Table, "is not in the dataset")
		}
		if _, err := time.Parse(time.DateOnly, hold.UntilOn); err != nil {
			return nil, unclear(p.Members[at].Table.Path(), "has no last day")
		}
		h.member = append(h.member, at)
		for place, w := range hold.Where {
			rows = append(rows, []any{int32(i), int32(place), w.Literal})
		}
	}
	if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"pg_temp", "rempart_literals"}, []string{"hold", "place", "literal"}, pgx.CopyFromRows(rows)); err != nil {
		return nil, failure(err)
	}
	return h, s.judgeable(ctx, h)
}

func unclear(name, what string) error {
	return &task.Failure{Reason: task.HoldUnclear, Names: []string{name}, Message: fmt.Sprintf("A legal hold names %s, which %s; nothing is erased meanwhile", name, what)}
}

// judgeable refuses a condition on a column that the table does not have, and a literal that is none of its type.
func (s *session) judgeable(ctx context.Context, h *held) error {
	for i, hold := range h.holds {
		t := h.plan.Members[h.member[i]].Table
		for place, w := range hold.Where {
			path := t.Path() + "." + string(w.Column)
			c := t.Column(string(w.Column))
			switch {
			case c == nil:
				return unclear(path, "the store does not have")
			case !typed(c):
				if ordered := strings.ContainsAny(operators[w.Operator], "<>") && w.Operator != v1alpha1.HoldNotEqual; ordered && (!c.Native || c.Several) {
					return unclear(path, "has a type without an order of its own")
				}
			case operators[w.Operator] != "":
				if _, err := s.exec(ctx, "SELECT CAST("+literalOf(i, place)+" AS "+c.Type+")"); err != nil {
					if f, ok := err.(*task.Failure); ok && strings.HasPrefix(f.Trace.SQLState, "22") { //nolint:errorlint // exec returns the type itself
						return unclear(path, "has another type than the literal")
					}
					return err
				}
			}
		}
	}
	return nil
}

// operators of comparisons, by name; the two about NULL have none.
var operators = map[v1alpha1.HoldOperator]string{
	v1alpha1.HoldEqual: "=", v1alpha1.HoldNotEqual: "<>", v1alpha1.HoldLess: "<", v1alpha1.HoldLessOrEqual: "<=",
	v1alpha1.HoldGreater: ">", v1alpha1.HoldGreaterOrEqual: ">=",
}

// typed tells whether a column is compared by its type, and not by its text.
func typed(c *plan.Column) bool { return c.Native && c.Class != plan.Text && !c.Several }

func literalOf(hold, place int) string {
	return fmt.Sprintf("(SELECT l.literal FROM %s AS l WHERE l.hold OPERATOR(pg_catalog.=) %d AND l.place OPERATOR(pg_catalog.=) %d)", literals, hold, place)
}

// keeps says that the row of an alias is one that a hold names. What compares with NULL counts as held.
func (h *held) keeps(hold int, alias string) string {
	t, parts := h.plan.Members[h.member[hold]].Table, []string{"true"}
	for place, w := range h.holds[hold].Where {
		c := t.Column(string(w.Column))
		operator := operators[w.Operator]
		switch {
		case w.Operator == v1alpha1.HoldIsNull:
			parts = append(parts, column(alias, c.Name)+" IS NULL")
		case w.Operator == v1alpha1.HoldIsNotNull:
			parts = append(parts, column(alias, c.Name)+" IS NOT NULL")
		case typed(c):
			parts = append(parts, fmt.Sprintf("COALESCE(%s OPERATOR(pg_catalog.%s) CAST(%s AS %s), true)", column(alias, c.Name), operator, literalOf(hold, place), c.Type))
		default:
			parts = append(parts, fmt.Sprintf("COALESCE(%s OPERATOR(pg_catalog.%s) %s, true)", textOf(c, alias), operator, literalOf(hold, place)))
		}
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// withhold marks the rows that holds keep, and what they refer to: a row that is kept for a court must still say whom and
// what it is about. The hold that lasts longest counts.
func (s *settlement) withhold(ctx context.Context) error {
	if len(s.held.holds) == 0 {
		return nil
	}
	for k, hold := range s.held.holds {
		last, err := time.Parse(time.DateOnly, hold.UntilOn)
		if err != nil {
			return unclear(hold.Schema+"."+hold.Table, "has no last day")
		}
		i := s.held.member[k]
		if s.mine[i] == s.done[i] {
			continue
		}
		m := &s.plan.Members[i]
		if _, err := s.exec(ctx, fmt.Sprintf("UPDATE %s AS s SET state = %d, until = $1::pg_catalog.date FROM %s AS t WHERE %s AND %s AND %s",
			setOf(i), stateHeld+k, table(m.Table), sameRow(m, "s"), mayBeHeld("$1::pg_catalog.date"), s.held.keeps(k, "t")), last); err != nil {
			return err
		}
	}
	for again := true; again; {
		again = false
		for _, l := range s.plan.Links {
			n, err := s.holdWith(ctx, l)
			if err != nil {
				return err
			}
			again = again || n > 0
		}
	}
	return s.recount(ctx)
}

// holdWith holds the rows to which held rows refer by a link.
func (s *settlement) holdWith(ctx context.Context, l plan.Link) (int64, error) {
	if s.mine[l.From] == s.done[l.From] || s.mine[l.To] == s.done[l.To] {
		return 0, nil
	}
	from := &s.plan.Members[l.From]
	return s.exec(ctx, fmt.Sprintf("UPDATE %s AS s SET state = h.state, until = h.until FROM %s AS h JOIN %s AS t ON %s WHERE h.state OPERATOR(pg_catalog.>=) %d AND %s AND %s",
		setOf(l.To), setOf(l.From), table(from.Table), sameRow(from, "h"), stateHeld, mayBeHeld("h.until"), refers(s.plan, l, "s")))
}

// mayBeHeld says that a row s of a set is neither held, nor treated already, nor kept by the register for longer.
func mayBeHeld(until string) string {
	return fmt.Sprintf("s.state OPERATOR(pg_catalog.<) %d AND s.state OPERATOR(pg_catalog.<>) %d AND (s.state OPERATOR(pg_catalog.<>) %d OR s.until OPERATOR(pg_catalog.<) %s)",
		stateHeld, stateDone, stateKeep, until)
}

// recount counts the states of all sets anew.
func (s *settlement) recount(ctx context.Context) error {
	for i := range s.plan.Members {
		if s.mine[i] == 0 {
			continue
		}
		states := map[int]int64{}
		var state int
		var rows int64
		sql := fmt.Sprintf("SELECT state, pg_catalog.count(*) FROM %s WHERE state OPERATOR(pg_catalog.<>) %d GROUP BY state", setOf(i), stateDone)
		if err := s.rows(ctx, sql, nil, []any{&state, &rows}, func() error { states[state] = rows; return nil }); err != nil {
			return err
		}
		s.states[i] = states
	}
	return nil
}

// indexOf is the index, in the task, of the hold that a state stands for; 0 when it stands for none.
func (h *held) indexOf(state int) int {
	if state < stateHeld || state-stateHeld >= len(h.holds) {
		return 0
	}
	return h.holds[state-stateHeld].Index
}

// rightly says that a live row is held, by its own or since held rows refer to it: what the verifier may find. Each way of
// references is followed as far as heldDepth, each reference once.
func (h *held) rightly(i int, alias string) string {
	if h == nil || len(h.holds) == 0 {
		return "false"
	}
	return h.through(i, alias, nil)
}

func (h *held) through(i int, alias string, way []int) string {
	ways := []string{"false"}
	for k, at := range h.member {
		if at == i {
			ways = append(ways, h.keeps(k, alias))
		}
	}
	for n, l := range h.plan.Links {
		if l.To != i || len(way) >= heldDepth || slices.Contains(way, n) || !h.reaches(l.From, append(slices.Clone(way), n)) {
			continue
		}
		from := fmt.Sprintf("h%d", len(way)+1)
		var parts []string
		for c, name := range l.Columns {
			parts = append(parts, pair(h.plan, l, c, column(from, name), column(alias, l.ToColumns[c])))
		}
		if l.Where != nil {
			parts = append(parts, has(l.Where, from))
		}
		parts = append(parts, h.through(l.From, from, append(slices.Clone(way), n)))
		ways = append(ways, fmt.Sprintf("EXISTS (SELECT FROM %s AS %s WHERE %s)", table(h.plan.Members[l.From].Table), from, strings.Join(parts, " AND ")))
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}

// reaches tells whether a held table refers to a member, over any way.
func (h *held) reaches(i int, way []int) bool {
	if slices.Contains(h.member, i) {
		return true
	}
	for n, l := range h.plan.Links {
		if l.To == i && len(way) < heldDepth && !slices.Contains(way, n) && h.reaches(l.From, append(slices.Clone(way), n)) {
			return true
		}
	}
	return false
}
