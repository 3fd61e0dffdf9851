package ledger

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/scram"
)

// The roles of a ledger. None is a superuser or passes row security.
const (
	// RoleOwner owns the tables and cannot log in.
	RoleOwner = "consent_owner"
	// RoleApp records and reads.
	RoleApp = "consent_app"
	// RoleSeq puts what was recorded into the log.
	RoleSeq = "consent_seq"
	// RolePrune deletes what a ledger.pruned event names.
	RolePrune = "consent_prune"
)

// Passwords of the roles that log in. An empty one leaves the role as it is.
type Passwords struct{ App, Seq, Prune string }

//go:embed migrations/*.sql
var migrations embed.FS

// ErrMigration means that the database has a migration that this program does not know, or another under its name.
var ErrMigration = errors.New("the database was migrated by another version")

// Migrate makes roles, schema, tables and grants, or brings them up to date. The connection is the admin's: one that may
// create roles. It can run again at any time, and by several programs at once.
//
// Migrations are files of numbered names, each a list of statements with an empty line between them; a table of ours says
// which have run, with their digests. A library for this (goose) would bring a second driver interface, send statements by
// the simple protocol and quote them in its errors.
func Migrate(ctx context.Context, admin *pgx.Conn, passwords Passwords) error {
	m := migration{admin}
	if err := m.all(ctx, "BEGIN", "SET LOCAL search_path = pg_catalog"); err != nil {
		return fmt.Errorf("migrating the ledger: %w", err)
	}
	err := m.run(ctx, passwords)
	if err == nil {
		err = m.all(ctx, "COMMIT")
	}
	if err != nil {
		_ = m.all(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("migrating the ledger: %w", err)
	}
	return nil
}

type migration struct{ conn *pgx.Conn }

func (m migration) all(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if err := exec(ctx, m.conn, sql); err != nil {
			return err
		}
	}
	return nil
}

func (m migration) run(ctx context.Context, passwords Passwords) error {
	// Of two programs that migrate one database the second waits.
	if _, err := m.conn.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "rempart/consent/migrate"); err != nil {
		return failure(err)
	}
	if err := m.roles(ctx, passwords); err != nil {
		return err
	}
	if err := m.all(ctx, "CREATE SCHEMA IF NOT EXISTS consent AUTHORIZATION "+RoleOwner, "SET LOCAL ROLE "+RoleOwner,
		"CREATE TABLE IF NOT EXISTS consent.migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"); err != nil {
		return err
	}
	rows, err := m.conn.Query(ctx, "SELECT name, sha256 FROM consent.migrations WHERE $1 ORDER BY name", true)
	if err != nil {
		return failure(err)
	}
	applied := map[string]string{}
	var name, digest string
	if _, err := pgx.ForEachRow(rows, []any{&name, &digest}, func() error { applied[name] = digest; return nil }); err != nil {
		return failure(err)
	}
	return m.apply(ctx, applied)
}

// apply runs the migrations that have not run.
func (m migration) apply(ctx context.Context, applied map[string]string) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	for _, path := range names {
		text, err := migrations.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		name, digest := strings.TrimPrefix(path, "migrations/"), hex.EncodeToString(sum[:])
		before, done := applied[name]
		delete(applied, name)
		if done && before != digest {
			return ErrMigration
		}
		if done {
			continue
		}
		for statement := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
			if body := strings.TrimSpace(statement); !onlyComment(body) {
				if err := m.all(ctx, body); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		if _, err := m.conn.Exec(ctx, "INSERT INTO consent.migrations (name, sha256) VALUES ($1, $2)", name, digest); err != nil {
			return failure(err)
		}
	}
	if len(applied) > 0 {
		return ErrMigration
	}
	return nil
}

func onlyComment(statement string) bool {
	for line := range strings.SplitSeq(statement, "\n") {
		if !strings.HasPrefix(line, "--") {
			return false
		}
	}
	return true
}

// roles makes the roles or takes from them what they must not have.
func (m migration) roles(ctx context.Context, passwords Passwords) error {
	for _, role := range []struct{ name, password string }{{RoleOwner, ""}, {RoleApp, passwords.App}, {RoleSeq, passwords.Seq}, {RolePrune, passwords.Prune}} {
		var exists, strong bool
		err := m.conn.QueryRow(ctx, "SELECT count(*) > 0, coalesce(bool_or(rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin <> $2), false) FROM pg_roles WHERE rolname = $1",
			role.name, role.name != RoleOwner).Scan(&exists, &strong)
		if err != nil {
			return failure(err)
		}
		if !exists {
			if err := m.all(ctx, "CREATE ROLE "+role.name); err != nil {
				return err
			}
		}
		login := "LOGIN"
		if role.name == RoleOwner {
			login = "NOLOGIN"
		}
		// Only a superuser may name these attributes: who is none does so only where something is wrong.
		if !exists && login == "LOGIN" {
			err = m.all(ctx, "ALTER ROLE "+role.name+" LOGIN")
		} else if strong {
			err = m.all(ctx, "ALTER ROLE "+role.name+" "+login+" NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION")
		}
		if err != nil {
			return err
		}
		if role.password == "" {
			continue
		}
		verifier, err := scram.Verifier(role.password)
		if err != nil {
			return errors.New("the password of a role has characters other than printable ASCII")
		}
		if err := m.all(ctx, "ALTER ROLE "+role.name+" PASSWORD '"+verifier+"'"); err != nil {
			return err
		}
	}
	// The admin acts as the owner below; a superuser may anyway.
	return m.all(ctx, `DO $$ BEGIN
IF NOT pg_has_role(current_user, 'consent_owner', 'MEMBER') THEN EXECUTE format('GRANT consent_owner TO %I', current_user); END IF;
EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO consent_owner', current_database());
EXECUTE format('GRANT CONNECT ON DATABASE %I TO consent_app, consent_seq, consent_prune', current_database());
END $$`)
}
