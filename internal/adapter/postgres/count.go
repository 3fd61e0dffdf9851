package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// tally gathers rows by table, action and request.
type tally struct {
	requests int
	entries  map[task.Table]*entry
}

type entry struct {
	rows  []int64
	until map[int]string
}

func newTally(requests int) *tally {
	return &tally{requests: requests, entries: map[task.Table]*entry{}}
}

// add counts rows. Zero makes the pair of table and action appear.
func (t *tally) add(path string, action v1alpha1.TableErasure, req int, rows int64, until *time.Time) {
	t.addTo(task.Table{Name: path, Action: action}, req, rows, until)
}

func (t *tally) addTo(key task.Table, req int, rows int64, until *time.Time) {
	e := t.entries[key]
	if e == nil {
		e = &entry{rows: make([]int64, t.requests), until: map[int]string{}}
		t.entries[key] = e
	}
	if req < 0 || req >= t.requests {
		return
	}
	e.rows[req] += rows
	if until != nil {
		e.until[req] = max(e.until[req], until.Format(time.DateOnly))
	}
}

// result returns the counts as an Outcome has them: tables sorted, requests in the order of the task.
func (t *tally) result(requests []task.Request) ([]task.Table, []task.Counts) {
	tables := make([]task.Table, 0, len(t.entries))
	for table := range t.entries {
		tables = append(tables, table)
	}
	slices.SortFunc(tables, func(a, b task.Table) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Action), string(b.Action)), cmp.Compare(a.Hold, b.Hold))
	})
	counts := make([]task.Counts, len(requests))
	for i, r := range requests {
		counts[i] = task.Counts{UID: r.UID, Rows: make([]int64, len(tables))}
		for j, table := range tables {
			e := t.entries[table]
			counts[i].Rows[j] = e.rows[i]
			if day, ok := e.until[i]; ok {
				if counts[i].Until == nil {
					counts[i].Until = map[int]string{}
				}
				counts[i].Until[j] = day
			}
		}
	}
	return tables, counts
}

// count says what becomes of whose rows. Rows that are shared, or are another person's and point at what goes, count as
// Detach: they stay, without their pointer.
func (s *settlement) count(ctx context.Context, requests int) (*tally, error) {
	t := newTally(requests)
	var queries []query
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		t.add(m.Table.Path(), m.Action, -1, 0, nil)
		queries = append(queries, s.countSet(t, i)...)
		if s.others[i] > 0 {
			queries = append(queries, countInto(t, m, v1alpha1.EraseDetach, "SELECT req, pg_catalog.count(*) FROM "+sharedOf(i)+" GROUP BY req"))
		}
		if sql := s.outsiders(i); sql != "" {
			queries = append(queries, countInto(t, m, v1alpha1.EraseDetach, sql))
		}
	}
	return t, s.several(ctx, queries...)
}

func (s *settlement) countSet(t *tally, i int) []query {
	m := &s.plan.Members[i]
	if f := s.leaves[i]; f != nil {
		for req, rows := range f.rows {
			t.add(m.Table.Path(), m.Action, req, rows, nil)
		}
		return nil
	}
	if s.mine[i] == 0 {
		return nil
	}
	kept, states := s.present(i)
	switch {
	case !kept && t.requests == 1:
		for _, state := range states {
			t.add(m.Table.Path(), action(m, state), 0, s.states[i][state], nil)
		}
		return nil
	case !kept && len(states) == 1:
		return []query{countInto(t, m, action(m, states[0]), fmt.Sprintf("SELECT req, pg_catalog.count(*) FROM %s WHERE state OPERATOR(pg_catalog.=) %d GROUP BY req", setOf(i), states[0]))}
	}
	var (
		req   int
		state int
		rows  int64
		until *time.Time
	)
	sql := fmt.Sprintf("SELECT req, state, pg_catalog.count(*), pg_catalog.max(until) FROM %s WHERE state OPERATOR(pg_catalog.<>) %d GROUP BY req, state", setOf(i), stateDone)
	return []query{{sql: sql, into: []any{&req, &state, &rows, &until}, each: func() error {
		last := until
		if state != stateKeep && state < stateHeld {
			last = nil
		}
		t.addTo(task.Table{Name: m.Table.Path(), Action: action(m, state), Hold: s.held.indexOf(state)}, req, rows, last)
		until = nil
		return nil
	}}}
}

// present lists the states that rows of a member have, and tells whether some of these rows are kept until a day.
func (s *settlement) present(i int) (kept bool, states []int) {
	for state, rows := range s.states[i] {
		if rows > 0 {
			kept, states = kept || state == stateKeep || state >= stateHeld, append(states, state)
		}
	}
	return kept, states
}

func action(m *plan.Member, state int) v1alpha1.TableErasure {
	if state >= stateHeld {
		return v1alpha1.EraseKeep
	}
	switch state {
	case stateMask:
		return v1alpha1.EraseMaskColumns
	case stateDetach, stateTake:
		return v1alpha1.EraseDetach
	case stateKeep:
		return v1alpha1.EraseKeep
	case stateFallback:
		return m.Fallback.Action
	default:
		return v1alpha1.EraseDeleteRows
	}
}

// countInto adds to the rows of a member what a query finds by request.
func countInto(t *tally, m *plan.Member, action v1alpha1.TableErasure, sql string) query {
	var (
		req  int
		rows int64
	)
	return query{sql: sql, into: []any{&req, &rows}, each: func() error {
		t.add(m.Table.Path(), action, req, rows, nil)
		return nil
	}}
}

// outsiders counts the rows of a table that no person of the run reaches and that point, by a link that does not own, at
// rows that go.
func (s *settlement) outsiders(i int) string {
	m := &s.plan.Members[i]
	keys := strings.Join(keyNames(m), ", ")
	var parts []string
	for _, l := range s.plan.Links {
		if l.From != i || l.Owning || len(l.Clear) == 0 || !s.concerns(l) {
			continue
		}
		part := fmt.Sprintf("SELECT s.req, %s FROM %s AND NOT EXISTS (SELECT FROM %s AS x WHERE %s)", keyList(m, live), s.pointing(l), setOf(i), sameRow(m, "x"))
		if s.sharable(i) {
			part += fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s AS x WHERE %s)", sharedOf(i), sameRow(m, "x"))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("SELECT req, pg_catalog.count(*) FROM (SELECT pg_catalog.min(req) AS req FROM (%s) AS pointing GROUP BY %s) AS rows GROUP BY req", strings.Join(parts, " UNION ALL "), keys)
}

func keyList(m *plan.Member, alias string) string {
	names, parts := keyNames(m), []string{}
	for i, expression := range keyExpressions(m, alias) {
		parts = append(parts, expression+" AS "+names[i])
	}
	return strings.Join(parts, ", ")
}
