package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
)

// filled is a ledger with a policy and people, more than a tile of events, a head that is no checkpoint yet, and a queue.
func filled(tb testing.TB) (*store, *ledger.Ledger) {
	tb.Helper()
	s, l := fresh(tb)
	fill(tb, l)
	return s, l
}

func fill(tb testing.TB, l *ledger.Ledger) {
	tb.Helper()
	body := []byte(`{"banner":"Hello"}`)
	p := consent.Publication{Namespace: "shop", Policy: l.Tenant.String(), Purposes: []consent.PublishedPurpose{{Purpose: "conversation", Body: []byte(`{"basis":"Consent"}`)}},
		Notices: []consent.PublishedNotice{{NoticeRef: ledgertest.Notice(), Body: body}}}
	if err := l.Publish(tb.Context(), p); err != nil {
		tb.Fatal(err)
	}
	for i := range 100 {
		act(tb, l, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint("act ", i)))
		if i%30 == 0 {
			sequence(tb, l)
		}
	}
	act(tb, l, ledgertest.Withdrawal(ledgertest.Visitor(3), "withdrawal", "conversation"))
	if err := l.Link(tb.Context(), ledgertest.Visitor(4), ledgertest.Visitor(5)); err != nil {
		tb.Fatal(err)
	}
	if _, err := l.Shred(tb.Context(), ledgertest.Visitor(6), ""); err != nil {
		tb.Fatal(err)
	}
	sequence(tb, l)
	act(tb, l, ledgertest.Act(ledgertest.Visitor(199), "in a head"))
	ledger.Hurry(tb.Context(), l)
	act(tb, l, ledgertest.Act(ledgertest.Visitor(200), "in the queue"))
}

func act(tb testing.TB, l *ledger.Ledger, a consent.Act) consent.Recorded {
	tb.Helper()
	recorded, err := l.Record(tb.Context(), a)
	if err != nil {
		tb.Fatal(err)
	}
	return recorded
}

func audited(tb testing.TB, l *ledger.Ledger, outside consent.Checkpoint) {
	tb.Helper()
	if err := l.Audit(tb.Context(), outside); err != nil {
		tb.Fatal(err)
	}
}

// tables in an order in which they can be filled.
var tables = []string{"tenants", "purposes", "notices", "builds", "subject_keys", "subject_links", "events", "pending", "leaves", "tiles", "checkpoints", "heads", "state", "idem", "mailbox_proofs", "wishes"}

// remember keeps a copy of all tables, for putBack.
func (s *store) remember(tb testing.TB) {
	tb.Helper()
	s.sql(tb, "DROP SCHEMA IF EXISTS kept CASCADE")
	s.sql(tb, "CREATE SCHEMA kept")
	for _, table := range tables {
		s.sql(tb, fmt.Sprintf("CREATE TABLE kept.%s AS TABLE consent.%[1]s", table))
	}
}

// putBack restores what remember kept, as one who restores a dump does.
func (s *store) putBack(tb testing.TB) {
	tb.Helper()
	s.sql(tb, "RESET ROLE")
	s.sql(tb, "SET session_replication_role = replica")
	for _, table := range tables {
		s.sql(tb, fmt.Sprintf("DELETE FROM consent.%s", table))
		s.sql(tb, fmt.Sprintf("INSERT INTO consent.%s SELECT * FROM kept.%[1]s", table))
	}
	s.sql(tb, "SET session_replication_role = origin")
}

// tampered runs statements as a superuser whom no trigger stops, asks for an audit, and puts everything back.
func (s *store) tampered(tb testing.TB, l *ledger.Ledger, outside consent.Checkpoint, name string, statements ...string) {
	tb.Helper()
	s.sql(tb, "SET session_replication_role = replica")
	for _, sql := range statements {
		s.sql(tb, sql)
	}
	if err := l.Audit(tb.Context(), outside); !errors.Is(err, consent.ErrContradicted) {
		tb.Errorf("%s: %v", name, err)
	}
	s.putBack(tb)
}

func TestAnAuditFindsNothingInALedgerThatIsWhole(t *testing.T) {
	_, l := filled(t)
	head, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	audited(t, l, consent.Checkpoint{})
	audited(t, l, head)
	// What was just published waits for the log, as acts do.
	if err := l.Publish(t.Context(), consent.Publication{Namespace: "shop", Policy: l.Tenant.String(),
		Purposes: []consent.PublishedPurpose{{Purpose: "analytics", Body: []byte(`{"basis":"Consent"}`)}}}); err != nil {
		t.Fatal(err)
	}
	audited(t, l, head)
	sequence(t, l)
	audited(t, l, head)
}

