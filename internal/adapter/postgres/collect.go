package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// collector finds the rows of people and gathers them in temporary tables, one set per member. Requests of one run
// share the sets: a row that several people of the run reach is theirs together, and is counted for the request that
// reaches it in fewest steps, of these for the first in the task.
type collector struct {
	*session
	plan   *plan.Plan
	schema *plan.Schema
	mine   []int64 // rows per set
	// told is how many rows of each set the planner knows of.
	told []int64
	done []int64 // of these, rows that a round before has treated
	// few are the rows, not in a set yet, that hold identifiers of people of the run and of others.
	few []int64
	// others are the rows that the people of the run reach and somebody else too.
	others []int64
	// most is how many rows a set may have.
	most int64
	// held are the legal holds that keep rows.
	held *held
	// leaves are the members without a set. Late lets them be counted when they are deleted, where that is safe.
	leaves map[int]*leaf
	late   bool
	// layout is what the temporary tables are made by.
	layout string
}

func newCollector(s *session, p *plan.Plan, schema *plan.Schema) *collector {
	return &collector{session: s, plan: p, schema: schema, most: math.MaxInt64 - 1, mine: make([]int64, len(p.Members)), told: make([]int64, len(p.Members)), done: make([]int64, len(p.Members)), others: make([]int64, len(p.Members)), few: make([]int64, len(p.Members))}
}

// sharable tells whether rows of a member can belong to others too: they are reached by a reference, and have another
// owner, or a subject key of their own that says whose they are.
func (c *collector) sharable(i int) bool {
	m := &c.plan.Members[i]
	return !m.Explicit && (c.severalOwners(i) || len(c.owners(i)) == 1 && len(m.Keys) > 0)
}

// severalOwners tells whether a row of a member can have more than one owner: by two references, or by a declared one,
// which may lead to several rows.
func (c *collector) severalOwners(i int) bool {
	owners := c.owners(i)
	return len(owners) > 1 || slices.ContainsFunc(owners, func(l plan.Link) bool { return !l.Real })
}

// collect fills the sets with what belongs to their seeds. Rows that others share are taken out, with all that belongs to
// people through them alone; since that may make further rows shared, it is repeated until nothing changes.
func (c *collector) collect(ctx context.Context) error {
	dirty := make([]bool, len(c.plan.Members))
	for i := range dirty {
		dirty[i] = true
	}
	for again := false; ; again = true {
		if err := c.reach(ctx, dirty); err != nil {
			return err
		}
		changed, err := c.share(ctx)
		if err != nil {
			return err
		}
		if dirty = c.below(changed); !slices.Contains(dirty, true) {
			if !again {
				return nil
			}
			return c.forgetUnreached(ctx)
		}
		if err := c.empty(ctx, dirty); err != nil {
			return err
		}
	}
}

// seeds finds the rows that hold an identifier. They belong to the person whatever they refer to.
func (c *collector) seeds() (queries []query) {
	for i := range c.plan.Members {
		m := &c.plan.Members[i]
		filled := c.mine[i] > 0
		for _, k := range m.Keys {
			if k.Several || c.kinds[k.Identifier] == 0 {
				continue // nobody gave such an identifier, or below
			}
			queries = append(queries, c.seed(i, k, filled))
			filled = true
		}
		queries = append(queries, c.severalSeeds(i)...)
	}
	return queries
}

// seed adds the rows that are found by a subject key to a set, which has some of them already when it is filled: to ask for these within
// what is joined laterally would keep the planner from reading the table once for all people.
func (c *collector) seed(i int, k plan.Key, filled bool) query {
	m, fresh := &c.plan.Members[i], "true"
	if filled {
		fresh = fmt.Sprintf("NOT EXISTS (SELECT FROM %s AS x WHERE %s)", setOf(i), sameSetRow(m, "r", "x"))
	}
	var found []string
	for _, way := range c.find(m, k) {
		found = append(found, fmt.Sprintf("SELECT q.req, r.* FROM %s AS q CROSS JOIN LATERAL (SELECT %s AS until, %s FROM %s AS t WHERE %s%s) AS r",
			way.from, until(m), rowColumns(m), table(m.Table), way.where, way.fence))
	}
	names := "r." + strings.Join(setColumnsOf(m), ", r.")
	keys := "r." + strings.Join(keyNames(m), ", r.")
	return query{done: c.grows(i), sql: fmt.Sprintf(`INSERT INTO %s (%s) SELECT DISTINCT ON (%s) r.req, true, 0, %d, %s FROM (%s) AS r WHERE %s ORDER BY %s, r.req LIMIT %d`,
		setOf(i), setColumns(m), keys, initial(m), names, strings.Join(found, " UNION ALL "), fresh, keys, c.most+1)}
}

