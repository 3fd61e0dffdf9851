package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

const (
	rotations = `SELECT evidence_ct FROM consent.events WHERE tenant_id = $1 AND type = 'key.rotated' AND subject_ref IS NULL ORDER BY event_id`
	// waitLock lets replicas that start together rotate one after the other.
	waitLock = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
)

// ErrRetired means that the log says that another key has taken the place of this one: it signs no more.
var ErrRetired = errors.New("another key has taken the place of this one in the log; sign with that one, or with one that takes its place")

// keys are those of the log, newest first, as its events tell from the one that this process has.
type keys struct {
	mu     sync.RWMutex
	told   int // how many statements were read
	texts  []string
	public []note.Verifier
}

// learn takes what the log says of its keys.
func (k *keys) learn(l *Ledger, statements [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.texts != nil && k.told == len(statements) {
		return nil
	}
	texts := proof.Succession(l.Signer.Name(), l.Public, statements...)
	public, err := proof.Keys(l.Signer.Name(), texts...)
	if err != nil {
		return err
	}
	k.told, k.texts, k.public = len(statements), texts, public
	return nil
}

func (k *keys) verifiers() []note.Verifier {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.public
}

func (k *keys) newest() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.texts[0]
}

// learn reads what the log says of its keys.
func (l *Ledger) learn(ctx context.Context) error {
	var statements [][]byte
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(rotations, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
			statements, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
			return err
		})
	})
	if err != nil {
		return wrap("reading the log's keys", err)
	}
	return l.keys.learn(l, statements)
}

// Keys are the texts of the public keys of the log, newest first: also of those that signed it before, and of one that another replica
// has already.
func (l *Ledger) Keys(ctx context.Context) ([]string, error) {
	if err := l.learn(ctx); err != nil {
		return nil, err
	}
	l.keys.mu.RLock()
	defer l.keys.mu.RUnlock()
	return slices.Clone(l.keys.texts), nil
}

// succeed makes sure that our key is the one that signs: it takes the place of the one before it, if that is new. A log that neither of
// the two has signed is left as it is: it will not be signed on, and an audit calls it contradicted.
func (l *Ledger) succeed(ctx context.Context) error {
	if err := l.learn(ctx); err != nil {
		return err
	}
	if l.Before != nil {
		if err := l.rotate(ctx); err != nil {
			return err
		}
	}
	if l.keys.newest() != l.Public {
		return ErrRetired
	}
	return nil
}

// rotate says in the log that Signer has taken the place of Before: a key.rotated event whose evidence both have signed. Both sign each
// checkpoint until that is in the log. Twice is once.
func (l *Ledger) rotate(ctx context.Context) error {
	statement, err := proof.Rotation(l.Before, l.Signer, proof.Rotated{Before: l.BeforePublic, After: l.Public})
	if err != nil {
		return wrap("rotating the log's key", err)
	}
	err = l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		statements, theirs, err := l.signedSoFar(ctx, t)
		keys := proof.Succession(l.Signer.Name(), l.BeforePublic, statements...)
		ours := slices.Index(keys, l.Public)
		switch {
		case err != nil:
			return err
		case ours >= 0 && slices.Index(keys, l.BeforePublic) == ours+1:
			return nil // it was said
		case ours >= 0 || keys[0] != l.BeforePublic:
			return ErrRetired
		case !theirs(keys):
			return nil
		}
		told := l.house(consent.Event{Type: consent.EventKeyRotated, EvidenceCiphertext: statement})
		return t.send(ctx, func(b *pgx.Batch) { l.queueHouse(b, []consent.Event{told}) })
	})
	if err != nil {
		return wrap("rotating the log's key", err)
	}
	l.Sequencer.mu.Lock()
	l.Sequencer.cosign = l.Before
	l.Sequencer.mu.Unlock()
	return l.learn(ctx)
}

// signedSoFar is what the log says of its keys, and tells whether keys are those that signed it last. No other replica rotates until
// the transaction ends.
func (l *Ledger) signedSoFar(ctx context.Context, t tx) (statements [][]byte, theirs func(keys []string) bool, err error) {
	var last *consent.Checkpoint
	if err := t.send(ctx, func(b *pgx.Batch) { b.Queue(waitLock, "rempart/consent/rotate/"+l.Tenant.String()) }); err != nil {
		return nil, nil, err
	}
	err = t.send(ctx, func(b *pgx.Batch) {
		b.Queue(rotations, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
			statements, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
			return err
		})
		b.Queue(newest, id(l.Tenant)).Query(func(rows pgx.Rows) (err error) {
			last, err = scanHead(rows)
			return err
		})
	})
	return statements, func(texts []string) bool {
		verifiers, err := proof.Keys(l.Signer.Name(), texts...)
		if err != nil || last == nil {
			return err == nil
		}
		_, err = proof.Read(last.Note, verifiers...)
		return err == nil
	}, err
}
