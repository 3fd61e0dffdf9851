package eraser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/app/eraser"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// pod is the file system of an eraser's pod.
type pod struct {
	*testing.T
	options eraser.Options
	log     bytes.Buffer
	task    task.Task
	people  task.People
}

const canary = "canary.person@example.org"

func newPod(t *testing.T) *pod {
	t.Helper()
	root := t.TempDir()
	p := &pod{T: t}
	p.options = eraser.Options{
		TaskFile: filepath.Join(root, "task/task.json"), Subjects: filepath.Join(root, "subjects/subjects.json"), Results: filepath.Join(root, "results"), Credentials: filepath.Join(root, "credentials"),
		CA: filepath.Join(root, "ca"), Termination: filepath.Join(root, "termination"), Log: &p.log, Dial: (&net.Dialer{}).DialContext,
	}
	p.login(task.Eraser, "eraser", "an eraser's secret\n")
	p.login(task.Verifier, "verifier", "a verifier's secret")
	p.subject("uid-1", "email", canary)
	if err := os.MkdirAll(p.options.Results, 0o755); err != nil {
		t.Fatal(err)
	}
	p.task = task.Task{
		RunUID: "run-1", Epoch: 1, Register: "r", Store: "s", Engine: v1alpha1.EnginePostgreSQL, CheckKey: []byte("key"), AsOf: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		Connection: task.Connection{Host: "127.0.0.1", Port: 1, Database: "d", TLS: task.TLS{Mode: v1alpha1.TLSDisable}},
		Dataset: &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{{Name: "people", OnErasure: v1alpha1.EraseDeleteRows,
			SubjectKeys: []v1alpha1.SubjectKey{{Column: "email", Identifier: v1alpha1.IdentifierEmail}}}}},
		Requests: []task.Request{{UID: "uid-1", Check: mac(t, "email", canary)}},
	}
	return p
}

func mac(t *testing.T, key, value string) string {
	t.Helper()
	s, err := subject.Read(map[string][]byte{key: []byte(value)})
	if err != nil {
		t.Fatal(err)
	}
	return s.MAC([]byte("key"))
}

func (p *pod) write(path, text string) {
	p.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p *pod) login(role task.Role, username, password string) {
	p.write(filepath.Join(p.options.Credentials, string(role), "username"), username)
	p.write(filepath.Join(p.options.Credentials, string(role), "password"), password)
}

func (p *pod) subject(uid, key, value string) {
	p.Helper()
	if p.people == nil {
		p.people = task.People{}
	}
	if p.people[uid] == nil {
		p.people[uid] = map[string][]byte{}
	}
	p.people[uid][key] = []byte(value)
	text, err := json.Marshal(p.people)
	if err != nil {
		p.Fatal(err)
	}
	p.write(p.options.Subjects, string(text))
}

// run does a step and returns its exit code and outcome.
func (p *pod) run(step task.Step) (int, task.Outcome) {
	p.Helper()
	text, err := json.Marshal(p.task)
	if err != nil {
		p.Fatal(err)
	}
	p.write(p.options.TaskFile, string(text))
	code := eraser.Main(context.Background(), []string{"eraser", string(step)}, p.options)
	message, err := os.ReadFile(p.options.Termination)
	if err != nil {
		p.Fatal(err)
	}
	if all := p.log.String() + string(message); strings.Contains(all, "canary") || strings.Contains(all, "secret") {
		p.Errorf("the log or the outcome shows the person or a password: %s", all)
	}
	outcome, err := task.Decode(step, string(message))
	if err != nil {
		p.Fatalf("%v: %s", err, message)
	}
	return code, outcome
}

func TestTheStepsOfAStoreFromProvisionToVerify(t *testing.T) {
	server := postgrestest.Start(t)
	name, db := server.Database(t)
	if _, err := db.Exec(t.Context(), `CREATE TABLE people (id int PRIMARY KEY, email text); INSERT INTO people VALUES (1, 'Canary.Person@example.org'), (2, 'bob@example.org')`); err != nil {
		t.Fatal(err)
	}
	p := newPod(t)
	p.login(task.Admin, postgrestest.Superuser, postgrestest.Password)
	p.task.Connection.Port, p.task.Connection.Database = server.Port, name
	for _, step := range []task.Step{task.Provision, task.Scan, task.Plan, task.Erase, task.Erase, task.Verify} {
		code, o := p.run(step)
		if code != eraser.Done || !o.OK {
			t.Fatalf("%s: exit %d, %+v", step, code, o)
		}
		switch step {
		case task.Plan:
			p.task.PlanDigest = o.PlanDigest
		case task.Erase:
			if len(o.Requests) != 1 || o.Requests[0].Rows[0] != 1 || o.Ledger != 1 {
				t.Errorf("%+v", o)
			}
		default: // nothing more to ask, and nothing for the next step
		}
	}
	var left string
	if err := db.QueryRow(t.Context(), `SELECT string_agg(email, ',') FROM people`).Scan(&left); err != nil || left != "bob@example.org" {
		t.Errorf("%s %v", left, err)
	}
	p.task.RunUID, p.task.Epoch, p.task.PlanDigest = "run-2", 2, "sha256:another"
	if code, o := p.run(task.Erase); code != eraser.Final || o.Reason != task.PlanChanged {
		t.Errorf("exit %d, %+v", code, o)
	}
	p.task.RunUID, p.task.Epoch = "run-3", 0
	if code, _ := p.run(task.Erase); code != eraser.Retry {
		t.Errorf("exit %d for a task without epoch", code)
	}
}

func TestWhatIsWrongWithAPodIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*pod)
		code   int
		reason task.Reason
	}{
		"store down":       {func(*pod) {}, eraser.Retry, task.Unreachable},
		"subject absent":   {func(p *pod) { p.task.Requests[0].UID = "uid-2" }, eraser.Final, task.SubjectEmpty},
		"subjects absent":  {func(p *pod) { p.options.Subjects += ".gone" }, eraser.Retry, task.Internal},
		"subjects garbled": {func(p *pod) { p.write(p.options.Subjects, "{") }, eraser.Retry, task.Internal},
		"2000 keys": {func(p *pod) {
			for i := range 2000 {
				p.people["uid-1"][fmt.Sprintf("email%d", i)] = []byte("x@example.org")
			}
			p.subject("uid-1", "email", canary)
		}, eraser.Final, task.SubjectChanged},
		"2000 lines":       {func(p *pod) { p.subject("uid-1", "email", strings.Repeat(canary+"\n", 2000)) }, eraser.Final, task.SubjectChanged},
		"two lines":        {func(p *pod) { p.subject("uid-1", "email", canary+"\nbob@example.org") }, eraser.Final, task.SubjectChanged},
		"a MiB of text":    {func(p *pod) { p.subject("uid-1", "email", strings.Repeat("x", 1<<20)) }, eraser.Final, task.SubjectChanged},
		"subject emptied":  {func(p *pod) { p.subject("uid-1", "email", "\n") }, eraser.Final, task.SubjectEmpty},
		"subject changed":  {func(p *pod) { p.subject("uid-1", "email", "canary.other@example.org") }, eraser.Final, task.SubjectChanged},
		"subject extended": {func(p *pod) { p.subject("uid-1", "phone", "+33612345678") }, eraser.Final, task.SubjectChanged},
		"foreign secret":   {func(p *pod) { p.subject("uid-1", "token", "x") }, eraser.Final, task.SubjectChanged},
		"no password":      {func(p *pod) { p.login(task.Verifier, "verifier", "") }, eraser.Final, task.AuthenticationFailed},
		"no dataset":       {func(p *pod) { p.task.Dataset = nil }, eraser.Final, task.PlanImpossible},
		"no certificate":   {func(p *pod) { p.write(filepath.Join(p.options.CA, "ca.crt"), "nothing") }, eraser.Final, task.TLSFailed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			c.change(p)
			if code, o := p.run(task.Plan); code != c.code || o.OK || o.Reason != c.reason {
				t.Errorf("exit %d, %+v; want %d %s", code, o, c.code, c.reason)
			}
		})
	}
}

func TestAnOutcomeThatCannotBeLeftIsNoSuccess(t *testing.T) {
	p := newPod(t)
	p.options.Termination = filepath.Join(t.TempDir(), "absent", "termination")
	if code := eraser.Main(t.Context(), []string{"eraser", "scan"}, p.options); code == eraser.Done {
		t.Error("exit 0 without an outcome")
	}
	if code := eraser.Main(t.Context(), []string{"eraser"}, p.options); code != eraser.Final {
		t.Error("no step is no success")
	}
}

