package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/proof"
)

func decisions(tb testing.TB, l *ledger.Ledger, person consent.Person) string {
	tb.Helper()
	states, err := l.States(tb.Context(), []consent.Person{person})
	if err != nil {
		tb.Fatal(err)
	}
	out := ""
	for _, s := range states[0] {
		out += fmt.Sprintf("%s=%d ", s.Purpose, s.Decision)
	}
	return out
}

func TestARoleThatCouldPassRowSecurityIsRefused(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	open(t, c)
	for _, spoil := range [][2]string{
		{"ALTER ROLE consent_app BYPASSRLS", "ALTER ROLE consent_app NOBYPASSRLS"},
		{"ALTER ROLE consent_seq SUPERUSER", "ALTER ROLE consent_seq NOSUPERUSER"},
		{"GRANT consent_owner TO consent_app", "REVOKE consent_owner FROM consent_app"},
		{"ALTER TABLE consent.events NO FORCE ROW LEVEL SECURITY", "ALTER TABLE consent.events FORCE ROW LEVEL SECURITY"},
	} {
		s.sql(t, spoil[0])
		if _, err := ledger.Open(t.Context(), c); !errors.Is(err, ledger.ErrRole) {
			t.Errorf("%s: %v", spoil[0], err)
		}
		s.sql(t, spoil[1])
	}
	// What a role has been given beyond its rights is taken away by the next migration.
	s.sql(t, "ALTER ROLE consent_app BYPASSRLS CREATEDB")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	open(t, c)
}

// TestTwoTenantsOnOneConnectionDoNotMeet lets them take turns on a pool of one.
func TestTwoTenantsOnOneConnectionDoNotMeet(t *testing.T) {
	s := newStore(t)
	one, two := s.config(t, uuid.New()), s.config(t, uuid.New())
	pool, seq := s.pool(t, ledger.RoleApp, 1), s.pool(t, ledger.RoleSeq, 1)
	one.App, one.Seq, two.App, two.Seq = pool, seq, pool, seq
	a, b := open(t, one), open(t, two)
	recorded := act(t, a, ledgertest.Act(ledgertest.Visitor(1), "one"))
	if got := decisions(t, b, ledgertest.Visitor(1)); got != "" {
		t.Errorf("the other tenant sees %s", got)
	}
	if _, err := b.Receipt(t.Context(), recorded.Receipt); !errors.Is(err, consent.ErrUnknown) {
		t.Errorf("the other tenant's receipt: %v", err)
	}
	if again := act(t, b, ledgertest.Act(ledgertest.Visitor(1), "one")); again.Deduplicated || again.Subject == recorded.Subject {
		t.Error("the tenants share keys of acts or people")
	}
	sequence(t, a)
	sequence(t, b)
	audited(t, a, consent.Checkpoint{})
	audited(t, b, consent.Checkpoint{})
	// Nobody's tenant: no rows, and none can be written. A tenant of another's name cannot be written either.
	for _, setting := range []string{"", uuid.NewString()} {
		var n int
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if setting != "" {
			_, _ = tx.Exec(t.Context(), "SELECT set_config('app.tenant', $1, true)", setting)
		}
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM consent.events WHERE $1", true).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
		if _, err := tx.Exec(t.Context(), "INSERT INTO consent.pending VALUES ($1, $2)", a.Tenant, uuid.New()); err == nil {
			t.Error("a row of a tenant was written by nobody")
		}
		_ = tx.Rollback(t.Context())
	}
}

