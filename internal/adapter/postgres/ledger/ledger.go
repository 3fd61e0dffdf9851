// Package ledger keeps consent in PostgreSQL: append-only tables under row security, one tenant per ledger, and a signed
// Merkle log over them that is the proof; docs/spec/consent-ledger.md.
//
// Everything runs in a transaction that names its tenant, opened by inTenant or transaction and nowhere else. Values are bind
// parameters of the extended protocol. Errors keep SQLSTATE and constraint, and drop the driver's text, which quotes rows.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/utils/clock"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// Config says whose ledger it is and what it is made with. None of its secrets is ever in the database.
type Config struct {
	// App and Seq are pools of RoleApp and RoleSeq; Prune of RolePrune, or nil where nothing is pruned.
	App, Seq, Prune *pgxpool.Pool
	Tenant          uuid.UUID
	// Peppers hide names of people: the first hides new ones, the others are of names that were hidden before.
	Peppers [][]byte
	// KEK wraps the keys of people.
	KEK seal.Ring
	// Signer signs the log, whose origin is its name; Public is the text of its public key. Where it takes the place of another, that
	// is Before: Open says so in the log, once. Keys of before that, and those that follow, are known from the log.
	Signer       note.Signer
	Public       string
	Before       note.Signer
	BeforePublic string
	Clock        clock.WithTicker
	// Interval is how often a checkpoint is kept, and how long an event may wait for the log at most; zero means a second.
	Interval time.Duration
	// Outside is the newest signed checkpoint that is kept outside of the database; nil for none. A log that does not continue it
	// is not signed on: the database was restored from an older copy, or rewritten. Acts are recorded all the same.
	Outside []byte
	// Marks are of people who were forgotten, as they are kept where a restored database cannot lose them; nil for none.
	Marks func() ([]consent.Mark, error)
}

// Ledger implements consent.Writer, Reader, Log, Mailbox, Wishes and Keys.
type Ledger struct {
	Config
	Sequencer *Sequencer
	peppers   []pepper
	tending   tending
	keys      keys
	hub       hub
	reminder  chan struct{}
	swept     atomic.Int64 // the rows below are of nobody who was forgotten; -1 where nobody has looked yet
	roots     roots
	newcomers gather[*writing, met]
	questions gather[[]consent.Person, [][]consent.State]

	expiry sync.Mutex
	cursor lapsed // the last state that Expire has seen
}

// The interfaces that others use.
var (
	_ consent.Writer  = (*Ledger)(nil)
	_ consent.Reader  = (*Ledger)(nil)
	_ consent.Log     = (*Ledger)(nil)
	_ consent.Mailbox = (*Ledger)(nil)
	_ consent.Wishes  = (*Ledger)(nil)
	_ consent.Keys    = (*Ledger)(nil)
)

type pepper struct {
	id  string
	key []byte
}

// Open checks the roles, says in the log which key signs it where that is new, and shreds again whom a restored database would
// revive. ErrRole refuses a role that is too strong, ErrRetired a key whose place another has taken.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	if c.App == nil || c.Seq == nil || c.Tenant == uuid.Nil || len(c.Peppers) == 0 || c.Signer == nil {
		return nil, errors.New("opening the ledger: its configuration is not whole")
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	l := &Ledger{Config: c, reminder: make(chan struct{}, 1)}
	l.swept.Store(-1)
	for _, key := range c.Peppers {
		l.peppers = append(l.peppers, pepper{event.PepperID(key), key})
	}
	if _, err := proof.Keys(c.Signer.Name(), c.Public); err != nil {
		return nil, errors.New("opening the ledger: the public key is not that of its log")
	}
	l.newcomers = gather[*writing, met]{most: groupSize, lanes: lanes, answer: l.recordTogether, names: (*writing).holds}
	l.questions = gather[[]consent.Person, [][]consent.State]{most: groupSize, lanes: lanes, answer: l.statesTogether}
	l.Sequencer = &Sequencer{ledger: l, waits: make(chan struct{}, 1)}
	for _, pool := range []*pgxpool.Pool{c.App, c.Seq, c.Prune} {
		if pool == nil {
			continue
		}
		if err := checkRole(ctx, pool); err != nil {
			return nil, fmt.Errorf("opening the ledger: %w", err)
		}
	}
	if err := l.adopt(ctx); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	if err := l.succeed(ctx); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	l.Sequencer.follow(c.Outside)
	if err := l.forgetAgain(ctx); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	return l, nil
}

