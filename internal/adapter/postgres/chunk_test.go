package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

const visitors = `
CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL);
CREATE TABLE visits (id int PRIMARY KEY, person int NOT NULL REFERENCES people, page text);
INSERT INTO people SELECT n, 'p' || n || '@example.org' FROM generate_series(1, 60) n;
INSERT INTO visits SELECT row_number() OVER (), n, 'x' FROM generate_series(1, 60) n, generate_series(1, 10 + n % 7) v;
CREATE INDEX ON visits (person); CREATE INDEX ON people (lower(email)); ANALYZE;`

const visitorsDataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: visits, onErasure: DeleteRows}`

// visiting are the first n of the visitors, and how many rows each has.
func visiting(n int) (people []subject.Subject, counts string) {
	var lines strings.Builder
	for i := range n {
		people = append(people, email(fmt.Sprintf("p%d@example.org", i+1)))
		fmt.Fprintf(&lines, "%d public.people DeleteRows 1\n%d public.visits DeleteRows %d\n", i, i, 10+(i+1)%7)
	}
	return people, strings.TrimSpace(lines.String())
}

// chunked is an engine whose transactions have about so many rows.
func (s *store) chunked(as postgres.Login, rows int64) *postgres.Engine {
	e := s.engine(as)
	e.Config.ChunkRows = rows
	return e
}

// A store that knows less rows than it has begins with too many people, and is divided all the same.
func TestAStoreThatIsWrongAboutItsRowsWorksInChunks(t *testing.T) {
	const times = 20
	s := newStore(t, visitors+fmt.Sprintf("INSERT INTO visits SELECT v.id + 10000 * n, v.person, v.page FROM visits v, generate_series(2, %d) n;", times), visitorsDataset)
	others := []string{"SELECT * FROM people WHERE id > 50", "SELECT * FROM visits WHERE person > 50"}
	before := s.sums(others)
	people, _ := visiting(50)
	work := s.task("run-1", people...)
	work.PlanDigest = s.plan(people...).PlanDigest
	o := s.chunked(s.eraser, 1000).Erase(t.Context(), work, people)
	if !o.OK || o.Requests[8].Rows[1] != times*(10+9%7) {
		t.Fatalf("%+v", o)
	}
	s.want("true", "SELECT count(*) >= 50 * 13 * 20 / 2000 FROM rempart.ledger")
	s.want("0", "SELECT count(*) FROM visits WHERE person <= 50")
	if s.sums(others) != before {
		t.Error("rows of others changed")
	}
}

func TestARunOfManyRowsWorksInChunks(t *testing.T) {
	s := newStore(t, visitors, visitorsDataset)
	others := []string{"SELECT * FROM people WHERE id > 50", "SELECT * FROM visits WHERE person > 50"}
	before := s.sums(others)
	people, want := visiting(50)
	work := s.task("run-1", people...)
	planned := s.chunked(s.verifier, 200).Plan(t.Context(), work, people)
	if !planned.OK || counts(planned) != want || !strings.Contains(planned.Message, "transactions") {
		t.Fatalf("plan: %s %q, %s", planned.Reason, planned.Message, counts(planned))
	}
	work.PlanDigest = planned.PlanDigest
	e := s.chunked(s.eraser, 200)
	chunks := 0
	e.Hook = func(_ context.Context, stage string) error {
		if stage == "commit" {
			chunks++
		}
		if chunks == 3 {
			return errors.New("the pod is killed before its third commit")
		}
		return nil
	}
	if o := e.Erase(t.Context(), work, people); o.OK || !o.Reason.Retryable() {
		t.Fatalf("%+v", o)
	}
	s.want("2", "SELECT count(*) FROM rempart.ledger")
	done := s.chunked(s.eraser, 200).Erase(t.Context(), work, people)
	if !done.OK || done.Replayed || counts(done) != want {
		t.Fatalf("%s %s: %s", done.Reason, done.Message, counts(done))
	}
	s.want("50", "SELECT sum(cardinality(request_uids)) FROM rempart.ledger")
	s.want("50", "SELECT count(DISTINCT u) FROM rempart.ledger, unnest(request_uids) u")
	s.want("true", "SELECT count(*) >= 3 FROM rempart.ledger")
	if again := s.engine(s.eraser).Erase(t.Context(), work, people); !again.OK || !again.Replayed || counts(again) != want || again.Ledger != done.Ledger {
		t.Errorf("again: %+v", again)
	}
	if o := s.verify(people...); !o.OK {
		t.Errorf("verify: %s %s", o.Reason, o.Message)
	}
	if s.sums(others) != before {
		t.Error("other people's rows changed")
	}
}

// TestAChangeBetweenChunksLeavesWhatWasCommittedAndSaysHowMuchThatIs: the schema changed after the first chunk. The others are
// untouched, and the run that lists the first alone finds all of it in the ledger.
func TestAChangeBetweenChunksLeavesWhatWasCommittedAndSaysHowMuchThatIs(t *testing.T) {
	s := newStore(t, visitors, visitorsDataset)
	people, _ := visiting(50)
	work := s.task("run-1", people...)
	work.PlanDigest = s.plan(people[0]).PlanDigest
	e, chunks := s.chunked(s.eraser, 200), 0
	e.Hook = func(_ context.Context, stage string) error {
		if stage == "execute" {
			chunks++
		}
		if chunks == 2 {
			return errors.New("the pod is killed in its second chunk")
		}
		return nil
	}
	if o := e.Erase(t.Context(), work, people); o.OK || !o.Reason.Retryable() {
		t.Fatalf("%+v", o)
	}
	s.sql("ALTER TABLE visits ADD COLUMN referrer text")
	o := s.chunked(s.eraser, 200).Erase(t.Context(), work, people)
	s.partly(o, task.PlanChanged, work, people)
}

// TestAHoldBetweenChunksLeavesWhatWasCommittedAndSaysHowMuchThatIs: the run was stopped, and only asks the ledger.
func TestAHoldBetweenChunksLeavesWhatWasCommittedAndSaysHowMuchThatIs(t *testing.T) {
	people, _ := visiting(50)
	for stop := 1; stop <= 4; stop++ {
		s := newStore(t, visitors, visitorsDataset)
		work := s.task("run-1", people...)
		work.PlanDigest = s.plan(people[0]).PlanDigest
		e, commits := s.chunked(s.eraser, 200), 0
		e.Hook = func(_ context.Context, stage string) error {
			if stage == "commit" {
				commits++
			}
			if commits == stop {
				return errors.New("the Job is suspended before a commit")
			}
			return nil
		}
		if o := e.Erase(t.Context(), work, people); o.OK || !o.Reason.Retryable() || (o.Done > 0) != (stop > 1) {
			t.Fatalf("%+v", o)
		}
		work.CheckOnly = true
		o := s.chunked(s.eraser, 200).Erase(t.Context(), work, people)
		if stop == 1 {
			if o.OK || o.Reason != task.Withheld || o.Done != 0 {
				t.Errorf("nothing was committed: %+v", o)
			}
			continue
		}
		s.partly(o, task.Withheld, work, people)
	}
}

// partly checks that an erasure stopped after a part: so many people are gone as it says, the others are whole, and a Job that
// lists the first alone erases nothing, has their counts, and is verified.
func (s *store) partly(o task.Outcome, reason task.Reason, work task.Task, people []subject.Subject) {
	s.Helper()
	if o.OK || o.Reason != reason || o.Done < 1 || o.Done >= len(people) || o.Ledger == 0 || o.At.IsZero() {
		s.Fatalf("%+v", o)
	}
	s.want(fmt.Sprint(60-o.Done), "SELECT count(*) FROM people")
	s.want(fmt.Sprint(o.Done), "SELECT sum(cardinality(request_uids)) FROM rempart.ledger")
	done := people[:o.Done]
	work.Requests = work.Requests[:o.Done]
	_, want := visiting(o.Done)
	before := s.sums([]string{"SELECT * FROM people", "SELECT * FROM visits", "SELECT * FROM rempart.ledger"})
	again := s.chunked(s.eraser, 200).Erase(s.Context(), work, done)
	if !again.OK || !again.Replayed || again.Done != 0 || counts(again) != want {
		s.Errorf("%+v", again)
	}
	if verified := s.engine(s.verifier).Verify(s.Context(), work, done); !verified.OK {
		s.Errorf("%+v", verified)
	}
	if s.sums([]string{"SELECT * FROM people", "SELECT * FROM visits", "SELECT * FROM rempart.ledger"}) != before {
		s.Error("a check changed something")
	}
}

// TestARunSaysHowFarItIsWhenItsTurnIsOver: each Job commits once and says so; the requests and rows grow until all are erased.
func TestARunSaysHowFarItIsWhenItsTurnIsOver(t *testing.T) {
	s := newStore(t, visitors, visitorsDataset)
	people, want := visiting(50)
	work := s.task("run-1", people...)
	work.PlanDigest = s.plan(people[0]).PlanDigest
	e := s.chunked(s.eraser, 200)
	e.Config.Turn = 1
	var last task.Outcome
	for turn := 1; ; turn++ {
		o := e.Erase(t.Context(), work, people)
		s.want(fmt.Sprint(turn), "SELECT count(*) FROM rempart.ledger")
		if o.Rows <= last.Rows {
			t.Errorf("turn %d: %d rows after %d", turn, o.Rows, last.Rows)
		}
		if o.OK {
			if last.Done == 0 || o.Done != 0 || counts(o) != want || o.Rows != task.Changed(o.Tables, o.Requests) {
				t.Errorf("%+v after %+v", o, last)
			}
			break
		}
		if o.Reason != task.Unfinished || o.Done <= last.Done {
			t.Fatalf("turn %d: %+v after %+v", turn, o, last)
		}
		s.want(fmt.Sprint(60-o.Done), "SELECT count(*) FROM people")
		last = o
	}
	s.want("50", "SELECT count(DISTINCT u) FROM rempart.ledger, unnest(request_uids) u")
	s.want("50", "SELECT count(u) FROM rempart.ledger, unnest(request_uids) u")
}

// TestOneWithTooManyRowsIsRefusedByName: the limit stands for fifty million rows; the statements that gather stop there.
func TestOneWithTooManyRowsIsRefusedByName(t *testing.T) {
	s := newStore(t, visitors+`INSERT INTO visits SELECT 10000 + n, 1, 'x' FROM generate_series(1, 5000) n`, visitorsDataset)
	e := s.engine(s.verifier)
	e.Config.MostRows = 1000
	people, _ := visiting(3)
	for _, who := range [][]subject.Subject{people[:1], people} {
		o := e.Plan(t.Context(), s.task("", who...), who)
		if o.OK || o.Reason != task.TooManyRows || !strings.Contains(o.Message, "public.visits") || len(o.Names) != 1 || o.Names[0] != "public.visits" {
			t.Errorf("%+v", o)
		}
	}
	if o := e.Plan(t.Context(), s.task("", people[1:]...), people[1:]); !o.OK {
		t.Errorf("%+v", o)
	}
}

// TestEachPersonIsErasedOnceWhereverAChunkEnds kills the run at each of its stages in turn, again and again until it is
// through, and asks the ledger who was erased how often.
func TestEachPersonIsErasedOnceWhereverAChunkEnds(t *testing.T) {
	people, want := visiting(50)
	stages := 1
	for kill := 1; kill <= stages; kill++ {
		s := newStore(t, visitors, visitorsDataset)
		others := []string{"SELECT * FROM people WHERE id > 50", "SELECT * FROM visits WHERE person > 50"}
		before := s.sums(others)
		work := s.task("run-1", people...)
		work.PlanDigest = s.plan(people[0]).PlanDigest
		var done task.Outcome
		for attempt := 1; !done.OK; attempt++ {
			if attempt > 30 {
				t.Fatalf("killed at stage %d of each attempt the run does not end", kill)
			}
			e, at := s.chunked(s.eraser, 200), 0
			e.Hook = func(context.Context, string) error {
				if at++; at == kill+attempt-1 { // a little further each time
					return errors.New("the pod is killed")
				}
				return nil
			}
			done = e.Erase(t.Context(), work, people)
			stages = max(stages, at)
		}
		if counts(done) != want {
			t.Errorf("killed at stage %d: %s", kill, counts(done))
		}
		s.want("50", "SELECT count(u) FROM rempart.ledger, unnest(request_uids) u")
		s.want("50", "SELECT count(DISTINCT u) FROM rempart.ledger, unnest(request_uids) u")
		s.want("10", "SELECT count(*) FROM people")
		if s.sums(others) != before {
			t.Errorf("killed at stage %d: other people's rows changed", kill)
		}
	}
	t.Logf("%d stages", stages)
}
