package server_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	clocktesting "k8s.io/utils/clock/testing"

	memory "github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	postgres "github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// fresh makes the ledger of a test: the twin, and in a second run of all tests one in PostgreSQL.
var fresh = inMemory

func inMemory(t testing.TB, tenant uuid.UUID, clock *clocktesting.FakeClock) server.Ledger {
	t.Helper()
	l, err := memory.New(memory.Config{Tenant: tenant, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, once := range []string{"test.fuzz", "test.bench", "test.list"} {
		if asked := flag.Lookup(once); asked != nil && asked.Value.String() != "" {
			os.Exit(code)
		}
	}
	if code != 0 {
		os.Exit(code)
	}
	os.Exit(again(m))
}

// again runs all tests on PostgreSQL.
func again(m *testing.M) int {
	s, stop, err := postgrestest.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	var pools postgres.Config // their pools, and nothing else
	fresh = func(t testing.TB, tenant uuid.UUID, clock *clocktesting.FakeClock) server.Ledger {
		t.Helper()
		if pools.App == nil {
			pools = migrated(t, s)
		}
		return inPostgres(t, pools, tenant, clock)
	}
	code := m.Run()
	for _, pool := range []*pgxpool.Pool{pools.App, pools.Seq, pools.Prune} {
		if pool != nil {
			pool.Close()
		}
	}
	return code
}

const password = "a password of the ledger"

// migrated makes one database for all tests; each is a tenant of its own.
func migrated(t testing.TB, s *postgrestest.Server) postgres.Config {
	t.Helper()
	name, admin := s.Database(t)
	if err := postgres.Migrate(t.Context(), admin, postgres.Passwords{App: password, Seq: password, Prune: password}); err != nil {
		t.Fatal(err)
	}
	pool := func(role string) *pgxpool.Pool {
		p, err := postgres.NewPool(context.WithoutCancel(t.Context()), postgres.PoolConfig{Host: "127.0.0.1", Port: uint16(s.Port), Database: name, User: role,
			Password: telemetry.Hide(password), Dial: (&net.Dialer{Timeout: time.Second}).DialContext, MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	return postgres.Config{App: pool(postgres.RoleApp), Seq: pool(postgres.RoleSeq), Prune: pool(postgres.RolePrune)}
}

func inPostgres(t testing.TB, pools postgres.Config, tenant uuid.UUID, clock *clocktesting.FakeClock) server.Ledger {
	t.Helper()
	ring, err := seal.NewRing([]byte("a key that wraps keys, 32 bytes.")[:seal.KeySize])
	if err != nil {
		t.Fatal(err)
	}
	signer, public, err := proof.NewSigner(proof.Origin("consent.shop.example", tenant.String()), []byte("a seed of a signer, of 32 bytes.")[:proof.SeedSize])
	if err != nil {
		t.Fatal(err)
	}
	l, err := postgres.Open(t.Context(), postgres.Config{App: pools.App, Seq: pools.Seq, Prune: pools.Prune, Tenant: tenant, Peppers: [][]byte{[]byte("pepper")}, KEK: ring, Signer: signer,
		Public: public, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return sequenced{l}
}

// sequenced is a ledger whose events are in the log as soon as they are recorded, as the twin's are.
type sequenced struct{ *postgres.Ledger }

func (s sequenced) step(ctx context.Context, err error) error {
	if err == nil {
		_, err = s.Sequencer.Step(context.WithoutCancel(ctx))
	}
	return err
}

func (s sequenced) Record(ctx context.Context, act consent.Act) (consent.Recorded, error) {
	recorded, err := s.Ledger.Record(ctx, act)
	return recorded, s.step(ctx, err)
}

func (s sequenced) Publish(ctx context.Context, p consent.Publication) error {
	return s.step(ctx, s.Ledger.Publish(ctx, p))
}

func (s sequenced) Shred(ctx context.Context, person consent.Person, key string) (consent.Holding, error) {
	held, err := s.Ledger.Shred(ctx, person, key)
	return held, s.step(ctx, err)
}

func (s sequenced) Spend(ctx context.Context, token []byte, now time.Time, act consent.Act) (consent.Recorded, error) {
	recorded, err := s.Ledger.Spend(ctx, token, now, act)
	return recorded, s.step(ctx, err)
}
