package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// execute changes and deletes the rows as settled: masks first, then references from rows that stay to rows that go, then
// deletes, those that refer before those that are referred to, and changes of keys last, since statements before find rows
// by them. Each statement must touch exactly the rows that were
// counted; a trigger that prevents it stops the run, and the transaction with it. Leaves of which no trigger keeps any are counted here.
//
// Triggers run as the application expects them to, under the search path of the database and the role. The statements
// themselves qualify every name, so that none is looked for there.
func (s *settlement) execute(ctx context.Context) error { return s.several(ctx, s.executing()...) }

// executing are the statements of execute.
func (s *settlement) executing() []query {
	queries := plain("SET LOCAL search_path TO DEFAULT")
	for i := range s.plan.Members {
		queries = append(queries, s.alterAll(i, false)...)
	}
	for i := range s.plan.Members {
		queries = append(queries, s.clearAll(i)...)
	}
	for _, group := range s.plan.Delete {
		queries = append(queries, s.remove(group)...)
	}
	for _, i := range s.plan.Last {
		queries = append(queries, s.alterAll(i, true)...)
	}
	// Constraints that the schema defers are judged now, so that COMMIT has nothing left to refuse.
	queries = append(queries, query{sql: "SET CONSTRAINTS ALL IMMEDIATE", blame: s.raced(s.everyone()...)})
	return append(queries, plain("SET LOCAL search_path TO pg_catalog")...)
}

// alterAll makes the changes of a member that come last, or those that do not.
func (s *settlement) alterAll(i int, last bool) (queries []query) {
	for _, state := range treated {
		changes := slices.DeleteFunc(slices.Clone(changing(&s.plan.Members[i])[state]), func(c plan.Change) bool { return c.Last != last })
		queries = append(queries, s.alter(i, state, changes)...)
	}
	return queries
}

// alter gives the rows of one state their new values, in one statement.
func (s *settlement) alter(i, state int, changes []plan.Change) []query {
	if s.states[i][state] == 0 || len(changes) == 0 {
		return nil
	}
	m, args := &s.plan.Members[i], &arguments{}
	var sets []string
	for _, c := range changes {
		sets = append(sets, quote(c.Column)+" = "+s.becomes(m, c, args))
	}
	from := setOf(i)
	if slices.ContainsFunc(changes, pseudonymous) {
		from = numbered(i, state)
	}
	sql := fmt.Sprintf("UPDATE %s AS t SET %s FROM %s AS s WHERE %s AND s.state OPERATOR(pg_catalog.=) %d",
		table(m.Table), strings.Join(sets, ", "), from, sameRow(m, "s"), state)
	return []query{{sql: sql, args: args.values, done: s.exactly(i, state), blame: s.blamed(i)}}
}

// clearAll nulls the references of a member's rows that stay, each row once.
func (s *settlement) clearAll(i int) []query {
	var links []plan.Link
	for _, l := range s.plan.Links {
		if l.From == i && len(l.Clear) > 0 && s.concerns(l) && !s.clearedAlready(l) {
			links = append(links, l)
		}
	}
	switch len(links) {
	case 0:
		return nil
	case 1:
		return []query{{sql: s.clear(links[0]), blame: s.blamed(i)}}
	default:
		return []query{{sql: s.clearTogether(&s.plan.Members[i], links), blame: s.blamed(i)}}
	}
}

// clear nulls a reference in rows that stay.
func (s *settlement) clear(l plan.Link) string {
	m := &s.plan.Members[l.From]
	var sets []string
	for _, name := range l.Clear {
		sets = append(sets, quote(name)+" = NULL")
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s AS s WHERE s.state OPERATOR(pg_catalog.=) %d AND %s AND NOT %s",
		table(m.Table), strings.Join(sets, ", "), setOf(l.To), stateDelete, refers(s.plan, l, "s"), s.goes(l))
}

// clearTogether nulls several references in one statement: a row that has two of them would be written twice.
func (s *settlement) clearTogether(m *plan.Member, links []plan.Link) string {
	var pointing, gathered, sets []string
	nulled := map[string][]string{} // column to the links that null it
	for k, l := range links {
		flags := make([]string, len(links))
		for n := range links {
			flags[n] = fmt.Sprintf("%t AS c%d", n == k, n)
		}
		pointing = append(pointing, fmt.Sprintf("SELECT %s, %s FROM %s", keyList(m, live), strings.Join(flags, ", "), s.detached(l)))
		gathered = append(gathered, fmt.Sprintf("pg_catalog.bool_or(c%d) AS c%d", k, k))
		for _, name := range l.Clear {
			nulled[name] = append(nulled[name], fmt.Sprintf("h.c%d", k))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(nulled)) {
		sets = append(sets, fmt.Sprintf("%s = CASE WHEN %s THEN NULL ELSE %s END", quote(name), strings.Join(nulled[name], " OR "), column(live, name)))
	}
	keys := strings.Join(keyNames(m), ", ")
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM (SELECT %s, %s FROM (%s) AS pointing GROUP BY %s) AS h WHERE %s",
		table(m.Table), strings.Join(sets, ", "), keys, strings.Join(gathered, ", "), strings.Join(pointing, " UNION ALL "), keys, sameRow(m, "h"))
}

// remove deletes the rows of a group. Tables in a cycle of foreign keys go in one statement: PostgreSQL judges the keys
// when it ends, and then all of them are gone.
func (s *settlement) remove(group []int) []query {
	var deletes, counts []string
	var members []int
	for _, i := range group {
		if f := s.leaves[i]; f != nil && f.late {
			return s.removeLate(i) // alone in its group: nothing refers to it
		}
		if s.states[i][stateDelete] == 0 {
			continue
		}
		members = append(members, i)
		deletes = append(deletes, s.removal(i))
		counts = append(counts, fmt.Sprintf("SELECT %d, pg_catalog.count(*) FROM gone_%d", i, i))
	}
	if len(members) == 0 {
		return nil
	}
	if len(members) == 1 {
		return []query{{sql: deletes[0], done: s.exactly(members[0], stateDelete), blame: s.raced(members...)}}
	}
	for k, i := range members {
		deletes[k] = fmt.Sprintf("gone_%d AS (%s RETURNING 1)", i, deletes[k])
	}
	var (
		at   int
		rows int64
	)
	sql := "WITH " + strings.Join(deletes, ", ") + " " + strings.Join(counts, " UNION ALL ")
	return []query{{sql: sql, into: []any{&at, &rows}, each: func() error { return s.exactly(at, stateDelete)(rows) }, blame: s.raced(members...)}}
}

// exactly refuses a statement that touched another number of a member's rows than have the state.
func (s *settlement) exactly(i, state int) func(int64) error {
	want := s.states[i][state]
	return func(got int64) error {
		if got == want {
			return nil
		}
		path := s.plan.Members[i].Table.Path()
		return &task.Failure{Reason: task.PlanImpossible, Names: []string{path},
			Message: fmt.Sprintf("%d rows of %s were to be treated and %d were: a trigger interferes; nothing was erased", want, path, got)}
	}
}
