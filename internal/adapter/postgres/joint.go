package postgres

import (
	"context"
	"fmt"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
)

// joint returns the tables of which rows go or change although they are others' too: the register names several owners, or one by a
// declared reference that leads to rows of several people, and a row is taken for each one's.
func (s *settlement) joint(ctx context.Context) (names []string, err error) {
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		if !m.Explicit || s.mine[i] == 0 || s.leaves[i] != nil || !s.severalOwners(i) {
			continue
		}
		for _, l := range s.owners(i) {
			var found bool
			if _, err := s.row(ctx, s.jointly(m, l), nil, &found); err != nil {
				return nil, err
			}
			if found {
				names = append(names, m.Table.Path())
				break
			}
		}
	}
	return names, nil
}

// jointly asks for rows that go or change and that somebody else owns by a link. A row with the person's own identifier is theirs.
func (s *settlement) jointly(m *plan.Member, l plan.Link) string {
	return fmt.Sprintf("SELECT EXISTS (SELECT FROM %s AS s JOIN %s AS t ON %s WHERE NOT s.seed AND s.state OPERATOR(pg_catalog.<>) %d AND s.state OPERATOR(pg_catalog.<) %d AND %s AND %s)",
		setOf(l.From), table(m.Table), sameRow(m, "s"), stateKeep, stateHeld, set(l, "t"), s.somebody(l))
}
