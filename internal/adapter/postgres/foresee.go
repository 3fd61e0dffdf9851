package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Plan says what erasing the people would do. It writes nothing: its transaction is read-only but for temporary tables.
func (e *Engine) Plan(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	o, err := e.plan(ctx, t, people)
	return e.outcome(task.Plan, o, err)
}

func (e *Engine) plan(ctx context.Context, t task.Task, people []subject.Subject) (task.Outcome, error) {
	s, err := open(ctx, e.Config)
	if err != nil {
		return task.Outcome{}, err
	}
	defer s.close()
	if err := s.several(ctx, append([]query{weak()}, roomFor(len(people))...)...); err != nil {
		return task.Outcome{}, err
	}
	o, notes, err := s.foresee(ctx, t, people)
	if err != nil {
		return o, err
	}
	var chunks []counted
	var named, alike []string
	err = e.divide(ctx, len(people), 0, func(ctx context.Context, from, to int) (int, error) {
		c, left, others, err := e.countChunk(ctx, s, part(t, from, to), people[from:to])
		if err == nil {
			chunks, named, alike = append(chunks, c), append(named, left...), append(alike, others...)
		}
		return 0, err
	})
	if err != nil {
		return o, err
	}
	if slices.Sort(alike); len(alike) > 0 {
		notes = append([]string{"a telephone number in " + list(slices.Compact(alike)) + " is also that of others, who have another address or number: their rows stay"}, notes...)
	}
	if slices.Sort(named); len(named) > 0 {
		notes = append([]string{"people are named in texts of " + plan.Fit(slices.Compact(named), roomOfNames) + " that stay, in rows of others or in columns without a mask: mask them, or a person must look, or the erasure will be contradicted"}, notes...)
	}
	if len(chunks) > 1 {
		notes = append([]string{fmt.Sprintf("the run will work in about %d transactions: rows that people of several of them share are kept for the last", len(chunks))}, notes...)
	}
	all := merge(chunks)
	o.Tables, o.Requests, o.Message = all.Tables, all.Requests, plan.Summary(notes, task.MaxMessage)
	return o, nil
}

// foresee makes the plan and looks for people in what the dataset does not have.
func (s *session) foresee(ctx context.Context, t task.Task, people []subject.Subject) (o task.Outcome, notes []string, err error) {
	work, err := s.begin(ctx, t, "ACCESS SHARE", reads, func(p *plan.Plan) error { return s.readOnly(ctx, p) })
	if err != nil {
		return o, nil, err
	}
	o.PlanDigest = work.plan.Digest
	seen, unseen, err := s.beyond(ctx, t.Dataset, work.plan, work.schema)
	if err != nil {
		return o, nil, err
	}
	v := &search{session: s, plan: work.plan, asOf: day(t.AsOf), tally: newTally(len(t.Requests))}
	if err := v.loadWords(ctx, people); err != nil { // before the transaction becomes read-only
		return o, nil, err
	}
	if err := s.all(ctx, "SET TRANSACTION READ ONLY"); err != nil {
		return o, nil, err
	}
	if notes, err = v.copies(ctx, seen, unseen); err != nil {
		return o, nil, err
	}
	notes = append(notes, work.plan.Notes...)
	unsearched, err := s.unsearched(ctx, work.schema)
	if err != nil {
		return o, nil, err
	}
	return o, append(notes, unsearched...), s.all(ctx, "ROLLBACK")
}

// countChunk counts what erasing people would do, and leaves nothing behind. It returns the tables in whose texts people
// would be left, and the columns with telephone numbers that they share with others.
func (e *Engine) countChunk(ctx context.Context, s *session, t task.Task, people []subject.Subject) (c counted, left, alike []string, err error) {
	work, err := s.begin(ctx, t, "ACCESS SHARE", reads, func(*plan.Plan) error { return nil })
	if err != nil {
		return c, nil, nil, err
	}
	v := &search{session: s, plan: work.plan, asOf: day(t.AsOf), tally: newTally(len(t.Requests))}
	if err := v.loadWords(ctx, people); err != nil {
		return c, nil, nil, err
	}
	work.most = e.mostRows()
	settled, err := work.gather(ctx, people, t, e.chunkRows(), "SET TRANSACTION READ ONLY")
	if err != nil {
		return c, nil, nil, s.undo(ctx, err)
	}
	counts, err := settled.count(ctx, len(t.Requests))
	if err != nil {
		return c, nil, nil, err
	}
	if err := v.left(ctx, settled); err != nil {
		return c, nil, nil, err
	}
	if alike, err = v.alike(ctx); err != nil {
		return c, nil, nil, err
	}
	c.Tables, c.Requests = counts.result(t.Requests)
	return c, v.found, alike, s.all(ctx, "ROLLBACK")
}

// undo rolls back what is to be tried with fewer people, and returns the error that says so.
func (s *session) undo(ctx context.Context, err error) error {
	if _, many := errors.AsType[*tooMany](err); !many {
		return err
	}
	if rollback := s.all(ctx, "ROLLBACK"); rollback != nil {
		return rollback
	}
	return err
}

// part is a task for some of its people.
func part(t task.Task, from, to int) task.Task {
	t.Requests = t.Requests[from:to]
	return t
}
