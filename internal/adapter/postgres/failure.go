package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// failure turns an error of the driver into a *task.Failure. It keeps SQLSTATE and names, and drops the text: PostgreSQL
// quotes rows in its messages. A *task.Failure passes as it is, and so does a *tooMany.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*task.Failure](err); ok {
		return known
	}
	if many, ok := errors.AsType[*tooMany](err); ok {
		return many
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return withoutAnswer(err)
	}
	f := &task.Failure{Trace: task.Trace{SQLState: pg.Code, Schema: pg.SchemaName, Table: pg.TableName, Column: pg.ColumnName, Constraint: pg.ConstraintName}}
	f.Reason, f.Message = meaning(pg)
	if pg.TableName != "" {
		f.Names = []string{pg.SchemaName + "." + pg.TableName}
	}
	return f
}

// withoutAnswer classifies an error that is not the store's: the connection broke, or the driver refused.
func withoutAnswer(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &task.Failure{Reason: task.TimedOut, Message: "The store did not answer within the time of the step"}
	}
	var broken net.Error
	var closed *net.OpError
	if errors.As(err, &broken) || errors.As(err, &closed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled) || pgconn.SafeToRetry(err) {
		return &task.Failure{Reason: task.Interrupted, Message: "The connection to the store was lost"}
	}
	return &task.Failure{Reason: task.Internal, Message: "The driver could not send a statement or read its answer"}
}

// meaning classifies a SQLSTATE (PostgreSQL 15, appendix A).
func meaning(pg *pgconn.PgError) (task.Reason, string) {
	where := "a table"
	if pg.TableName != "" {
		where = pg.SchemaName + "." + pg.TableName
	}
	switch code := pg.Code; {
	case code == "28P01" || code == "28000":
		return task.AuthenticationFailed, "The store refuses the credentials"
	case code == "3D000":
		return task.DatabaseMissing, "The store has no such database"
	case code == "42501":
		return task.PrivilegeMissing, "The role lacks a privilege that the dataset needs"
	case code == "42P01":
		return task.TableMissing, "A table does not exist any more"
	case code == "42703":
		return task.ColumnMissing, "A column does not exist any more"
	case code == "25006":
		return task.Interrupted, "The store accepts no changes now: it is a standby"
	case code == "55P03":
		return task.LockTimeout, "Rows or tables were locked by others for too long"
	case code == "40001" || code == "40P01":
		return task.LockTimeout, "Others changed the same rows meanwhile"
	case code == "57014":
		return task.LockTimeout, "A statement took longer than is allowed"
	case strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "08") || code == "25P03" || strings.HasPrefix(code, "53"):
		return task.Interrupted, "The store ended the connection or has no room"
	case code == "23502":
		return task.PlanImpossible, fmt.Sprintf("%s.%s is NOT NULL and would become NULL by what the dataset orders", where, pg.ColumnName)
	case code == "23514" && pg.ConstraintName == "":
		return task.PlanImpossible, fmt.Sprintf("No partition takes rows of %s as they would become by what the dataset orders", where)
	case strings.HasPrefix(code, "23"):
		return task.PlanImpossible, fmt.Sprintf("Constraint %q of %s forbids what the dataset orders", pg.ConstraintName, where)
	case code == "428C9":
		return task.PlanImpossible, "A column accepts no value but its own default"
	case strings.HasPrefix(code, "22"):
		return task.PlanImpossible, "A constant of the dataset does not fit the type of its column"
	case code == "42883" || code == "42804":
		return task.PlanImpossible, "Columns that a reference or a subject key compares have types that do not compare"
	default:
		return task.Internal, "The store answered with an error; the log has its SQLSTATE"
	}
}

// connectFailure says why there is no connection. noTLS says that the server has none. Whoever writes a register chooses where to dial, so what is no
// PostgreSQL is told apart neither from another nor from a port where nobody listens: a server that begins with S, such as one of SSH, has not agreed to TLS.
func connectFailure(err error, noTLS bool) error {
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure(err)
	}
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
	)
	switch {
	case noTLS:
		return &task.Failure{Reason: task.TLSFailed, Message: "The store offers no TLS"}
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify):
		return &task.Failure{Reason: task.TLSFailed, Message: "The store's certificate is not trusted or is not for its host"}
	case strings.Contains(err.Error(), "authentication method requirement"): // the driver has no error value that says so
		return &task.Failure{Reason: task.AuthenticationWeak, Message: "The store wants the password in clear or as MD5, or asks for none, and no certificate proves that it is the store: use scram-sha-256 or VerifyFull"}
	case errors.Is(err, context.Canceled):
		return &task.Failure{Reason: task.Interrupted, Message: "The step was stopped"}
	default:
		return &task.Failure{Reason: task.Unreachable, Message: "No connection to the store: host, port or network"}
	}
}
