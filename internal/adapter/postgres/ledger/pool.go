package ledger

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rempart-dev/rempart/internal/telemetry"
)

// PoolConfig is how to reach the database, and as which of the roles.
type PoolConfig struct {
	Host     string
	Port     uint16
	Database string
	User     string
	Password telemetry.Redact
	// TLS is nil for a server on loopback only.
	TLS *tls.Config
	// Dial opens connections: the package itself dials nothing.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxConns is the most connections; zero means 8.
	MaxConns int32
}

// Limits of a session.
const (
	connectTimeout   = 5 * time.Second
	statementTimeout = 5 * time.Second
	lockTimeout      = 3 * time.Second
	idleTimeout      = 10 * time.Second
)

// NewPool makes a pool. It connects when it is first used.
func NewPool(ctx context.Context, c PoolConfig) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig("host=localhost sslmode=disable passfile=/dev/null")
	if err != nil || c.Dial == nil {
		return nil, errors.New("making a pool: the driver refuses its settings, or no dialer was given")
	}
	// What the driver took from the environment is overwritten.
	conn := cfg.ConnConfig
	conn.Host, conn.Port, conn.Database, conn.User, conn.Password = c.Host, c.Port, c.Database, c.User, c.Password.Reveal()
	conn.TLSConfig, conn.Fallbacks, conn.ConnectTimeout = c.TLS, nil, connectTimeout
	conn.DialFunc = pgconn.DialFunc(c.Dial)
	conn.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the dialer resolves, and checks
	conn.RuntimeParams = map[string]string{
		"application_name": "rempart-consentd",
		"search_path":      "pg_catalog",
		"TimeZone":         "UTC",
		"DateStyle":        "ISO",
		"jit":              "off",
		// The statements are few and look up by key: planning them anew for each act is most of the work.
		"plan_cache_mode": "force_generic_plan",
		// A plan that was made while a table was small is kept: it must be the one for large tables. Every access is by key.
		"enable_seqscan":                      "off",
		"synchronous_commit":                  "on", // an act that was acknowledged is on disk
		"statement_timeout":                   milliseconds(statementTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
	}
	conn.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if cfg.MaxConns = c.MaxConns; cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, errors.New("making a pool: the driver refuses its settings")
	}
	return pool, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// exec runs a statement without arguments by the extended protocol; pgx itself would send it by the simple one.
func exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return failure(err)
}

// ErrRole means that a role may more than it must, or that row security is off.
var ErrRole = errors.New("a role of the ledger could pass row security: it is a superuser, has BYPASSRLS, or is a member of the owner; or a table does not force row security")

// checkRole refuses a pool whose role could read or change what it must not.
func checkRole(ctx context.Context, pool *pgxpool.Pool) error {
	var wrong bool
	err := pool.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname IN (current_user, session_user) AND (rolsuper OR rolbypassrls))
    OR pg_has_role(session_user, $1, 'MEMBER')
    OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'consent' AND c.relkind = 'r' AND c.relname NOT IN ('tenants', 'migrations') AND NOT (c.relrowsecurity AND c.relforcerowsecurity))`,
		RoleOwner).Scan(&wrong)
	switch {
	case err != nil:
		return failure(err)
	case wrong:
		return ErrRole
	}
	return nil
}
