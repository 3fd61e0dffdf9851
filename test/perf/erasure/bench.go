package erasure

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

//go:embed handwritten.sql
var handwritten string

var asOf = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// bench holds the server with the database that each measurement copies.
type bench struct {
	server           *postgrestest.Server
	stop             func()
	scene            *scene
	admin            *pgx.Conn
	eraser, verifier postgres.Login
	addresses        []string
	search           string // a hand-written search for addresses, which take the place of a mark
	journal          *journal
	copies           int
	aims             *[]aim
}

const original = "demo"

// say tells on standard error how far the bench is, since the tables come when a number of people is done.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  "+format+"\n", append([]any{time.Now().UTC().Format(time.TimeOnly)}, args...)...)
}

func newBench(ctx context.Context, scene *scene, aims *[]aim) (*bench, error) {
	// Commits are flushed as in production: that is what one commit per row pays for, and what one transaction saves.
	journal, err := newJournal()
	if err != nil {
		return nil, err
	}
	server, stop, err := postgrestest.Run("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB")
	if err != nil {
		return nil, err
	}
	b := &bench{server: server, journal: journal, stop: stop, scene: scene, aims: aims,
		eraser: postgres.Login{Username: "eraser", Password: "secret"}, verifier: postgres.Login{Username: "verifier", Password: "secret"}}
	if err := b.fill(ctx); err != nil {
		stop()
		return nil, err
	}
	return b, nil
}

func (b *bench) fill(ctx context.Context) (err error) {
	if b.admin, err = pgx.Connect(ctx, b.server.URL("postgres")); err != nil {
		return err
	}
	if _, err := b.admin.Exec(ctx, "CREATE DATABASE "+original); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, b.server.URL(original))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range b.scene.scripts {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("filling %s: %w", b.scene.name, err)
		}
	}
	rows, err := conn.Query(ctx, b.scene.people)
	if err != nil {
		return err
	}
	if b.addresses, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	if b.search, err = search(ctx, conn); err != nil {
		return err
	}
	e := b.engine(original, postgres.Login{Username: postgrestest.Superuser, Password: postgrestest.Password})
	if o := e.Provision(ctx, b.task(original, 0), b.eraser, b.verifier); !o.OK {
		return fmt.Errorf("provisioning: %s: %s", o.Reason, o.Message)
	}
	_, err = conn.Exec(ctx, "VACUUM (ANALYZE)")
	return err
}

func (b *bench) engine(database string, as postgres.Login) *postgres.Engine {
	return &postgres.Engine{Config: postgres.Config{Connection: b.connection(database), Username: as.Username, Password: as.Password,
		Dial: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}}
}

func (b *bench) connection(database string) task.Connection {
	return task.Connection{Host: "127.0.0.1", Port: b.server.Port, Database: database, TLS: task.TLS{Mode: v1alpha1.TLSDisable}}
}

func (b *bench) task(database string, people int) task.Task {
	t := task.Task{RunUID: "bench", Epoch: 1, Register: "r", Store: "s", Engine: v1alpha1.EnginePostgreSQL, Connection: b.connection(database), Dataset: b.scene.dataset, AsOf: asOf, Salt: make([]byte, task.SaltSize)}
	for i := range people {
		t.Requests = append(t.Requests, task.Request{UID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)})
	}
	return t
}

// chosen spreads the people over the whole table.
func (b *bench) chosen(people int) []string {
	out := make([]string, people)
	for i := range out {
		out[i] = b.addresses[i*len(b.addresses)/people]
	}
	return out
}

// processor does something, and returns the processor time of the sessions of the store that ended with it.
func (b *bench) processor(ctx context.Context, database string, do func() error) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(b.server.Folder, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return 0, err
	}
	if err := b.alone(ctx, database); err != nil {
		return 0, err
	}
	before, err := measure.Ended(postmaster)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	if err := b.alone(ctx, database); err != nil {
		return 0, err
	}
	after, err := measure.Ended(postmaster)
	return after - before, err
}

// alone waits until no session but the bench's own is left in a database, and for the processes of those that were: a
// session is gone from the view a moment before.
func (b *bench) alone(ctx context.Context, database string) error {
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		var others int
		if err := b.admin.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", database).Scan(&others); err != nil {
			return err
		}
		if others <= 1 {
			<-time.After(200 * time.Millisecond)
			return nil
		}
	}
}

// once measures one way on a fresh copy.
func (b *bench) once(ctx context.Context, w way, people int, count bool, into *result) error {
	b.copies++
	database := fmt.Sprintf("copy_%d", b.copies)
	drop, err := b.copy(ctx, database)
	if err != nil {
		return err
	}
	defer drop()
	conn, err := pgx.Connect(ctx, b.server.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := warm(ctx, conn); err != nil {
		return err
	}
	if _, err := b.admin.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	var before, after string
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&before); err != nil {
		return err
	}
	cost, err := w.erase(ctx, database, b.chosen(people))
	if err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&after); err != nil {
		return err
	}
	if count {
		into.add(cost)
	}
	if err := conn.QueryRow(ctx, "SELECT ($1::text::pg_lsn - $2::text::pg_lsn)::bigint", after, before).Scan(&into.wal); err != nil {
		return err
	}
	into.state, err = b.scene.checksum(ctx, conn)
	return err
}

// warm reads every table and index once, so that no way pays for a cold copy.
func warm(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `DO $$ DECLARE r record; BEGIN
FOR r IN SELECT c.oid::regclass AS t FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' LOOP
EXECUTE 'SELECT count(*) FROM (SELECT * FROM ' || r.t || ' OFFSET 0) x'; END LOOP; END $$`)
	return err
}

// copy makes a copy of the database, file by file: by way of the log a large one would be written twice.
func (b *bench) copy(ctx context.Context, database string) (drop func(), err error) {
	_, err = b.admin.Exec(ctx, "CREATE DATABASE "+database+" TEMPLATE "+original+" STRATEGY file_copy")
	return func() { _, _ = b.admin.Exec(context.WithoutCancel(ctx), "DROP DATABASE "+database+" WITH (FORCE)") }, err
}
