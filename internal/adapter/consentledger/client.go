package consentledger

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// maxAnswer is the most bytes of an answer that are read: a check has forty purposes.
const maxAnswer = 64 << 10

// name is one name of a person, as the service reads it. It stands in bodies only.
type name struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// holding is what the service says it has, or had, of a person.
type holding struct {
	Subject string     `json:"subject"`
	Keys    int64      `json:"keys"`
	Links   int64      `json:"links"`
	States  int64      `json:"states"`
	Tokens  int64      `json:"tokens"`
	Events  int64      `json:"events"`
	Last    *time.Time `json:"last"`
	Again   bool       `json:"again"`
	// Proof is what becomes of the events where the policy does not keep them.
	Proof *struct {
		Erased  int64 `json:"erased"`
		Waiting int64 `json:"waiting"`
	} `json:"proof"`
}

// events are how many of a person's events go and stay.
func (h holding) events() (gone, stay int64) {
	if h.Proof == nil {
		return 0, h.Events
	}
	return h.Proof.Erased, h.Proof.Waiting
}

// holds asks what is held under a name; false where the person is unknown.
func (e *Engine) holds(ctx context.Context, n name) (holding, bool, error) {
	var h holding
	known, err := e.post(ctx, "/v1/subjects:holding", "", map[string]name{"subject": n}, &h)
	return h, known, err
}

// erase forgets who has the name. The same key is answered the same, however often.
func (e *Engine) erase(ctx context.Context, n name, key string) (holding, bool, error) {
	var h holding
	known, err := e.post(ctx, "/v1/subjects:erase", key, map[string]name{"subject": n}, &h)
	return h, known, err
}

// decided tells whether the service knows of any decision of who has the name.
func (e *Engine) decided(ctx context.Context, n name) (bool, error) {
	var answer struct {
		Results []map[string]struct {
			Decision string `json:"decision"`
			Granted  bool   `json:"granted"`
		} `json:"results"`
	}
	if _, err := e.post(ctx, "/v1/check", "", map[string][]name{"subjects": {n}}, &answer); err != nil {
		return false, err
	}
	if len(answer.Results) != 1 {
		return false, &task.Failure{Reason: task.Internal, Message: "The consent service answered in another form"}
	}
	for _, standing := range answer.Results[0] {
		if standing.Granted || standing.Decision != "" {
			return true, nil
		}
	}
	return false, nil
}

// post asks, and reads the answer into one. It tells whether the person is known; whatever else goes wrong is a task.Failure,
// which quotes nothing of what was sent or answered.
func (e *Engine) post(ctx context.Context, path, key string, question, answer any) (bool, error) {
	token, err := e.Token()
	if err != nil || token == "" {
		return false, &task.Failure{Reason: task.AuthenticationFailed, Message: "The pod has no token for the consent service"}
	}
	body, err := json.Marshal(question)
	if err != nil {
		return false, &task.Failure{Reason: task.Internal, Message: "The question could not be written"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Base+path, bytes.NewReader(body))
	if err != nil {
		return false, &task.Failure{Reason: task.Internal, Message: "The address of the consent service cannot be read"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := e.HTTP.Do(request)
	if err != nil {
		return false, &task.Failure{Reason: task.Unreachable, Message: "The consent service cannot be reached"}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return false, &task.Failure{Reason: task.Interrupted, Message: "The answer of the consent service ended early"}
	}
	if response.StatusCode != http.StatusOK {
		return false, refused(response.StatusCode, text)
	}
	if len(text) > maxAnswer || json.Unmarshal(text, answer) != nil {
		return false, &task.Failure{Reason: task.Internal, Message: "The consent service answered in another form"}
	}
	return true, nil
}

// refused is what a status means: nil where the person is unknown.
func refused(status int, text []byte) error {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(text, &problem) // without a code the status says enough
	switch {
	case status == http.StatusNotFound && problem.Code == "person_unknown":
		return nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return &task.Failure{Reason: task.AuthenticationFailed, Message: "The consent service does not know the eraser, or not yet"}
	case status == http.StatusBadRequest:
		return &task.Failure{Reason: task.PlanImpossible, Message: "The consent service cannot read an identifier of a request: a consentSubject is a UUID, a consentReceipt the secret of a receipt"}
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return &task.Failure{Reason: task.Unreachable, Message: "The consent service, or its ledger, does not answer"}
	default:
		return &task.Failure{Reason: task.Internal, Message: "The consent service answered in another form"}
	}
}
