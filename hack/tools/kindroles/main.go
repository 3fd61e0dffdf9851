// Command kindroles writes the ClusterRoles by which people use the kinds: a viewer, an editor and an admin for each
// kind, only a viewer for the kinds that the operator alone creates, and one role per legal duty, such as approving an
// erasure. They follow from the CRDs and from the table in roles.go, so that a new kind cannot be forgotten.
//
//	kindroles -crds config/crd/bases -out config/rbac/kinds.yaml
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	crds := flag.String("crds", "config/crd/bases", "folder of the generated CRDs")
	out := flag.String("out", "config/rbac/kinds.yaml", "file to write")
	flag.Parse()
	if err := run(*crds, *out); err != nil {
		fmt.Fprintln(os.Stderr, "kindroles:", err)
		os.Exit(1)
	}
}

func run(crds, out string) error {
	kinds, err := read(crds)
	if err != nil {
		return fmt.Errorf("reading the CRDs: %w", err)
	}
	text, err := render(kinds)
	if err != nil {
		return fmt.Errorf("rendering the roles: %w", err)
	}
	return os.WriteFile(out, text, 0o644) //nolint:gosec // a manifest, for everybody to read
}
