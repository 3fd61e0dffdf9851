package main

import (
	"os"
	"path/filepath"
	"testing"
)

func page(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLinksThatLeadSomewherePass(t *testing.T) {
	folder := t.TempDir()
	page(t, folder, "other.md", "# The `one` way, really\n\n## Twice\n\n## Twice\n")
	file := page(t, folder, "page.md", "# Here\n[a](other.md) [b](other.md#the-one-way-really) [c](#here) [d](https://example.org/gone) [e](other.md#twice-1)\n"+
		"`[code](gone.md)`\n\n```\n[code](gone.md)\n```\n")
	if faults := check(file); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestLinksThatLeadNowhereAreNamed(t *testing.T) {
	folder := t.TempDir()
	page(t, folder, "other.md", "# One\n")
	file := page(t, folder, "page.md", "[a](gone.md) [b](other.md#two) [c](#nowhere)\n")
	if faults := check(file); len(faults) != 3 {
		t.Errorf("got %d faults, want 3: %v", len(faults), faults)
	}
}