// TestAThousandPeopleInOneRun: what one message has no room for is repeated by the container beside, and, for the rest, by
// further Jobs, which find the run in the ledger.
func TestAThousandPeopleInOneRun(t *testing.T) {
	server := postgrestest.Start(t)
	name, db := server.Database(t)
	const people, others = 1000, 500
	if _, err := db.Exec(t.Context(), fmt.Sprintf(`
CREATE TABLE people (id int PRIMARY KEY, email text);
CREATE TABLE visits (id int PRIMARY KEY, person int NOT NULL REFERENCES people, page text);
CREATE TABLE bills (id int PRIMARY KEY, person int REFERENCES people, issued date);
INSERT INTO people SELECT n, 'p' || n || '@example.org' FROM generate_series(1, %d) n;
INSERT INTO visits SELECT row_number() OVER (), n, 'x' FROM generate_series(1, %[1]d) n, generate_series(1, n * 7919 %% 13) v;
INSERT INTO bills SELECT row_number() OVER (), n, date '2020-01-01' + n FROM generate_series(1, %[1]d) n, generate_series(1, n * 31 %% 3) v;
CREATE INDEX ON visits (person); CREATE INDEX ON bills (person); CREATE UNIQUE INDEX ON people (lower(email)); ANALYZE;`, people+others)); err != nil {
		t.Fatal(err)
	}
	p := newPod(t)
	p.login(task.Admin, postgrestest.Superuser, postgrestest.Password)
	p.task.Connection.Port, p.task.Connection.Database = server.Port, name
	p.task.Dataset = &v1alpha1.Dataset{Tables: []v1alpha1.DatasetTable{
		{Name: "people", OnErasure: v1alpha1.EraseDeleteRows, SubjectKeys: []v1alpha1.SubjectKey{{Column: "email", Identifier: v1alpha1.IdentifierEmail}}},
		{Name: "visits", OnErasure: v1alpha1.EraseDeleteRows},
		{Name: "bills", OnErasure: v1alpha1.EraseKeep, Keep: &v1alpha1.KeepRule{Reason: "books", Article: "17(3)(b)", LegalReference: "law", Period: "P10Y", FromColumn: "issued"}},
	}}
	p.task.Requests, p.people = nil, task.People{}
	for n := 1; n <= people; n++ {
		uid, address := fmt.Sprintf("uid-%d", n), fmt.Sprintf("p%d@example.org", n)
		p.task.Requests = append(p.task.Requests, task.Request{UID: uid, Check: mac(t, "email", address)})
		p.people[uid] = map[string][]byte{"email": []byte(address)}
	}
	p.subject("uid-1", "email", "p1@example.org") // writes them all
	p.task.Requests[6] = task.Request{UID: "uid-7", Gone: true}
	p.step(task.Provision)
	p.task.PlanDigest = p.step(task.Plan).PlanDigest
	counts, commits := 0, 0
	for job := 1; counts < people; job++ {
		if job > 4 {
			t.Fatalf("%d of %d are counted after %d Jobs", counts, people, job-1)
		}
		p.task.From = counts
		erased := p.step(task.Erase)
		if !erased.Replayed {
			commits++
		}
		for _, o := range []task.Outcome{erased, p.step(task.Report)} {
			if len(o.Requests) > 0 && o.From != counts {
				t.Fatalf("counts from %d on, want from %d", o.From, counts)
			}
			for _, c := range o.Requests {
				counts++
				visits, bills := counts*7919%13, counts*31%3
				got := map[string]int64{}
				for i, table := range o.Tables {
					got[table.Name] += c.Rows[i]
				}
				want := map[string]int64{"public.people": 1, "public.visits": int64(visits), "public.bills": int64(bills)}
				if counts == 7 { // gone
					want = map[string]int64{"public.people": 0, "public.visits": 0, "public.bills": 0}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("person %d: %s", counts, diff)
				}
			}
		}
	}
	if commits != 1 {
		t.Errorf("%d commits", commits)
	}
	if o := p.step(task.Verify); !o.OK {
		t.Errorf("%+v", o)
	}
	var left int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM people`).Scan(&left); err != nil || left != others+1 {
		t.Errorf("%d people are left, %v", left, err)
	}
}

// step does a step that must succeed.
func (p *pod) step(step task.Step) task.Outcome {
	p.Helper()
	code, o := p.run(step)
	if code != eraser.Done {
		p.Fatalf("%s: exit %d, %s: %s", step, code, o.Reason, o.Message)
	}
	return o
}

// TestAnEraserThatDidNotReachItsStoreSaysSo: nobody has to ask whether such a Job committed.
func TestAnEraserThatDidNotReachItsStoreSaysSo(t *testing.T) {
	p := newPod(t)
	p.task.PlanDigest = "sha256:plan"
	if _, o := p.run(task.Erase); o.Reason != task.Unreachable || !o.Untouched {
		t.Errorf("no server: %+v", o)
	}
	p.login(task.Eraser, "eraser", "")
	if _, o := p.run(task.Erase); o.Reason != task.AuthenticationFailed || !o.Untouched {
		t.Errorf("no password: %+v", o)
	}
}

// TestHowLongItTookDoesNotTellWhatListens: a port where nobody listens is answered no sooner than the longest that a connection may take.
func TestHowLongItTookDoesNotTellWhatListens(t *testing.T) {
	p := newPod(t)
	p.options.Unreached = 300 * time.Millisecond
	began := time.Now()
	if _, o := p.run(task.Scan); o.Reason != task.Unreachable || time.Since(began) < p.options.Unreached {
		t.Errorf("%s after %s", o.Reason, time.Since(began))
	}
	if eraser.Pod().Unreached <= 10*time.Second {
		t.Error("a pod says sooner that it reached nobody than a connection may take")
	}
}
