// Package postgres erases people from PostgreSQL: it reads the catalogue, runs a plan of package plan in one
// transaction with a ledger row, verifies with another role, and prepares a store's roles.
//
// Values travel as bind parameters of the extended protocol only; the text of a statement depends on the catalogue and
// the dataset alone. Names come from the catalogue by exact match and are quoted. The search path is pg_catalog, and
// operators are qualified, so that nothing a user has made runs in place of what is meant.
package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// DialFunc opens a connection. The program that uses this package supplies it: the package itself dials nothing.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config is how to reach a store, and as whom.
type Config struct {
	Connection         task.Connection
	Username, Password string
	// RootCAs are trusted in mode VerifyFull; nil means the system's.
	RootCAs *x509.CertPool
	Dial    DialFunc
	// LockTimeout is how long a statement waits for a lock. Zero means 10 s.
	LockTimeout time.Duration
	// ChunkRows is about how many rows one transaction treats, MostRows how many one person may have. Zero means a quarter
	// of a million and five million.
	ChunkRows, MostRows int64
	// Turn is how long one Job goes on from transaction to transaction. Zero means five minutes.
	Turn time.Duration
	// StatementTimeout is how long a statement may take. Zero means 30 min.
	StatementTimeout time.Duration
}

// Limits of a session where Config gives none.
const (
	connectTimeout          = 10 * time.Second
	defaultLockTimeout      = 10 * time.Second
	defaultStatementTimeout = 30 * time.Minute
	idleTimeout             = time.Minute
)

// session is one connection with its settings.
type session struct {
	conn *pgx.Conn
	// kinds are how many identifiers of each kind are looked for.
	kinds map[v1alpha1.IdentifierKind]int64
	// runes are the characters of which the database was asked whether it has them.
	runes map[rune]bool
	// spaces are the rows of around of which the database has all characters, and blanks are these characters.
	spaces []string
	blanks string
	// kept is the layout of the temporary tables that the session has from transactions before, told how many rows of each set the
	// planner then knew of.
	kept string
	told []int64
	// remembers says that the store has a place for hashes of what is destroyed, and lets the role write there.
	remembers bool
}

// open connects. Its error is a *task.Failure.
func open(ctx context.Context, c Config) (*session, error) {
	cfg, err := pgx.ParseConfig("host=localhost sslmode=disable passfile=/dev/null")
	if err != nil {
		return nil, &task.Failure{Reason: task.Internal, Message: "The driver refuses its settings"}
	}
	// What the driver took from the environment is overwritten: a task alone says where and as whom to connect.
	cfg.Host, cfg.Port, cfg.Database = c.Connection.Host, uint16(c.Connection.Port), c.Connection.Database
	cfg.User, cfg.Password = c.Username, c.Password
	cfg.TLSConfig, cfg.Fallbacks = tlsConfig(c), nil
	cfg.RequireAuth = authentication(c.Connection.TLS.Mode)
	cfg.ConnectTimeout = connectTimeout
	if c.Dial == nil {
		return nil, &task.Failure{Reason: task.Internal, Message: "No dialer was given"}
	}
	watch := &answer{}
	cfg.DialFunc = watch.over(c.Dial)
	cfg.RuntimeParams = map[string]string{
		"application_name":                    "rempart-eraser",
		"client_encoding":                     "UTF8", // the database may have another one
		"standard_conforming_strings":         "on",
		"quote_all_identifiers":               "off", // the catalogue's expressions are part of the digest
		"TimeZone":                            "UTC",
		"DateStyle":                           "ISO",
		"row_security":                        "on",  // tables of which it may hide rows are refused: see hidden
		"jit":                                 "off", // a statement runs once: compiling it costs more than it saves
		"random_page_cost":                    "1.1", // as where there are no disks that turn: else the planner reads whole tables to find a few people
		"lock_timeout":                        milliseconds(c.LockTimeout, defaultLockTimeout),
		"statement_timeout":                   milliseconds(c.StatementTimeout, defaultStatementTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout, idleTimeout),
	}
	// A statement is used once, so that preparing or describing it would only add a round trip. The types of values are
	// those of their Go values, and every statement casts them.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, connectFailure(err, cfg.TLSConfig != nil && watch.first == 'N')
	}
	s := &session{conn: conn}
	// Not as a setting of the connection: what the database and the role have is what triggers expect; see execute.
	settings := []string{"SET search_path TO pg_catalog"}
	if s.major() >= 14 {
		// What is looked for is looked for once. The planner does not know that, and would remember each answer.
		settings = append(settings, "SET enable_memoize TO off")
	}
	if err := s.all(ctx, settings...); err != nil {
		s.close()
		return nil, err
	}
	if s.major() >= 14 {
		// Else a statement whose client was killed goes on, and holds its locks, until it has something to say. Not every
		// operating system can tell the server, which refuses then.
		_ = s.all(ctx, "SET client_connection_check_interval TO '5s'")
	}
	return s, nil
}