func TestAnOldDumpRevivesNobody(t *testing.T) {
	s, l := fresh(t)
	one := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	act(t, l, ledgertest.Act(ledgertest.Visitor(2), "two"))
	sequence(t, l)
	s.remember(t)
	if _, err := l.Shred(t.Context(), ledgertest.Visitor(1), ""); err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	head, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	marks, to, err := l.Forgotten(t.Context(), 0)
	if err != nil || len(marks) != 1 || to != head.Size {
		t.Fatal(marks, to, err)
	}
	s.putBack(t) // the dump of before
	if got := decisions(t, l, ledgertest.Visitor(1)); got == "" {
		t.Fatal("the dump has nobody to revive")
	}
	if err := l.Audit(t.Context(), head); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("the older copy is not seen: %v", err)
	}
	if _, err := l.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("an older copy was signed on: %v", err)
	}
	listed := l.Config
	listed.Marks = func() ([]consent.Mark, error) { return marks, nil }
	again := open(t, listed)
	if got := decisions(t, again, ledgertest.Visitor(1)); got != "" {
		t.Errorf("somebody was revived: %s", got)
	}
	warned := l.Config
	warned.Outside = head.Note
	if _, err := open(t, warned).Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("a program that was started anew signed on an older copy: %v", err)
	}
	events, err := again.Receipt(t.Context(), one.Receipt)
	if err != nil || events[0].Evidence != nil {
		t.Errorf("their evidence is back: %v", err)
	}
	if decisions(t, again, ledgertest.Visitor(2)) == "" {
		t.Error("somebody else was forgotten")
	}
	sequence(t, again)
	audited(t, again, consent.Checkpoint{})
}

// TestAForkIsNotSignedOn starts a program on a log that is as long as the one that was seen, and another.
func TestAForkIsNotSignedOn(t *testing.T) {
	_, one := fresh(t)
	for _, key := range []string{"one", "two"} {
		act(t, one, ledgertest.Act(ledgertest.Visitor(1), key))
		sequence(t, one)
	}
	head, err := one.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, continues := range []bool{true, false} {
		c := one.Config
		if !continues {
			s := newStore(t)
			c = s.config(t, one.Tenant)
			forged := open(t, c)
			for _, key := range []string{"one", "two", "three"} {
				act(t, forged, ledgertest.Act(ledgertest.Visitor(1), key))
			}
			sequence(t, forged)
		}
		c.Outside = head.Note
		l := open(t, c)
		act(t, l, ledgertest.Act(ledgertest.Visitor(2), "more"))
		if _, err := l.Sequencer.Step(t.Context()); errors.Is(err, consent.ErrContradicted) == continues {
			t.Errorf("the log continues: %v; %v", continues, err)
		}
	}
	c := one.Config
	c.Outside = []byte("no checkpoint")
	l := open(t, c)
	act(t, l, ledgertest.Withdrawal(ledgertest.Visitor(1), "whatever happens", "conversation"))
	if _, err := l.Sequencer.Step(t.Context()); !errors.Is(err, consent.ErrContradicted) {
		t.Errorf("a checkpoint that nobody signed: %v", err)
	}
}

func TestConsentDoesNotOutliveItsTime(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	clock := clocktesting.NewFakeClock(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	c.Clock = clock
	l := open(t, c)
	for i := range 3 {
		act(t, l, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint(i)))
	}
	if n, err := l.Expire(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	clock.SetTime(time.Date(2027, 5, 30, 12, 0, 0, 123456000, time.UTC)) // the act's ValidUntil
	renewed := ledgertest.Act(ledgertest.Visitor(1), "renewed")
	renewed.Choices[1].ValidUntil = clock.Now().AddDate(1, 0, 0)
	act(t, l, renewed)
	if n, err := l.Expire(t.Context()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for i, want := range []string{"analytics=0 conversation=0 ", "analytics=0 conversation=1 ", "analytics=0 conversation=0 "} {
		if got := decisions(t, l, ledgertest.Visitor(i)); got != want {
			t.Errorf("visitor %d: %s", i, got)
		}
	}
	if n, err := l.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("expired twice: %d, %v", n, err)
	}
	events, err := l.Events(t.Context(), ledgertest.Visitor(0))
	if err != nil || events[len(events)-1].Type != consent.EventExpired {
		t.Errorf("%v, %v", events, err)
	}
	// Keys of acts are kept for 30 days.
	clock.SetTime(clock.Now().AddDate(0, 0, 31))
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.idem"); n != 0 {
		t.Errorf("%d keys are kept", n)
	}
	sequence(t, l)
	audited(t, l, consent.Checkpoint{})
}

