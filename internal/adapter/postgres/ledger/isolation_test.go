package ledger_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
)

// open to all tenants, without row security: names of tenants, and which migrations have run. Neither has personal data.
var common = []string{"migrations", "tenants"}

// relations of the schema, as the catalogue has them: a table that comes later is among them.
func (s *store) relations(t *testing.T) (tables []string) {
	t.Helper()
	rows, err := s.admin.Query(t.Context(), `SELECT c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'consent' AND c.relkind NOT IN ('i', 'I') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	var name, kind string
	if _, err := pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		switch {
		case kind != "r": // a view shows what its owner may see, a sequence what others took from it
			t.Errorf("%s is of kind %s: neither views nor sequences nor partitions keep tenants apart by themselves", name, kind)
		case !slices.Contains(common, name):
			tables = append(tables, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return tables
}

// neighbours are two tenants of one database and the same pools, each with rows in every table, old enough to be pruned and swept.
func neighbours(t *testing.T) (s *store, one, two *ledger.Ledger, clock *clocktesting.FakeClock) {
	t.Helper()
	s = newStore(t)
	clock = clocktesting.NewFakeClock(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	pools := s.config(t, uuid.New())
	for _, l := range []**ledger.Ledger{&one, &two} {
		c := s.config(t, uuid.New())
		c.App, c.Seq, c.Prune, c.Clock = pools.App, pools.Seq, pools.Prune, clock
		*l = open(t, c)
		everywhere(t, *l)
	}
	for _, table := range s.relations(t) {
		for _, l := range []*ledger.Ledger{one, two} {
			if s.count(t, "SELECT count(*) FROM consent."+table+" WHERE tenant_id = $1", l.Tenant) == 0 {
				t.Fatalf("this test does not know how to fill %s", table)
			}
		}
	}
	return s, one, two, clock
}

// everywhere puts rows of a tenant into every table.
func everywhere(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	fill(t, l)
	body := []byte("a build")
	sum := sha256.Sum256(body)
	if err := l.Publish(t.Context(), consent.Publication{Namespace: "shop", Policy: l.Tenant.String(), Widgets: []consent.PublishedWidget{{Site: "shop", SHA256: sum[:], Body: body}}}); err != nil {
		t.Fatal(err)
	}
	for i, invited := range []string{"ada@example.org", "eve@example.org"} { // who never answers
		if err := l.Issue(t.Context(), fmt.Append(nil, l.Tenant, i), "confirm", consent.Person{Kind: "email", ID: invited}, "newsletter", l.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	wish := ledgertest.Wish("wish")
	wish.Person = ledgertest.Visitor(9)
	if _, err := l.Ask(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
}

// rows of a tenant, a digest of them for each table.
func (s *store) rows(t *testing.T, tenant uuid.UUID) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range s.relations(t) {
		var digest string
		if err := s.admin.QueryRow(t.Context(), "SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') FROM consent."+table+" r WHERE tenant_id = $1", tenant).Scan(&digest); err != nil {
			t.Fatal(table, err)
		}
		out[table] = digest
	}
	return out
}

// TestWhatIsSweptAndPrunedIsOneTenants: no row of the other one changes, of whom as much could go. Once as it is, and once where the
// owner, as whom the functions run, passes row security, so that nothing but their own conditions keeps tenants apart.
func TestWhatIsSweptAndPrunedIsOneTenants(t *testing.T) {
	for name, forced := range map[string]bool{"as it is": true, "by the functions' own conditions": false} {
		t.Run(name, func(t *testing.T) {
			s, one, two, clock := neighbours(t)
			for _, table := range s.relations(t) {
				if !forced {
					s.sql(t, "ALTER TABLE consent."+table+" NO FORCE ROW LEVEL SECURITY")
				}
			}
			clock.SetTime(clock.Now().AddDate(6, 0, 0)) // consents and tokens have ended, keys of acts are too old
			before := s.rows(t, two.Tenant)
			s.prunes(t, one, clock.Now())
			for table, rows := range s.rows(t, two.Tenant) {
				if rows != before[table] {
					t.Errorf("%s of the other tenant has changed", table)
				}
			}
			audited(t, two, consent.Checkpoint{})
			s.prunes(t, two, clock.Now()) // and had as much to lose
		})
	}
}

// prunes lets go of all that a tenant has no need of any more.
func (s *store) prunes(t *testing.T, l *ledger.Ledger, now time.Time) {
	t.Helper()
	gone, err := l.Prune(t.Context(), now.AddDate(-1, 0, 0))
	if err != nil || gone < 100 {
		t.Errorf("%d events went: %v", gone, err)
	}
	people, err := l.SweepPeople(t.Context())
	if err != nil || people < 2 {
		t.Errorf("%d people went: %v", people, err)
	}
	if err := l.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.idem WHERE tenant_id = $1 AND recorded_at < $2", l.Tenant, now.AddDate(-1, 0, 0)); n != 0 {
		t.Errorf("%d keys of acts are left", n)
	}
	audited(t, l, consent.Checkpoint{})
}

// TestEachTableKeepsTenantsApart asks as each role that logs in, on a connection of its own, for every table that there is. A superuser
// would see all, whatever the policies say.
func TestEachTableKeepsTenantsApart(t *testing.T) {
	s, one, two, _ := neighbours(t)
	pools := map[string]*pgxpool.Pool{ledger.RoleApp: one.App, ledger.RoleSeq: one.Seq, ledger.RolePrune: one.Config.Prune}
	asked := 0
	for role, pool := range pools {
		for _, table := range s.relations(t) {
			asked += apart{s, pool, role, table, one.Tenant, two.Tenant}.all(t)
		}
	}
	if asked < 60 {
		t.Errorf("only %d questions", asked)
	}
	for _, table := range s.relations(t) {
		if n := s.count(t, `SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = ('consent.' || $1)::regclass AND i.indisprimary AND a.attname = 'tenant_id'`, table); n != 1 {
			t.Errorf("the key of %s does not begin with the tenant", table)
		}
	}
	for _, role := range []string{ledger.RoleApp, ledger.RoleSeq, ledger.RolePrune} {
		for _, table := range common {
			if s.count(t, "SELECT CASE WHEN has_table_privilege($1, 'consent.' || $2, 'DELETE, TRUNCATE') OR has_any_column_privilege($1, 'consent.' || $2, 'UPDATE') THEN 1 ELSE 0 END", role, table) != 0 {
				t.Errorf("%s may change %s", role, table)
			}
		}
	}
}

// apart is a role that is told that it serves one tenant, and what it can do to the other's rows of a table.
type apart struct {
	*store
	pool       *pgxpool.Pool
	role       string
	table      string
	mine, them uuid.UUID
}

// all asks all that the role may do, and returns how many questions that was.
func (a apart) all(t *testing.T) (asked int) {
	t.Helper()
	if a.may(t, "SELECT") {
		asked++
		own := a.count(t, "SELECT count(*) FROM consent."+a.table+" WHERE tenant_id = $1", a.mine)
		for tenant, want := range map[string]int64{a.mine.String(): own, uuid.NewString(): 0, "": 0} {
			if n, err := a.as(t, tenant, "SELECT FROM consent."+a.table); err != nil || n != want {
				t.Errorf("%s sees %d rows of %s, want %d: %v", a.role, n, a.table, want, err)
			}
		}
	}
	if a.may(t, "DELETE") {
		asked++
		a.none(t, "DELETE FROM consent."+a.table+" WHERE tenant_id = $1", a.them)
	}
	for _, column := range a.columns(t) {
		asked++
		a.none(t, fmt.Sprintf("UPDATE consent.%s SET %s = %[2]s WHERE tenant_id = $1", a.table, column), a.them)
		if column == "tenant_id" {
			a.refused(t, "UPDATE consent."+a.table+" SET tenant_id = $1", a.them)
		}
	}
	if a.may(t, "INSERT") {
		asked++
		var row string
		if err := a.admin.QueryRow(t.Context(), "SELECT to_jsonb(r)::text FROM consent."+a.table+" r WHERE tenant_id = $1 LIMIT 1", a.them).Scan(&row); err != nil {
			t.Fatal(a.table, err)
		}
		a.refused(t, "INSERT INTO consent."+a.table+" SELECT * FROM jsonb_populate_record(NULL::consent."+a.table+", $1::text::jsonb)", row)
	}
	return asked
}

func (a apart) may(t *testing.T, privilege string) bool {
	t.Helper()
	return a.count(t, "SELECT CASE WHEN has_table_privilege($1, 'consent.' || $2, $3) THEN 1 ELSE 0 END", a.role, a.table, privilege) == 1
}

// columns that the role may change.
func (a apart) columns(t *testing.T) []string {
	t.Helper()
	rows, err := a.admin.Query(t.Context(), "SELECT attname::text FROM pg_attribute WHERE attrelid = ('consent.' || $2)::regclass AND attnum > 0 AND NOT attisdropped AND has_column_privilege($1, attrelid, attnum, 'UPDATE')", a.role, a.table)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// as runs a statement as the role, for a tenant, takes it back, and returns how many rows it was about.
func (a apart) as(t *testing.T, tenant, sql string, args ...any) (int64, error) {
	t.Helper()
	tx, err := a.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "SELECT set_config('app.tenant', $1, true)", tenant); err != nil {
		t.Fatal(err)
	}
	var session string
	if err := tx.QueryRow(t.Context(), "SELECT session_user").Scan(&session); err != nil || session != a.role {
		t.Fatalf("asked as %s: %v", session, err)
	}
	tag, err := tx.Exec(t.Context(), sql, args...)
	return tag.RowsAffected(), err
}

// none wants a statement to find no row of the other tenant.
func (a apart) none(t *testing.T, sql string, args ...any) {
	t.Helper()
	if n, err := a.as(t, a.mine.String(), sql, args...); err != nil || n != 0 {
		t.Errorf("%s: %s: %d rows, %v", a.role, sql, n, err)
	}
}

// refused wants a row of the other tenant to be refused by row security, and by nothing else.
func (a apart) refused(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := a.as(t, a.mine.String(), sql, args...)
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != "42501" || !strings.Contains(refusal.Message, "row-level security") {
		t.Errorf("%s: %s: %v", a.role, sql, err)
	}
}
