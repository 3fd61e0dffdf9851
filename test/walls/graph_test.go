package walls

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// module is the path of our module.
const module = "github.com/rempart-dev/rempart/"

// graph is who imports whom, tests left out.
type graph map[string]pkg

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// list returns the packages that match the patterns and all they depend on.
func list(t *testing.T, patterns ...string) graph {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-e", "-json=ImportPath,Imports,Standard"}, patterns...)...)
	command.Dir = "../.."
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, complaints.String())
	}
	found := graph{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		found[p.ImportPath] = p
	}
}

// ours are the packages of this module, without its path.
func (g graph) ours() []string {
	var paths []string
	for path := range g {
		if short, is := strings.CutPrefix(path, module); is {
			paths = append(paths, short)
		}
	}
	return paths
}

// chain returns a shortest chain of imports from a package to one that forbidden describes, or nil.
func (g graph) chain(from string, forbidden func(path string) bool) []string {
	type step struct {
		path string
		back *step
	}
	queue, seen := []*step{{path: from}}, map[string]bool{from: true}
	for len(queue) > 0 {
		here := queue[0]
		queue = queue[1:]
		for _, next := range g[here.path].Imports {
			if seen[next] {
				continue
			}
			seen[next] = true
			there := &step{next, here}
			if forbidden(next) {
				var way []string
				for ; there != nil; there = there.back {
					way = append([]string{there.path}, way...)
				}
				return way
			}
			queue = append(queue, there)
		}
	}
	return nil
}

// under tells whether a path is one of the given packages or below it.
func under(path string, roots ...string) bool {
	for _, root := range roots {
		if path == root || strings.HasPrefix(path, root+"/") {
			return true
		}
	}
	return false
}
