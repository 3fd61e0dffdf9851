package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Engine does the steps of a task in one PostgreSQL database. Each step opens a connection of its own. What a step
// returns with OK false has a Reason and names; its error text is never that of the driver.
type Engine struct {
	Config Config
	// Log receives what may be logged of a failure; nil drops it.
	Log func(task.Trace)
	// Hook is called before each statement group of Erase with its name; an error stops the step. Tests use it.
	Hook func(ctx context.Context, stage string) error
}

// outcome turns a failure into the answer of a step.
func (e *Engine) outcome(step task.Step, o task.Outcome, err error) task.Outcome {
	o.Step = step
	if err == nil {
		o.OK = true
		if o.At.IsZero() {
			o.At = time.Now().UTC().Truncate(time.Millisecond)
		}
		return o
	}
	var f *task.Failure
	if !errors.As(err, &f) {
		f = &task.Failure{Reason: task.Internal, Message: "The step failed"}
	}
	if e.Log != nil {
		e.Log(f.Trace)
	}
	stopped := task.Outcome{Step: step, Reason: f.Reason, Message: f.Message, Names: f.Names, PlanDigest: o.PlanDigest}
	stopped.Untouched = o.Untouched
	if stopped.Done = o.Done; o.Done > 0 {
		stopped.Ledger, stopped.At, stopped.Rows = o.Ledger, o.At, o.Rows
	}
	return stopped
}

func (e *Engine) at(ctx context.Context, stage string) error {
	if e.Hook == nil {
		return nil
	}
	return e.Hook(ctx, stage)
}

// Scan compares the dataset with the live schema. It reads no row.
func (e *Engine) Scan(ctx context.Context, t task.Task) task.Outcome {
	o, err := e.scan(ctx, t)
	return e.outcome(task.Scan, o, err)
}

func (e *Engine) scan(ctx context.Context, t task.Task) (task.Outcome, error) {
	s, err := open(ctx, e.Config)
	if err != nil {
		return task.Outcome{}, err
	}
	defer s.close()
	if err := s.weak(ctx, t.Dataset); err != nil {
		return task.Outcome{}, err
	}
	schema, err := s.catalogue(ctx)
	if err != nil {
		return task.Outcome{}, err
	}
	p, err := plan.New(t.Dataset, schema)
	if err != nil {
		return task.Outcome{}, err
	}
	if err := s.readOnly(ctx, p); err != nil {
		return task.Outcome{}, err
	}
	if err := s.privileged(ctx, reads(p)); err != nil {
		return task.Outcome{}, err
	}
	found := plan.Scan(t.Dataset, schema)
	columns := slices.Concat(found.Columns, found.Personal)
	lost, blank, unread, err := s.lost(ctx, t)
	if err != nil {
		return task.Outcome{}, err
	}
	if unread {
		p.Notes = append(p.Notes, "the verifier may not read rempart.ledger, so that a restore from a backup is not noticed")
	}
	o := task.Outcome{Identity: s.identity(ctx), LedgerBlank: blank, LostTotal: int32(len(lost)), Lost: lost[:min(len(lost), task.MaxLost)], Reason: task.Accurate, PlanDigest: t.Connection.Bound(p.Digest), UndeclaredTables: int32(len(found.Tables)), UndeclaredColumns: int32(len(columns))}
	if len(found.Tables)+len(columns) > 0 {
		o.Reason, o.Names = task.Undeclared, append(found.Tables, columns...)
		o.Message = fmt.Sprintf("%d undeclared tables and %d undeclared columns look like personal data: %s", len(found.Tables), len(columns), strings.Join(o.Names[:min(5, len(o.Names))], ", "))
	} else if notes := append(p.Notes, p.Costs...); len(notes) > 0 {
		o.Message = plan.Summary(notes, task.MaxMessage)
	}
	return o, nil
}

// Erase plans again, refuses another digest than the task's, and erases with a ledger row in the same transaction. A run
// that the ledger knows is not done again.
func (e *Engine) Erase(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	o, err := e.erase(ctx, t, people)
	return e.outcome(task.Erase, o, err)
}

