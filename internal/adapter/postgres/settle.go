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
	queries := s.tell() // what follows asks about all sets
	for i := range c.plan.Members {
		s.states[i] = map[int]int64{initial(&c.plan.Members[i]): c.mine[i] - c.done[i]}
		queries = append(queries, s.takeIn(i)...)
		queries = append(queries, s.keep(i, asOf)...)
		if c.sharable(i) {
			queries = append(queries, query{sql: "SELECT pg_catalog.count(*) FROM " + sharedOf(i), into: []any{&s.others[i]}})
		}
	}
	if err := s.several(ctx, queries...); err != nil {
		return nil, err
	}
	if err := s.withhold(ctx); err != nil {
		return nil, err
	}
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	return s, s.explainUsage(ctx, s.constraints(ctx))
}

// keep marks the rows whose period runs. A row without a date is kept: nobody can say that its period is over.
func (s *settlement) keep(i int, asOf time.Time) []query {
	m := &s.plan.Members[i]
	if m.Action != v1alpha1.EraseKeep || s.mine[i] == s.done[i] && !several(m) {
		return nil
	}
	states := []int{stateDelete}
	if several(m) {
		states = append(states, stateTake)
	}
	var queries []query
	for _, state := range states {
		sql := fmt.Sprintf(`UPDATE %s SET state = %d WHERE state OPERATOR(pg_catalog.=) %d AND (until IS NULL OR until OPERATOR(pg_catalog.>=) $1::pg_catalog.date)`, setOf(i), stateKeep, state)
		queries = append(queries, query{sql: sql, args: []any{day(asOf)}, done: func(n int64) error {
			s.states[i][stateKeep] += n
			s.states[i][state] -= n
			return nil
		}})
	}
	return queries
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
	if !l.Owning || s.others[l.From] > 0 || s.states[l.From][stateTake] > 0 || s.done[l.From] > 0 || s.states[l.From][stateKeep] > 0 {
		return false
	}
	changes := changing(&s.plan.Members[l.From])
	for _, state := range []int{stateMask, stateDetach, stateFallback} {
		if s.states[l.From][state] > 0 && slices.ContainsFunc(l.Clear, func(name string) bool {
			return !slices.ContainsFunc(changes[state], func(c plan.Change) bool { return c.Column == name && c.Mask == v1alpha1.MaskNull })
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
	holders := make([]*plan.Link, len(s.plan.Members))
	for again := true; again; {
		again = false
		for at := range s.plan.Links {
			l := s.plan.Links[at]
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
			if holders[l.To] == nil {
				holders[l.To] = &s.plan.Links[at]
			}
		}
	}
	for i, holder := range holders {
		if m := &s.plan.Members[i]; holder != nil && m.Fallback.Refusal != "" {
			names, why := s.why(holders, i)
			return &task.Failure{Reason: task.PlanImpossible, Names: append(names, m.Table.Path()),
				Message: fmt.Sprintf("Rows of %s cannot be deleted: %s; and they cannot be masked instead: %s", m.Table.Path(), why, m.Fallback.Refusal)}
		}
	}
	return nil
}

// followed is over how many references a refusal says why rows stay.
const followed = 4

// why says by which references the rows of a member are held: those of tables that were to go are themselves held by others, so
// that the last one is what somebody can change.
func (s *settlement) why(holders []*plan.Link, i int) (names []string, why string) {
	for l := holders[i]; l != nil && len(names) < followed; l = holders[l.From] {
		from := &s.plan.Members[l.From]
		name := from.Table.Path() + " (" + strings.Join(l.Columns, ", ") + ")"
		if slices.Contains(names, name) { // rows that hold each other
			break
		}
		if names = append(names, name); len(names) == 1 {
			why = name + " is NOT NULL and refers to them from rows that stay"
		} else {
			why += "; those stay since " + name + " is NOT NULL and refers to them"
		}
		if from.Action != v1alpha1.EraseDeleteRows {
			break
		}
		if holders[l.From] == nil && !l.Owning {
			why += "; to erase its rows too, name " + strings.Join(l.Columns, ", ") + " in ownedThrough of " + from.Table.Path()
		}
	}
	return names, why
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
	if len(m.Take) > 0 {
		out[stateTake] = m.Take
	}
	return out
}

// pointing is the FROM and WHERE of rows t that refer, by a link, to rows s that go.
func (s *settlement) pointing(l plan.Link) string {
	return fmt.Sprintf("%s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d",
		table(s.plan.Members[l.From].Table), setOf(l.To), refers(s.plan, l, "s"), stateDelete)
}

// detached is pointing without the rows that go themselves.
func (s *settlement) detached(l plan.Link) string { return s.pointing(l) + " AND NOT " + s.goes(l) }
