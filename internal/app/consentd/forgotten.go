package consentd

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/rempart-dev/rempart/internal/consent"
)

// forgotten is the folder with the marks of people who were shredded, which the operator copies out of the ledger: a database that is
// restored from a dump revives nobody who is in it. Each file is marks, one behind the other. Without a folder there is no such list.
type forgotten struct{ folder string }

// Marks reads all files. One that is no list of marks is an error: nothing is served then, for somebody could be missing in it.
func (f forgotten) Marks() ([]consent.Mark, error) {
	if f.folder == "" {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(f.folder, "marks*"))
	if err != nil || len(files) == 0 {
		return nil, errors.New("reading who was forgotten: there is no file of marks")
	}
	var marks []consent.Mark
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || len(text)%len(consent.Mark{}) != 0 {
			return nil, errors.New("reading who was forgotten: a file cannot be read, or is not one of marks")
		}
		for ; len(text) > 0; text = text[len(consent.Mark{}):] {
			marks = append(marks, consent.Mark(text[:len(consent.Mark{})]))
		}
	}
	return marks, nil
}
