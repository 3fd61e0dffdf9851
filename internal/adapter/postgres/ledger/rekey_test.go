package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/seal"
)

// tend does all that other keys leave to do.
func tend(tb testing.TB, l *ledger.Ledger) {
	tb.Helper()
	for more := true; more; {
		var err error
		if more, err = l.Tend(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

// crowd puts people with keys into a tenant, a third of them forgotten, and returns the references of all.
func (s *store) crowd(tb testing.TB, tenant uuid.UUID, ring seal.Ring, n int) []uuid.UUID {
	tb.Helper()
	all := make([]uuid.UUID, n)
	keys := make([][]byte, n)
	for i := range all {
		all[i] = uuid.New()
		chance := &seal.Chance{Key: [seal.KeySize]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}, Nonce: [seal.NonceSize]byte{byte(i), byte(i >> 8), byte(i >> 16)}}
		_, wrapped, err := ring.New(chance, tenant, all[i])
		if err != nil {
			tb.Fatal(err)
		}
		if keys[i] = wrapped; i%3 == 2 {
			keys[i] = nil
		}
	}
	s.sql(tb, `INSERT INTO consent.subject_keys (tenant_id, subject_ref, created_at, kek_id, wrapped_key, shredded_at)
SELECT $1, k.subject, now(), $2, k.wrapped, CASE WHEN k.wrapped IS NULL THEN now() END FROM unnest($3::uuid[], $4::bytea[]) AS k (subject, wrapped)`, tenant, ring.Current(), all, keys)
	return all
}

// opens checks that each key of a crowd opens by one of the ring's keys, and that who was forgotten has none.
func (s *store) opens(tb testing.TB, tenant uuid.UUID, ring seal.Ring, all []uuid.UUID) (under map[string]int) {
	tb.Helper()
	under = map[string]int{}
	rows, err := s.admin.Query(tb.Context(), "SELECT subject_ref, kek_id, wrapped_key, shredded_at IS NOT NULL FROM consent.subject_keys WHERE tenant_id = $1", tenant)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var subject uuid.UUID
		var kek string
		var wrapped []byte
		var gone bool
		if err := rows.Scan((*[16]byte)(&subject), &kek, &wrapped, &gone); err != nil {
			tb.Fatal(err)
		}
		if gone != (wrapped == nil) {
			tb.Error("who was forgotten has a key, or somebody lost theirs")
		}
		if gone {
			continue
		}
		if _, err := ring.Open(kek, wrapped, tenant, subject); err != nil {
			tb.Error("a key cannot be opened")
		}
		under[kek]++
	}
	if rows.Err() != nil || n != len(all) {
		tb.Errorf("%d people of %d, %v", n, len(all), rows.Err())
	}
	return under
}

// TestWrappingAnewLosesNobodyWhereverTheConnectionBreaks breaks it at each exchange of a walk over three pages, in two ways, and lets
// another process go on.
func TestWrappingAnewLosesNobodyWhereverTheConnectionBreaks(t *testing.T) {
	s := newStore(t)
	old, current := [][]byte{kek}, [][]byte{ledgertest.Key(1), kek}
	sound := s.config(t, uuid.New())
	for _, when := range []cut{lostQuestion, lostAnswer} {
		for at := int64(1); ; at++ {
			f := &fault{at: at, when: when}
			faulty := &store{name: s.name, admin: s.admin, dial: f.dial}
			c := faulty.config(t, uuid.New())
			before, after := rekeyed(t, c, c.Peppers, old), rekeyed(t, c, c.Peppers, current)
			whole := sound
			whole.Tenant, whole.Signer, whole.Public = c.Tenant, c.Signer, c.Public
			open(t, rekeyed(t, whole, c.Peppers, old))
			all := s.crowd(t, c.Tenant, before.KEK, 1203)
			l := open(t, rekeyed(t, whole, c.Peppers, current))
			if broken, err := ledger.Open(t.Context(), after); err == nil {
				for more := true; more && err == nil; {
					more, err = broken.Tend(t.Context())
				}
			}
			for _, pool := range []interface{ Close() }{c.App, c.Seq, c.Prune} {
				pool.Close()
			}
			s.opens(t, c.Tenant, after.KEK, all)
			for there := true; there; { // a session of the broken connection may still hold the lock
				tend(t, l)
				uses, err := l.KeyUses(t.Context())
				if err != nil || len(uses) != 3 {
					t.Fatal(uses, err)
				}
				there = uses[1].Needed()
			}
			if under := s.opens(t, c.Tenant, after.KEK, all); under[after.KEK.Current()] != 802 || len(under) != 1 {
				t.Errorf("exchange %d, %s: %v", at, when, under)
			}
			if t.Failed() {
				t.FailNow()
			}
			if f.count.Load() < at {
				if at < 20 {
					t.Errorf("only %d exchanges", at)
				}
				break
			}
		}
	}
}

// TestPodsOfTwoKeysSideBySideMakeNobodyTwo lets a replica that knows the keys of before only, and two that have others too, do everything
// to the same few people at once: as while somebody replaces both keys in one step.
func TestPodsOfTwoKeysSideBySideMakeNobodyTwo(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	before := open(t, c)
	const people = 6
	for i := range people {
		act(t, before, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint("first of ", i)))
	}
	both := rekeyed(t, c, [][]byte{ledgertest.Key(2), c.Peppers[0]}, [][]byte{ledgertest.Key(1), kek})
	ledgers := []*ledger.Ledger{before, open(t, both), open(t, both)}
	var wait sync.WaitGroup
	for client := range 9 {
		l := ledgers[client%3]
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), 2))
			for n := range 30 {
				key, person, other := fmt.Sprint(client, " ", n), ledgertest.Visitor(r.IntN(people)), ledgertest.Visitor(r.IntN(people))
				var err error
				switch r.IntN(9) {
				case 0:
					_, err = l.Shred(context.Background(), person, "")
				case 1:
					err = l.Issue(context.Background(), []byte(key), "act", person, "", time.Now().Add(time.Hour))
				case 2:
					_, err = l.Tend(context.Background())
				case 3:
					_, err = l.Holding(context.Background(), person)
				case 4:
					_, err = l.States(context.Background(), []consent.Person{person, other})
				case 5, 6:
					_, err = l.Record(context.Background(), ledgertest.Withdrawal(person, key, "conversation"))
				default:
					_, err = l.Record(context.Background(), ledgertest.Act(person, key))
				}
				if err != nil && !errors.Is(err, consent.ErrUnknown) && !errors.Is(err, consent.ErrKeyMissing) {
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	wait.Wait()
	l := ledgers[1]
	for i := range people {
		if _, err := l.States(t.Context(), []consent.Person{ledgertest.Visitor(i)}); err != nil {
			t.Fatal(err)
		}
	}
	tend(t, l)
	uses, err := l.KeyUses(t.Context())
	if err != nil || len(uses) != 4 || uses[1].Needed() || uses[3].Needed() || !uses[0].Current || !uses[2].Current {
		t.Fatalf("%+v, %v", uses, err)
	}
	alone := open(t, rekeyed(t, c, [][]byte{ledgertest.Key(2)}, [][]byte{ledgertest.Key(1)}))
	seen := map[uuid.UUID]int{}
	for i := range people {
		again := act(t, alone, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint("last of ", i)))
		if other, is := seen[again.Subject]; is {
			t.Errorf("visitors %d and %d are one", i, other)
		}
		seen[again.Subject] = i
	}
	if n := s.count(t, "SELECT count(*) FROM consent.subject_links WHERE kind <> 'merged'"); n != people {
		t.Errorf("%d names of %d people", n, people)
	}
	// Whoever has a key, and was not joined with another, has a name.
	if n := s.count(t, `SELECT count(*) FROM consent.subject_keys k WHERE k.wrapped_key IS NOT NULL
AND NOT EXISTS (SELECT FROM consent.subject_links l WHERE l.kind <> 'merged' AND l.subject_ref = k.subject_ref)
AND NOT EXISTS (SELECT FROM consent.subject_links l WHERE l.kind = 'merged' AND l.link = uuid_send(k.subject_ref))`); n != 0 {
		t.Errorf("%d people have no name", n)
	}
	sequence(t, alone)
	audited(t, alone, consent.Checkpoint{})
}

