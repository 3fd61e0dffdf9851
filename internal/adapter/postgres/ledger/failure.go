package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rempart-dev/rempart/internal/consent"
)

// Failure is what is kept of a driver's error: SQLSTATE and constraint. Its text is dropped, because PostgreSQL quotes rows.
type Failure struct {
	// SQLState is empty where the server did not answer.
	SQLState   string
	Constraint string
	// cause is context.Canceled or context.DeadlineExceeded, where the caller's context ended.
	cause error
}

// Error tells what is known.
func (f *Failure) Error() string {
	switch {
	case f.SQLState != "" && f.Constraint != "":
		return fmt.Sprintf("the database refused: SQLSTATE %s, constraint %s", f.SQLState, f.Constraint)
	case f.SQLState != "":
		return "the database refused: SQLSTATE " + f.SQLState
	case f.cause != nil:
		return "the database did not answer in time"
	default:
		return "the connection to the database was lost"
	}
}

// Unwrap returns the end of the caller's context.
func (f *Failure) Unwrap() error { return f.cause }

// lost tells that the server did not answer: what was asked may have been done.
func (f *Failure) lost() bool {
	// 57P01 and its like end a session: admin shutdown, crash, idle timeouts.
	return f.SQLState == "" || f.SQLState[:3] == "57P" || f.SQLState[:2] == "08" || f.SQLState == "25P03"
}

// again tells that the same transaction may succeed when it is begun anew: somebody else was quicker.
func (f *Failure) again() bool {
	switch f.SQLState {
	case "23505", "40001", "40P01", lateState:
		return true
	default:
		return false
	}
}

// failed returns what is known of an error of the database.
func failed(err error) (*Failure, bool) { return errors.AsType[*Failure](err) }

// failure turns an error of the driver into a *Failure. It leaves others as they are.
func failure(err error) error {
	if err == nil || errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if _, known := failed(err); known {
		return err
	}
	for _, ours := range []error{errRow, consent.ErrUnknown, consent.ErrSpent, consent.ErrWished, consent.ErrContradicted, consent.ErrKeyMissing} {
		if errors.Is(err, ours) {
			return err
		}
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &Failure{SQLState: pg.Code, Constraint: pg.ConstraintName}
	}
	f := &Failure{}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			f.cause = cause
		}
	}
	return f
}