// TestAConsentThatAClockAheadRecordedEnds: another replica's clock was years ahead, and the end of the consent is by this one's.
func TestAConsentThatAClockAheadRecordedEnds(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	end := ledgertest.Act(ledgertest.Visitor(1), "").Choices[1].ValidUntil
	c.Clock = clocktesting.NewFakeClock(end.AddDate(2, 0, 0))
	act(t, open(t, c), ledgertest.Act(ledgertest.Visitor(1), "ahead"))
	c.Clock = clocktesting.NewFakeClock(end.Add(time.Hour))
	l := open(t, c)
	act(t, l, ledgertest.Act(ledgertest.Visitor(2), "in time"))
	for i, want := range []int{2, 0} {
		if n, err := l.Expire(t.Context()); n != want || err != nil {
			t.Errorf("%d: %d, %v", i, n, err)
		}
	}
	sequence(t, l)
	audited(t, l, consent.Checkpoint{})
}

// TestPruningIsToldFirst prunes by time and by person, and proves what is gone.
func TestPruningIsToldFirst(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	clock := clocktesting.NewFakeClock(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	c.Clock = clock
	l := open(t, c)
	var first consent.Recorded
	for i := range 90 {
		clock.Step(time.Millisecond) // events of one instant have no order, and only those of full tiles are pruned
		r := act(t, l, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint(i)))
		if i == 0 {
			first = r
		}
	}
	act(t, l, ledgertest.Withdrawal(ledgertest.Visitor(7), "gone", "conversation"))
	sequence(t, l)
	gone, err := l.Shred(t.Context(), ledgertest.Visitor(0), "")
	if err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	n, err := l.Prune(t.Context(), time.Time{}, gone.Subject)
	if err != nil || n != 3 {
		t.Fatalf("%d events of a person who was forgotten: %v", n, err)
	}
	audited(t, l, consent.Checkpoint{})
	in, err := l.Inclusion(t.Context(), first.Events[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Inclusion(in, first.Events[1].Leaf); err != nil {
		t.Errorf("what was pruned is not proven any more: %v", err)
	}
	clock.SetTime(clock.Now().AddDate(5, 0, 1)) // consents have expired
	act(t, l, ledgertest.Act(ledgertest.Visitor(1), "new"))
	n, err = l.Prune(t.Context(), clock.Now().AddDate(-1, 0, 0))
	if err != nil || n == 0 {
		t.Fatalf("%d old events: %v", n, err)
	}
	if left := s.count(t, "SELECT count(*) FROM consent.events e JOIN consent.leaves l USING (tenant_id, event_id) WHERE idx < 256 AND subject_ref IS NOT NULL"); n+3+left != 256 || left > 100 {
		t.Errorf("%d went, %d are left", n, left)
	}
	audited(t, l, consent.Checkpoint{})
	if again, err := l.Prune(t.Context(), clock.Now().AddDate(-1, 0, 0)); err != nil || again != 0 {
		t.Errorf("a second time: %d, %v", again, err)
	}
	s.refusesToPrune(t, c, l)
}

// refusesToPrune asks for what the log does not tell of, in a transaction of a tenant, as the ledger does.
func (s *store) refusesToPrune(t *testing.T, c ledger.Config, l *ledger.Ledger) {
	t.Helper()
	told := s.text(t, "SELECT event_id::text FROM consent.events JOIN consent.leaves USING (tenant_id, event_id) WHERE type = 'ledger.pruned' LIMIT 1")
	const untold = "INSERT INTO consent.events SELECT (jsonb_populate_record(e, jsonb_build_object('event_id', gen_random_uuid()))).* FROM consent.events e WHERE type = 'ledger.pruned' LIMIT 1 RETURNING event_id::text"
	const unheard, forbidden = "P0002", "42501"
	for name, ask := range map[string]struct {
		pool                *pgxpool.Pool
		tenant, event, code string
	}{
		"no such event":            {c.Prune, l.Tenant.String(), uuid.NewString(), unheard},
		"an event of another kind": {c.Prune, l.Tenant.String(), s.text(t, "SELECT event_id::text FROM consent.events WHERE type = 'subject.shredded'"), unheard},
		"one that is in no log":    {c.Prune, l.Tenant.String(), s.text(t, untold), unheard},
		"another tenant's":         {c.Prune, uuid.NewString(), told, unheard},
		"of no tenant":             {c.Prune, "", told, unheard},
		"the service's role":       {c.App, l.Tenant.String(), told, forbidden},
	} {
		tx, err := ask.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "SELECT set_config('app.tenant', $1, true)", ask.tenant); err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), "SELECT consent.prune($1)", ask.event)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != ask.code {
			t.Errorf("%s: %v", name, err)
		}
		_ = tx.Rollback(t.Context())
	}
}

