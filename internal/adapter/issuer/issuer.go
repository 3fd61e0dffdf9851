// Package issuer asks the API server who issues the tokens of ServiceAccounts, and by which keys: what a service needs to know
// its clients without a way to the API server (OpenID Connect Discovery 1.0, RFC 7517).
package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/policy"
)

// Paths of the API server's discovery.
const (
	pathConfiguration = "/.well-known/openid-configuration"
	pathKeys          = "/openid/v1/jwks"
)

// errForm means that the API server answered something else than discovery.
var errForm = errors.New("not the answer of an issuer")

// Cluster is the issuer of a cluster.
type Cluster struct{ REST rest.Interface }

// Issuers returns the cluster's issuer and its keys, always written the same way; none where the API server does not tell, or
// does not let us ask.
func (c Cluster) Issuers(ctx context.Context) ([]policy.Issuer, error) {
	configuration, err := c.get(ctx, pathConfiguration)
	if configuration == nil || err != nil {
		return nil, err
	}
	keys, err := c.get(ctx, pathKeys)
	if keys == nil || err != nil {
		return nil, err
	}
	var discovered struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(configuration, &discovered); err != nil || discovered.Issuer == "" {
		return nil, fmt.Errorf("reading the cluster's issuer: %w", errForm)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(keys, &set); err != nil || len(set.Keys) == 0 {
		return nil, fmt.Errorf("reading the keys of the cluster's issuer: %w", errForm)
	}
	if keys, err = canonical.Again(keys); err != nil {
		return nil, fmt.Errorf("reading the keys of the cluster's issuer: %w", errForm)
	}
	return []policy.Issuer{{Issuer: discovered.Issuer, JWKS: keys}}, nil
}

// get returns nil where the path is not there or not ours to read.
func (c Cluster) get(ctx context.Context, path string) ([]byte, error) {
	text, err := c.REST.Get().AbsPath(path).DoRaw(ctx)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("asking the API server for its issuer: %w", err)
	default:
		return text, nil
	}
}
