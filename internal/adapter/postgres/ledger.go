package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// counted are the counts of an outcome.
type counted struct {
	Tables   []task.Table
	Requests []task.Counts
}

// record is what the ledger remembers of counts: of each request, in the order of the row's requests, how many rows each table had, as
// numbers with spaces between them. A number of its own for each, with the request's UID once more, takes the store ten times as long to read and to keep.
type record struct {
	Tables []task.Table `json:"tables"`
	Rows   []string     `json:"rows,omitempty"`
	// Until has the last days of kept rows, by request and table.
	Until map[int]map[int]string `json:"until,omitempty"`
	// Requests are the counts as rows of the ledger from before had them.
	Requests []task.Counts `json:"requests,omitempty"`
}

// recordOf writes counts as the ledger keeps them.
func recordOf(c counted) record {
	r := record{Tables: c.Tables, Rows: make([]string, len(c.Requests))}
	var text []byte
	for i, request := range c.Requests {
		text = text[:0]
		for k, n := range request.Rows {
			if k > 0 {
				text = append(text, ' ')
			}
			text = strconv.AppendInt(text, n, 10)
		}
		r.Rows[i] = string(text)
		if len(request.Until) > 0 {
			if r.Until == nil {
				r.Until = map[int]map[int]string{}
			}
			r.Until[i] = request.Until
		}
	}
	return r
}

// counted reads a record of the requests of these UIDs. False means that it is none.
func (r record) counted(uids []string) (c counted, ok bool) {
	if c = (counted{r.Tables, r.Requests}); len(r.Rows) == 0 {
		return c, true
	}
	if len(r.Rows) != len(uids) {
		return c, false
	}
	c.Requests = make([]task.Counts, len(uids))
	for i, uid := range uids {
		c.Requests[i] = task.Counts{UID: uid, Rows: make([]int64, 0, len(r.Tables)), Until: r.Until[i]}
		for word := range strings.FieldsSeq(r.Rows[i]) {
			n, err := strconv.ParseInt(word, 10, 64)
			if err != nil {
				return c, false
			}
			c.Requests[i].Rows = append(c.Requests[i].Rows, n)
		}
		if len(c.Requests[i].Rows) != len(r.Tables) {
			return c, false
		}
	}
	return c, true
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
		uids   []string
	)
	run := query{sql: `SELECT id, plan_digest, request_uids, counts::pg_catalog.text, committed_at FROM ` + grant.Ledger + `
WHERE register OPERATOR(pg_catalog.=) $2 AND store OPERATOR(pg_catalog.=) $3 AND epoch OPERATOR(pg_catalog.=) $4
AND (run_uid OPERATOR(pg_catalog.=) $1 OR pg_catalog.starts_with(run_uid, $1 OPERATOR(pg_catalog.||) '/')) ORDER BY id`,
		args: []any{t.RunUID, t.Register, t.Store, t.Epoch}, into: []any{&o.Ledger, &o.PlanDigest, &uids, &text, &o.At}, each: func() error {
			var r record
			err := json.Unmarshal(text, &r)
			c, ok := r.counted(uids)
			if err != nil || !ok {
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

// enter writes the ledger's row of a run, or of a chunk of one, in the transaction of the erasure, from what the outcome has of it; and
// tells it the row's number and time.
func enter(run string, t task.Task, o *task.Outcome) (query, error) {
	text, err := json.Marshal(recordOf(counted{o.Tables, o.Requests}))
	if err != nil {
		return query{}, &task.Failure{Reason: task.Internal, Message: "The counts cannot be written"}
	}
	uids := make([]string, len(t.Requests))
	for i, r := range t.Requests {
		uids[i] = r.UID
	}
	return query{sql: `INSERT INTO ` + grant.Ledger + ` (run_uid, register, store, request_uids, plan_digest, epoch, counts, committed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.text::pg_catalog.jsonb, pg_catalog.clock_timestamp()) RETURNING id, committed_at`,
		args: []any{run, t.Register, t.Store, uids, o.PlanDigest, t.Epoch, string(text)}, into: []any{&o.Ledger, &o.At}, blame: withLedger,
		done: func(int64) error { o.At = o.At.UTC(); return nil }}, nil
}
