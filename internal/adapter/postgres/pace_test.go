package postgres

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func TestThePaceYieldsToTheApplicationAndComesBack(t *testing.T) {
	p := pace{rows: 100_000, most: 100_000}
	quiet, blocked := strain{rest: time.Millisecond, beside: 2 * time.Millisecond}, strain{blocked: 1, rest: time.Millisecond}
	slow := strain{rest: 10 * time.Millisecond, beside: 40 * time.Millisecond}
	if got := p.after(quiet); got != p {
		t.Errorf("nobody suffered, and the pace is %+v", got)
	}
	for _, s := range []strain{blocked, slow} {
		if got := p.after(s); got.rows != 50_000 || got.pause != firstPause {
			t.Errorf("after %+v the pace is %+v", s, got)
		}
	}
	for range 20 {
		p = p.after(blocked)
	}
	if p.rows != fewestRows || p.pause != mostPause {
		t.Errorf("the slowest pace is %+v", p)
	}
	for range 20 {
		p = p.after(quiet)
	}
	if p.rows != p.most || p.pause != 0 {
		t.Errorf("the pace does not come back: %+v", p)
	}
}

func TestASlowMachineIsNotTakenForARunThatIsInTheWay(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		beside strain
		now    []time.Duration // at rest, after the chunk
		asked  int
		want   bool // yields
	}{
		"quick, so that nobody asks again":         {beside: strain{rest: ms, beside: 8 * ms}},
		"slow beside the run alone":                {beside: strain{rest: ms, beside: 40 * ms}, now: []time.Duration{ms, ms, ms, ms, ms}, asked: 5, want: true},
		"slow anyway":                              {beside: strain{rest: ms, beside: 40 * ms}, now: []time.Duration{40 * ms, 10 * ms, 40 * ms, 10 * ms, 40 * ms}, asked: 5},
		"slower than anyway":                       {beside: strain{rest: ms, beside: 90 * ms}, now: []time.Duration{40 * ms, 10 * ms, 40 * ms, 10 * ms, 40 * ms}, asked: 5, want: true},
		"one hiccup is no proof of a busy machine": {beside: strain{rest: ms, beside: 40 * ms}, now: []time.Duration{ms, ms, 50 * ms, ms, ms}, asked: 5, want: true},
		"quicker than before":                      {beside: strain{rest: 10 * ms, beside: 40 * ms}, now: []time.Duration{ms, ms, ms, ms, ms}, asked: 5, want: true},
		"somebody waited for it":                   {beside: strain{blocked: 1, rest: ms, beside: 40 * ms}, want: true},
		"nobody could ask":                         {beside: strain{rest: ms, beside: 40 * ms}, asked: 1, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := judged(test.beside, func() (time.Duration, error) {
				if asked++; asked > len(test.now) {
					return 0, context.DeadlineExceeded
				}
				return test.now[asked-1], nil
			})
			p := pace{rows: 100_000, most: 100_000}
			if yields := p.after(s) != p; yields != test.want || asked != test.asked {
				t.Errorf("yields %v after %d questions, want %v after %d", yields, asked, test.want, test.asked)
			}
		})
	}
}

func TestTheWatcherSeesWhoWaitsForARun(t *testing.T) {
	server := postgrestest.Start(t)
	name, db := server.Database(t)
	if _, err := db.Exec(t.Context(), "CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	e := &Engine{Config: Config{Connection: task.Connection{Host: "127.0.0.1", Port: server.Port, Database: name, TLS: task.TLS{Mode: v1alpha1.TLSDisable}},
		Username: postgrestest.Superuser, Password: postgrestest.Password, Dial: (&net.Dialer{}).DialContext}}
	run, err := open(t.Context(), e.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer run.close()
	w := e.watch(t.Context(), run)
	defer w.end()
	if err := run.all(t.Context(), "BEGIN", "DELETE FROM public.people"); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		other, err := pgx.Connect(t.Context(), server.URL(name))
		if err == nil {
			_, err = other.Exec(t.Context(), "UPDATE people SET id = 1")
			_ = other.Close(t.Context())
		}
		waits <- err
	}()
	for deadline := time.Now().Add(time.Minute); w.take(t.Context()).blocked == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nobody was seen to wait")
		}
		<-time.After(sampleEvery)
	}
	if err := run.all(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
}

func TestTheNextChunkHasAsManyPeopleAsFit(t *testing.T) {
	for _, test := range []struct {
		people     int
		rows, most int64
		want       int
	}{
		{100, 1000, 1000, 90}, // not quite full, since people differ
		{100, 1000, 500, 45},
		{100, 10, 1000, 200}, // at most twice as many
		{1, 5000, 1000, 1},
		{10, 0, 1000, 20},
	} {
		if got := fitting(test.people, test.rows, test.most); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}
