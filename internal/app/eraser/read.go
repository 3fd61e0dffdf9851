package eraser

import (
	"crypto/hmac"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Most bytes that are read of a file: a task names at most 1000 requests and 128 tables.
const maxFile = 4 << 20

// task reads the task and refuses one that lacks what the step needs.
func (o Options) task(step task.Step) (task.Task, error) {
	var t task.Task
	if !slices.Contains([]task.Step{task.Provision, task.Scan, task.Plan, task.Erase, task.Verify}, step) {
		return t, &task.Failure{Reason: task.Internal, Message: "There is no such step"}
	}
	info, err := os.Stat(o.TaskFile)
	if err != nil || info.Size() > maxFile {
		return t, &task.Failure{Reason: task.Internal, Message: "The task is absent or too large"}
	}
	text, err := os.ReadFile(o.TaskFile)
	if err != nil || json.Unmarshal(text, &t) != nil {
		return t, &task.Failure{Reason: task.Internal, Message: "The task cannot be read"}
	}
	people := step != task.Provision && step != task.Scan
	switch {
	case t.Connection.Host == "" || t.Connection.Port < 1 || t.Connection.Port > 65535 || t.Connection.Database == "":
		return t, &task.Failure{Reason: task.Internal, Message: "The task has no connection"}
	case step != task.Provision && (t.Dataset == nil || len(t.Dataset.Tables) == 0):
		return t, &task.Failure{Reason: task.PlanImpossible, Message: "The store has no dataset; declare its tables"}
	case people && (len(t.Requests) == 0 || t.AsOf.IsZero()):
		return t, &task.Failure{Reason: task.Internal, Message: "The task names no request or no day"}
	case step == task.Erase && (t.RunUID == "" || t.PlanDigest == "" && !t.Replay() || t.Epoch < 1):
		return t, &task.Failure{Reason: task.Internal, Message: "The task names no run, no plan or no epoch"}
	}
	return t, nil
}

// people reads the subjects of the requests and refuses one that differs from what was accepted.
func (o Options) people(t task.Task) ([]subject.Subject, error) {
	var all task.People
	info, err := os.Stat(o.Subjects)
	if err != nil || info.Size() > maxFile {
		return nil, &task.Failure{Reason: task.Internal, Message: "The subjects are absent or too large"}
	}
	text, err := os.ReadFile(o.Subjects)
	if err != nil || json.Unmarshal(text, &all) != nil {
		return nil, &task.Failure{Reason: task.Internal, Message: "The subjects cannot be read"}
	}
	people := make([]subject.Subject, 0, len(t.Requests))
	for _, r := range t.Requests {
		person, err := accepted(all[r.UID], r, t.CheckKey)
		if err != nil {
			return nil, err
		}
		people = append(people, person)
	}
	return people, nil
}

// accepted reads one subject; nobody for a request that is gone.
func accepted(data map[string][]byte, r task.Request, checkKey []byte) (subject.Subject, error) {
	if r.Gone {
		return subject.Subject{}, nil
	}
	person, err := subject.Read(data)
	switch {
	case errors.Is(err, subject.ErrEmpty):
		return person, &task.Failure{Reason: task.SubjectEmpty, Names: []string{r.UID}, Message: "The subject of a request is absent, empty or not readable"}
	case err != nil:
		return person, &task.Failure{Reason: task.SubjectChanged, Names: []string{r.UID}, Message: "The subject of a request has a key or a value that is no identifier"}
	case !hmac.Equal([]byte(person.MAC(checkKey)), []byte(r.Check)):
		return person, &task.Failure{Reason: task.SubjectChanged, Names: []string{r.UID}, Message: "The subject of a request differs from the one that was accepted"}
	}
	return person, nil
}

// roots reads the trusted certificates; nil, the system's, when no file is mounted.
func (o Options) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(filepath.Join(o.CA, "ca.crt"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // nil means the system's
	}
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		return nil, &task.Failure{Reason: task.TLSFailed, Message: "The file ca.crt has no certificate"}
	}
	return pool, nil
}

// token reads the token for the consent service anew each time: the kubelet renews it.
func (o Options) token() (string, error) {
	text, err := os.ReadFile(filepath.Join(o.Token, "token"))
	return trimNewline(string(text)), err //nolint:wrapcheck // told as AuthenticationFailed
}

func trimNewline(s string) string { return strings.TrimRight(s, "\r\n") }
