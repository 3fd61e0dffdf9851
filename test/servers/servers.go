//go:build servers

// Package servers pins the servers that tests and the demo start. Blank imports keep go.sum complete;
// the build tag keeps the package itself from being built.
package servers

import (
	_ "github.com/axllent/mailpit"
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
