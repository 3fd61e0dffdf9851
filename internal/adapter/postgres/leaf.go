package postgres

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// leaf is how the rows of a member are counted and deleted without being gathered first: by the reference to their owner
// alone. Gathering them would write each of them once more.
type leaf struct {
	link plan.Link
	// rows are how many there are of each request that has some.
	rows map[int]int64
	// late says that they are counted when they are deleted. Until then so many are expected for each row of their owners.
	late     bool
	expected float64
}

// leaves returns the members that need no set, by their index: all of their rows go, whichever owner they belong to; one
// foreign key says whose they are; and nothing refers to them, so that no other statement asks which they are. A legal hold
// may keep some rows, so that there are none then. An owner whose rows can be shared has some in its set that stay, with
// what refers to them.
func leaves(p *plan.Plan, holds bool) map[int]*leaf {
	out := map[int]*leaf{}
	if holds {
		return out
	}
	for i := range p.Members {
		m := &p.Members[i]
		if m.Action != v1alpha1.EraseDeleteRows || len(m.Keys) > 0 {
			continue
		}
		if l, only := onlyOwner(p, i); only && l.Real && m.Table.Indexed(l.Columns) && !several(&p.Members[l.To]) {
			out[i] = &leaf{link: l, rows: map[int]int64{}}
		}
	}
	return out
}

// postpone lets leaves be counted when they are deleted, which saves finding them twice: where no trigger, of the table or of a part
// of it, and no rule can keep a row from it, so that what is deleted is all there is; and where the store knows how many rows its
// tables have, so that a transaction which would have too many of them is divided before it begins.
func (c *collector) postpone() {
	for i, f := range c.leaves {
		t, owners := c.plan.Members[i].Table, c.plan.Members[f.link.To].Table.Rows
		if f.late = !c.plan.Triggered && t.Kind == plan.Ordinary && !t.Inherited && !t.Rules && t.Rows > 0 && owners > 0; f.late {
			f.expected = float64(t.Rows) / float64(owners)
		}
	}
}

// about is how many rows of a member the run has.
func (c *collector) about(i int) int64 {
	if f := c.leaves[i]; f != nil && f.late && f.expected > 0 {
		return int64(f.expected * float64(c.mine[f.link.To]))
	}
	return c.mine[i]
}

// onlyOwner returns the one link of a member that matters to a run; only is false when there are others.
func onlyOwner(p *plan.Plan, i int) (owner plan.Link, only bool) {
	owners := 0
	for _, l := range p.Links {
		switch {
		case l.To == i:
			return owner, false
		case l.From != i:
		case l.Owning:
			owner = l
			owners++
		case p.Members[l.To].MayGo(): // rows that go may have to be let go of
			return owner, false
		}
	}
	return owner, owners == 1
}

// countLeaf counts the rows of a leaf by request, up to one more than a set may have.
func (c *collector) countLeaf(i int) query {
	f := c.leaves[i]
	sql := fmt.Sprintf("SELECT req, pg_catalog.count(*) FROM (SELECT s.req FROM %s AS t JOIN %s AS s ON %s LIMIT %d) AS rows GROUP BY req",
		table(c.plan.Members[i].Table), setOf(f.link.To), refers(c.plan, f.link, "s"), c.most+1)
	return c.counting(i, sql)
}

// counting adds to the rows of a leaf what a query finds by request.
func (c *collector) counting(i int, sql string) query {
	var (
		req  int
		rows int64
		f    = c.leaves[i]
	)
	grows := c.grows(i)
	return query{sql: sql, into: []any{&req, &rows}, each: func() error {
		f.rows[req] += rows
		return grows(rows)
	}}
}

// removeLate deletes the rows of a leaf and counts them.
func (s *settlement) removeLate(i int) []query {
	f := s.leaves[i]
	if s.mine[f.link.To] == 0 {
		return nil
	}
	f.expected = 0
	q := s.counting(i, "WITH gone AS ("+s.removal(i)+" RETURNING s.req) SELECT req, pg_catalog.count(*) FROM gone GROUP BY req")
	q.blame = s.blamed(i)
	return []query{q}
}

// countLate adds the leaves that were counted when they were deleted, and refuses so many that the transaction should not have begun: the
// store's own figures were wrong.
func (s *settlement) countLate(t *tally, people int, most int64) error {
	for i, f := range s.leaves {
		if f.late {
			for req, rows := range f.rows {
				t.add(s.plan.Members[i].Table.Path(), s.plan.Members[i].Action, req, rows, nil)
			}
		}
	}
	const more = 2
	return s.crowded(people, more*most)
}

// forgetLeaf has the rows of a leaf counted anew.
func (c *collector) forgetLeaf(i int) {
	c.mine[i], c.leaves[i].rows = 0, map[int]int64{}
}

// removal deletes the rows of a member that go.
func (s *settlement) removal(i int) string {
	m := &s.plan.Members[i]
	if f := s.leaves[i]; f != nil {
		return fmt.Sprintf("DELETE FROM %s AS t USING %s AS s WHERE %s", table(m.Table), setOf(f.link.To), refers(s.plan, f.link, "s"))
	}
	return fmt.Sprintf("DELETE FROM %s AS t USING %s AS s WHERE %s AND s.state OPERATOR(pg_catalog.=) %d", table(m.Table), setOf(i), sameRow(m, "s"), stateDelete)
}

// reached says that the live row t of a member is one that the run reaches.
func (c *collector) reached(i int) string {
	of, same := i, sameRow(&c.plan.Members[i], "x")
	if f := c.leaves[i]; f != nil {
		of, same = f.link.To, refers(c.plan, f.link, "x")
	}
	return fmt.Sprintf("EXISTS (SELECT FROM %s AS x WHERE %s)", setOf(of), same)
}
