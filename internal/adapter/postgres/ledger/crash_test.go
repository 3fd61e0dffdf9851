package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
)

// fault breaks the connection at one exchange with the server, counted over all connections: before what is sent arrives, or
// after it was done and before the answer comes.
type fault struct {
	at      int64
	answers bool // the answer is lost, not the question
	count   atomic.Int64
	port    atomic.Int64 // of the broken connection's near end
}

func (f *fault) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &faulty{Conn: conn, fault: f}, nil
}

type faulty struct {
	net.Conn
	*fault
	lose bool
}

var errBroken = errors.New("broken by the test")

func (c *faulty) sever() error {
	if near, ok := c.Conn.LocalAddr().(*net.TCPAddr); ok {
		c.port.Store(int64(near.Port))
	}
	_ = c.Conn.Close()
	return errBroken
}

func (c *faulty) Write(p []byte) (int, error) {
	if c.count.Add(1) == c.at {
		if !c.answers {
			return 0, c.sever()
		}
		c.lose = true
	}
	return c.Conn.Write(p)
}

func (c *faulty) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.lose && err == nil {
		return 0, c.sever() // the server has done it, or is at it
	}
	return n, err
}

// known forgives that nothing is left to do: the first time was answered to nobody.
func known(err error) error {
	if errors.Is(err, consent.ErrUnknown) {
		return nil
	}
	return err
}

// life is all that a ledger does, in order. Each step is tried again as a client would, once the server has noticed the end
// of the session that broke: until then that one may hold the sequencer's lock, and the sequencer leaves the log to it.
func life(ctx context.Context, l *ledger.Ledger, noticed func()) error {
	account := consent.Person{Kind: "account", ID: "4711"}
	token, other, now := []byte("token"), []byte("other"), time.Now()
	var wish uuid.UUID
	record := func(act consent.Act) func() error {
		return func() error { _, err := l.Record(ctx, act); return err }
	}
	for i, step := range []func() error{
		record(ledgertest.Act(ledgertest.Visitor(1), "one")),
		record(ledgertest.Withdrawal(ledgertest.Visitor(1), "two", "conversation")),
		func() error { return l.Link(ctx, ledgertest.Visitor(1), account) },
		func() error { _, err := l.Sequencer.Step(ctx); return err },
		record(ledgertest.Act(ledgertest.Visitor(2), "three")),
		func() error { return l.Link(ctx, account, ledgertest.Visitor(2)) },
		func() error { return l.Issue(ctx, token, "act", account, "mail", now.Add(time.Hour)) },
		func() error {
			_, err := l.Spend(ctx, token, now, ledgertest.Withdrawal(consent.Person{}, "four", "conversation"))
			return err
		},
		func() error { return l.Issue(ctx, other, "view", account, "", now.Add(time.Hour)) },
		func() error {
			recorded, err := l.Spend(ctx, other, now, ledgertest.Wish("wish"))
			if err == nil {
				wish = recorded.Events[0].ID
			}
			return err
		},
		func() error { return l.Opened(ctx, wish) },
		func() error { return known(l.Closed(ctx, wish)) },
		func() error {
			again := ledgertest.Wish("again")
			again.Person = ledgertest.Visitor(2)
			_, err := l.Ask(ctx, again)
			return err
		},
		record(ledgertest.Act(ledgertest.Visitor(3), "five")),
		func() error {
			_, err := l.Shred(ctx, ledgertest.Visitor(3), "")
			return known(err)
		},
		func() error { _, err := l.Sequencer.Step(ctx); return err },
	} {
		var err error
		for range 3 {
			if err = step(); err == nil {
				break
			}
			noticed()
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// TestNothingIsLostOrDoneTwiceWhereverTheConnectionBreaks breaks it at each exchange, in two ways.
func TestNothingIsLostOrDoneTwiceWhereverTheConnectionBreaks(t *testing.T) {
	s := newStore(t)
	told := func(l *ledger.Ledger, tenant uuid.UUID) string {
		out := fmt.Sprintf("%s/ ", decisions(t, l, ledgertest.Visitor(1)))
		for _, table := range []string{"events", "leaves", "pending", "idem", "state", "subject_links", "subject_keys", "mailbox_proofs", "wishes"} {
			out += fmt.Sprintf("%s %d ", table, s.count(t, "SELECT count(*) FROM consent."+table+" WHERE tenant_id = $1", tenant))
		}
		return out + fmt.Sprint(s.count(t, "SELECT count(*) FROM consent.subject_keys WHERE shredded_at IS NOT NULL AND tenant_id = $1", tenant))
	}
	sound := s.config(t, uuid.New())
	l := open(t, sound)
	if err := life(t.Context(), l, func() {}); err != nil {
		t.Fatal(err)
	}
	want := told(l, sound.Tenant)
	for _, answers := range []bool{false, true} {
		for at := int64(1); ; at++ {
			f := &fault{at: at, answers: answers}
			faulty := &store{name: s.name, admin: s.admin, dial: f.dial}
			c := faulty.config(t, uuid.New())
			broken, err := ledger.Open(t.Context(), c)
			if err != nil {
				broken, err = ledger.Open(t.Context(), c) // as a restart would
			}
			if err == nil {
				err = life(t.Context(), broken, func() {
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
			whole := sound
			whole.Tenant, whole.Signer, whole.Public = c.Tenant, c.Signer, c.Public
			again := open(t, whole)
			if got := told(again, c.Tenant); got != want {
				t.Errorf("exchange %d, answers lost: %v\ngot  %s\nwant %s", at, answers, got, want)
			}
			audited(t, again, consent.Checkpoint{})
			if f.count.Load() < at {
				if at < 40 {
					t.Errorf("only %d exchanges", at)
				}
				break
			}
		}
	}
}

// TestManyAtOnceLeaveALedgerThatIsWhole lets clients of two replicas do everything to the same few people.
func TestManyAtOnceLeaveALedgerThatIsWhole(t *testing.T) {
	s, one := fresh(t)
	c := s.config(t, one.Tenant)
	two := open(t, c)
	var wait sync.WaitGroup
	for client := range 8 {
		l := []*ledger.Ledger{one, two}[client%2]
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), 1))
			for n := range 25 {
				key, person, other := fmt.Sprint(client, " ", n), ledgertest.Visitor(r.IntN(4)), ledgertest.Visitor(r.IntN(4))
				var err error
				switch r.IntN(11) {
				case 0:
					err = l.Link(context.Background(), person, other)
				case 1:
					_, err = l.Shred(context.Background(), person, "")
				case 2:
					err = l.Issue(context.Background(), []byte(key), "act", person, "", time.Now().Add(time.Hour))
					if err == nil {
						_, err = l.Spend(context.Background(), []byte(key), time.Now(), ledgertest.Withdrawal(consent.Person{}, key, "conversation"))
					}
				case 3:
					_, err = l.Sequencer.Step(context.Background())
				case 4:
					wish := ledgertest.Wish(key)
					wish.Person = person
					if _, err = l.Ask(context.Background(), wish); errors.Is(err, consent.ErrWished) {
						err = nil
					}
				case 5, 6:
					_, err = l.Record(context.Background(), ledgertest.Withdrawal(person, key, "conversation"))
				default:
					_, err = l.Record(context.Background(), ledgertest.Act(person, key))
				}
				if err != nil && !errors.Is(err, consent.ErrUnknown) {
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	wait.Wait()
	sequence(t, one)
	sequence(t, two)
	audited(t, one, consent.Checkpoint{})
	if n := s.count(t, "SELECT count(*) FROM consent.pending"); n != 0 {
		t.Errorf("%d events wait", n)
	}
}
