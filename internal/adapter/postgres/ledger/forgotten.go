package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/google/uuid"
)

// ForgottenFile is a list of who was shredded in a file, a line each: tenant and reference. It belongs on a volume that is not
// in the database's backup.
type ForgottenFile struct {
	Path string
	mu   sync.Mutex
}

// Add appends a reference and returns when it is on disk.
func (f *ForgottenFile) Add(_ context.Context, tenant, subject uuid.UUID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.OpenFile(f.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the list of the forgotten: %w", err)
	}
	// The line before may have been cut off by a crash: an empty line is skipped.
	_, err = fmt.Fprintf(file, "\n%s %s\n", tenant, subject)
	return errors.Join(err, file.Sync(), file.Close())
}

// List returns the references of a tenant. A line that is not whole is one whose Add did not return.
func (f *ForgottenFile) List(_ context.Context, tenant uuid.UUID) ([]uuid.UUID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the list of the forgotten: %w", err)
	}
	defer file.Close()
	var subjects []uuid.UUID
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var of, subject string
		if n, _ := fmt.Sscanf(lines.Text(), "%s %s", &of, &subject); n != 2 || of != tenant.String() {
			continue
		}
		if named, err := uuid.Parse(subject); err == nil {
			subjects = append(subjects, named)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the list of the forgotten: %w", err)
	}
	return subjects, nil
}
