// Package consentd asks the consent service of a policy what it serves and what its ledger holds.
package consentd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/egress"
)

// Path is where the service says what it serves.
const Path = "/internal/v1/status"

// pathConsistency is where it proves that its log only grew.
const pathConsistency = "/v1/sites/%s/log/consistency?from=%d&to=%d"

// ErrSilent means that there was no answer, or one that cannot be read. What it held is not told.
var ErrSilent = errors.New("the consent service did not answer")

// Client asks over HTTP within the cluster.
type Client struct{ port int }

// New returns a client that asks at the port of the service's Service.
func New() Client { return Client{port: policy.ServicePort} }

// Status asks the service at a host of the cluster.
func (c Client) Status(ctx context.Context, host string) (*policy.Answer, error) {
	answer := &policy.Answer{}
	return answer, c.get(ctx, host, Path, answer)
}

// Consistency asks for the proof that the log of a larger size continues that of a smaller one. Who asks checks it.
func (c Client) Consistency(ctx context.Context, host, site string, from, to int64) ([][]byte, error) {
	var answer struct {
		Path []string `json:"path"`
	}
	if err := c.get(ctx, host, fmt.Sprintf(pathConsistency, url.PathEscape(site), from, to), &answer); err != nil {
		return nil, err
	}
	path := make([][]byte, len(answer.Path))
	for i, text := range answer.Path {
		hash, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%w: not hashes of a proof", ErrSilent)
		}
		path[i] = hash
	}
	return path, nil
}

// get reads JSON at a host of the cluster. Nothing but that host and port is dialled: no redirect is followed.
func (c Client) get(ctx context.Context, host, path string, into any) error {
	target := host + ":" + strconv.Itoa(c.port)
	door, err := egress.New(egress.Options{Allow: []string{target}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, egress.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	response, err := door.Client(nil).Do(request)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSilent, egress.ClassOf(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: status %d", ErrSilent, response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, egress.MaxBody)).Decode(into); err != nil {
		return fmt.Errorf("%w: not the JSON of an answer", ErrSilent)
	}
	return nil
}
