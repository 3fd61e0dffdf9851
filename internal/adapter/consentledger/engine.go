// Package consentledger plans, erases and verifies in a ledger of consents: it asks the service that keeps the ledger, once per
// name of each person. It knows no SQL and no Kubernetes.
package consentledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// timeout bounds one question: the service itself gives up after four seconds.
const timeout = 15 * time.Second

// DialFunc opens a connection.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Engine asks one consent service.
type Engine struct {
	// Base is the service's address without a path, Token the ServiceAccount's token of the moment.
	Base  string
	Token func() (string, error)
	HTTP  *http.Client
	Now   func() time.Time
}

// New returns an engine that dials, by dial, nothing but where the task says the service is. No redirect is followed and no proxy
// is asked: the body names a person.
func New(t task.Task, dial DialFunc, token func() (string, error)) *Engine {
	transport := &http.Transport{DialContext: dial, ResponseHeaderTimeout: timeout, MaxIdleConns: 1}
	return &Engine{
		Base: fmt.Sprintf("http://%s", net.JoinHostPort(t.Connection.Host, fmt.Sprint(t.Connection.Port))), Token: token, Now: time.Now,
		HTTP: &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// kinds are the identifiers by which the service finds people, as it calls them.
var kinds = map[v1alpha1.IdentifierKind]string{
	v1alpha1.IdentifierAccountID: "account", v1alpha1.IdentifierEmail: "email", v1alpha1.IdentifierPhone: "phone",
	v1alpha1.IdentifierConsentSubject: "subject", v1alpha1.IdentifierConsentReceipt: kindReceipt,
}

// kindReceipt is the visitor's own secret, about which /v1/check is not asked.
const kindReceipt = "receipt"

// namesOf are all names under which the ledger may know a person, in a fixed order.
func namesOf(person subject.Subject) []name {
	var names []name
	for _, kind := range person.Kinds() {
		for _, value := range person.Values(kind) {
			if kinds[kind] != "" {
				names = append(names, name{kinds[kind], value})
			}
		}
	}
	return names
}

// Digest is of what a run does in the ledger: which parts are destroyed, and which are kept for how long.
func Digest(t task.Task) (string, error) {
	text, err := json.Marshal(struct {
		Engine  v1alpha1.StoreEngine `json:"engine"`
		Host    string               `json:"host"`
		Dataset *v1alpha1.Dataset    `json:"dataset"`
	}{task.EngineConsentLedger, t.Connection.Host, t.Dataset})
	if err != nil {
		return "", &task.Failure{Reason: task.Internal, Message: "The plan could not be written"}
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Plan counts what erasing the people would destroy and keep. It changes nothing.
func (e *Engine) Plan(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	digest, err := Digest(t)
	if err != nil {
		return failed(task.Plan, err)
	}
	outcome := task.Outcome{Step: task.Plan, PlanDigest: digest, Tables: tables(t.Dataset)}
	for i, person := range people {
		seen := map[string]bool{}
		var all []holding
		for _, n := range namesOf(person) {
			found, known, err := e.holds(ctx, n)
			if err != nil {
				return failed(task.Plan, err)
			}
			if known && !seen[found.Subject] {
				seen[found.Subject] = true
				all = append(all, found)
			}
		}
		outcome.Requests = append(outcome.Requests, counts(t, i, all))
	}
	outcome.OK, outcome.At = true, e.Now().UTC()
	return outcome
}

// Erase forgets the people, each once: the names of a request carry keys that are the same in every attempt.
func (e *Engine) Erase(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	digest, err := Digest(t)
	if err != nil {
		return failed(task.Erase, err)
	}
	if digest != t.PlanDigest {
		return task.Outcome{Step: task.Erase, Reason: task.PlanChanged, Message: "What the policy keeps of a person changed since the plan was made"}
	}
	if t.CheckOnly {
		if stop := e.withheld(ctx, people); stop != nil {
			stop.PlanDigest = digest
			return *stop
		}
	}
	outcome := task.Outcome{Step: task.Erase, PlanDigest: digest, Tables: tables(t.Dataset)}
	for i, person := range people {
		var all []holding
		for n, called := range namesOf(person) {
			gone, known, err := e.erase(ctx, called, fmt.Sprintf("%s/%d", t.Requests[i].UID, n))
			if err != nil {
				return failed(task.Erase, err)
			}
			if known {
				all = append(all, gone)
				outcome.Replayed = outcome.Replayed || gone.Again
			}
		}
		outcome.Requests = append(outcome.Requests, counts(t, i, all))
	}
	outcome.OK, outcome.At, outcome.Rows = true, e.Now().UTC(), task.Changed(outcome.Tables, outcome.Requests)
	return outcome
}

// withheld finds out, by reading alone, how far a run came that a legal hold stopped; nil when the ledger knows none of the people,
// so that nothing is left to hold. People are forgotten in their order, so those before the first who is still known are done. One
// who was forgotten under some names only stays with those who wait: each name has the same key in the next run, which is then
// answered with what was forgotten under it.
func (e *Engine) withheld(ctx context.Context, people []subject.Subject) *task.Outcome {
	for i, person := range people {
		for _, n := range namesOf(person) {
			_, known, err := e.holds(ctx, n)
			if err != nil {
				stop := failed(task.Erase, err)
				return &stop
			}
			if known {
				return &task.Outcome{Step: task.Erase, Reason: task.Withheld, Done: i, At: e.Now().UTC(), Message: fmt.Sprintf(
					"A legal hold forbids the erasure; the ledger knows nobody any more of the first %d of %d requests of the run", i, len(people))}
			}
		}
	}
	return nil
}

// Verify asks for the people again, under every name: they must be unknown, and nothing decided.
func (e *Engine) Verify(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome {
	var again []string
	for i, person := range people {
		for _, n := range namesOf(person) {
			_, known, err := e.holds(ctx, n)
			if err == nil && !known && n.Kind != kindReceipt {
				known, err = e.decided(ctx, n)
			}
			if err != nil {
				return failed(task.Verify, err)
			}
			if uid := t.Requests[i].UID; known && !slices.Contains(again, uid) {
				again = append(again, uid)
			}
		}
	}
	if len(again) > 0 {
		return task.Outcome{Step: task.Verify, Reason: task.Contradicted, Names: again, Message: "The ledger knows the person of a request again"}
	}
	return task.Outcome{Step: task.Verify, OK: true, At: e.Now().UTC()}
}

func tables(dataset *v1alpha1.Dataset) []task.Table {
	list := make([]task.Table, len(dataset.Tables))
	for i, t := range dataset.Tables {
		list[i] = task.Table{Name: string(t.Schema) + "." + string(t.Name), Action: t.OnErasure}
	}
	return list
}

// counts sums what is held of one person, in the order of the dataset's tables.
func counts(t task.Task, at int, all []holding) task.Counts {
	c := task.Counts{UID: t.Requests[at].UID, Rows: make([]int64, len(t.Dataset.Tables))}
	for i := range t.Dataset.Tables {
		table := &t.Dataset.Tables[i]
		for _, h := range all {
			gone, stay := h.events()
			if table.OnErasure == v1alpha1.EraseKeep {
				gone = stay
			}
			c.Rows[i] += map[v1alpha1.Identifier]int64{task.LedgerKeys: h.Keys, task.LedgerLinks: h.Links, task.LedgerStates: h.States,
				task.LedgerTokens: h.Tokens, task.LedgerEvents: gone}[table.Name]
		}
		if day := until(table, all); day != "" {
			c.Until = map[int]string{i: day}
		}
	}
	return c
}

// until is the last day on which the youngest of the kept events is kept, in UTC; empty where none is.
func until(table *v1alpha1.DatasetTable, all []holding) string {
	var last time.Time
	for _, h := range all {
		if h.Last != nil && h.Last.After(last) {
			last = *h.Last
		}
	}
	if table.Keep == nil || table.Keep.Period == "" || last.IsZero() {
		return ""
	}
	end, err := deadline.Retention(last, string(table.Keep.Period), time.UTC)
	if err != nil {
		return ""
	}
	return end.AddDate(0, 0, -1).Format(time.DateOnly)
}

// failed is the answer of a step that stopped. The names of people are in no error, so none can be in it.
func failed(step task.Step, err error) task.Outcome {
	if f, ok := errors.AsType[*task.Failure](err); ok {
		return task.Outcome{Step: step, Reason: f.Reason, Message: f.Message, Names: f.Names}
	}
	return task.Outcome{Step: step, Reason: task.Internal, Message: "The step failed"}
}
