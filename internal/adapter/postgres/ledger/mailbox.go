package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

const (
	insertPerson = `INSERT INTO consent.subject_keys (tenant_id, subject_ref, created_at, kek_id, wrapped_key) VALUES ($1, $2, $3, $4, $5)`
	insertToken  = `INSERT INTO consent.mailbox_proofs (tenant_id, subject_ref, expires_at, token_sha256, kind, purpose) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, token_sha256) DO NOTHING` // a retry: tokens are drawn by lot
	dropTokens = `DELETE FROM consent.mailbox_proofs WHERE tenant_id = $1 AND subject_ref = $2 AND expires_at < $3`
	tokenOf    = `SELECT kind, subject_ref, purpose, expires_at, spent_at IS NOT NULL FROM consent.mailbox_proofs WHERE tenant_id = $1 AND token_sha256 = $2`
	spendToken = `UPDATE consent.mailbox_proofs SET spent_at = $3 WHERE tenant_id = $1 AND token_sha256 = $2 AND spent_at IS NULL AND expires_at > $3 RETURNING subject_ref`
	seenAct    = `SELECT (SELECT receipt_id FROM consent.idem WHERE tenant_id = $1 AND site = $2 AND key_sha256 = $3)`
	keyOf      = `SELECT k.kek_id, k.wrapped_key, ` + youngest + ` FROM consent.subject_keys l JOIN consent.subject_keys k USING (tenant_id, subject_ref)
WHERE l.tenant_id = $1 AND l.subject_ref = $2 AND l.shredded_at IS NULL`
)

// tokensKept is how long a token that has ended is told from one that never was; then it goes, when its person gets another.
const tokensKept = 24 * time.Hour

// Issue keeps a token's hash for a person, who becomes known by it.
func (l *Ledger) Issue(ctx context.Context, token []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	return l.issue(ctx, consent.Ticket{Kind: kind, Purpose: purpose, Expires: expires}, token, person, true)
}

// IssueKnown keeps a token's hash for a person whom the ledger knows. They are locked, so that nobody who is being forgotten comes back.
func (l *Ledger) IssueKnown(ctx context.Context, token []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	return l.issue(ctx, consent.Ticket{Kind: kind, Purpose: purpose, Expires: expires}, token, person, false)
}

func (l *Ledger) issue(ctx context.Context, ticket consent.Ticket, token []byte, person consent.Person, meet bool) error {
	hash := sha256.Sum256(token)
	if person.Kind == consent.KindSubject {
		return fmt.Errorf("issuing a token: %w", consent.ErrUnknown) // whom a mail is for has a name
	}
	err := retry(ctx, func() error {
		return l.transaction(ctx, l.App, beginWrite, func(t tx) error {
			subject, _, err := l.held(ctx, t, person)
			if err == nil && subject == uuid.Nil {
				err = l.sure(ctx, t, person)
			}
			if err != nil {
				return err
			}
			if subject == uuid.Nil && !meet {
				return consent.ErrUnknown
			}
			return t.send(ctx, func(b *pgx.Batch) {
				if subject == uuid.Nil {
					subject = uuid.New()
					_, wrapped, _ := l.KEK.New(keyLot(), l.Tenant, subject)
					b.Queue(insertPerson, id(l.Tenant), id(subject), instant(l.now()), l.KEK.Current(), wrapped)
					b.Queue(insertLink, id(l.Tenant), id(subject), person.Kind, event.Link(l.peppers[0].key, person), l.peppers[0].id)
				}
				b.Queue(dropTokens, id(l.Tenant), id(subject), instant(l.now().Add(-tokensKept)))
				b.Queue(insertToken, id(l.Tenant), id(subject), instant(event.Instant(ticket.Expires)), hash[:], ticket.Kind, ticket.Purpose)
			})
		})
	})
	if err != nil {
		return fmt.Errorf("issuing a token: %w", err)
	}
	return nil
}

