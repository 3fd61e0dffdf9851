package settings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Store holds the policy that is served, and takes in another one when the file has another content. A file that is broken, or that
// is of another tenant, changes nothing.
type Store struct {
	folder string
	// adopt makes a policy public before it is served: nobody is shown words that the ledger does not have.
	adopt   func(ctx context.Context, p *Policy) error
	log     *slog.Logger
	current atomic.Pointer[Policy]
	// refused is the digest of the file that was refused last, so that it is said once.
	refused atomic.Pointer[string]
}

// NewStore returns a store of the folder's policy, which it has not read yet.
func NewStore(folder string, adopt func(ctx context.Context, p *Policy) error, log *slog.Logger) *Store {
	return &Store{folder: folder, adopt: adopt, log: log}
}

// Current is the policy that is served; nil before the first.
func (s *Store) Current() *Policy { return s.current.Load() }

// Refused tells whether the file that is there now is not the one that is served, because it is broken.
func (s *Store) Refused() bool { return s.refused.Load() != nil }

// Load reads the file and, if it says something else than what is served or the time of another notice has come, takes it in. It
// fails with ErrBroken, or as adopt does; the policy of before is served on then.
func (s *Store) Load(ctx context.Context, now time.Time) error {
	text, digest, err := readFile(s.folder)
	if err != nil {
		return s.refuse("absent", err)
	}
	served := s.current.Load()
	next, err := Read(text, digest, now)
	switch {
	case err != nil:
		return s.refuse(digest, err)
	case served != nil && (served.Tenant != next.Tenant || served.Namespace != next.Namespace || served.Name != next.Name):
		return s.refuse(digest, fmt.Errorf("%w: it is of another tenant", ErrBroken))
	case served != nil && served.Digest == digest && served.Notice.Version == next.Notice.Version:
		s.refused.Store(nil)
		return nil
	}
	err = s.adopt(ctx, next)
	if errors.Is(err, ErrBroken) {
		return s.refuse(digest, err)
	}
	if err != nil {
		return fmt.Errorf("making the policy public: %w", err)
	}
	s.current.Store(next)
	s.refused.Store(nil)
	s.log.Info("Serving policy", "digest", digest, "notice", next.Notice.Version)
	return nil
}

// ReadFile reads the policy of a folder, to know whose it is before there is a store.
func ReadFile(folder string, now time.Time) (*Policy, error) {
	text, digest, err := readFile(folder)
	if err != nil {
		return nil, err
	}
	return Read(text, digest, now)
}

func readFile(folder string) (text []byte, digest string, err error) {
	text, err = os.ReadFile(filepath.Join(folder, PolicyFile))
	if err != nil {
		return nil, "", fmt.Errorf("%w: the file cannot be read", ErrBroken)
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:]), nil
}

// refuse says once of each content that it is not served.
func (s *Store) refuse(digest string, err error) error {
	if before := s.refused.Swap(&digest); before == nil || *before != digest {
		s.log.Error("Refused the policy file and served on", "digest", digest, "error", err)
	}
	return err
}

// Run loads again and again until the context ends. Kubernetes replaces mounted files within a minute or two, so looking every
// few seconds adds little to it, and needs no system call that a file system may lack.
func (s *Store) Run(ctx context.Context, every time.Duration, clock func() time.Time) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := s.Load(ctx, clock()); err != nil && !errors.Is(err, ErrBroken) {
			s.log.Warn("Could not make the policy public yet")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
