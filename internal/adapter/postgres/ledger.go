package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// counted is what the ledger remembers of an outcome.
type counted struct {
	Tables   []task.Table  `json:"tables"`
	Requests []task.Counts `json:"requests"`
}

// withLedger turns a missing ledger into its reason.
func withLedger(err error) error {
	if f, ok := err.(*task.Failure); ok && f.Trace.SQLState == "42P01" { //nolint:errorlint // failure returns the type itself
		return &task.Failure{Reason: task.LedgerMissing, Trace: f.Trace, Message: "The store has no table rempart.ledger; provision it or create it as the page on grants says"}
	}
	return err
}

// chunkOf names, in the ledger, the chunk of a run that begins with its from-th person.
func chunkOf(run string, from int) string { return fmt.Sprintf("%s/%06d", run, from) }

// entered returns the outcome of what the ledger has of a run, chunk by chunk: that of all of its people, or of the first,
// who are Done. Latest is the highest epoch that was committed for the same store: a run of a lower one is stale.
func (s *session) entered(ctx context.Context, t task.Task) (done task.Outcome, latest int64, err error) {
	var (
		o      = task.Outcome{Step: task.Erase, OK: true, Replayed: true}
		chunks []counted
		text   []byte
	)
	run := query{sql: `SELECT id, plan_digest, counts::pg_catalog.text, committed_at FROM ` + grant.Ledger + `
WHERE register OPERATOR(pg_catalog.=) $2 AND store OPERATOR(pg_catalog.=) $3 AND epoch OPERATOR(pg_catalog.=) $4
AND (run_uid OPERATOR(pg_catalog.=) $1 OR pg_catalog.starts_with(run_uid, $1 OPERATOR(pg_catalog.||) '/')) ORDER BY id`,
		args: []any{t.RunUID, t.Register, t.Store, t.Epoch}, into: []any{&o.Ledger, &o.PlanDigest, &text, &o.At}, each: func() error {
			var c counted
			if json.Unmarshal(text, &c) != nil {
				return &task.Failure{Reason: task.Internal, Message: "A row of the ledger cannot be read"}
			}
			chunks = append(chunks, c)
			return nil
		}}
	fence := query{sql: `SELECT COALESCE(pg_catalog.max(epoch), 0) FROM ` + grant.Ledger + ` WHERE register OPERATOR(pg_catalog.=) $1 AND store OPERATOR(pg_catalog.=) $2`,
		args: []any{t.Register, t.Store}, into: []any{&latest}}
	if err := s.several(ctx, run, fence); err != nil || len(chunks) == 0 {
		return task.Outcome{}, latest, withLedger(err)
	}
	all := merge(chunks)
	o.At, o.Tables, o.Requests, o.Rows = o.At.UTC(), all.Tables, all.Requests, task.Changed(all.Tables, all.Requests)
	if len(o.Requests) < len(t.Requests) {
		o.Done = len(o.Requests)
	}
	return o, latest, nil
}

// enter writes the ledger's row of a run, or of a chunk of one, in the transaction of the erasure.
func (s *session) enter(ctx context.Context, run string, t task.Task, digest string, c counted) (id int64, at time.Time, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, at, &task.Failure{Reason: task.Internal, Message: "The counts cannot be written"}
	}
	uids := make([]string, len(t.Requests))
	for i, r := range t.Requests {
		uids[i] = r.UID
	}
	_, err = s.row(ctx, `INSERT INTO `+grant.Ledger+` (run_uid, register, store, request_uids, plan_digest, epoch, counts, committed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.text::pg_catalog.jsonb, pg_catalog.clock_timestamp()) RETURNING id, committed_at`,
		[]any{run, t.Register, t.Store, uids, digest, t.Epoch, string(text)}, &id, &at)
	return id, at.UTC(), withLedger(err)
}
