// Package eraser is the program that runs in Jobs with one store's credentials: it reads its task, the people and the
// credentials from files, does one step, and leaves the outcome where Kubernetes reads it. It knows no Kubernetes API.
package eraser

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/consentledger"
	"github.com/rempart-dev/rempart/internal/adapter/postgres"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Exit codes. A pod failure policy retries after Retry and gives up after Final.
const (
	Done  = 0
	Retry = 1
	Final = 42
)

// Options say where the program finds and leaves its files. Tests change them; no flag and no variable does.
type Options struct {
	TaskFile, Subjects, Credentials, CA, Token, Results, Termination string
	Log                                                              io.Writer
	Dial                                                             postgres.DialFunc
	// Unreached is how long after it began a step says at the earliest that it reached no store. Whoever writes a register chooses where to
	// dial: how long it took would tell a port that is closed from one that is filtered, and from one that speaks something else.
	Unreached time.Duration
}

// unreached is longer than a connection may take to be made (10 s), with what goes before it.
const unreached = 12 * time.Second

// Pod returns the paths within the eraser's pod.
func Pod() Options {
	// A store of the register is a target that the operator's user has named, in the cluster or not, so the guard of
	// package egress, which is for addresses that data bring along, does not stand before it. The NetworkPolicy of the
	// pod lets it reach the store alone.
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return Options{
		TaskFile: task.File, Subjects: task.Subjects, Credentials: task.Credentials, CA: task.CA, Token: task.Token, Results: task.Results, Termination: task.Termination,
		Log: os.Stderr, Dial: dialer.DialContext, Unreached: unreached,
	}
}

// Main does the step that args name and returns the exit code.
func Main(ctx context.Context, args []string, o Options) int {
	log := slog.New(slog.NewJSONHandler(o.Log, nil))
	if len(args) != 2 {
		log.Error("Got no step; name one of provision, scan, plan, erase, verify, report")
		return Final
	}
	step := task.Step(args[1])
	if step == task.Report {
		return o.report(log)
	}
	ctx, cancel := context.WithTimeout(ctx, timeOf(step))
	defer cancel()
	late := time.After(o.Unreached)
	outcome, from := o.run(ctx, step, log)
	if outcome.Reason == task.Unreachable {
		select {
		case <-late:
		case <-ctx.Done():
		}
	}
	if err := o.leave(outcome, from); err != nil {
		log.Error("Could not leave the outcome", "step", step)
		return Retry // without a message nobody knows that it succeeded; the ledger makes a second run a check
	}
	log.Info("Ended step", "step", step, "ok", outcome.OK, "reason", outcome.Reason, "digest", outcome.PlanDigest, "ledger", outcome.Ledger, "replayed", outcome.Replayed)
	switch {
	case outcome.OK:
		return Done
	case outcome.Reason.Retryable():
		return Retry
	default:
		return Final
	}
}

// timeOf is how long a step may take. Together those of a Job end before Kubernetes ends the pod, so that a store that
// answers slowly for ever is called so.
func timeOf(step task.Step) time.Duration {
	switch step {
	case task.Plan:
		return 8 * time.Minute
	case task.Erase:
		return 40 * time.Minute
	case task.Verify:
		return 15 * time.Minute
	default: // provision and scan, one after the other
		return 2 * time.Minute
	}
}

// leave writes the termination message, with the counts from the from-th request on, and what it has no room for as the
// message of a report.
func (o Options) leave(outcome task.Outcome, from int) error {
	text, next, err := outcome.Encode(from)
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.Results); err == nil && next < len(outcome.Requests) {
		more, _, err := task.Outcome{Step: task.Report, OK: true, Tables: outcome.Tables, Requests: outcome.Requests}.Encode(next)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.Results, task.ReportFile), more, 0o644); err != nil { //nolint:gosec // for the container beside
			return err
		}
	}
	return os.WriteFile(o.Termination, text, 0o644) //nolint:gosec // the kubelet reads it
}

// report repeats what the step before it had no room for; nothing when it had.
func (o Options) report(log *slog.Logger) int {
	text, err := os.ReadFile(filepath.Join(o.Results, task.ReportFile))
	if errors.Is(err, os.ErrNotExist) {
		text, _, err = task.Outcome{Step: task.Report, OK: true}.Encode(0)
	}
	if err == nil {
		_, err = task.Decode(task.Report, string(text))
	}
	if err == nil {
		err = os.WriteFile(o.Termination, text, 0o644) //nolint:gosec // the kubelet reads it
	}
	if err != nil {
		log.Error("Could not repeat the counts")
		return Retry
	}
	return Done
}