// others are expressions of another value, by the type of a column.
var others = map[string]string{"uuid": "'00000000-0000-4000-8000-000000000001'", "text": "%[1]s || 'x'", "bytea": "%[1]s || '\\x00'", "timestamptz": "%[1]s + interval '1 microsecond'",
	"int4": "%[1]s + 1", "int8": "%[1]s + 1000000", "int2": "1 - %[1]s", "jsonb": "jsonb_set(%[1]s, '{x}', '1')"}

func another(tb testing.TB, table, column, kind string) string {
	tb.Helper()
	value, ok := others[kind]
	switch {
	case !ok:
		tb.Fatalf("no other value of type %s", kind)
	case table == "tiles" && column == "level":
		return "level + 1"
	case kind == "uuid":
		return value
	}
	return fmt.Sprintf(value, column)
}

// TestTamperingsByLotAreFound changes any columns of any rows of events, leaves and tiles.
func TestTamperingsByLotAreFound(t *testing.T) {
	s, l := filled(t)
	s.remember(t)
	r := rand.New(rand.NewPCG(3, 4))
	columns := map[string][][2]string{
		"events": {{"event_id", "uuid"}, {"receipt_id", "uuid"}, {"subject_ref", "uuid"}, {"occurred_at", "timestamptz"}, {"recorded_at", "timestamptz"}, {"valid_until", "timestamptz"},
			{"notice_version", "int4"}, {"decision", "int2"}, {"gpc", "int2"}, {"type", "text"}, {"purpose", "text"}, {"notice", "text"}, {"notice_lang", "text"},
			{"notice_sha256", "bytea"}, {"method", "text"}, {"collected_by", "text"}, {"site", "text"}, {"evidence_ct", "bytea"}, {"leaf_hash", "bytea"}},
		"leaves": {{"event_id", "uuid"}, {"idx", "int8"}},
		"tiles":  {{"n", "int8"}, {"data", "bytea"}},
	}
	for n := range 120 {
		table := []string{"events", "events", "events", "leaves", "tiles"}[r.IntN(5)]
		c := columns[table][r.IntN(len(columns[table]))]
		s.tampered(t, l, consent.Checkpoint{}, fmt.Sprintf("tampering %d of %s.%s", n, table, c[0]), fmt.Sprintf(
			"UPDATE consent.%[1]s SET %[2]s = %[3]s WHERE ctid = (SELECT t.ctid FROM consent.%[1]s t WHERE %[2]s IS NOT NULL%[5]s ORDER BY md5(t.ctid::text || '%[4]d') LIMIT 1)",
			table, c[0], another(t, table, c[0], c[1]), n, map[bool]string{true: " AND NOT EXISTS (SELECT FROM consent.pending p WHERE p.event_id = t.event_id)"}[table == "events"]))
	}
}