func (s *store) text(tb testing.TB, sql string) (out string) {
	tb.Helper()
	if err := s.admin.QueryRow(tb.Context(), sql).Scan(&out); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return out
}

// TestADatabaseThatIsSlowOrAwayFailsClosed also shows that whoever watches is told.
func TestADatabaseThatIsSlowOrAwayFailsClosed(t *testing.T) {
	s, l := fresh(t)
	act(t, l, ledgertest.Act(ledgertest.Visitor(1), "one"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, err := l.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.sql(t, "BEGIN")
	s.sql(t, "LOCK TABLE consent.events IN ACCESS EXCLUSIVE MODE")
	short, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	slow := ledgertest.Withdrawal(ledgertest.Visitor(1), "slow", "conversation")
	if _, err := l.Record(short, slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	s.sql(t, "ROLLBACK")
	act(t, l, slow)
	if got := decisions(t, l, ledgertest.Visitor(1)); got != "analytics=0 conversation=0 " {
		t.Error(got)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.events WHERE type = 'consent.withdrawn'"); n != 1 {
		t.Errorf("withdrawn %d times", n)
	}
	// Away: nobody may connect, and who is connected is thrown out.
	root := server.Connect(t, "postgres")
	for _, sql := range []string{"ALTER DATABASE " + s.name + " ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + s.name + "'"} {
		if _, err := root.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.States(t.Context(), []consent.Person{ledgertest.Visitor(1)}); err == nil {
		t.Error("states without a database")
	}
	gap(t, changes)
	if _, err := root.Exec(t.Context(), "ALTER DATABASE "+s.name+" ALLOW_CONNECTIONS true"); err != nil {
		t.Fatal(err)
	}
	gap(t, changes)
	recorded := act(t, l, ledgertest.Withdrawal(ledgertest.Visitor(1), "back", "analytics"))
	for change := range changes {
		if change.Subject == recorded.Subject {
			break
		}
	}
}

// gap waits for a zero Change.
func gap(tb testing.TB, changes <-chan consent.Change) {
	tb.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case change := <-changes:
			if change.Subject == uuid.Nil {
				return
			}
		case <-late:
			tb.Fatal("nobody was told of the gap")
		}
	}
}

// TestAWithdrawalIsHeardByEveryReplica has two with connections of their own.
func TestAWithdrawalIsHeardByEveryReplica(t *testing.T) {
	s, one := fresh(t)
	c := s.config(t, one.Tenant)
	c.Signer, c.Public = one.Signer, one.Public
	two := open(t, c)
	recorded := act(t, one, ledgertest.Act(ledgertest.Visitor(1), "one"))
	changes, err := two.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	act(t, one, ledgertest.Withdrawal(ledgertest.Visitor(1), "two", "conversation"))
	var change consent.Change
	began := time.Now()
	select { // a second from the answer is promised: the signal comes with the commit, some milliseconds later. Only a busy machine takes longer
	case change = <-changes:
		t.Logf("heard after %v", time.Since(began))
	case <-time.After(time.Minute):
		t.Fatal("the other replica did not hear of it")
	}
	if change.Subject != recorded.Subject || !cmp.Equal(change.Purposes, []string{"conversation"}) {
		t.Errorf("heard %+v", change)
	}
	sequence(t, one) // tells of all that it covers
	if change := <-changes; change.Subject != recorded.Subject || len(change.Purposes) != 2 {
		t.Errorf("heard %+v", change)
	}
	if n, err := two.Sequencer.Step(t.Context()); n != 0 || err != nil {
		t.Errorf("the other replica sequenced %d again, %v", n, err)
	}
	act(t, two, ledgertest.Act(ledgertest.Visitor(2), "three"))
	if n, err := two.Sequencer.Step(t.Context()); n != 3 || err != nil {
		t.Errorf("the other replica goes on with %d, %v", n, err)
	}
	sequence(t, one)
	audited(t, one, consent.Checkpoint{})
}