// run does the step, and says from which request on its counts are asked for. What cannot be read of the task is answered
// as a failure too.
func (o Options) run(ctx context.Context, step task.Step, log *slog.Logger) (outcome task.Outcome, from int) {
	t, err := o.task(step)
	if err != nil {
		return failed(step, err), 0
	}
	return o.do(ctx, step, t, log), t.From
}

func (o Options) do(ctx context.Context, step task.Step, t task.Task, log *slog.Logger) task.Outcome {
	log = log.With("run", t.RunUID, "register", t.Register, "store", t.Store)
	if t.Engine == task.EngineConsentLedger {
		if step == task.Provision || step == task.Scan {
			return failed(step, &task.Failure{Reason: task.Internal, Message: "A ledger of consents is neither provisioned nor scanned"})
		}
		return o.withPeople(ctx, consentledger.New(t, consentledger.DialFunc(o.Dial), o.token), step, t)
	}
	engine, err := o.engine(step, t, log)
	if err != nil {
		return failed(step, err)
	}
	switch step {
	case task.Provision:
		return o.provision(ctx, engine, t)
	case task.Scan:
		return engine.Scan(ctx, t)
	default:
		return o.withPeople(ctx, engine, step, t)
	}
}

// Engine does the steps that concern people.
type Engine interface {
	Plan(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome
	Erase(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome
	Verify(ctx context.Context, t task.Task, people []subject.Subject) task.Outcome
}

// withPeople does a step that concerns people.
func (o Options) withPeople(ctx context.Context, engine Engine, step task.Step, t task.Task) task.Outcome {
	people, err := o.whom(ctx, engine, t)
	if err != nil {
		return failed(step, err)
	}
	switch step {
	case task.Plan:
		return engine.Plan(ctx, t, people)
	case task.Erase:
		return engine.Erase(ctx, t, people)
	default:
		return engine.Verify(ctx, t, people)
	}
}

// whom reads the people of a task; those of a replay are found in the store itself.
func (o Options) whom(ctx context.Context, engine Engine, t task.Task) ([]subject.Subject, error) {
	if !t.Replay() {
		return o.people(t)
	}
	store, ok := engine.(*postgres.Engine)
	if !ok {
		return nil, &task.Failure{Reason: task.Internal, Message: "A ledger of consents forgets again by itself"}
	}
	return store.Recall(ctx, t)
}

func (o Options) provision(ctx context.Context, engine *postgres.Engine, t task.Task) task.Outcome {
	eraser, err := o.login(task.Eraser)
	if err != nil {
		return failed(task.Provision, err)
	}
	verifier, err := o.login(task.Verifier)
	if err != nil {
		return failed(task.Provision, err)
	}
	return engine.Provision(ctx, t, eraser, verifier)
}

// engine prepares the connection of a step, in the role that it needs.
func (o Options) engine(step task.Step, t task.Task, log *slog.Logger) (*postgres.Engine, error) {
	if t.Engine != v1alpha1.EnginePostgreSQL {
		return nil, &task.Failure{Reason: task.Internal, Message: "This eraser does not know the engine of the store"}
	}
	login, err := o.login(roleOf(step))
	if err != nil {
		return nil, err
	}
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	return &postgres.Engine{
		Config: postgres.Config{Connection: t.Connection, Username: login.Username, Password: login.Password, RootCAs: roots, Dial: o.Dial},
		Log: func(trace task.Trace) {
			log.Error("Step failed", "step", step, "sqlstate", trace.SQLState, "schema", trace.Schema, "table", trace.Table, "column", trace.Column, "constraint", trace.Constraint)
		},
	}, nil
}

func roleOf(step task.Step) task.Role {
	switch step {
	case task.Provision:
		return task.Admin
	case task.Erase:
		return task.Eraser
	default:
		return task.Verifier
	}
}

func (o Options) login(role task.Role) (postgres.Login, error) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(o.Credentials, string(role), name))
		if err != nil {
			return ""
		}
		return trimNewline(string(text))
	}
	login := postgres.Login{Username: read("username"), Password: read("password")}
	if login.Username == "" || login.Password == "" {
		return login, &task.Failure{Reason: task.AuthenticationFailed, Message: "The credentials of role " + string(role) + " have no username or no password"}
	}
	return login, nil
}

// failed is the answer of a step that did not come as far as the store, or that only read it.
func failed(step task.Step, err error) task.Outcome {
	if f, ok := err.(*task.Failure); ok { //nolint:errorlint // made here, never wrapped
		return task.Outcome{Step: step, Reason: f.Reason, Message: f.Message, Names: f.Names, Untouched: true}
	}
	return task.Outcome{Step: step, Reason: task.Internal, Message: "The step failed", Untouched: true}
}
