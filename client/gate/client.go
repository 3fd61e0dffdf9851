package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/gate"
)

// What keeps data from being filtered. Nothing passes then. No error quotes data or names a person.
var (
	// ErrUnavailable: the service could not be asked, or did not answer as it should. Try again later.
	ErrUnavailable = errors.New("the consent service is not available")
	// ErrRecord: the policy has no record of that name.
	ErrRecord = gate.ErrRecord
	// ErrData: not one JSON object or array of objects, a field that comes twice, or too deep.
	ErrData = gate.ErrData
	// ErrTooLarge: more than a mebibyte.
	ErrTooLarge = gate.ErrTooLarge
	// ErrSubject: no person is named, or by what nobody can be called.
	ErrSubject = errors.New("no person is named")
	// ErrOptions: the client cannot be made of these options.
	ErrOptions = errors.New("not options of a gate")
)

// Subject names a person, as the program knows them: kind account, email, phone or subject.
type Subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Use is what a program does with data.
type Use struct {
	// Record of the policy that the data are.
	Record string
	// Purposes for which the data are used. Only fields that may be used for one of them pass. Empty: for any purpose of the policy;
	// then Result.Allowed says which field is for which.
	Purposes []string
}

// Result is filtered data.
type Result struct {
	// Data is compact JSON whose values have the bytes that they had.
	Data json.RawMessage
	// Allowed are the fields of Data, and the purposes for which each may be used.
	Allowed map[string][]string
	// Dropped are the paths that were dropped. Names of fields that the record does not list come from the data, and may be
	// personal: do not log them.
	Dropped []string
}

// Options of a client.
type Options struct {
	// URL of the consent service: https, http on this machine or, with PlainWithinCluster, http at its name in the cluster.
	URL string
	// PlainWithinCluster lets URL be http at the name of a Service, NAME.NAMESPACE.svc or NAME.NAMESPACE.svc.cluster.local, which is what the
	// operator serves. Token and person then cross the pod network as they are, past any proxy: set it where that network is encrypted
	// (by the CNI or a mesh), or where you accept that who reads it learns them. Outside of a cluster such a name leads nowhere.
	PlainWithinCluster bool
	// HTTP has the certificates that the service is trusted by, where URL is https. Its redirects are not followed.
	HTTP *http.Client
	// Token returns the bearer token of a ServiceAccount with the audience consentd and the rights Check and Filter. It
	// is asked before each request, for tokens change. Nil sends none, which the service refuses: it takes no certificates of clients.
	Token func(ctx context.Context) (string, error)
	// Now is the clock; the machine's when nil.
	Now func() time.Time
}

// Client asks one consent service. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	http  *http.Client
	token func(ctx context.Context) (string, error)
	now   func() time.Time
	known *cache
}

// Bounds of a question.
const (
	// patience is how long one answer may take.
	patience = 3 * time.Second
	// largestAnswer is in bytes.
	largestAnswer = 4 << 20
)

// New returns a client that keeps nothing until Watch runs.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || !o.mayAsk(base) {
		return nil, fmt.Errorf("%w: URL is https, or http within the cluster where that is said, without credentials or query", ErrOptions)
	}
	if o.HTTP == nil {
		return nil, fmt.Errorf("%w: HTTP is missing", ErrOptions)
	}
	client := *o.HTTP
	// The body names a person: it goes where it was sent, and nowhere else.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if base.Scheme == "http" {
		client.Transport = unproxied(client.Transport)
	}
	client.Timeout = 0 // each request has a limit of its own; the stream ends with its context
	c := &Client{base: base, http: &client, token: o.Token, now: o.Now, known: newCache()}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// TokenFile reads the token from a file before each request: a projected token of a ServiceAccount is replaced while the program runs.