// TestOneNameIsRenewedOnceByManyAtOnce sees the same people from two replicas, in every way that reads.
func TestOneNameIsRenewedOnceByManyAtOnce(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	first := open(t, c)
	var crowd []consent.Person
	for i := range 40 {
		crowd = append(crowd, ledgertest.Visitor(i))
		act(t, first, ledgertest.Act(crowd[i], fmt.Sprint(i)))
	}
	c = rekeyed(t, c, [][]byte{ledgertest.Key(2), c.Peppers[0]}, [][]byte{kek})
	ledgers := []*ledger.Ledger{open(t, c), open(t, c)}
	var wait sync.WaitGroup
	for client := range 8 {
		wait.Go(func() {
			some := crowd
			if client%4 > 1 { // fewer, so that questions are put together
				some = crowd[client : client+8]
			}
			states, err := ledgers[client%2].States(context.Background(), some)
			if err != nil {
				t.Error(err)
			}
			for i, theirs := range states {
				if len(theirs) != 2 {
					t.Errorf("person %d has %d states", i, len(theirs))
				}
			}
		})
	}
	wait.Wait()
	if n := s.count(t, "SELECT count(*) FROM consent.subject_links WHERE pepper_id = $1", event.PepperID(ledgertest.Key(2))); n != 40 {
		t.Errorf("%d names are under the new pepper", n)
	}
	if n := s.count(t, "SELECT count(*) FROM consent.subject_links"); n != 40 {
		t.Errorf("%d names of 40 people", n)
	}
}

