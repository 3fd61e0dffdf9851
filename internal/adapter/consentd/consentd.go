// Package consentd asks the consent service of a policy what it serves and what its ledger holds.
package consentd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/egress"
)

// Path is where the service says what it serves.
const Path = "/internal/v1/status"

// ErrSilent means that there was no answer, or one that cannot be read. What it held is not told.
var ErrSilent = errors.New("the consent service did not answer")

// Client asks over HTTP within the cluster.
type Client struct{ port int }

// New returns a client that asks at the port of the service's Service.
func New() Client { return Client{port: policy.ServicePort} }

// Status asks the service at a host of the cluster. Nothing but that host and port is dialled: no redirect is followed.
func (c Client) Status(ctx context.Context, host string) (*policy.Answer, error) {
	target := host + ":" + strconv.Itoa(c.port)
	door, err := egress.New(egress.Options{Allow: []string{target}})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, egress.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+Path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	response, err := door.Client(nil).Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSilent, egress.ClassOf(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrSilent, response.StatusCode)
	}
	answer := &policy.Answer{}
	if err := json.NewDecoder(io.LimitReader(response.Body, egress.MaxBody)).Decode(answer); err != nil {
		return nil, fmt.Errorf("%w: not the JSON of an answer", ErrSilent)
	}
	return answer, nil
}