func TokenFile(name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("reading the token: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
}

// Filter drops from data about a person what may not be used. Errors: ErrUnavailable, ErrRecord, ErrData, ErrTooLarge, ErrSubject.
func (c *Client) Filter(ctx context.Context, who Subject, use Use, data []byte) (Result, error) {
	rules, states, err := c.standing(ctx, who)
	if err != nil {
		return Result{}, err
	}
	usable := rules.gate.Usable(states, c.now())
	if len(use.Purposes) > 0 {
		usable = usable.Only(use.Purposes)
	}
	result, err := rules.gate.Filter(use.Record, usable, data)
	if err != nil {
		return Result{}, fmt.Errorf("filtering: %w", err)
	}
	return Result{result.Data, result.Allowed, append([]string{}, result.Paths()...)}, nil
}

// standing is the policy of now, and what a person decided.
func (c *Client) standing(ctx context.Context, who Subject) (rules, []consent.State, error) {
	if who.Kind == "" || who.ID == "" {
		return rules{}, nil, ErrSubject
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := c.rules(ctx)
	if err != nil {
		return rules{}, nil, err
	}
	states, err := c.states(ctx, who, r)
	return r, states, err
}

// rules are what a policy says, and how long it may be kept.
type rules struct {
	gate     *gate.Gate
	material []byte
	keep     time.Duration
}

// rules returns the policy, kept or asked for.
func (c *Client) rules(ctx context.Context) (rules, error) {
	kept, generation, ok := c.known.policy(c.now())
	if ok {
		return kept, nil
	}
	var published gate.Published
	if err := c.ask(ctx, http.MethodGet, "/v1/gate", nil, &published); err != nil {
		return rules{}, err
	}
	g, err := gate.New(published.Policy)
	if err != nil {
		return rules{}, ErrUnavailable
	}
	seconds := min(max(published.CacheSeconds, 0), gate.MaxCacheSeconds)
	fresh := rules{g, published.Material, time.Duration(seconds) * time.Second}
	c.known.putPolicy(fresh, c.now(), generation)
	return fresh, nil
}

// said is what the service says of a purpose.
type said struct {
	Granted  bool      `json:"granted"`
	Stale    bool      `json:"stale"`
	Decision string    `json:"decision"`
	Until    time.Time `json:"until"`
}

// states returns a person's decisions, kept or asked for.
func (c *Client) states(ctx context.Context, who Subject, r rules) ([]consent.State, error) {
	kept, generation, ok := c.known.person(who, c.now())
	if ok {
		return kept, nil
	}
	var answer struct {
		Results []map[string]said `json:"results"`
	}
	if err := c.ask(ctx, http.MethodPost, "/v1/check", map[string][]Subject{"subjects": {who}}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Results) != 1 {
		return nil, ErrUnavailable
	}
	var states []consent.State
	for purpose, s := range answer.Results[0] {
		if s.Decision == "" {
			continue
		}
		state := consent.State{Purpose: purpose}
		if s.Decision == "granted" {
			state.Decision = consent.Granted
		}
		// What the service does not call granted is not, whatever was decided: without a digest it is stale, without an end it has ended,
		// as what is archived counts.
		if !s.Stale {
			state.Notice.Material = r.material
		}
		if s.Granted {
			state.ValidUntil = s.Until
		}
		states = append(states, state)
	}
	c.known.putPerson(who, states, r.keep, c.now(), generation)
	return states, nil
}

// ask sends one question and reads its answer. All that is no good answer is ErrUnavailable, with the status and nothing that was
// read.
func (c *Client) ask(ctx context.Context, method, path string, question, answer any) error {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return fmt.Errorf("asking: %w", ErrSubject)
		}
		body = bytes.NewReader(text)
	}
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return ErrUnavailable
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusBadRequest && question != nil { // nobody can be called that
		return fmt.Errorf("asking: %w", ErrSubject)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: it answered with status %d", ErrUnavailable, response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))
	if err != nil || len(text) > largestAnswer || json.Unmarshal(text, answer) != nil {
		return ErrUnavailable
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, ErrUnavailable
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: there is no token", ErrUnavailable)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// mayAsk tells whether people may be named at an address.
func (o Options) mayAsk(at *url.URL) bool {
	return at.Scheme == "https" || at.Scheme == "http" && (local(at.Hostname()) || o.PlainWithinCluster && ofService(at.Hostname()))
}

// ofService tells whether a host is the name of a Service. No domain of the Internet ends so: svc is no top-level domain, local is link-local
// (RFC 6762).
func ofService(host string) bool {
	name, found := strings.CutSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	service, namespace, two := strings.Cut(name, ".")
	return found && two && service != "" && namespace != "" && !strings.Contains(namespace, ".")
}

// unproxied is a transport that dials who is asked: a proxy would read what is plain.
func unproxied(transport http.RoundTripper) http.RoundTripper {
	if transport == nil {
		transport = http.DefaultTransport
	}
	known, is := transport.(*http.Transport)
	if !is {
		return transport // the program's own, which knows where it goes
	}
	direct := known.Clone()
	direct.Proxy = nil
	return direct
}

// local tells whether a host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