// major is the server's major version.
func (s *session) major() int {
	text, _, _ := strings.Cut(s.conn.PgConn().ParameterStatus("server_version"), ".")
	n, err := strconv.Atoi(text)
	if err != nil { // a version in development, such as 19devel
		return math.MaxInt
	}
	return n
}

// answer remembers the first byte that a server sends. To a request for TLS, N says that there is none (PostgreSQL
// protocol, SSLRequest); the driver has no error value that says so.
type answer struct{ first byte }

func (a *answer) over(dial DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watched{Conn: conn, answer: a}, nil
	}
}

type watched struct {
	net.Conn
	answer *answer
}

// Read passes on, and remembers the first byte.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 && w.answer.first == 0 {
		w.answer.first = p[0]
	}
	return n, err
}

func tlsConfig(c Config) *tls.Config {
	switch c.Connection.TLS.Mode {
	case v1alpha1.TLSRequire:
		// The mode means: encrypted, peer not checked. A register that uses it gets a finding.
		return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // as declared
	case v1alpha1.TLSVerifyFull:
		return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Connection.Host, RootCAs: c.RootCAs}
	default:
		return nil
	}
}

// authentication is what a server may ask for. By SCRAM (RFC 5802) it proves that it knows the password, without getting it; and what it
// is asked next are people's identifiers. Where its certificate was verified it may ask as it likes.
func authentication(mode v1alpha1.TLSMode) string {
	if mode == v1alpha1.TLSVerifyFull {
		return ""
	}
	return "scram-sha-256"
}

func milliseconds(d, otherwise time.Duration) string {
	if d == 0 {
		d = otherwise
	}
	return decimal(d.Milliseconds())
}

// roomFor lets what a large run gathers be sorted and joined in memory. A small run has no use for it, and would wait for
// the store to make the room. Of what is gathered it needs to know little. The room must be asked for before the first temporary table.
func roomFor(people int) []query {
	if people < analyzeFrom {
		return nil
	}
	return plain("SET work_mem = '32MB'", "SET temp_buffers = '64MB'", "SET default_statistics_target = 10")
}

// close ends the session. An open transaction is rolled back by the server.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// exec runs a statement by the extended protocol and returns the number of rows that it affected. pgx would send a
// statement without arguments by the simple protocol, so those go a layer lower.
func (s *session) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if len(args) == 0 {
		tag, err := s.conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
		return tag.RowsAffected(), failure(err)
	}
	tag, err := s.conn.Exec(ctx, sql, args...)
	return tag.RowsAffected(), failure(err)
}

// all runs statements without values in order, in one round trip. After one that fails none runs.
func (s *session) all(ctx context.Context, statements ...string) error {
	return s.several(ctx, plain(statements...)...)
}

// query is a statement of which each row is scanned into the pointers, if any, and then each is called, if any. At the end done
// is called, if any, with the number of rows that it returned or affected.
type query struct {
	sql  string
	args []any
	into []any
	each func() error
	done func(rows int64) error
	// blame finds better words for its failure, if any.
	blame func(error) error
}

// several runs statements in order, in one round trip. Those after one that fails are passed over; those after one whose each
// or done fails are not, so that such a transaction must not be committed.
func (s *session) several(ctx context.Context, queries ...query) (err error) {
	if len(queries) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for _, q := range queries {
		batch.Queue(q.sql, q.args...)
	}
	results := s.conn.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = failure(closed)
		}
	}()
	for _, q := range queries {
		if err := failure(q.read(results)); err != nil {
			if q.blame != nil {
				err = q.blame(err)
			}
			return err
		}
	}
	return nil
}

func (q query) read(results pgx.BatchResults) error {
	if q.into == nil {
		tag, err := results.Exec()
		if err != nil || q.done == nil {
			return err
		}
		return q.done(tag.RowsAffected())
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	if q.each == nil {
		q.each = func() error { return nil }
	}
	tag, err := pgx.ForEachRow(rows, q.into, q.each)
	if err != nil || q.done == nil {
		return err
	}
	return q.done(tag.RowsAffected())
}

// plain makes queries of statements without values.
func plain(statements ...string) (queries []query) {
	for _, sql := range statements {
		queries = append(queries, query{sql: sql})
	}
	return queries
}

// row reads one row; ok is false when there is none.
func (s *session) row(ctx context.Context, sql string, args []any, into ...any) (ok bool, err error) {
	err = s.conn.QueryRow(ctx, sql, args...).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, failure(err)
}

// rows calls each once per row, after scanning it into the pointers.
func (s *session) rows(ctx context.Context, sql string, args []any, into []any, each func() error) error {
	rows, err := s.conn.Query(ctx, sql, args...)
	if err != nil {
		return failure(err)
	}
	_, err = pgx.ForEachRow(rows, into, each)
	return failure(err)
}
