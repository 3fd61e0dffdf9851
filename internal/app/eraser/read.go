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
	case step == task.Erase && (t.RunUID == "" || t.PlanDigest == "" || t.Epoch < 1):
		return t, &task.Failure{Reason: task.Internal, Message: "The task names no run, no plan or no epoch"}
	}
	return t, nil
}

// people reads the subjects of the requests and refuses one that differs from what was accepted.
func (o Options) people(t task.Task) ([]subject.Subject, error) {
	people := make([]subject.Subject, 0, len(t.Requests))
	for _, r := range t.Requests {
		person, err := o.person(r)
		if err != nil {
			return nil, err
		}
		if !hmac.Equal([]byte(person.MAC(t.CheckKey)), []byte(r.Check)) {
			return nil, &task.Failure{Reason: task.SubjectChanged, Names: []string{r.UID}, Message: "The subject of a request differs from the one that was accepted"}
		}
		people = append(people, person)
	}
	return people, nil
}

func (o Options) person(r task.Request) (subject.Subject, error) {
	empty := &task.Failure{Reason: task.SubjectEmpty, Names: []string{r.UID}, Message: "The subject of a request is absent, empty or not readable"}
	if r.UID == "" || strings.ContainsAny(r.UID, `/\`) || strings.HasPrefix(r.UID, ".") {
		return subject.Subject{}, empty
	}
	folder := filepath.Join(o.Subjects, r.UID)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return subject.Subject{}, empty
	}
	data := map[string][]byte{}
	for _, entry := range entries {
		// A mounted Secret keeps its versions in folders whose names begin with two dots.
		if strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		value, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return subject.Subject{}, empty
		}
		data[entry.Name()] = value
	}
	person, err := subject.Read(data)
	switch {
	case errors.Is(err, subject.ErrEmpty):
		return person, empty
	case err != nil:
		return person, &task.Failure{Reason: task.SubjectChanged, Names: []string{r.UID}, Message: "The subject of a request has a key or a value that is no identifier"}
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

func trimNewline(s string) string { return strings.TrimRight(s, "\r\n") }
