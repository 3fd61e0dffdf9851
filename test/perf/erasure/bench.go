package erasure

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
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
	copies           int
}

const original = "demo"

func newBench(ctx context.Context, scene *scene) (*bench, error) {
	// Commits are flushed as in production: that is what one commit per row pays for, and what one transaction saves.
	server, stop, err := postgrestest.Run("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB")
	if err != nil {
		return nil, err
	}
	b := &bench{server: server, stop: stop, scene: scene,
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
	t := task.Task{RunUID: "bench", Epoch: 1, Register: "r", Store: "s", Engine: v1alpha1.EnginePostgreSQL, Connection: b.connection(database), Dataset: b.scene.dataset, AsOf: asOf}
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

// way erases people from a copy of the database.
type way struct {
	name  string
	erase func(ctx context.Context, database string, addresses []string) (spent, error)
}

// spent is what an erasure cost: time that does not count, the store's processor time, and of the engine the time from when
// the connection was open and the schema read.
type spent struct{ extra, cpu, hot time.Duration }

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

// result gathers the measurements of one way, in milliseconds.
type result struct {
	times, extras, hot measure.Series
	cpu                measure.Series // of the store, in steps of 10 ms
	wal                int64
	state              string
}

func (b *bench) measure(ctx context.Context, people, rounds, perRow int) error {
	if people > len(b.addresses) {
		return fmt.Errorf("%s has %d people, fewer than %d", b.scene.name, len(b.addresses), people)
	}
	ways := []way{{"engine: plan, erase, ledger", b.byEngine}, {"by hand: one transaction, psql", b.byHand}}
	if b.scene.byRow {
		ways = append(ways, way{"one commit per row", b.byRow})
	}
	results := make([]result, len(ways))
	// Round 0 warms up and is not counted.
	for round := 0; round <= rounds; round++ {
		for i, w := range ways {
			if i == 2 && (round == 0 || round > perRow) {
				continue
			}
			if err := b.once(ctx, w, people, round > 0, &results[i]); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	if results[0].state != results[1].state {
		return errors.New("the engine and the hand-written transaction left different rows")
	}
	report(b.scene.name, people, ways, results)
	return nil
}

// once measures one way on a fresh copy.
func (b *bench) once(ctx context.Context, w way, people int, count bool, into *result) error {
	b.copies++
	database := fmt.Sprintf("copy_%d", b.copies)
	if _, err := b.admin.Exec(ctx, "CREATE DATABASE "+database+" TEMPLATE "+original); err != nil {
		return err
	}
	defer func() { _, _ = b.admin.Exec(context.WithoutCancel(ctx), "DROP DATABASE "+database+" WITH (FORCE)") }()
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
	start := time.Now()
	cost, err := w.erase(ctx, database, b.chosen(people))
	took := time.Since(start) - cost.extra
	if err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&after); err != nil {
		return err
	}
	if count {
		into.times, into.extras = append(into.times, measure.Milliseconds(took)), append(into.extras, measure.Milliseconds(cost.extra))
		into.cpu, into.hot = append(into.cpu, measure.Milliseconds(cost.cpu)), append(into.hot, measure.Milliseconds(cost.hot))
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

// byEngine does what the eraser's containers do; the plan that a person approved is made before the clock starts, and
// verification is reported apart.
func (b *bench) byEngine(ctx context.Context, database string, addresses []string) (cost spent, err error) {
	prepare := time.Now()
	people := make([]subject.Subject, len(addresses))
	for i, address := range addresses {
		person, err := subject.Read(map[string][]byte{"email": []byte(address)})
		if err != nil {
			return cost, err
		}
		people[i] = person
	}
	t := b.task(database, len(people))
	planned := b.engine(database, b.verifier).Plan(ctx, t, people)
	if !planned.OK {
		return cost, fmt.Errorf("plan: %s: %s", planned.Reason, planned.Message)
	}
	t.PlanDigest = planned.PlanDigest
	var took time.Duration
	cost.cpu, err = b.processor(ctx, database, func() error {
		start := time.Now()
		ready := start
		e := b.engine(database, b.eraser)
		e.Hook = func(_ context.Context, stage string) error {
			if stage == "gather" && ready.Equal(start) { // of several chunks the first
				ready = time.Now()
			}
			return nil
		}
		o := e.Erase(ctx, t, people)
		took, cost.hot = time.Since(start), time.Since(ready)
		if !o.OK {
			return fmt.Errorf("erase: %s: %s", o.Reason, o.Message)
		}
		return nil
	})
	if err != nil {
		return cost, err
	}
	if o := b.engine(database, b.verifier).Verify(ctx, t, people); !o.OK {
		return cost, fmt.Errorf("verify: %s: %s", o.Reason, o.Message)
	}
	cost.extra = time.Since(prepare) - took
	return cost, nil
}

// byHand runs the hand-written script through psql.
func (b *bench) byHand(ctx context.Context, database string, addresses []string) (cost spent, err error) {
	began := time.Now()
	var took time.Duration
	cost.cpu, err = b.processor(ctx, database, func() error {
		start := time.Now()
		psql := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "psql"), "-X", "-q", "-d", b.server.URL(database))
		psql.Stdin = strings.NewReader(strings.Replace(b.scene.handwritten, "--addresses--", strings.Join(addresses, "\n"), 1))
		var out bytes.Buffer
		psql.Stdout, psql.Stderr = &out, &out
		err := psql.Run()
		if took = time.Since(start); err != nil {
			return fmt.Errorf("psql: %w: %s", err, out.String())
		}
		return nil
	})
	cost.extra = time.Since(began) - took
	return cost, err
}

func report(scene string, people int, ways []way, results []result) {
	fmt.Printf("\n%d people in one run; %s; load average %s\n", people, scene, measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "way\tmedian\tmin\tmax\trounds\tWAL\tspeed against by hand\tstore's CPU, mean\tagainst by hand")
	for i, r := range results {
		if len(r.times) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s\t%.0f ms\t%.0f ms\t%.0f ms\t%d\t%.1f MB\t%.2f\t%.0f ms\t%.2f\n", ways[i].name, r.times.Median(), r.times.Min(), r.times.Max(), len(r.times),
			float64(r.wal)/1e6, results[1].times.Median()/r.times.Median(), r.cpu.Mean(), results[1].cpu.Mean()/r.cpu.Mean())
	}
	fmt.Fprintf(w, "engine: of that, with the connection open and the schema read\t%.1f ms\t%.1f ms\t%.1f ms\n", results[0].hot.Median(), results[0].hot.Min(), results[0].hot.Max())
	fmt.Fprintf(w, "engine: plan beforehand and verify after, not in the above\t%.0f ms\n", results[0].extras.Median())
	_ = w.Flush()
	fmt.Println("The engine and the hand-written transaction left the same rows.")
}
