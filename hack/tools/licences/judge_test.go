package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func with(t *testing.T, files map[string]string) module {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return module{"example.org/thing", dir}
}

func TestAPermissiveLicencePasses(t *testing.T) {
	lines, err := judge([]module{with(t, map[string]string{"LICENSE.txt": "Apache License\n  Version 2.0, January 2004"})})
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "Apache-2.0") {
		t.Errorf("got %q, %v", lines, err)
	}
}

func TestCopyleftUnknownAndMissingLicencesFail(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"AGPL":    {"LICENSE": "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3. See also the MIT words: Permission is hereby granted, free of charge"},
		"BUSL":    {"LICENSE": "Business Source License 1.1. Change License: Apache License, Version 2.0"},
		"unknown": {"LICENSE": "Do as I say"},
		"none":    {"README": "MIT"},
	} {
		if _, err := judge([]module{with(t, files)}); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

func TestOneOfSeveralOffersIsEnough(t *testing.T) {
	_, err := judge([]module{with(t, map[string]string{
		"LICENSE-GPL": "GNU General Public License", "LICENSE-MIT": "Permission is hereby granted, free of charge. The above copyright notice",
	})})
	if err != nil {
		t.Error(err)
	}
}
