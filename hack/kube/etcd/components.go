//go:build components

// Package etcd pins the store behind the API server. The blank import keeps go.sum complete;
// the build tag keeps the package itself from being built.
package etcd

import _ "go.etcd.io/etcd/server/v3"
