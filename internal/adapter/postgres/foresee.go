package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
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
	if err := s.weak(ctx, t.Dataset, roomFor(len(people))...); err != nil {
		return task.Outcome{}, err
	}
	o, copies, notes, err := s.foresee(ctx, t, people)
	if err != nil {
		return o, err
	}
	var chunks []counted
	var told said
	err = e.divide(ctx, len(people), 0, func(ctx context.Context, from, to int) (int, error) {
		c, err := e.countChunk(ctx, s, part(t, from, to), people[from:to], &told)
		if err == nil {
			chunks = append(chunks, c)
		}
		return 0, err
	})
	if err != nil {
		return o, err
	}
	notes = slices.Concat(told.warnings(), copies, told.notes(), notes)
	if len(chunks) > 1 {
		notes = append([]string{fmt.Sprintf("the run will work in about %d transactions: rows that people of several of them share are kept for the last", len(chunks))}, notes...)
	}
	all := merge(chunks)
	o.Tables, o.Requests, o.Message = all.Tables, all.Requests, plan.Summary(notes, task.MaxMessage)
	return o, nil
}

// foresee makes the plan and looks for people in what the dataset does not have: copies are the notes about these, and about where nobody could be looked for.
func (s *session) foresee(ctx context.Context, t task.Task, people []subject.Subject) (o task.Outcome, copies, notes []string, err error) {
	work, err := s.begin(ctx, t, "ACCESS SHARE", reads, func(p *plan.Plan) error { return s.readOnly(ctx, p) })
	if err != nil {
		return o, nil, nil, err
	}
	o.PlanDigest = t.Connection.Bound(work.plan.Digest)
	seen, unseen, err := s.beyond(ctx, t.Dataset, work.plan, work.schema)
	if err != nil {
		return o, nil, nil, err
	}
	v := &search{session: s, plan: work.plan, asOf: day(t.AsOf), tally: newTally(len(t.Requests))}
	if err := v.loadWords(ctx, people); err != nil { // before the transaction becomes read-only
		return o, nil, nil, err
	}
	if err := s.all(ctx, "SET TRANSACTION READ ONLY"); err != nil {
		return o, nil, nil, err
	}
	if copies, err = v.copies(ctx, seen, unseen); err != nil {
		return o, nil, nil, err
	}
	unsearched, err := s.unsearched(ctx, work.schema)
	if err != nil {
		return o, nil, nil, err
	}
	return o, append(work.plan.Unsought(gave(people)), copies...), slices.Concat(work.plan.Notes, unsearched, work.plan.Costs), s.all(ctx, "ROLLBACK")
}

// gave are the kinds of identifiers that each person gave.
func gave(people []subject.Subject) [][]v1alpha1.IdentifierKind {
	kinds := make([][]v1alpha1.IdentifierKind, len(people))
	for i := range people {
		kinds[i] = people[i].Kinds()
	}
	return kinds
}

// said is what a plan says of rows that name several people.
type said struct {
	left  []string // tables in whose texts people would be left
	kept  []string // tables in whose texts people will rightly be: rows of others that the law keeps, or that are shared
	mixed []string // columns with addresses of others, in rows that go
	led   []string // the same, in rows that are people's by a reference alone
	alike []string // columns with telephone numbers of others, in rows that stay
	// crowds are columns with a telephone number that is all that is known of a person, beside several addresses, in rows that go.
	crowds []string
	// joint are tables with rows of several owners, that go or change with any of them.
	joint []string
	// shared are tables with rows that lead to people and are others' too, so that they stay.
	shared []string
}

func unique(names []string) string {
	slices.Sort(names)
	return plan.Fit(slices.Compact(names), roomOfNames)
}

// roomOfLed is how many bytes of a plan's message the columns may take whose addresses nobody gave.
const roomOfLed = 150