func (e *Engine) erase(ctx context.Context, t task.Task, people []subject.Subject) (task.Outcome, error) {
	untouched := task.Outcome{Untouched: true} // until a transaction of this run begins
	s, err := open(ctx, e.Config)
	if err != nil {
		return untouched, err
	}
	defer s.close()
	// One run per store at a time. The lock is taken before what the ledger has is read and the transaction begins, so that
	// both see what the run before committed; it ends with the session.
	lock := query{sql: `SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended($1, 0))`, args: []any{"rempart/" + t.Register + "/" + t.Store}}
	remembers := query{sql: prepared("SELECT, INSERT, DELETE"), into: []any{&s.remembers}}
	if err := s.weak(ctx, t.Dataset, append(roomFor(len(people)), lock, remembers)...); err != nil {
		return untouched, err
	}
	done, latest, err := s.entered(ctx, t)
	if err != nil {
		return untouched, err
	}
	if len(done.Requests) == len(t.Requests) {
		return done, nil
	}
	if t.CheckOnly {
		return done, &task.Failure{Reason: task.Withheld, Message: fmt.Sprintf(
			"A legal hold forbids the erasure; the ledger has %d of %d requests of the run, and the others were not erased", done.Done, len(t.Requests))}
	}
	if latest > t.Epoch {
		return done, &task.Failure{Reason: task.Fenced, Message: "A later run of this store was committed; this one is stale"}
	}
	if err := e.at(ctx, "begin"); err != nil {
		return done, err
	}
	return e.eraseRest(ctx, s, t, people, done)
}

// eraseRest erases the people whom the ledger does not have yet, in chunks: each is a transaction with its own row of the
// ledger, and a run that was interrupted goes on after the last of them.
func (e *Engine) eraseRest(ctx context.Context, s *session, t task.Task, people []subject.Subject, o task.Outcome) (task.Outcome, error) {
	chunks := []counted{{o.Tables, o.Requests}}
	o.Replayed = false
	began := time.Now()
	speed := pace{rows: e.chunkRows(), most: e.chunkRows()}
	var beside *watcher
	defer func() { beside.end() }() //nolint:contextcheck // it closes a connection, also when the run was stopped
	err := e.divide(ctx, len(people), o.Done, func(ctx context.Context, from, to int) (int, error) {
		chunk, err := anew(ctx, s, func() (task.Outcome, error) {
			return e.eraseChunk(ctx, s, t, from, to, people[from:to], speed.rows)
		})
		if err != nil {
			return 0, err
		}
		o.PlanDigest, o.Ledger, o.At, o.Done = chunk.PlanDigest, chunk.Ledger, chunk.At, to
		chunks = append(chunks, counted{chunk.Tables, chunk.Requests})
		o.Rows += task.Changed(chunk.Tables, chunk.Requests)
		if to < len(people) {
			if time.Since(began) >= e.turn() {
				return 0, &task.Failure{Reason: task.Unfinished, Message: fmt.Sprintf("%d of %d requests are committed, and the next Job goes on", to, len(people))}
			}
			if beside == nil {
				beside = e.watch(ctx, s)
			}
			speed = speed.after(beside.take(ctx))
			speed.wait(ctx)
		}
		return fitting(to-from, rows(chunk.Requests), speed.rows), nil
	})
	if err != nil {
		return o, err
	}
	all := merge(chunks)
	o.Tables, o.Requests, o.Done = all.Tables, all.Requests, 0
	return o, nil
}