// TestTheKeysOfALedgerOfBeforeAreNoted migrates a ledger that did not note them.
func TestTheKeysOfALedgerOfBeforeAreNoted(t *testing.T) {
	s := newStore(t)
	c := s.config(t, uuid.New())
	act(t, open(t, c), ledgertest.Act(ledgertest.Visitor(1), "one"))
	s.sql(t, "DROP TABLE consent.keys")
	s.sql(t, "DELETE FROM consent.migrations WHERE name = '0004_keys.sql'")
	if err := ledger.Migrate(t.Context(), s.admin, ledger.Passwords{}); err != nil {
		t.Fatal(err)
	}
	l := open(t, rekeyed(t, c, [][]byte{ledgertest.Key(2)}, [][]byte{ledgertest.Key(1)}))
	uses, err := l.KeyUses(t.Context())
	if err != nil || len(uses) != 4 || !uses[1].Missing() || !uses[3].Missing() || uses[0].Missing() || uses[2].Missing() {
		t.Errorf("%+v, %v", uses, err)
	}
	if _, err := l.Record(t.Context(), ledgertest.Act(ledgertest.Visitor(1), "two")); !errors.Is(err, consent.ErrKeyMissing) {
		t.Errorf("taken for a newcomer: %v", err)
	}
}

// BenchmarkRewrap wraps the keys of a crowd anew; an iteration is a key.
func BenchmarkRewrap(b *testing.B) {
	s := newStore(b)
	c := s.config(b, uuid.New())
	open(b, c)
	for n := b.N; n > 0; n -= 10_000 {
		s.crowd(b, c.Tenant, c.KEK, min(n, 10_000))
	}
	l := open(b, rekeyed(b, c, c.Peppers, [][]byte{ledgertest.Key(1), kek}))
	b.ResetTimer()
	start := time.Now()
	var longest time.Duration
	for more := true; more; {
		var err error
		begun := time.Now()
		if more, err = l.Tend(b.Context()); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(begun))
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "keys/s")
	b.ReportMetric(float64(longest.Milliseconds()), "ms/longest")
}

