// Command seeded asks of our own tests whether they would notice a bug: it builds the program with one at a time, by go test's
// -overlay, so that no file changes, and runs the tests that should fail. A bug that they let pass, that does not fit the code any more, or
// that does not compile is an error.
//
//	seeded -C ../..          # all of them, from hack/tools
//	seeded -C ../.. ledger   # those with this in their name
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bug is a fault in the code: in File, a path of the repository, Old, which is there once, becomes New. Run are the tests of the
// package In, as go test's -run names them, of which one must fail.
type bug struct{ Name, File, Old, New, In, Run string }

// histories is the package whose tests write down the history that failed, unless they are told not to: no file of the repository changes.
const histories = "internal/erasure"

func main() {
	root := flag.String("C", ".", "the repository")
	flag.Parse()
	if err := all(*root, strings.Join(flag.Args(), " ")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func all(root, named string) error {
	folder, err := os.MkdirTemp("", "seeded-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	var faults []error
	for _, b := range bugs {
		if !strings.Contains(b.Name, named) {
			continue
		}
		err := b.caught(root, folder)
		if err != nil {
			faults = append(faults, err)
		}
		fmt.Printf("%-60s %s\n", b.Name, map[bool]string{true: "caught", false: "NOT CAUGHT"}[err == nil])
	}
	return errors.Join(faults...)
}

// caught runs the tests with the bug; nil when one of them failed.
func (b bug) caught(root, folder string) error {
	overlay, err := b.overlay(root, folder)
	if err != nil {
		return err
	}
	if out, err := run(root, "build", "-overlay", overlay, "./"+filepath.Dir(b.File)); err != nil {
		return fmt.Errorf("%s: does not compile: %s", b.Name, out)
	}
	test := []string{"test", "-count=1", "-overlay", overlay, "-run", b.Run, "./" + b.In}
	if b.In == histories {
		test = append(test, "-args", "-rapid.nofailfile")
	}
	out, err := run(root, test...)
	switch {
	case err == nil && bytes.Contains(out, []byte("no tests to run")):
		return fmt.Errorf("%s: %s has no test %s", b.Name, b.In, b.Run)
	case err == nil:
		return fmt.Errorf("%s: %s of %s let it pass", b.Name, b.Run, b.In)
	case !bytes.Contains(out, []byte("--- FAIL: ")) && !bytes.Contains(out, []byte("panic: ")):
		return fmt.Errorf("%s: no test failed, but go test did: %s", b.Name, out)
	default:
		return nil
	}
}

// overlay writes the file with the bug, and what tells go of it.
func (b bug) overlay(root, folder string) (string, error) {
	seeded, err := b.seeded(root)
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(filepath.Join(root, b.File))
	if err != nil {
		return "", err
	}
	with := filepath.Join(folder, "with.go")
	said, err := json.Marshal(map[string]map[string]string{"Replace": {original: with}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, "overlay.json")
	return overlay, errors.Join(os.WriteFile(with, seeded, 0o600), os.WriteFile(overlay, said, 0o600))
}

// seeded is the file with the bug.
func (b bug) seeded(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, b.File)) //nolint:gosec // a path of bugs
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(text, []byte(b.Old)); n != 1 {
		return nil, fmt.Errorf("%s: %s has %d times what it replaces: %q", b.Name, b.File, n, b.Old)
	}
	return bytes.Replace(text, []byte(b.Old), []byte(b.New), 1), nil
}

func run(root string, args ...string) ([]byte, error) {
	command := exec.Command("go", args...) //nolint:gosec // arguments of bugs
	command.Dir = root
	return command.CombinedOutput()
}