// Peek tells what a token is for.
func (l *Ledger) Peek(ctx context.Context, token []byte, now time.Time) (consent.Ticket, error) {
	var ticket consent.Ticket
	err := retry(ctx, func() (err error) {
		ticket, err = l.peek(ctx, token, now)
		return err
	})
	if err != nil {
		return consent.Ticket{}, fmt.Errorf("looking at a token: %w", err)
	}
	return ticket, nil
}

func (l *Ledger) peek(ctx context.Context, token []byte, now time.Time) (ticket consent.Ticket, err error) {
	hash := sha256.Sum256(token)
	var subject pgtype.UUID
	var spent bool
	err = l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(tokenOf, id(l.Tenant), hash[:]).QueryRow(func(row pgx.Row) error {
			return row.Scan(&ticket.Kind, &subject, &ticket.Purpose, &ticket.Expires, &spent)
		})
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ticket, consent.ErrUnknown
	case err != nil:
		return ticket, err
	}
	ticket.Subject, ticket.Expires = subject.Bytes, ticket.Expires.UTC()
	if spent || !now.Before(ticket.Expires) {
		return ticket, consent.ErrSpent
	}
	return ticket, nil
}

// Spend uses a token up and records the act of whom it was mailed to, both or neither. A retry of the same act, by its key,
// gets the first answer.
func (l *Ledger) Spend(ctx context.Context, token []byte, now time.Time, act consent.Act) (recorded consent.Recorded, err error) {
	if err := event.Check(&act); err != nil {
		return recorded, fmt.Errorf("spending a token: %w", err)
	}
	err = retry(ctx, func() error {
		ticket, err := l.peek(ctx, token, now)
		switch {
		case errors.Is(err, consent.ErrSpent):
			recorded, err = l.spent(ctx, &act)
		case err == nil:
			recorded, err = l.spend(ctx, token, now, &act, ticket.Subject)
		}
		return err
	})
	if err != nil {
		return consent.Recorded{}, fmt.Errorf("spending a token: %w", err)
	}
	return recorded, nil
}

// spent answers for a token that was spent: with the act's record, if this act spent it.
func (l *Ledger) spent(ctx context.Context, act *consent.Act) (consent.Recorded, error) {
	var receipt pgtype.UUID
	key := sha256.Sum256([]byte(act.Key))
	err := l.inTenant(ctx, l.App, func(b *pgx.Batch) {
		b.Queue(seenAct, id(l.Tenant), act.Site, key[:]).QueryRow(func(row pgx.Row) error { return row.Scan(&receipt) })
	})
	switch {
	case err != nil:
		return consent.Recorded{}, err
	case !receipt.Valid:
		return consent.Recorded{}, consent.ErrSpent
	}
	return l.recorded(ctx, receipt.Bytes)
}

// spend locks the person first, as all do who change what is theirs: in another order two would wait for each other.
func (l *Ledger) spend(ctx context.Context, token []byte, now time.Time, act *consent.Act, person uuid.UUID) (consent.Recorded, error) {
	hash := sha256.Sum256(token)
	var w *writing
	var key seal.Key
	var answer known
	err := l.transaction(ctx, l.App, beginWrite, func(t tx) error {
		if err := l.lock(ctx, t, []pgtype.UUID{id(person)}); err != nil {
			return err
		}
		var subject pgtype.UUID
		err := t.send(ctx, func(b *pgx.Batch) {
			b.Queue(spendToken, id(l.Tenant), hash[:], instant(event.Instant(now))).QueryRow(func(row pgx.Row) error { return row.Scan(&subject) })
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return errMoved // somebody else was quicker: the next attempt says what became of it
		}
		if err != nil {
			return err
		}
		if subject.Bytes != person {
			return errMoved
		}
		if w, key, err = l.writeHeld(ctx, t, act, consent.Person{}, person, &answer); err != nil {
			return err
		}
		if answer.seen.Valid {
			return errSeen // the token is for another act: it stays
		}
		return l.wish(ctx, t, w, consent.ByLink)
	})
	if errors.Is(err, errSeen) {
		return l.recorded(ctx, answer.seen.Bytes)
	}
	return l.answered(ctx, w, key, answer, err)
}

// errSeen rolls a transaction back whose act was recorded before.
var errSeen = errors.New("recorded before")
