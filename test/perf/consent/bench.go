package consent

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/utils/clock"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

var (
	//go:embed insert.sql
	insertScript string
	//go:embed select.sql
	selectScript string
)

const password = "a password of the bench"

// bench is a server with durable commits and one database of the ledger.
type bench struct {
	options
	server *postgrestest.Server
	stop   func()
	admin  *pgx.Conn
	app    *pgxpool.Pool
	seq    *pgxpool.Pool
}

const database = "ledger"

func newBench(ctx context.Context, o options) (*bench, error) {
	server, stop, err := postgrestest.Run("fsync=on", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "autovacuum=on", "max_connections=100")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, server: server, stop: stop}
	if err := b.prepare(ctx); err != nil {
		stop()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) error {
	root, err := pgx.Connect(ctx, b.server.URL("postgres"))
	if err != nil {
		return err
	}
	defer root.Close(ctx)
	if _, err := root.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		return err
	}
	if b.admin, err = pgx.Connect(ctx, b.server.URL(database)); err != nil {
		return err
	}
	if err := ledger.Migrate(ctx, b.admin, ledger.Passwords{App: password, Seq: password, Prune: password}); err != nil {
		return err
	}
	if b.app, err = b.pool(ctx, ledger.RoleApp, int32(b.clients)); err != nil {
		return err
	}
	b.seq, err = b.pool(ctx, ledger.RoleSeq, 4)
	return err
}

func (b *bench) pool(ctx context.Context, user string, conns int32) (*pgxpool.Pool, error) {
	return ledger.NewPool(ctx, ledger.PoolConfig{Host: "127.0.0.1", Port: uint16(b.server.Port), Database: database, User: user,
		Password: telemetry.Hide(password), Dial: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxConns: conns})
}

// tenant is that of the scripts.
func tenant(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

func (b *bench) ledger(ctx context.Context, n int) (*ledger.Ledger, error) {
	ring, err := seal.NewRing(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		return nil, err
	}
	signer, public, err := proof.NewSigner(proof.Origin("bench.example", tenant(n).String()), bytes.Repeat([]byte{1}, proof.SeedSize))
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, ledger.Config{App: b.app, Seq: b.seq, Tenant: tenant(n), Peppers: [][]byte{[]byte("pepper")}, KEK: ring, Signer: signer,
		Public: public, Clock: clock.RealClock{}})
}

var perSecond = regexp.MustCompile(`tps = ([0-9.]+) `)

// pgbench runs a script as the ledger's role and returns transactions per second. In a pipeline a transaction is one round
// trip, as ours are.
func (b *bench) pgbench(ctx context.Context, script string, pipelined bool, variables ...string) (float64, error) {
	if pipelined {
		head, body, _ := strings.Cut(script, "BEGIN;")
		script = head + "\\startpipeline\nBEGIN;" + body + "\\endpipeline\n"
	}
	path := filepath.Join(b.server.Folder, "script.sql")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		return 0, err
	}
	args := []string{"-n", "-M", "prepared", "-c", strconv.Itoa(b.clients), "-j", "2", "-T", strconv.Itoa(b.seconds), "-f", path,
		"-h", "127.0.0.1", "-p", strconv.Itoa(int(b.server.Port)), "-U", ledger.RoleApp}
	for _, v := range variables {
		args = append(args, "-D", v)
	}
	command := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "pgbench"), append(args, database)...)
	command.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	found := perSecond.FindSubmatch(out)
	if found == nil || bytes.Contains(out, []byte("aborted")) {
		return 0, fmt.Errorf("pgbench: %s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// script is a run of pgbench.
func (b *bench) script(perSecond float64) Load {
	return Load{PerSecond: perSecond, Seconds: float64(b.seconds)}
}

// sql runs a statement as the superuser and reads one figure.
func (b *bench) sql(ctx context.Context, sql string, args ...any) (n float64, err error) {
	err = b.admin.QueryRow(ctx, sql, args...).Scan(&n)
	return n, err
}