// setTenant makes row security show one tenant's rows, until the transaction ends.
const setTenant = "SELECT set_config('app.tenant', $1, true)"

// inTenant runs the statements that fill queues, in one transaction and one round trip: they are sent together and are one
// implicit transaction. Each is read by the function that Queue's answer was given. It is one of the two functions that open a
// transaction.
func (l *Ledger) inTenant(ctx context.Context, pool *pgxpool.Pool, fill func(*pgx.Batch)) error {
	batch := &pgx.Batch{}
	batch.Queue(setTenant, l.Tenant.String())
	fill(batch)
	return failure(pool.SendBatch(ctx, batch).Close())
}

// tx is an open transaction of the tenant.
type tx struct{ conn *pgx.Conn }

// transaction runs do in a transaction that may take several round trips. It is the other function that opens one.
func (l *Ledger) transaction(ctx context.Context, pool *pgxpool.Pool, begin []string, do func(tx) error) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return failure(err)
	}
	defer conn.Release()
	return l.over(ctx, conn.Conn(), begin, do)
}

// over is transaction on a connection of the caller's.
func (l *Ledger) over(ctx context.Context, conn *pgx.Conn, begin []string, do func(tx) error) error {
	var err error
	for _, statement := range begin {
		if err == nil {
			err = exec(ctx, conn, statement)
		}
	}
	if err == nil {
		_, err = conn.Exec(ctx, setTenant, l.Tenant.String())
		if err = failure(err); err == nil {
			err = do(tx{conn})
		}
		if err == nil {
			return exec(ctx, conn, "COMMIT")
		}
	}
	if !conn.IsClosed() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if exec(end, conn, "ROLLBACK") != nil {
			_ = conn.Close(end) // nobody may get a connection that is in a transaction
		}
	}
	return err
}

// How transactions begin.
var (
	beginWrite = []string{"BEGIN"}
	beginAudit = []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
)

// send runs statements of an open transaction in one round trip.
func (t tx) send(ctx context.Context, fill func(*pgx.Batch)) error {
	batch := &pgx.Batch{}
	fill(batch)
	return failure(t.conn.SendBatch(ctx, batch).Close())
}

// attempts is how often a transaction is begun when others are quicker, or the connection goes.
const attempts = 9

// retry runs do until it succeeds, fails for good, or was tried often enough. What do does happens once: a second attempt
// finds what the first has done.
func retry(ctx context.Context, do func() error) error {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			yield(ctx, attempt)
		}
		err = do()
		f, ours := failed(err)
		if !ours || ctx.Err() != nil || (!f.again() && !f.lost()) {
			return err
		}
	}
	return err
}

// yield lets others go first, longer after each attempt: up to a quarter of a second before the last. Chance keeps those who
// met from meeting again.
func yield(ctx context.Context, attempt int) {
	timer := time.NewTimer(mathrand.N(time.Millisecond << attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// now is the server's clock, in microseconds.
func (l *Ledger) now() time.Time { return event.Instant(l.Clock.Now()) }

// What is drawn by lot. Reading chance never fails (crypto/rand).

func lot() (out event.Chance) {
	_, _ = rand.Read(out[:])
	return out
}

func nonce() (out [seal.NonceSize]byte) {
	_, _ = rand.Read(out[:])
	return out
}

func keyLot() *seal.Chance {
	out := &seal.Chance{Nonce: nonce()}
	_, _ = rand.Read(out.Key[:])
	return out
}

// links are all forms in which a name may be kept, newest pepper first. A reference is kept as it is.
func (l *Ledger) links(person consent.Person) [][]byte {
	if person.Kind == consent.KindSubject {
		reference, err := uuid.Parse(person.ID)
		if err != nil {
			return nil
		}
		return [][]byte{reference[:]}
	}
	out := make([][]byte, len(l.peppers))
	for i, p := range l.peppers {
		out[i] = event.Link(p.key, person)
	}
	return out
}

// Values as the driver takes them.

func id(u uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: u, Valid: u != uuid.Nil} }

func text(s string) pgtype.Text { return pgtype.Text{String: s, Valid: s != ""} }

func instant(t time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()} }
