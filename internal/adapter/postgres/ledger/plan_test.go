package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
)

// TestPlansOfAnEmptyLedgerAreThoseOfALargeOne asks for the plans that are made once and kept, before there is a row: each table
// must be looked up by the columns that find few rows.
func TestPlansOfAnEmptyLedgerAreThoseOfALargeOne(t *testing.T) {
	s := newStore(t)
	s.sql(t, "SET plan_cache_mode = force_generic_plan")
	s.sql(t, "SET enable_seqscan = off")
	s.sql(t, "SET search_path = pg_catalog")
	s.sql(t, "SET ROLE consent_app")
	s.sql(t, "SELECT set_config('app.tenant', $1, false)", uuid.NewString())
	for name, want := range map[string][]string{
		"recordNew":      {"((tenant_id = $1) AND (site = acts.site) AND (key_sha256 = acts.key))", "((tenant_id = $1) AND (kind = p.kind) AND (link = p.link))"},
		"recordKnown":    {"((tenant_id = $1) AND (site = acts.site) AND (key_sha256 = acts.key))", "((tenant_id = $1) AND (kind = o.kind) AND (link = p.link))"},
		"statesOf":       {"((tenant_id = $1) AND (kind = p.kind) AND (link = p.link))", "((tenant_id = $1) AND (subject_ref = subject_links.subject_ref))", "((tenant_id = $1) AND (event_id = s.event_id))"},
		"eventsOf":       {"((tenant_id = $1) AND (subject_ref = theirs.subject_ref))"},
		"receiptOf":      {"((tenant_id = $1) AND (event_id >= $2) AND (event_id <= $3))"},
		"placeOf":        {"((tenant_id = $1) AND (event_id = $2))"},
		"sinceOf":        {"((tenant_id = $1) AND (idx > $2))", "((tenant_id = $1) AND (event_id = l.event_id))"},
		"publishedSoFar": {"events_house"},
		"leavesOf":       {"((tenant_id = $1) AND (idx >= $2) AND (idx < $3))", "((tenant_id = $1) AND (event_id = l.event_id))"},
		"pieceLeaves":    {"((tenant_id = $1) AND (idx >= $2) AND (idx < $3))"},
		"pieceEvents":    {"((tenant_id = $1) AND (event_id >= $2) AND (event_id <= $3))"},
		"tokenOf":        {"((tenant_id = $1) AND (token_sha256 = $2))"},
		"holdPerson":     {"((tenant_id = $1) AND (subject_ref = $2))"},
		"newest":         {"checkpoints_pkey", "heads_pkey"},
		"formsOf":        {"((tenant_id = $1) AND (kind = p.kind) AND (link = p.link))"},
		"anyOlder":       {"((tenant_id = $1) AND (kind = p.kind) AND (link = p.link))"},
		"renewLink":      {"((tenant_id = $1) AND (subject_ref = $2))"},
		"wrappedAfter":   {"((tenant_id = $1) AND (subject_ref > $2))"},
		"rewrapKey":      {"((tenant_id = $1) AND (subject_ref = $1))", "((tenant_id = $1) AND (subject_ref = $2))"},
		"keysUsed":       {"(tenant_id = $1)"},
		"lostPepper":     {"((tenant_id = $1) AND (kind = 'pepper'::text))"},
		"waitingOf":      {"Limit", "wishes_waiting", "((tenant_id = $1) AND (way = $2) AND (ROW(turn, event_id) > ROW($3, $4)))", "((tenant_id = $1) AND (event_id = wishes.event_id))"},
		"openedOf":       {"Limit", "wishes_opened", "((tenant_id = $1) AND (way = $2) AND (ROW(turn, event_id) > ROW($3, $4)))", "((tenant_id = $1) AND (event_id = wishes.event_id))"},
		"letPass":        {"((tenant_id = $1) AND (event_id = ANY ($2)))"},
	} {
		s.sql(t, fmt.Sprintf("PREPARE %q AS %s", name, ledger.Statements[name]))
		var count int
		if err := s.admin.QueryRow(t.Context(), "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1", name).Scan(&count); err != nil {
			t.Fatal(name, err)
		}
		rows, err := s.admin.Query(t.Context(), fmt.Sprintf("EXPLAIN EXECUTE %q (%s)", name, strings.TrimSuffix(strings.Repeat("NULL, ", count), ", ")), pgx.QueryExecModeExec)
		if err != nil {
			t.Fatal(name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(name, err)
		}
		plan := strings.Join(lines, "\n")
		for _, part := range want {
			if !strings.Contains(plan, part) {
				t.Errorf("%s: no %s in\n%s", name, part, plan)
			}
		}
	}
}
