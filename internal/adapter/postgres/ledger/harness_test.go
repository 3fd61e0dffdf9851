package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/postgrestest"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// server is one for the whole package; each test has a database of its own.
var server *postgrestest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	s, stop, err := postgrestest.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	server = s
	return m.Run()
}

const password = "a password of the ledger"

// store is a database with the ledger's tables.
type store struct {
	name  string
	admin *pgx.Conn
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

func newStore(tb testing.TB) *store {
	tb.Helper()
	name, admin := server.Database(tb)
	s := &store{name: name, admin: admin, dial: (&net.Dialer{Timeout: time.Second}).DialContext}
	if err := ledger.Migrate(tb.Context(), admin, ledger.Passwords{App: password, Seq: password, Prune: password}); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *store) pool(tb testing.TB, user string, conns int32) *pgxpool.Pool {
	tb.Helper()
	pool, err := ledger.NewPool(tb.Context(), ledger.PoolConfig{Host: "127.0.0.1", Port: uint16(server.Port), Database: s.name, User: user,
		Password: telemetry.Hide(password), Dial: s.dial, MaxConns: conns})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// sql runs a statement as the superuser.
func (s *store) sql(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	if _, err := s.admin.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// count asks as the superuser.
func (s *store) count(tb testing.TB, sql string, args ...any) (n int64) {
	tb.Helper()
	if err := s.admin.QueryRow(tb.Context(), sql, args...).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return n
}

// kek is the key-encryption key of every tenant at first.
var kek = bytes.Repeat([]byte{7}, seal.KeySize)

// rekeyed is the configuration with other keys.
func rekeyed(tb testing.TB, c ledger.Config, peppers, keks [][]byte) ledger.Config {
	tb.Helper()
	ring, err := seal.NewRing(keks[0], keks[1:]...)
	if err != nil {
		tb.Fatal(err)
	}
	c.Peppers, c.KEK = peppers, ring
	return c
}

// config of a tenant whose secrets are functions of it.
func (s *store) config(tb testing.TB, tenant uuid.UUID) ledger.Config {
	tb.Helper()
	ring, err := seal.NewRing(kek)
	if err != nil {
		tb.Fatal(err)
	}
	signer, public, err := proof.NewSigner(origin(tenant), bytes.Repeat([]byte{seedOf(tenant)}, proof.SeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	return ledger.Config{
		App: s.pool(tb, ledger.RoleApp, 8), Seq: s.pool(tb, ledger.RoleSeq, 2), Prune: s.pool(tb, ledger.RolePrune, 1),
		Tenant: tenant, Peppers: [][]byte{[]byte("pepper")}, KEK: ring, Signer: signer, Public: public, Clock: clock.RealClock{},
	}
}

// seedOf is that of a tenant's first key: none of those, all below 128, that tests put in its place.
func seedOf(tenant uuid.UUID) byte { return 128 + tenant[0]/2 }

// next is the configuration with a key that takes the place of the one of before.
func next(tb testing.TB, c ledger.Config, seed byte) ledger.Config {
	tb.Helper()
	signer, public, err := proof.NewSigner(c.Signer.Name(), bytes.Repeat([]byte{seed}, proof.SeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	c.Before, c.BeforePublic, c.Signer, c.Public = c.Signer, c.Public, signer, public
	return c
}

func origin(tenant uuid.UUID) string { return proof.Origin("consent.example", tenant.String()) }

func open(tb testing.TB, c ledger.Config) *ledger.Ledger {
	tb.Helper()
	l, err := ledger.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// fresh is a ledger of its own in a database of its own.
func fresh(tb testing.TB) (*store, *ledger.Ledger) {
	tb.Helper()
	s := newStore(tb)
	return s, open(tb, s.config(tb, uuid.New()))
}

func sequence(tb testing.TB, l *ledger.Ledger) {
	tb.Helper()
	if _, err := l.Sequencer.Step(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func TestPostgreSQLDoesWhatALedgerDoes(t *testing.T) {
	ledgertest.Run(t, func(tb testing.TB) ledgertest.World {
		_, l := fresh(tb)
		w := ledgertest.World{Ledger: l, Tenant: l.Tenant, Origin: origin(l.Tenant), PublicKey: l.Public, Now: l.Clock.Now,
			Peppers: l.Peppers, KEKs: [][]byte{kek}, Sequence: func(tb testing.TB) { sequence(tb, l) }}
		w.Ahead = func(tb testing.TB, by time.Duration) ledgertest.Ledger {
			c := l.Config
			c.Clock = clocktesting.NewFakeClock(l.Clock.Now().Add(by))
			return open(tb, c)
		}
		w.Rotate = func(tb testing.TB) ledgertest.World {
			l = open(tb, next(tb, l.Config, 1))
			w.Ledger, w.PublicKey = l, l.Public
			return w
		}
		w.Rekey = func(tb testing.TB, peppers, keks [][]byte) ledgertest.World {
			l = open(tb, rekeyed(tb, l.Config, peppers, keks))
			w.Ledger, w.Peppers, w.KEKs = l, peppers, keks
			return w
		}
		return w
	})
}