// TestEachColumnIsProtected changes each column of one row of what the log proves, as a superuser without triggers.
func TestEachColumnIsProtected(t *testing.T) {
	s, l := filled(t)
	s.remember(t)
	rows, err := s.admin.Query(t.Context(), `SELECT table_name, column_name, udt_name FROM information_schema.columns
WHERE table_schema = 'consent' AND table_name IN ('events', 'leaves', 'tiles', 'checkpoints', 'heads', 'notices', 'purposes', 'state', 'pending') ORDER BY 1, ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Table, Name, Type string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil || len(columns) < 40 {
		t.Fatal(len(columns), err)
	}
	for _, c := range columns {
		value := another(t, c.Table, c.Name, c.Type)
		// The row that has most: a grant with all fields, and for the rest any.
		where := "true"
		switch {
		case c.Table == "state" && c.Name == "tenant_id":
			continue // a state that is not there denies
		case c.Table == "events" && c.Name == "evidence_ct":
			where = "evidence_ct IS NOT NULL AND subject_ref IS NOT NULL"
		case c.Table == "events" || c.Table == "state":
			where = c.Name + " IS NOT NULL AND purpose = 'conversation' AND decision = 1 AND valid_until IS NOT NULL"
		case (c.Table == "checkpoints" || c.Table == "heads") && c.Name == "recorded_at":
			continue // the note has no time: it is told by whoever keeps a checkpoint
		case c.Table == "checkpoints" && c.Name == "tenant_id":
			continue // one that is gone takes nothing away while there is a newer head
		}
		s.tampered(t, l, consent.Checkpoint{}, c.Table+"."+c.Name,
			fmt.Sprintf("UPDATE consent.%s SET %s = %s WHERE ctid = (SELECT ctid FROM consent.%[1]s WHERE %[4]s LIMIT 1)", c.Table, c.Name, value, where))
	}
}

// TestWhoeverRewritesTheLedgerIsSeen tells what a superuser could do.
func TestWhoeverRewritesTheLedgerIsSeen(t *testing.T) {
	s, l := filled(t)
	head, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := uuid.New()
	s.remember(t)
	for name, statements := range map[string][]string{
		"an event deleted":                   {"DELETE FROM consent.events WHERE event_id = (SELECT event_id FROM consent.leaves WHERE idx = 17)"},
		"an event and its leaf deleted":      {"DELETE FROM consent.events WHERE event_id = (SELECT event_id FROM consent.leaves WHERE idx = 17)", "DELETE FROM consent.leaves WHERE idx = 17"},
		"a leaf deleted, the rest moved up":  {"DELETE FROM consent.leaves WHERE idx = 17", "UPDATE consent.leaves SET idx = -idx WHERE idx > 17", "UPDATE consent.leaves SET idx = -idx - 1 WHERE idx < 0"},
		"two leaves exchanged":               {"UPDATE consent.leaves SET idx = CASE idx WHEN 3 THEN -4 ELSE -3 END WHERE idx IN (3, 4)", "UPDATE consent.leaves SET idx = -idx WHERE idx < 0"},
		"all truncated":                      {"TRUNCATE consent.events, consent.leaves, consent.tiles, consent.checkpoints, consent.heads, consent.pending, consent.state, consent.notices, consent.purposes"},
		"the events truncated":               {"TRUNCATE consent.events"},
		"the end cut off":                    {"DELETE FROM consent.events WHERE event_id IN (SELECT event_id FROM consent.leaves WHERE idx >= 290)", "DELETE FROM consent.leaves WHERE idx >= 290", "DELETE FROM consent.checkpoints WHERE size > 290", "DELETE FROM consent.heads"},
		"the newest head deleted":            {"DELETE FROM consent.heads"},
		"every checkpoint deleted":           {"DELETE FROM consent.checkpoints", "DELETE FROM consent.heads"},
		"an older head put back":             {"UPDATE consent.heads SET (size, note) = (SELECT size, note FROM consent.checkpoints ORDER BY size LIMIT 1)"},
		"an event moved to another tenant":   {"UPDATE consent.events SET tenant_id = '" + other.String() + "' WHERE event_id = (SELECT event_id FROM consent.leaves WHERE idx = 17)"},
		"an event back-dated with its hash":  {"UPDATE consent.events SET recorded_at = recorded_at - interval '1 day', leaf_hash = sha256('x') WHERE event_id = (SELECT event_id FROM consent.leaves WHERE idx = 17)"},
		"an event copied":                    {"INSERT INTO consent.events SELECT tenant_id, '01900000-0000-7000-8000-000000000000', receipt_id, subject_ref, occurred_at, recorded_at, valid_until, notice_version, decision, gpc, type, purpose, notice, notice_lang, notice_sha256, method, collected_by, site, evidence_ct, leaf_hash FROM consent.events LIMIT 1"},
		"an event out of the queue":          {"DELETE FROM consent.pending WHERE event_id = (SELECT min(event_id::text)::uuid FROM consent.pending)"},
		"an event of the queue deleted":      {"DELETE FROM consent.events WHERE event_id = (SELECT min(event_id::text)::uuid FROM consent.pending)"},
		"a leaf taken into the queue":        {"INSERT INTO consent.pending SELECT tenant_id, event_id FROM consent.leaves WHERE idx = 5"},
		"a tile forged":                      {"UPDATE consent.tiles SET data = set_byte(data, 5, 255 - get_byte(data, 5))"},
		"a tile deleted":                     {"DELETE FROM consent.tiles"},
		"a tile of nothing":                  {"INSERT INTO consent.tiles SELECT tenant_id, 7, level, data FROM consent.tiles"},
		"a denial turned in the projection":  {"UPDATE consent.state SET decision = 1 WHERE purpose = 'analytics'"},
		"an older state put back":            {"UPDATE consent.state s SET (event_id, recorded_at, valid_until, decision) = (SELECT e.event_id, e.recorded_at, e.valid_until, e.decision FROM consent.events e WHERE e.subject_ref = s.subject_ref AND e.purpose = s.purpose AND e.event_id < s.event_id LIMIT 1) WHERE EXISTS (SELECT FROM consent.events e WHERE e.subject_ref = s.subject_ref AND e.purpose = s.purpose AND e.event_id < s.event_id)"},
		"a state given to somebody else":     {"UPDATE consent.state SET subject_ref = gen_random_uuid() WHERE ctid = (SELECT ctid FROM consent.state LIMIT 1)"},
		"a notice deleted":                   {"DELETE FROM consent.notices"},
		"a purpose deleted":                  {"DELETE FROM consent.purposes"},
		"a key put back after the shredding": {"UPDATE consent.subject_keys SET wrapped_key = '\\x00', shredded_at = NULL WHERE shredded_at IS NOT NULL"},
	} {
		s.tampered(t, l, head, name, statements...)
	}
}

// TestNobodyButTheirRoleChangesTheLedger asks as each role, and as the owner.
func TestNobodyButTheirRoleChangesTheLedger(t *testing.T) {
	s, l := filled(t)
	for _, role := range []string{ledger.RoleApp, ledger.RoleSeq, ledger.RolePrune, ledger.RoleOwner, postgresSuperuser} {
		for _, table := range []string{"events", "leaves", "tiles", "checkpoints", "notices", "purposes"} {
			for _, sql := range []string{"UPDATE consent.%s SET tenant_id = tenant_id", "DELETE FROM consent.%s", "TRUNCATE consent.%s"} {
				if role == ledger.RoleOwner && table == "events" && sql[:6] == "DELETE" {
					continue // what consent.prune does; the audit sees it
				}
				tx, err := s.admin.Begin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if role != postgresSuperuser {
					if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+role); err != nil {
						t.Fatal(err)
					}
				}
				_, _ = tx.Exec(t.Context(), "SELECT set_config('app.tenant', $1, true)", l.Tenant.String())
				_, err = tx.Exec(t.Context(), fmt.Sprintf(sql, table))
				var refused *pgconn.PgError
				if !errors.As(err, &refused) || (refused.Code != "42501" && refused.ConstraintName != "append_only") {
					t.Errorf("%s: %s: %v", role, fmt.Sprintf(sql, table), err)
				}
				_ = tx.Rollback(t.Context())
			}
		}
	}
	audited(t, l, consent.Checkpoint{})
	s.remember(t)
	s.tampered(t, l, consent.Checkpoint{}, "the owner deletes", "SET session_replication_role = origin", "SET ROLE consent_owner",
		"SELECT set_config('app.tenant', '"+l.Tenant.String()+"', false)", "DELETE FROM consent.events WHERE event_id = (SELECT event_id FROM consent.leaves WHERE idx = 17)")
}

// TestNobodyAddsToTheLogButItsSequencer: nor does the sequencer add events, nor who prunes anything. Privileges are asked before values.
func TestNobodyAddsToTheLogButItsSequencer(t *testing.T) {
	s, l := filled(t)
	for role, tables := range map[string][]string{
		ledger.RoleApp:   {"leaves", "tiles", "checkpoints", "heads"},
		ledger.RoleSeq:   {"tenants", "purposes", "notices", "subject_keys", "subject_links", "events", "pending", "state", "idem", "mailbox_proofs", "wishes", "builds", "keys"},
		ledger.RolePrune: {"events", "pending", "leaves", "tiles", "checkpoints", "heads", "state", "notices", "subject_keys"},
	} {
		for _, table := range tables {
			tx, err := s.admin.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+role); err != nil {
				t.Fatal(err)
			}
			_, _ = tx.Exec(t.Context(), "SELECT set_config('app.tenant', $1, true)", l.Tenant.String())
			_, err = tx.Exec(t.Context(), "INSERT INTO consent."+table+" DEFAULT VALUES")
			var refused *pgconn.PgError
			if !errors.As(err, &refused) || refused.Code != "42501" {
				t.Errorf("%s adds to %s: %v", role, table, err)
			}
			_ = tx.Rollback(t.Context())
		}
	}
}

// TestAForkIsSeen rewrites the whole log, with the stolen key, so that it agrees with itself.
func TestAForkIsSeen(t *testing.T) {
	_, one := filled(t)
	head, err := one.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	forged := open(t, s.config(t, one.Tenant))
	fill(t, forged)
	sequence(t, forged)
	audited(t, forged, consent.Checkpoint{})
	if err := forged.Audit(t.Context(), head); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("a fork: %v", err)
	}
	head.Note = append(head.Note, '\n')
	if err := one.Audit(t.Context(), head); err == nil {
		t.Error("a checkpoint that nobody signed was believed")
	}
}

const postgresSuperuser = "root_of_test"