// eraseChunk erases people in one transaction, with its row of the ledger.
func (e *Engine) eraseChunk(ctx context.Context, s *session, t task.Task, from, to int, people []subject.Subject, most int64) (task.Outcome, error) {
	whole := from == 0 && to == len(t.Requests)
	t = part(t, from, to)
	work, err := s.begin(ctx, t, "ROW EXCLUSIVE", needs, func(p *plan.Plan) error {
		if t.Connection.Bound(p.Digest) != t.PlanDigest && !t.Replay() {
			return &task.Failure{Reason: task.PlanChanged, Message: "The schema, the dataset or the database that the register names changed since the plan was approved; plan and approve again"}
		}
		return nil
	})
	if err != nil {
		return task.Outcome{}, err
	}
	work.most, work.late = e.mostRows(), true
	o := task.Outcome{PlanDigest: t.Connection.Bound(work.plan.Digest)}
	if err := e.at(ctx, "gather"); err != nil {
		return o, err
	}
	settled, err := work.gather(ctx, people, t, most)
	if err != nil {
		return o, s.undo(ctx, err)
	}
	counts, err := settled.count(ctx, len(t.Requests))
	if err != nil {
		return o, err
	}
	if err := e.at(ctx, "execute"); err != nil {
		return o, err
	}
	if err := settled.destroy(ctx, t, people); err != nil {
		return o, s.undo(ctx, err)
	}
	if err := settled.countLate(counts, len(people), most); err != nil {
		return o, s.undo(ctx, err)
	}
	if err := settled.again(ctx, t.AsOf, counts); err != nil {
		return o, err
	}
	if err := e.at(ctx, "ledger"); err != nil {
		return o, err
	}
	o.Tables, o.Requests = counts.result(t.Requests)
	run := t.RunUID
	if !whole {
		run = chunkOf(t.RunUID, from)
	}
	entry, err := enter(run, t, &o)
	if err != nil {
		return o, err
	}
	if err := e.at(ctx, "commit"); err != nil {
		return o, err
	}
	if err := s.several(ctx, entry, query{sql: "COMMIT"}); err != nil {
		return o, err
	}
	s.kept, s.told = work.layout, work.told
	return o, nil
}

// begin opens a transaction of one snapshot, locks the tables of the dataset against changes of their shape, plans from
// what can no longer change, and checks the role's privileges. Accept judges the plan.
func (s *session) begin(ctx context.Context, t task.Task, lock string, wanted func(*plan.Plan) []need, accept func(*plan.Plan) error) (*collector, error) {
	names := []string{}
	for _, d := range t.Dataset.Tables {
		names = append(names, table(&plan.Table{Schema: grant.SchemaOf(d.Schema), Name: string(d.Name)}))
	}
	slices.Sort(names) // one order for all runs
	schema, err := s.catalogue(ctx, plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE", "LOCK TABLE "+strings.Join(names, ", ")+" IN "+lock+" MODE")...)
	if err != nil {
		return nil, s.explain(ctx, t, wanted, err)
	}
	p, err := plan.New(t.Dataset, schema)
	if err != nil {
		return nil, err
	}
	if err := s.privileged(ctx, wanted(p)); err != nil {
		return nil, err
	}
	return newCollector(s, p, schema), accept(p)
}

// explain finds better words for tables that cannot be locked: LOCK TABLE names neither what is missing nor which
// privilege. A name that is not a table's, a declared view, is refused by the planner too.
func (s *session) explain(ctx context.Context, t task.Task, wanted func(*plan.Plan) []need, err error) error {
	if f, ok := err.(*task.Failure); !ok || f.Reason == task.LockTimeout || f.Reason == task.Interrupted || f.Reason == task.TimedOut { //nolint:errorlint // failure returns the type itself
		return err
	}
	if rollback := s.all(ctx, "ROLLBACK"); rollback != nil {
		return rollback
	}
	schema, read := s.catalogue(ctx)
	if read != nil {
		return read
	}
	p, planned := plan.New(t.Dataset, schema)
	if planned != nil {
		return planned
	}
	if missing := s.privileged(ctx, wanted(p)); missing != nil {
		return missing
	}
	return err
}

// gather fills the sets and settles what becomes of their rows, of which there may be so many unless they are one person's.
func (c *collector) gather(ctx context.Context, people []subject.Subject, t task.Task, most int64, after ...string) (*settlement, error) {
	if c.leaves = leaves(c.plan, len(t.Holds) > 0); c.late {
		c.postpone()
	}
	load, err := c.load(ctx, people)
	if err != nil {
		return nil, err
	}
	tables, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if c.held, err = c.loadHolds(ctx, c.plan, t.Holds); err != nil {
		return nil, err
	}
	if err := c.makeTemporary(ctx, tables, slices.Concat(load, plain(after...), c.seeds())...); err != nil {
		return nil, err
	}
	if err := c.collect(ctx); err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, &task.Failure{Reason: task.Internal, Message: "No random numbers"}
	}
	if err := c.crowded(len(people), most); err != nil {
		return nil, err
	}
	return c.settle(ctx, t.AsOf, secret)
}
