// Package config holds the manifests of what the API server evaluates for Rempart. The operator restores what somebody
// changed, and tests evaluate them: both read what is installed.
package config

import "embed"

// Guards are the admission policies with their bindings, and the webhook configurations, for the namespace rempart-system.
//
//go:embed admission/*.yaml webhook/*.yaml
var Guards embed.FS
