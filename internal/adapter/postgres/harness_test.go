package postgres_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// server is shared by the tests of the package; each has a database of its own.
var server *postgrestest.Server

func TestMain(m *testing.M) {
	if file := os.Getenv(eraseFile); file != "" {
		os.Exit(eraseOnce(file))
	}
	s, stop, err := postgrestest.Run("max_prepared_transactions=2")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server = s
	code := m.Run()
	stop()
	os.Exit(code)
}

// asOf is the day on which the tests judge keep periods.
var asOf = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// store is a database with a dataset, provisioned, and the tools to work on it.
type store struct {
	*testing.T
	server   *postgrestest.Server
	db       *pgx.Conn // superuser
	name     string
	dataset  *v1alpha1.Dataset
	eraser   postgres.Login
	verifier postgres.Login
	holds    []task.Hold
	grows    bool         // triggers write rows that the plan cannot count
	planned  task.Outcome // by the last erase
}

// newStore makes a database from SQL and a dataset in YAML.
func newStore(t *testing.T, sql, dataset string) *store {
	t.Helper()
	return newStoreOn(t, server, sql, dataset)
}

func newStoreOn(t *testing.T, server *postgrestest.Server, sql, dataset string) *store {
	t.Helper()
	s := &store{T: t, server: server, dataset: &v1alpha1.Dataset{}}
	s.name, s.db = server.Database(t)
	s.eraser = postgres.Login{Username: "eraser_" + s.name, Password: "secret of eraser"}
	s.verifier = postgres.Login{Username: "verifier_" + s.name, Password: "secret of verifier"}
	s.sql(sql)
	if err := yaml.UnmarshalStrict([]byte(dataset), s.dataset); err != nil {
		t.Fatal(err)
	}
	if o := s.provision(); !o.OK {
		t.Fatalf("provision: %+v", o)
	}
	t.Cleanup(func() {
		for _, role := range []string{s.eraser.Username, s.verifier.Username} {
			_, _ = s.db.Exec(context.Background(), `DROP OWNED BY `+role)
			_, _ = s.db.Exec(context.Background(), `DROP ROLE `+role)
		}
	})
	return s
}

func (s *store) sql(text string, args ...any) {
	s.Helper()
	if _, err := s.db.Exec(s.Context(), text, args...); err != nil {
		s.Fatalf("%v in %.200s", err, text)
	}
}

// one reads one value as text.
func (s *store) one(text string, args ...any) string {
	s.Helper()
	var v *string
	if err := s.db.QueryRow(s.Context(), "SELECT ("+text+")::text", args...).Scan(&v); err != nil {
		s.Fatalf("%v in %s", err, text)
	}
	if v == nil {
		return "NULL"
	}
	return *v
}

// until waits for the answer of a query.
func (s *store) until(want, text string, args ...any) {
	s.Helper()
	ticker, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer ticker.Stop()
	for s.one(text, args...) != want {
		select {
		case <-ticker.C:
		case <-late:
			s.Fatalf("%s is not %s after a minute", text, want)
		}
	}
}

// want compares one value.
func (s *store) want(want, text string, args ...any) {
	s.Helper()
	if got := s.one(text, args...); got != want {
		s.Errorf("%s = %q, want %q", text, got, want)
	}
}

// sum is a checksum over the rows of a query, in any order.
func (s *store) sum(query string) string {
	s.Helper()
	return s.one("SELECT md5(coalesce(string_agg(x::text, chr(10) ORDER BY x::text), '')) FROM (" + query + ") AS x")
}

func (s *store) engine(as postgres.Login) *postgres.Engine {
	return &postgres.Engine{Config: postgres.Config{
		Connection: s.connection(), Username: as.Username, Password: as.Password,
		Dial: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, LockTimeout: 300 * time.Millisecond,
	}, Log: func(trace task.Trace) { s.Logf("trace: %+v", trace) }}
}

func (s *store) connection() task.Connection {
	return task.Connection{Host: "127.0.0.1", Port: s.server.Port, Database: s.name, TLS: task.TLS{Mode: v1alpha1.TLSDisable}}
}

func (s *store) task(run string, people ...subject.Subject) task.Task {
	t := task.Task{RunUID: run, Epoch: 1, Register: "shop", Store: "crm", Engine: v1alpha1.EnginePostgreSQL, Connection: s.connection(), Dataset: s.dataset, AsOf: asOf, Holds: s.holds}
	for i := range people {
		t.Requests = append(t.Requests, task.Request{UID: fmt.Sprintf("request-%d", i)})
	}
	return t
}

func (s *store) provision() task.Outcome {
	admin := postgres.Login{Username: postgrestest.Superuser, Password: postgrestest.Password}
	return s.engine(admin).Provision(s.Context(), s.task(""), s.eraser, s.verifier)
}

func (s *store) scan() task.Outcome {
	return s.engine(s.verifier).Scan(s.Context(), s.task(""))
}

func (s *store) plan(people ...subject.Subject) task.Outcome {
	return s.engine(s.verifier).Plan(s.Context(), s.task("", people...), people)
}

func (s *store) verify(people ...subject.Subject) task.Outcome {
	return s.engine(s.verifier).Verify(s.Context(), s.task("", people...), people)
}

// erase plans and erases as an approved run does.
func (s *store) erase(run string, people ...subject.Subject) task.Outcome {
	s.Helper()
	planned := s.plan(people...)
	s.planned = planned
	if !planned.OK {
		return planned
	}
	t := s.task(run, people...)
	t.PlanDigest = planned.PlanDigest
	done := s.engine(s.eraser).Erase(s.Context(), t, people)
	if done.OK && !done.Replayed && !s.grows && counts(done) != counts(planned) {
		s.Errorf("planned\n%s\nbut did\n%s", counts(planned), counts(done))
	}
	return done
}

// erased erases, verifies, and compares the counts with lines such as "0 public.orders DeleteRows 3".
func (s *store) erased(want string, people ...subject.Subject) {
	s.Helper()
	done := s.erase("run-1", people...)
	if !done.OK {
		s.Fatalf("erase: %s: %s", done.Reason, done.Message)
	}
	if got := counts(done); got != clean(want) {
		s.Errorf("erased\n%s\nwant\n%s", got, clean(want))
	}
	if o := s.verify(people...); !o.OK {
		s.Errorf("verify: %s: %s", o.Reason, o.Message)
	}
}

// refused plans and compares reason and a part of the message.
func (s *store) refused(reason task.Reason, part string, people ...subject.Subject) {
	s.Helper()
	o := s.plan(people...)
	if o.OK || o.Reason != reason || !strings.Contains(o.Message, part) {
		s.Errorf("plan: OK %v %s %q, want %s with %q", o.OK, o.Reason, o.Message, reason, part)
	}
}

// counts writes the counts that are not zero, a line each.
func counts(o task.Outcome) string {
	var lines []string
	for i, r := range o.Requests {
		for j, n := range r.Rows {
			if n == 0 {
				continue
			}
			line := fmt.Sprintf("%d %s %s %d", i, o.Tables[j].Name, o.Tables[j].Action, n)
			if day := r.Until[j]; day != "" {
				line += " until " + day
			}
			if o.Tables[j].Hold > 0 {
				line += fmt.Sprintf(" hold %d", o.Tables[j].Hold)
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func clean(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func email(value string) subject.Subject { return person("email", value) }

func person(pairs ...string) subject.Subject {
	data := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		data[pairs[i]] = []byte(pairs[i+1])
	}
	s, err := subject.Read(data)
	if err != nil {
		panic(err)
	}
	return s
}
