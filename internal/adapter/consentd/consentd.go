// Package consentd asks the consent service of a policy what it serves and what its ledger holds.
package consentd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/policy"
	"github.com/rempart-dev/rempart/internal/consent/wish"
	"github.com/rempart-dev/rempart/internal/egress"
)

// Path is where the service says what it serves.
const Path = "/internal/v1/status"

// Where it tells of wishes to be erased, and is told what became of them.
const (
	pathWishes = "/internal/v1/wishes"
	pathAnswer = "/internal/v1/wishes:answer"
	pathLater  = "/internal/v1/wishes:later"
)

// pathConsistency is where it proves that its log only grew.
const pathConsistency = "/v1/sites/%s/log/consistency?from=%d&to=%d"

// pathForgotten is where it says who was forgotten, by marks.
const pathForgotten = "/internal/v1/forgotten?from=%d"

// ErrSilent means that there was no answer, or one that cannot be read. What it held is not told.
var ErrSilent = errors.New("the consent service did not answer")

// Client asks over HTTP within the cluster.
type Client struct{ port int }

// New returns a client that asks at the port of the service's Service.
func New() Client { return Client{port: policy.ServicePort} }

// Status asks the service at a host of the cluster.
func (c Client) Status(ctx context.Context, host string) (*policy.Answer, error) {
	answer := &policy.Answer{}
	return answer, c.ask(ctx, question{method: http.MethodGet, host: host, path: Path}, answer)
}

// Consistency asks for the proof that the log of a larger size continues that of a smaller one. Who asks checks it.
func (c Client) Consistency(ctx context.Context, host, site string, from, to int64) ([][]byte, error) {
	var answer struct {
		Path []string `json:"path"`
	}
	q := question{method: http.MethodGet, host: host, path: fmt.Sprintf(pathConsistency, url.PathEscape(site), from, to)}
	if err := c.ask(ctx, q, &answer); err != nil {
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

// Forgotten asks, with the operator's own token, for marks of people who were forgotten, as the log says from a size on.
func (c Client) Forgotten(ctx context.Context, host, token string, from int64) (page policy.ForgottenPage, err error) {
	var answer struct {
		To     int64    `json:"to"`
		Marks  []string `json:"marks"`
		Pepper string   `json:"pepper"`
	}
	if err := c.ask(ctx, question{method: http.MethodGet, host: host, path: fmt.Sprintf(pathForgotten, from), token: token}, &answer); err != nil {
		return page, err
	}
	for _, text := range answer.Marks {
		mark, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(mark) != len(consent.Mark{}) {
			return policy.ForgottenPage{}, fmt.Errorf("%w: not marks of people who were forgotten", ErrSilent)
		}
		page.Marks = append(page.Marks, consent.Mark(mark))
	}
	page.To, page.Pepper = answer.To, answer.Pepper
	return page, nil
}

// Wishes asks, with the operator's own token, for a part of the wishes that nobody has answered. It names people.
func (c Client) Wishes(ctx context.Context, host, token string, list wish.List) (wish.Page, error) {
	query := url.Values{"way": {string(list.Way)}, "limit": {strconv.Itoa(list.Limit)}}
	if list.Opened {
		query.Set("opened", "true")
	}
	if list.After != "" {
		query.Set("after", list.After)
	}
	q := question{method: http.MethodGet, host: host, path: pathWishes + "?" + query.Encode(), token: token}
	var page wish.Page
	return page, c.ask(ctx, q, &page)
}

// Answer tells the service what became of a wish. One that it does not know was answered before.
func (c Client) Answer(ctx context.Context, host, token string, id uuid.UUID, state wish.State) error {
	body, err := json.Marshal(struct {
		ID    uuid.UUID  `json:"id"`
		State wish.State `json:"state"`
	}{id, state})
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	return c.ask(ctx, question{method: http.MethodPost, host: host, path: pathAnswer, token: token, body: body, gone: "wish_unknown"}, nil)
}

// Later has others go before some wishes.
func (c Client) Later(ctx context.Context, host, token string, ids []uuid.UUID) error {
	body, err := json.Marshal(struct {
		IDs []uuid.UUID `json:"ids"`
	}{ids})
	if err != nil {
		return fmt.Errorf("writing a list: %w", err)
	}
	return c.ask(ctx, question{method: http.MethodPost, host: host, path: pathLater, token: token, body: body}, nil)
}

// question is one request.
type question struct {
	method, host, path string
	// token shows who asks; empty where anybody may.
	token string
	body  []byte
	// gone is the code of a 404 that is as good as an answer.
	gone string
}

// ask reads JSON at a host of the cluster, where an answer has any. Nothing but that host and port is dialled: no redirect is followed.
func (c Client) ask(ctx context.Context, q question, into any) error {
	target := q.host + ":" + strconv.Itoa(c.port)
	door, err := egress.New(egress.Options{Allow: []string{target}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, egress.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, q.method, "http://"+target+q.path, bytes.NewReader(q.body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	if q.token != "" {
		request.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := door.Client(nil).Do(request)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSilent, egress.ClassOf(err))
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusNoContent && into == nil:
		return nil
	case response.StatusCode == http.StatusNotFound && q.gone != "" && code(response.Body) == q.gone:
		return nil
	case slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed}, response.StatusCode):
		return fmt.Errorf("%w: %w: status %d", ErrSilent, wish.ErrOtherVersion, response.StatusCode)
	case response.StatusCode != http.StatusOK || into == nil:
		return fmt.Errorf("%w: status %d", ErrSilent, response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, egress.MaxBody)).Decode(into); err != nil {
		return fmt.Errorf("%w: not the JSON of an answer", ErrSilent)
	}
	return nil
}

// code is that of a problem (RFC 9457); empty where there is none.
func code(body io.Reader) string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.NewDecoder(io.LimitReader(body, egress.MaxBody)).Decode(&problem) // without a code the status says enough
	return problem.Code
}
