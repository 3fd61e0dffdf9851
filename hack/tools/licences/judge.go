package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// allowed are the licences under which a linked module may come: none asks more of us than to keep its notice, or,
// for MPL-2.0, to publish changes to its own files, which we do not make.
var allowed = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "Unlicense", "CC0-1.0"}

// module is one linked module and where its files are.
type module struct{ path, dir string }

// linked returns the modules of all packages that the programs link, sorted. Ours is left out.
func linked(root string, programs []string) ([]module, error) {
	command := exec.Command("go", append([]string{"list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}"}, programs...)...)
	command.Dir, command.Stderr = root, os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, err
	}
	var modules []module
	for line := range strings.Lines(string(out)) {
		if path, dir, is := strings.Cut(strings.TrimSpace(line), "\t"); is {
			modules = append(modules, module{path, dir})
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(modules), nil
}

// judge returns a line for NOTICE per module, or an error that names all modules that may not be linked.
func judge(modules []module) ([]string, error) {
	var lines []string
	var faults []error
	for _, m := range modules {
		found, err := licencesOf(m.dir)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", m.path, err))
		case len(found) == 0:
			faults = append(faults, fmt.Errorf("%s: no licence file in %s that this tool knows", m.path, filepath.Base(m.dir)))
		case !slices.ContainsFunc(found, func(l string) bool { return slices.Contains(allowed, l) }):
			faults = append(faults, fmt.Errorf("%s: licence %s is not allowed", m.path, strings.Join(found, ", ")))
		default:
			lines = append(lines, fmt.Sprintf("  %s  %s\n", m.path, strings.Join(found, ", ")))
		}
	}
	return lines, errors.Join(faults...)
}

// licencesOf reads the licence files at the top of a module. A module may offer several.
func licencesOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		tells := func(word string) bool { return strings.HasPrefix(name, word) }
		if entry.IsDir() || !slices.ContainsFunc([]string{"LICEN", "COPYING", "UNLICENSE"}, tells) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if name := recognise(string(text)); name != "" {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// recognise names a licence by sentences that only it has. Copyleft first: such a text may quote a permissive one.
func recognise(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(phrases ...string) bool {
		return !slices.ContainsFunc(phrases, func(phrase string) bool { return !strings.Contains(text, phrase) })
	}
	switch {
	case has("gnu affero general public license"):
		return "AGPL"
	case has("gnu lesser general public license"):
		return "LGPL"
	case has("mozilla public license", "version 2.0"), has("mozilla public license, v. 2.0"):
		return "MPL-2.0"
	case has("gnu general public license"):
		return "GPL"
	case has("business source license"):
		return "BUSL"
	case has("server side public license"):
		return "SSPL"
	case has("apache license", "version 2.0"):
		return "Apache-2.0"
	case has("permission is hereby granted, free of charge", "the above copyright notice"):
		return "MIT"
	case has("redistribution and use in source and binary forms", "endorse or promote products"):
		return "BSD-3-Clause"
	case has("redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	case has("permission to use, copy, modify, and", "distribute this software for any purpose"):
		return "ISC"
	case has("this is free and unencumbered software released into the public domain"):
		return "Unlicense"
	case has("cc0 1.0 universal"):
		return "CC0-1.0"
	}
	return ""
}
