package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
)

// tokensKept is how long a token that has ended is told from one that never was; then it goes, when its person gets another.
const tokensKept = 24 * time.Hour

// Issue keeps a token's hash for a person, who becomes known by it.
func (l *Ledger) Issue(_ context.Context, raw []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if person.Kind == consent.KindSubject {
		return fmt.Errorf("issuing a token: %w", consent.ErrUnknown) // whom a mail is for has a name
	}
	if _, err := l.meet(person, false); err != nil {
		return err
	}
	return l.issue(raw, kind, person, purpose, expires)
}

// IssueKnown keeps a token's hash for a person whom the ledger knows.
func (l *Ledger) IssueKnown(_ context.Context, raw []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if person.Kind == consent.KindSubject {
		return fmt.Errorf("issuing a token: %w", consent.ErrUnknown)
	}
	return l.issue(raw, kind, person, purpose, expires)
}

func (l *Ledger) issue(raw []byte, kind string, person consent.Person, purpose string, expires time.Time) error {
	subject, known := l.find(person)
	if !known {
		return fmt.Errorf("issuing a token: %w", l.unknown(person))
	}
	for hash, t := range l.tokens {
		if t.Subject == subject && t.Expires.Before(l.clock.Now().Add(-tokensKept)) {
			delete(l.tokens, hash)
		}
	}
	l.tokens[sha256.Sum256(raw)] = &token{Ticket: consent.Ticket{Kind: kind, Subject: subject, Purpose: purpose, Expires: event.Instant(expires)}}
	return nil
}