// reach follows the owning links from owners to what they own, group by group: those that do not wait for each other in one
// round trip. In a cycle it goes on round by round, each time from the rows of the round before.
func (c *collector) reach(ctx context.Context, dirty []bool) error {
	w := &wave{collector: c, fills: make([]bool, len(c.plan.Members)), fresh: make([]bool, len(c.plan.Members))}
	for _, group := range c.plan.Collect {
		var entering, within []plan.Link
		for _, l := range c.plan.Links {
			switch {
			case !l.Owning || !dirty[l.From] || !slices.Contains(group, l.From):
			case slices.Contains(group, l.To):
				within = append(within, l)
			default:
				entering = append(entering, l)
			}
		}
		for _, l := range entering {
			if w.fills[l.To] {
				if err := w.run(ctx); err != nil {
					return err
				}
			}
			w.follow(l, 0, false)
		}
		for round := 1; len(within) > 0; round++ {
			if err := w.run(ctx); err != nil {
				return err
			}
			fresh := w.fresh
			w.fresh = make([]bool, len(fresh))
			for _, l := range within {
				if round == 1 || fresh[l.To] {
					w.follow(l, round, true)
				}
			}
			if err := w.run(ctx); err != nil {
				return err
			}
			if !slices.Contains(w.fresh, true) {
				break
			}
		}
	}
	return w.run(ctx)
}

// wave gathers links that are followed in one round trip.
type wave struct {
	*collector
	queries []query
	fills   []bool // the sets that the queries fill
	fresh   []bool // the sets that got rows in this round of a cycle
}

func (w *wave) run(ctx context.Context) error {
	queries := w.queries
	w.queries = nil
	clear(w.fills)
	return w.send(ctx, queries...)
}

// follow adds the rows that a link makes belong to people. A row that says by its own subject key that it is somebody
// else's goes to the shared rows at once.
func (w *wave) follow(l plan.Link, round int, lastRound bool) {
	c := w.collector
	if c.mine[l.To] == 0 {
		return
	}
	if f := c.leaves[l.From]; f != nil {
		if !f.late {
			w.queries = append(w.queries, c.countLeaf(l.From))
		}
		return
	}
	m := &c.plan.Members[l.From]
	keys := strings.Join(keyExpressions(m, "t"), ", ")
	where := "true"
	if c.mine[l.From] > 0 || w.fills[l.From] {
		where = fmt.Sprintf("NOT EXISTS (SELECT FROM %s AS x WHERE %s)", setOf(l.From), sameRow(m, "x"))
	}
	if c.sharable(l.From) {
		where += fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s AS x WHERE %s)", sharedOf(l.From), sameRow(m, "x"))
	}
	if lastRound {
		where += fmt.Sprintf(" AND s.rnd OPERATOR(pg_catalog.=) %d", round-1)
	}
	// A foreign key leads to one row. A declared reference may lead to several.
	once, order := "", ""
	if !l.Real {
		once, order = fmt.Sprintf("DISTINCT ON (%s)", keys), fmt.Sprintf("ORDER BY %s, s.req", keys)
	}
	reached := fmt.Sprintf(`SELECT %s s.req, false AS seed, %d AS rnd, %d AS state, %s AS until, %s, %s AS others FROM %s AS t JOIN %s AS s ON %s WHERE %s %s LIMIT %d`,
		once, round, initial(m), until(m), rowColumns(m), c.somebodyElses(m), table(m.Table), setOf(l.To), refers(c.plan, l, "s"), where, order, c.most+1)
	sql := fmt.Sprintf(`WITH reached AS (%s) INSERT INTO %s (%s) SELECT %[3]s FROM reached`, reached, setOf(l.From), setColumns(m))
	if c.sharable(l.From) && len(m.Keys) > 0 {
		names := strings.Join(keyNames(m), ", ")
		sql = fmt.Sprintf(`WITH reached AS (%s), shared AS (INSERT INTO %s (req, %s) SELECT req, %[3]s FROM reached WHERE others) INSERT INTO %s (%s) SELECT %[5]s FROM reached WHERE NOT others`,
			reached, sharedOf(l.From), names, setOf(l.From), setColumns(m))
	}
	grows := c.grows(l.From)
	w.fills[l.From] = true
	w.queries = append(w.queries, query{sql: sql, done: func(n int64) error {
		w.fresh[l.From] = w.fresh[l.From] || n > 0
		return grows(n)
	}})
}

// grows counts rows that a set was given. The statements that fill it stop above the most that it may have.
func (c *collector) grows(i int) func(int64) error {
	return func(n int64) error {
		if c.mine[i] += n; c.mine[i] > c.most {
			return &tooMany{rows: c.mine[i], most: min(c.most, defaultChunkRows), table: c.plan.Members[i].Table.Path()}
		}
		return nil
	}
}