// seen sees four people by their names, each in another way, as often as it takes.
func seen(ctx context.Context, l *ledger.Ledger, noticed func()) error {
	return steps(noticed,
		func() error { _, err := l.Record(ctx, ledgertest.Act(ledgertest.Visitor(0), "again")); return err },
		func() error { _, err := l.States(ctx, []consent.Person{ledgertest.Visitor(1)}); return err },
		func() error {
			_, err := l.Shred(ctx, ledgertest.Visitor(2), "")
			return known(err)
		},
		func() error { return l.Link(ctx, ledgertest.Visitor(3), consent.Person{Kind: "account", ID: "ada"}) },
	)
}

// TestNamesAreNeitherLostNorDoubledWhereverTheConnectionBreaks breaks it at each exchange while names move to another pepper. One of the
// people has two references: they took something back while the pepper of before was away.
func TestNamesAreNeitherLostNorDoubledWhereverTheConnectionBreaks(t *testing.T) {
	s := newStore(t)
	sound := s.config(t, uuid.New())
	old, current := [][]byte{[]byte("pepper")}, [][]byte{ledgertest.Key(2), []byte("pepper")}
	for _, when := range []cut{lostQuestion, lostAnswer} {
		for at := int64(1); ; at++ {
			f := &fault{at: at, when: when}
			faulty := &store{name: s.name, admin: s.admin, dial: f.dial}
			c := rekeyed(t, faulty.config(t, uuid.New()), current, [][]byte{kek})
			whole := sound
			whole.Tenant, whole.Signer, whole.Public = c.Tenant, c.Signer, c.Public
			first := open(t, rekeyed(t, whole, old, [][]byte{kek}))
			var subjects []uuid.UUID
			for i := range 4 {
				subjects = append(subjects, act(t, first, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint(i))).Subject)
			}
			without := open(t, rekeyed(t, whole, current[:1], [][]byte{kek}))
			act(t, without, ledgertest.Withdrawal(ledgertest.Visitor(int(at%4)), "taken back", "conversation"))
			broken, err := ledger.Open(t.Context(), c)
			if err != nil {
				broken, err = ledger.Open(t.Context(), c) // as a restart would
			}
			if err == nil {
				err = seen(t.Context(), broken, func() {
					for there := int64(1); there > 0; {
						there = s.count(t, "SELECT count(*) FROM pg_stat_activity WHERE client_port = $1", f.port.Load())
					}
				})
			}
			if err != nil {
				t.Fatalf("exchange %d: %v", at, err)
			}
			for _, pool := range []interface{ Close() }{c.App, c.Seq, c.Prune} {
				pool.Close()
			}
			if n := s.count(t, "SELECT count(*) FROM consent.subject_links WHERE tenant_id = $1 AND kind <> 'merged' AND pepper_id = $2", c.Tenant, event.PepperID(current[0])); n != 4 {
				t.Errorf("exchange %d: %d names under the new pepper", at, n)
			}
			if n := s.count(t, "SELECT count(*) FROM consent.subject_links WHERE tenant_id = $1 AND pepper_id = $2", c.Tenant, event.PepperID(old[0])); n != 0 {
				t.Errorf("exchange %d: %d names under the old pepper", at, n)
			}
			again := open(t, rekeyed(t, whole, current[:1], [][]byte{kek}))
			tend(t, open(t, rekeyed(t, whole, current, [][]byte{kek})))
			for i, subject := range subjects {
				if now := act(t, again, ledgertest.Act(ledgertest.Visitor(i), fmt.Sprint("last of ", i))).Subject; (now == subject) == (i == 2) {
					t.Errorf("exchange %d: visitor %d", at, i)
				}
			}
			if t.Failed() {
				t.FailNow()
			}
			if f.count.Load() < at {
				if at < 20 {
					t.Errorf("only %d exchanges", at)
				}
				break
			}
		}
	}
}
