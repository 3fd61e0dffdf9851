package consentd

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/memory/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

// memory is the twin as a store: for trials, and for tests that need no database.
type memory struct {
	*ledger.Ledger
	keys jws.Keys
}

func openMemory(p *settings.Policy, keys settings.Keys, origin string) (store, error) {
	signer, _, err := proof.NewSigner(origin, keys.Seed)
	if err != nil {
		return nil, fmt.Errorf("making the log's key: %w", err)
	}
	l, err := ledger.New(ledger.Config{Tenant: p.Tenant, Origin: origin, Peppers: settings.Bytes(keys.Peppers), KEKs: settings.Bytes(keys.KEKs), Signer: signer})
	if err != nil {
		return nil, fmt.Errorf("making the ledger: %w", err)
	}
	return memory{l, keys.Public}, nil
}

// Public are the keys that the program was started with: the log is no older.
func (m memory) Public(context.Context) (jws.Keys, error) { return m.keys, nil }

// Run has nothing to do: the twin numbers events as they come.
func (memory) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Prune keeps all: nothing is there for long.
func (memory) Prune(context.Context, time.Time, ...uuid.UUID) (int64, error) { return 0, nil }

// SweepPeople is of nobody, for the same reason.
func (memory) SweepPeople(context.Context) (int64, error) { return 0, nil }

// Left is nobody: what waits goes when the program ends.
func (memory) Left(context.Context, bool) ([]uuid.UUID, error) { return nil, nil }

// Time is this machine's.
func (memory) Time(context.Context) (time.Time, error) { return time.Now(), nil }

// Due never receives: there is nothing left to remove.
func (memory) Due() <-chan struct{} { return nil }

// Close has nothing to close.
func (memory) Close() {}

// Audit hashes each event again.
func (m memory) Audit(ctx context.Context) error {
	const page = 1000
	for after := uuid.Nil; ; {
		found, err := m.Since(ctx, after, page)
		if err != nil || len(found) == 0 {
			return err //nolint:wrapcheck // says what it was reading
		}
		for _, e := range found {
			if !bytes.Equal(event.Hash(&e), e.Leaf) {
				return consent.ErrContradicted
			}
			after = e.ID
		}
	}
}