// somebodyElses is true for a row whose own subject key has a value that is nobody's of the run. It counts when the
// person gave an identifier of that kind, or when the table's rows can be people themselves (it is in a cycle).
func (c *collector) somebodyElses(m *plan.Member) string {
	if m.Explicit || len(m.Keys) == 0 {
		return "false"
	}
	var parts []string
	for _, k := range m.Keys {
		part := holds(m.Table, k)
		if !m.Cyclic {
			part += fmt.Sprintf(" AND EXISTS (SELECT FROM %s AS q WHERE q.req OPERATOR(pg_catalog.=) s.req AND q.kind OPERATOR(pg_catalog.=) '%s')", identifiers, k.Identifier)
		}
		parts = append(parts, "("+part+")")
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// share takes out the rows that refer, by a second owning link, to a row that is not of the run's people. It returns the
// members whose sets changed.
func (c *collector) share(ctx context.Context) ([]bool, error) {
	changed := make([]bool, len(c.plan.Members))
	var queries []query
	for i := range c.plan.Members {
		if c.plan.Members[i].Explicit || !c.severalOwners(i) || c.mine[i] == 0 {
			continue
		}
		for _, l := range c.owners(i) {
			queries = append(queries, query{sql: c.shareThrough(l), done: func(n int64) error {
				c.mine[i] -= n
				changed[i] = changed[i] || n > 0
				return nil
			}})
		}
	}
	return changed, c.send(ctx, queries...)
}

func (c *collector) owners(from int) []plan.Link {
	var owners []plan.Link
	for _, l := range c.plan.Links {
		if l.From == from && l.Owning {
			owners = append(owners, l)
		}
	}
	return owners
}

func (c *collector) shareThrough(l plan.Link) string {
	m, names := &c.plan.Members[l.From], keyNames(&c.plan.Members[l.From])
	return fmt.Sprintf(
		`WITH shared AS (INSERT INTO %s (req, %s) SELECT s.req, %s FROM %s AS s JOIN %s AS t ON %s WHERE NOT s.seed AND %s AND %s RETURNING *) DELETE FROM %[4]s AS s USING shared AS x WHERE %[9]s`,
		sharedOf(l.From), strings.Join(names, ", "), "s."+strings.Join(names, ", s."), setOf(l.From), table(m.Table), sameRow(m, "s"),
		set(l, "t"), c.somebody(l), sameSetRow(m, "s", "x"))
}

// somebody says that a live row with an owning link refers by it to a row that is not of the run's people.
func (c *collector) somebody(l plan.Link) string {
	if l.Real {
		return fmt.Sprintf("NOT EXISTS (SELECT FROM %s AS y WHERE %s)", setOf(l.To), refers(c.plan, l, "y"))
	}
	// It may lead to nobody, or to several.
	to := &c.plan.Members[l.To]
	var parts []string
	for i, name := range l.Columns {
		parts = append(parts, pair(c.plan, l, i, column("t", name), column("u", l.ToColumns[i])))
	}
	return fmt.Sprintf("EXISTS (SELECT FROM %s AS u WHERE %s AND NOT EXISTS (SELECT FROM %s AS y WHERE %s))",
		table(to.Table), strings.Join(parts, " AND "), setOf(l.To), sameRowOf(to, "u", "y"))
}

// below returns the members that are owned, over any way, by those that changed. A change in a table that owns nothing
// changes nothing else.
func (c *collector) below(changed []bool) []bool {
	out := make([]bool, len(changed))
	for grew := true; grew; {
		grew = false
		for _, l := range c.plan.Links {
			if l.Owning && !out[l.From] && (changed[l.To] || out[l.To]) {
				out[l.From], grew = true, true
			}
		}
	}
	return out
}

// empty removes what was reached, so that it can be reached anew; seeds stay.
func (c *collector) empty(ctx context.Context, members []bool) error {
	var queries []query
	for i, yes := range members {
		switch {
		case yes && c.leaves[i] != nil:
			c.forgetLeaf(i)
		case yes:
			queries = append(queries, query{sql: fmt.Sprintf(`DELETE FROM %s WHERE NOT seed`, setOf(i)), done: func(n int64) error {
				c.mine[i] -= n
				return nil
			}})
		}
	}
	return c.send(ctx, queries...)
}

// forgetUnreached drops shared rows that, in the end, lead to nobody of the run.
func (c *collector) forgetUnreached(ctx context.Context) error {
	var statements []string
	for i := range c.plan.Members {
		m := &c.plan.Members[i]
		if !c.sharable(i) {
			continue
		}
		ways := []string{"false"}
		for _, l := range c.owners(i) {
			ways = append(ways, fmt.Sprintf("EXISTS (SELECT FROM %s AS s WHERE %s)", setOf(l.To), refers(c.plan, l, "s")))
		}
		statements = append(statements, fmt.Sprintf(`DELETE FROM %s AS x USING %s AS t WHERE %s AND NOT (%s)`,
			sharedOf(i), table(m.Table), sameRow(m, "x"), strings.Join(ways, " OR ")))
	}
	return c.send(ctx, plain(statements...)...)
}
