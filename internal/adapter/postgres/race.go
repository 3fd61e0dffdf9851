package postgres

import (
	"context"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// raced finds words for a deletion that a foreign key forbade: a row that was added since the transaction saw the store refers to one
// that goes. A table of the dataset of which all rows were followed forbids nothing for good, and the next attempt sees the row. Where a
// trigger may have added it, or the run itself changed what refers, it may come back each time: then the run itself tries anew, and what
// comes back is for a person, as any other failure is.
func (s *settlement) raced(members ...int) func(error) error {
	return func(err error) error {
		f, ok := err.(*task.Failure) //nolint:errorlint // failure returns the type itself
		if !ok || f.Trace.SQLState != "23503" || !s.onlyAdded(f.Trace, members) {
			return s.blame(err, members...)
		}
		return &task.Failure{Reason: task.LockTimeout, Names: f.Names, Trace: f.Trace,
			Message: "Others added rows to " + f.Trace.Schema + "." + f.Trace.Table + " meanwhile that refer to rows of the run; its transaction was undone, and the next attempt sees them"}
	}
}

// onlyAdded tells whether rows that refer to what goes can only have been added by others.
func (s *settlement) onlyAdded(trace task.Trace, members []int) bool {
	found := false
	for i := range s.plan.Members {
		m := &s.plan.Members[i]
		if m.Table.Schema != trace.Schema || m.Table.Name != trace.Table {
			continue
		}
		found = len(m.Table.Triggers) == 0
		for state, changes := range changing(m) {
			found = found && (len(changes) == 0 || s.states[i][state] == 0)
		}
	}
	for _, i := range members {
		found = found && len(s.plan.Members[i].Table.Triggers) == 0
	}
	return found
}

// attempts is how often a transaction that a foreign key forbade is tried before a person is told.
const attempts = 3

// anew makes a transaction again, with what others committed meanwhile, when a foreign key forbade it: most schemas have triggers that
// write no more than a time, and a row that the application added need not come from one.
func anew(ctx context.Context, s *session, erase func() (task.Outcome, error)) (o task.Outcome, err error) {
	for range attempts {
		o, err = erase()
		if f, ok := err.(*task.Failure); !ok || f.Trace.SQLState != "23503" || f.Reason.Retryable() { //nolint:errorlint // the session returns the type itself
			return o, err
		}
		if again := s.afresh(ctx); again != nil {
			return o, again
		}
	}
	return o, err
}
