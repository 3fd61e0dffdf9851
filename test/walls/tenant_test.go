package walls

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tenancy are the words by which a transaction gets a tenant: the constant's name, or the setting in a statement. A linter sees no words
// in strings.
var tenancy = regexp.MustCompile(`\bsetTenant\b|\b(?i:set_config\(\s*'app\.|SET\s+(LOCAL\s+|SESSION\s+)?"?app"?\.)`)

// TestOneFileSetsTheTenant: row security shows what the setting says. A tenant that is set elsewhere, or for longer than a transaction,
// shows the next user of the connection somebody else's people.
func TestOneFileSetsTheTenant(t *testing.T) {
	const place = "internal/adapter/postgres/ledger/ledger.go"
	found := map[string]bool{}
	for _, root := range []string{"api", "client", "cmd", "controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if tenancy.Match(text) {
				found[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !found[place] {
		t.Errorf("the search does not find the setting in %s, so it would find nothing else either", place)
	}
	delete(found, place)
	for file := range found {
		t.Errorf("%s sets a tenant, but only %s may: inTenant and transaction open what needs one", file, place)
	}
}
