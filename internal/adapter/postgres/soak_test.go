package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

var (
	soak     = flag.Duration("soak", 0, "how long TestWhateverIsKilledWhenever goes on; a few runs when zero")
	soakSeed = flag.Uint64("soak-seed", 1, "seed of TestWhateverIsKilledWhenever")
)

// eraseFile names the variable with the file of an order, for a process of its own that can be killed.
const eraseFile = "REMPART_TEST_ERASE"

// order is what such a process does.
type order struct {
	Task   task.Task
	People []string
	Login  postgres.Login
	Rows   int64
	// Proxy is the port by which it reaches the store: the plan is of the store itself.
	Proxy int32
}

// answer is what it says in the end; an outcome by itself does not carry its counts.
type answer struct {
	Outcome  task.Outcome
	Tables   []task.Table
	Requests []task.Counts
}

// eraseOnce erases as ordered, writes the outcome to standard output and returns the exit code.
func eraseOnce(file string) int {
	var o order
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		return 2
	}
	var people []subject.Subject
	for _, address := range o.People {
		people = append(people, email(address))
	}
	connection := o.Task.Connection
	connection.Port = o.Proxy
	e := &postgres.Engine{Config: postgres.Config{Connection: connection, Username: o.Login.Username, Password: o.Login.Password,
		Dial: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, LockTimeout: 5 * time.Second, ChunkRows: o.Rows}}
	done := e.Erase(context.Background(), o.Task, people)
	if json.NewEncoder(os.Stdout).Encode(answer{done, done.Tables, done.Requests}) != nil {
		return 2
	}
	return 0
}

// messengers have people who share, refer to each other and leave a history that a trigger writes: each row of it is written
// once, or the run did something twice.
const messengers = `
CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL, friend int REFERENCES people);
CREATE TABLE talks (id int PRIMARY KEY, topic text);
CREATE TABLE messages (id int PRIMARY KEY, talk int NOT NULL REFERENCES talks, sender int NOT NULL REFERENCES people, body text);
CREATE TABLE invoices (id int PRIMARY KEY, person int REFERENCES people, issued date NOT NULL);
CREATE TABLE hits (person int REFERENCES people, page text);
CREATE TABLE history (message int, at timestamptz DEFAULT now());
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN INSERT INTO history (message) VALUES (OLD.id); RETURN OLD; END $$;
CREATE TRIGGER remember AFTER DELETE ON messages FOR EACH ROW EXECUTE FUNCTION remember();
INSERT INTO people SELECT n, 'p' || n || '@example.org', NULLIF((n * 7) % 90, 0) FROM generate_series(1, 90) n;
INSERT INTO talks SELECT n, 't' || n FROM generate_series(1, 20) n;
INSERT INTO messages SELECT row_number() OVER (), 1 + (n * 3 + m) % 20, n, 'm' || m FROM generate_series(1, 90) n, generate_series(1, 8) m;
INSERT INTO invoices SELECT n, n, '2026-01-01' FROM generate_series(1, 90) n;
INSERT INTO hits SELECT n, 'page' FROM generate_series(1, 90) n, generate_series(1, 3);
CREATE INDEX ON messages (sender); CREATE INDEX ON people (lower(email)); CREATE INDEX ON people (friend); CREATE INDEX ON hits (person); ANALYZE;`

