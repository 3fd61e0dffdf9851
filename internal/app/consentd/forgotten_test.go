package consentd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rempart-dev/rempart/internal/consent"
)

func TestMarksAreReadFromAllFilesOrNotAtAll(t *testing.T) {
	one, two, three := consent.Mark{1}, consent.Mark{2}, consent.Mark{3}
	for name, c := range map[string]struct {
		files map[string][]byte
		want  int
		fails bool
	}{
		"nobody":     {map[string][]byte{"marks-1": nil}, 0, false},
		"two files":  {map[string][]byte{"marks-1": append(one[:], two[:]...), "marks-2": three[:]}, 3, false},
		"cut off":    {map[string][]byte{"marks-1": append(one[:], two[:7]...)}, 0, true},
		"other file": {map[string][]byte{"other": one[:]}, 0, true},
		"no file":    {nil, 0, true},
	} {
		folder := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(folder, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		marks, err := forgotten{folder}.Marks()
		if len(marks) != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %v, %v", name, marks, err)
		}
	}
	if marks, err := (forgotten{}).Marks(); marks != nil || err != nil {
		t.Errorf("without a folder: %v, %v", marks, err)
	}
}
