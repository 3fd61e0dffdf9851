package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// rounds is how often what triggers wrote is looked for and treated. Triggers that write a history are quiet after one
// round; those that go on put people back.
const rounds = 3

// again treats what triggers of the dataset's tables wrote while the run erased: rows that hold an identifier or refer to
// rows of people, and that were not there before. They are counted with the others. Triggers that put a person back,
// or that undo a mask, stop the run, and with it the transaction.
func (s *settlement) again(ctx context.Context, asOf time.Time, counts *tally) error {
	if !s.plan.Triggered {
		return nil
	}
	last := s
	for range rounds {
		if err := last.undone(ctx); err != nil {
			return err
		}
		fresh, err := last.gatherAgain(ctx)
		if err != nil || fresh == 0 {
			return err
		}
		secret := sha256.Sum256(last.pseudo) // other pseudonyms than those of the round before
		next, err := last.settle(ctx, asOf, secret[:])
		if err != nil {
			return err
		}
		var queries []query
		for i := range next.plan.Members {
			queries = append(queries, next.countSet(counts, i)...)
		}
		if err := next.several(ctx, queries...); err != nil {
			return err
		}
		if err := next.execute(ctx); err != nil {
			return err
		}
		last = next
	}
	return s.triggers()
}

// gatherAgain marks what was treated, gathers what is new, and returns how many rows that is.
func (s *settlement) gatherAgain(ctx context.Context) (fresh int64, err error) {
	for i := range s.plan.Members {
		if s.leaves[i] != nil {
			s.forgetLeaf(i)
		}
		if err := s.takeOut(ctx, i); err != nil {
			return 0, err
		}
		if s.done[i] = s.mine[i]; s.mine[i] == 0 {
			continue
		}
		if _, err := s.exec(ctx, fmt.Sprintf("UPDATE %s SET state = %d, rnd = 0, seed = true", setOf(i), stateDone)); err != nil {
			return 0, err
		}
	}
	if err := s.send(ctx, s.seeds()...); err != nil {
		return 0, err
	}
	if err := s.collect(ctx); err != nil {
		return 0, err
	}
	for i := range s.mine {
		fresh += s.mine[i] - s.done[i] + s.few[i]
	}
	return fresh, nil
}

// undone refuses rows that are there although they were deleted, and rows that do not look as their masks left them. A
// row that only its place identifies is another one afterwards; the search for new rows finds it, as it finds all of a leaf.
func (s *settlement) undone(ctx context.Context) error {
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		if len(m.RowKey) == 0 || s.leaves[i] != nil {
			continue
		}
		for _, state := range append([]int{stateDelete}, treated...) {
			args := &arguments{}
			condition := "true"
			if state != stateDelete {
				condition = s.reverted(m, changing(m)[state], args)
			}
			if s.states[i][state] == 0 || condition == "" {
				continue
			}
			var found bool
			_, err := s.row(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s AS t JOIN %s AS s ON %s WHERE s.state OPERATOR(pg_catalog.=) %d AND %s)",
				table(m.Table), setOf(i), sameRow(m, "s"), state, condition), args.values, &found)
			if err != nil {
				return err
			}
			if found {
				return s.triggers()
			}
		}
	}
	return nil
}

// reverted says that a masked row does not look as it should; empty when that cannot be seen. One whose key was changed must
// not be found by its old one.
func (s *session) reverted(m *plan.Member, changes []plan.Change, args *arguments) string {
	var parts []string
	for _, c := range changes {
		if slices.Contains(m.RowKey, c.Column) {
			return "true"
		}
		if part := s.looksMasked(m, c, args); part != "" {
			parts = append(parts, "NOT ("+part+")")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// triggers refuses the run and names the triggers of the dataset's tables.
func (s *settlement) triggers() error {
	var names, words []string
	for _, m := range s.plan.Members {
		if len(m.Table.Triggers) > 0 {
			names = append(names, m.Table.Path())
			words = append(words, m.Table.Path()+" ("+strings.Join(m.Table.Triggers, ", ")+")")
		}
	}
	return &task.Failure{Reason: task.PlanImpossible, Names: names,
		Message: "Triggers put people back or undo masks; nothing was erased. Triggers of the dataset are: " + plan.Summary(words, 400)}
}