const messengersDataset = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], ownedThrough: [{columns: [self]}], references: [{columns: [self], table: people, toColumns: [self]}], onErasure: DeleteRows}
- {name: messages, ownedThrough: [{columns: [sender]}], onErasure: DeleteRows}
- {name: invoices, onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: issued}}
- {name: hits, onErasure: DeleteRows}`

// TestWhateverIsKilledWhenever kills the eraser's process, its session, its connection or the whole server while the eraser says
// its nth word, for an n by chance, and lets it try again. In the end everybody was erased exactly once, and nothing of others
// changed.
func TestWhateverIsKilledWhenever(t *testing.T) {
	storm := &storm{Rand: rand.New(rand.NewPCG(*soakSeed, 2)), faults: map[string]int{}, words: 30}
	began := time.Now()
	own := postgrestest.Start(t)
	for round := 0; round < 1 || time.Since(began) < *soak; round++ {
		s := newStoreOn(t, own, messengers+"ALTER TABLE people ADD self int GENERATED ALWAYS AS (id) STORED UNIQUE", messengersDataset)
		all := storm.Perm(90)
		runs := 9
		if *soak == 0 {
			runs = 3
		}
		for run := range runs {
			s.killed(storm, fmt.Sprintf("run-%d", run), all[run*10:run*10+1+storm.IntN(10)])
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d runs of up to %d words, faults: %v", storm.runs, storm.words, storm.faults)
}

// storm decides what is killed when.
type storm struct {
	*rand.Rand
	faults map[string]int
	runs   int
	// words is the most words that an eraser said until now.
	words int
}

// killed erases the people of some numbers from 0, with a fault at each of its first tries, and checks all that must be true.
func (s *store) killed(storm *storm, uid string, numbers []int) {
	s.Helper()
	storm.runs++
	var people []subject.Subject
	o := order{Login: s.eraser, Rows: []int64{30, 0}[storm.IntN(2)]} // some runs work in several transactions
	ids := []string{"0"}
	for _, n := range numbers {
		o.People = append(o.People, fmt.Sprintf("p%d@example.org", n+1))
		people, ids = append(people, email(o.People[len(o.People)-1])), append(ids, fmt.Sprint(n+1))
	}
	in := "(" + strings.Join(ids, ", ") + ")"
	o.Task = s.task(uid, people...)
	for i := range o.Task.Requests {
		o.Task.Requests[i].UID = uid + "/" + o.Task.Requests[i].UID
	}
	planned := s.plan(people...)
	o.Task.PlanDigest = planned.PlanDigest
	others := []string{
		"SELECT id, email, NULLIF(friend, CASE WHEN friend IN " + in + " THEN friend END) FROM people WHERE id NOT IN " + in, "TABLE talks",
		"SELECT * FROM messages WHERE sender NOT IN " + in, "SELECT * FROM invoices WHERE person IS NULL OR person NOT IN " + in, "SELECT * FROM hits WHERE person NOT IN " + in, "TABLE history",
	}
	before := s.sums(others[:3]) + s.sums(others[4:5])
	history, kept := s.one("SELECT count(*) FROM history"), s.sum("SELECT id, issued FROM invoices")
	gone := s.one("SELECT count(*) FROM messages WHERE sender IN " + in)
	var done task.Outcome
	for try, most := 0, 1+storm.IntN(3); ; try++ {
		fault := ""
		if try < most {
			fault = []string{"process", "session", "connection", "server"}[storm.IntN(4)]
		}
		w := &wire{nth: int64(1 + storm.IntN(storm.words)), after: storm.IntN(2) == 0, kill: func() {}}
		done = s.eraseApart(o, fault, w)
		storm.words = max(storm.words, int(w.words.Load()))
		killed := w.killed.Load()
		if killed {
			storm.faults[fault]++
		}
		if done.OK {
			break
		}
		if !killed || try > most || (done.Reason != "" && !done.Reason.Retryable()) {
			s.Fatalf("%s, try %d, fault %q: %+v", uid, try, fault, done)
		}
	}
	if did, said := o.counted(done), o.counted(planned); did != said {
		s.Errorf("%s: planned\n%s\nbut did\n%s", uid, said, did)
	}
	if o := s.verify(people...); !o.OK {
		s.Errorf("%s: verify: %s %s", uid, o.Reason, o.Message)
	}
	if after := s.sums(others[:3]) + s.sums(others[4:5]); after != before {
		s.Errorf("%s: other people's rows changed", uid)
	}
	s.want(kept, "SELECT md5(coalesce(string_agg(x::text, chr(10) ORDER BY x::text), '')) FROM (SELECT id, issued FROM invoices) AS x")
	s.want("0", "SELECT count(*) FROM people WHERE id IN "+in)
	s.want(gone, "SELECT count(*) - "+history+" FROM history")
	s.want("0", "SELECT count(*) FROM (SELECT message FROM history GROUP BY message HAVING count(*) > 1) AS twice")
	s.want(fmt.Sprint(len(people)), "SELECT count(*) FROM rempart.ledger, unnest(request_uids) u WHERE u LIKE '"+uid+"/%'")
	s.want(fmt.Sprint(len(people)), "SELECT count(DISTINCT u) FROM rempart.ledger, unnest(request_uids) u WHERE u LIKE '"+uid+"/%'")
}

// counted writes the counts. Where a run works in several transactions, friends of which one goes in an earlier one are detached
// first, and how many that are depends on where it was interrupted.
func (o order) counted(done task.Outcome) string {
	lines := strings.Split(counts(done), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return o.Rows > 0 && strings.HasSuffix(line, " public.people Detach 1") }), "\n")
}

// eraseApart lets a process of its own erase over a wire, on which something is killed. It returns an empty outcome when
// the process did not live to tell one.
func (s *store) eraseApart(o order, fault string, w *wire) task.Outcome {
	s.Helper()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	o.Proxy = int32(proxy.Addr().(*net.TCPAddr).Port)
	text, err := json.Marshal(o)
	if err != nil {
		s.Fatal(err)
	}
	file := filepath.Join(s.TempDir(), "order.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.Fatal(err)
	}
	var told bytes.Buffer
	eraser := exec.Command(os.Args[0])
	eraser.Env, eraser.Stdout = append(os.Environ(), eraseFile+"="+file), &told
	if err := eraser.Start(); err != nil {
		s.Fatal(err)
	}
	w.to = fmt.Sprintf("127.0.0.1:%d", s.server.Port)
	crash := make(chan struct{})
	switch fault {
	case "":
		w.nth = -1
	case "process":
		w.kill = func() { _ = eraser.Process.Kill() }
	case "session":
		w.kill = func() {
			s.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rempart-eraser' AND datname = current_database()`)
		}
	case "connection":
		w.cut = true
	case "server":
		w.cut, w.kill = true, func() { close(crash) }
	}
	var serving sync.WaitGroup
	serving.Go(func() { w.serve(proxy) })
	ended := make(chan struct{})
	go func() { _ = eraser.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-crash:
		s.server.Crash(s.T)
		s.db = s.server.Connect(s.T, s.name)
		<-ended
	}
	_ = proxy.Close()
	serving.Wait()
	var last answer
	if err := json.Unmarshal(told.Bytes(), &last); err != nil && !w.killed.Load() {
		s.Fatalf("the process ended without an outcome: %q", told.String())
	}
	done := last.Outcome
	done.Tables, done.Requests = last.Tables, last.Requests
	return done
}

// wire passes bytes between an eraser and its server, and kills at the nth word that the eraser says, after it was passed on or
// before.
type wire struct {
	to         string
	nth        int64
	after, cut bool
	kill       func()
	words      atomic.Int64
	killed     atomic.Bool
}

func (w *wire) serve(l net.Listener) {
	var all sync.WaitGroup
	for {
		client, err := l.Accept()
		if err != nil {
			all.Wait()
			return
		}
		all.Go(func() { w.pass(client) })
	}
}

func (w *wire) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	defer back.Wait()
	defer server.Close()
	words := make([]byte, 64<<10)
	for {
		n, err := client.Read(words)
		if n == 0 || err != nil && !errors.Is(err, io.EOF) {
			return
		}
		now := w.words.Add(1) == w.nth
		if now && !w.after {
			w.fail()
			if w.cut {
				return
			}
		}
		if _, err := server.Write(words[:n]); err != nil {
			return
		}
		if now && w.after {
			w.fail()
			if w.cut {
				_ = client.Close()
				return
			}
		}
	}
}

func (w *wire) fail() {
	w.killed.Store(true)
	w.kill()
}
