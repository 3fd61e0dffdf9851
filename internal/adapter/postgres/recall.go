package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/grant"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Recall finds who came back with a backup. Nobody knows them any more but by keyed hashes of their identifiers, so each value
// of each subject key is hashed and compared: the people are known to this process alone, for as long as it runs. The
// people are in the order of the requests; one who is not in the store has no identifier.
func (e *Engine) Recall(ctx context.Context, t task.Task) ([]subject.Subject, error) {
	s, err := open(ctx, e.Config)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.weak(ctx, t.Dataset); err != nil {
		return nil, err
	}
	schema, err := s.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	p, err := plan.New(t.Dataset, schema)
	if err != nil {
		return nil, err
	}
	if err := s.privileged(ctx, reads(p)); err != nil {
		return nil, err
	}
	wanted := t.Wanted()
	found := make([]map[string][]byte, len(t.Requests))
	for i := range p.Members {
		m := &p.Members[i]
		for _, k := range m.Keys {
			if err := s.recall(ctx, m, k, wanted, t.RecallKeys, found); err != nil {
				return nil, err
			}
		}
	}
	people := make([]subject.Subject, len(t.Requests))
	for i, data := range found {
		if len(data) == 0 {
			continue
		}
		if people[i], err = subject.Read(data); err != nil {
			return nil, &task.Failure{Reason: task.Internal, Message: "A value that matched is no identifier"}
		}
		if _, phone := data[subject.KeyOf(v1alpha1.IdentifierPhone)]; phone && len(data) == 1 && len(t.Requests[i].Recall) > 1 {
			people[i] = people[i].Partly() // their number may be that of an office, whose rows are others'
		}
	}
	return people, nil
}

// recall hashes the values of one subject key. Wanted has the place of the request of each reference.
func (s *session) recall(ctx context.Context, m *plan.Member, k plan.Key, wanted map[string]int, keys map[string][]byte, found []map[string][]byte) error {
	name := subject.KeyOf(k.Identifier)
	if len(wanted) == 0 || name == "" {
		return nil
	}
	var value string
	there := holds(m.Table, k)
	if k.Several {
		there = "e.txt IS NOT NULL"
	}
	sql := fmt.Sprintf("SELECT %s FROM %s AS t%s WHERE %s", keyText(m.Table, k), table(m.Table), through(m.Table, k), there)
	return s.rows(ctx, sql, nil, []any{&value}, func() error {
		compare(name, value, wanted, keys, found)
		if k.Identifier == v1alpha1.IdentifierPhone && value != "" && !strings.HasPrefix(value, "+") {
			compare(name, "+"+value, wanted, keys, found) // as find does
		}
		return nil
	})
}

// compare adds a value to what was found where it is wanted. One that is empty, or longer than any identifier, is nobody's.
func compare(name, value string, wanted map[string]int, keys map[string][]byte, found []map[string][]byte) {
	person, err := subject.Read(map[string][]byte{name: []byte(value)})
	if err != nil {
		return
	}
	for id, key := range keys {
		at, ok := wanted[task.Reference(id, person.MAC(key))]
		if !ok {
			continue
		}
		if found[at] == nil {
			found[at] = map[string][]byte{}
		}
		found[at][name] = []byte(strings.Clone(value))
	}
}

// lost returns which of the requests the ledger does not have, of those that it once had: a store that comes back from a backup
// forgets them, and has their people again. Blank says that the ledger has no row of the store at all, or is not there: it may have been
// lost alone. Unread says that the role may not read it.
func (s *session) lost(ctx context.Context, t task.Task) (missing []string, blank, unread bool, err error) {
	if len(t.Ended) == 0 {
		return nil, false, false, nil
	}
	_, err = s.row(ctx, `SELECT ARRAY(SELECT w.uid FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS w (uid, at)
WHERE w.uid OPERATOR(pg_catalog.<>) ALL (SELECT pg_catalog.unnest(l.request_uids) FROM `+grant.Ledger+` AS l WHERE l.register OPERATOR(pg_catalog.=) $2 AND l.store OPERATOR(pg_catalog.=) $3) ORDER BY w.at),
NOT EXISTS (SELECT FROM `+grant.Ledger+` AS l WHERE l.register OPERATOR(pg_catalog.=) $2 AND l.store OPERATOR(pg_catalog.=) $3)`,
		[]any{t.Ended, t.Register, t.Store}, &missing, &blank)
	if f, ok := err.(*task.Failure); ok { //nolint:errorlint // row returns the type itself
		switch f.Trace.SQLState {
		case "42501":
			return nil, false, true, nil
		case "42P01": // a backup from before there was a ledger
			return t.Ended, true, false, nil
		}
	}
	return missing, blank, false, err
}

// identity is system identifier and timeline of the cluster and OID of the database: another one says that it was restored. Empty where
// the role may not ask.
func (s *session) identity(ctx context.Context) string {
	var id string
	if _, err := s.row(ctx, `SELECT s.system_identifier::pg_catalog.text OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) c.timeline_id::pg_catalog.text OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) d.oid::pg_catalog.text FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS c, pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()`, nil, &id); err != nil {
		return ""
	}
	return id
}