// warnings come before all else.
func (s said) warnings() (notes []string) {
	if len(s.crowds) > 0 {
		notes = append(notes, "a person who gave no address is found by a telephone number in rows with several addresses, all of which are taken for theirs: "+unique(s.crowds)+"; it may be the number of an office or a household: ask them for their address")
	}
	if len(s.led) > 0 {
		slices.Sort(s.led)
		notes = append(notes, "rows that are people's by a reference alone hold addresses that nobody gave, and are treated as theirs: "+plan.Fit(slices.Compact(s.led), roomOfLed)+"; these are second addresses of theirs, or somebody else")
	}
	if len(s.left) == 0 {
		return notes
	}
	return append(notes, "people are named in texts of "+unique(s.left)+" that stay, in rows of others or in columns without a mask: mask them, or a person must look, or the erasure will be contradicted")
}

func (s said) notes() (notes []string) {
	if len(s.kept) > 0 {
		notes = append(notes, "people are named in texts of rows of others that the law keeps or that are shared, and that stay as they are: "+unique(s.kept))
	}
	if len(s.mixed) > 0 {
		notes = append(notes, "rows that are people's by one address also hold addresses that nobody gave, and go with them: "+unique(s.mixed))
	}
	if len(s.joint) > 0 {
		notes = append(notes, "rows of "+unique(s.joint)+" are others' too, by an owner or a reference that ownedThrough names, and are treated as people's all the same")
	}
	if len(s.alike) > 0 {
		notes = append(notes, "a telephone number in "+unique(s.alike)+" is also that of others, who have another address or number: their rows stay")
	}
	if len(s.shared) > 0 {
		notes = append(notes, "rows of "+unique(s.shared)+" lead to people and stay, since they lead to others too or hold their identifiers: name the owner in ownedThrough to have them treated")
	}
	return notes
}

// countChunk counts what erasing people would do, and leaves nothing behind.
func (e *Engine) countChunk(ctx context.Context, s *session, t task.Task, people []subject.Subject, told *said) (c counted, err error) {
	work, err := s.begin(ctx, t, "ACCESS SHARE", reads, func(*plan.Plan) error { return nil })
	if err != nil {
		return c, err
	}
	v := &search{session: s, plan: work.plan, asOf: day(t.AsOf), tally: newTally(len(t.Requests))}
	if err := v.loadWords(ctx, people); err != nil {
		return c, err
	}
	work.most = e.mostRows()
	settled, err := work.gather(ctx, people, t, e.chunkRows(), "SET TRANSACTION READ ONLY")
	if err != nil {
		return c, s.undo(ctx, err)
	}
	counts, err := settled.count(ctx, len(t.Requests))
	if err != nil {
		return c, err
	}
	kept, err := v.left(ctx, settled)
	if err != nil {
		return c, err
	}
	alike, err := v.alike(ctx)
	if err != nil {
		return c, err
	}
	crowds := []string(nil)
	if slices.ContainsFunc(people, func(p subject.Subject) bool { return len(p.Values(v1alpha1.IdentifierEmail)) == 0 }) {
		if crowds, err = v.crowds(ctx); err != nil {
			return c, err
		}
	}
	mixed, led, err := v.mixed(ctx, settled)
	if err != nil {
		return c, err
	}
	joint, err := settled.joint(ctx)
	if err != nil {
		return c, err
	}
	told.joint = append(told.joint, joint...)
	for i, rows := range settled.others {
		if rows > 0 {
			told.shared = append(told.shared, work.plan.Members[i].Table.Path())
		}
	}
	told.left, told.kept = append(told.left, v.found...), append(told.kept, kept...)
	told.mixed, told.alike = append(told.mixed, mixed...), append(told.alike, alike...)
	told.crowds, told.led = append(told.crowds, crowds...), append(told.led, led...)
	c.Tables, c.Requests = counts.result(t.Requests)
	return c, s.all(ctx, "ROLLBACK")
}

// undo rolls back what is to be tried with fewer people, and returns the error that says so.
func (s *session) undo(ctx context.Context, err error) error {
	if _, many := errors.AsType[*tooMany](err); !many {
		return err
	}
	if rollback := s.afresh(ctx); rollback != nil {
		return rollback
	}
	return err
}

// afresh rolls back, so that the session can begin another transaction.
func (s *session) afresh(ctx context.Context) error {
	s.kept = "" // what was rolled back would take up room in the tables
	return s.all(ctx, "ROLLBACK", "DISCARD TEMP")
}

// part is a task for some of its people.
func part(t task.Task, from, to int) task.Task {
	t.Requests = t.Requests[from:to]
	return t
}
