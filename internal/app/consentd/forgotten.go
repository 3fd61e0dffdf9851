package consentd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// forgotten is the list of people who were shredded, in a file of a folder that outlives the database: a restored one revives nobody who
// is in it. Its lines are random references that say nothing of anybody. Without a folder there is no such list.
type forgotten struct{ folder string }

func (f forgotten) file(tenant uuid.UUID) string {
	return filepath.Join(f.folder, "forgotten-"+tenant.String())
}

// Add appends a reference; it is on disk when Add returns. A line is written at once, so that several may append.
func (f forgotten) Add(_ context.Context, tenant, subject uuid.UUID) error {
	if f.folder == "" {
		return nil
	}
	file, err := os.OpenFile(f.file(tenant), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.New("keeping who was forgotten: the file cannot be opened")
	}
	_, err = file.WriteString(subject.String() + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.New("keeping who was forgotten: the file cannot be written")
	}
	return nil
}

// List returns all references.
func (f forgotten) List(_ context.Context, tenant uuid.UUID) ([]uuid.UUID, error) {
	if f.folder == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.file(tenant))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("reading who was forgotten: the file cannot be read")
	}
	var subjects []uuid.UUID
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		subject, err := uuid.Parse(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("reading who was forgotten: line %d is no reference", len(subjects)+1)
		}
		subjects = append(subjects, subject)
	}
	return subjects, nil
}
