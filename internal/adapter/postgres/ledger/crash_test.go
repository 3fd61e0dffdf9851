package ledger_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/adapter/ledgertest"
	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
)

// cut is when a connection breaks.
type cut string

const (
	lostQuestion cut = "before what is sent arrives"
	lostRest     cut = "when a statement was done, and what was sent with it has not arrived"
	lostAnswer   cut = "when it was done, and the answer is lost"
)

// fault breaks the connection at one exchange with the server, or after one statement, counted over all connections.
type fault struct {
	at    int64
	when  cut
	count atomic.Int64
	port  atomic.Int64 // of the broken connection's near end
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
	begun, lose bool
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
	if c.when == lostRest {
		return c.writeSome(p)
	}
	if c.count.Add(1) == c.at {
		if c.when == lostQuestion {
			return 0, c.sever()
		}
		c.lose = true
	}
	return c.Conn.Write(p)
}

// writeSome counts the statements of what is sent: messages Execute and Query, each a letter, its length and that many bytes. The first
// thing that is sent has no letter. The server does each statement as it comes, and commits none without what follows the last.
func (c *faulty) writeSome(p []byte) (int, error) {
	if !c.begun {
		c.begun = true
		return c.Conn.Write(p)
	}
	for at := 0; at+5 <= len(p); {
		kind := p[at]
		at += 1 + int(binary.BigEndian.Uint32(p[at+1:]))
		if (kind == 'E' || kind == 'Q') && c.count.Add(1) == c.at {
			if _, err := c.Conn.Write(p[:at]); err != nil {
				return 0, err
			}
			return 0, c.sever()
		}
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

// steps are done in order. Each is tried again as a client would, once the server has noticed the end of the session that broke: until
// then that one may hold the sequencer's lock, and the sequencer leaves the log to it.
func steps(noticed func(), all ...func() error) error {
	for i, step := range all {
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

// life is all that a ledger does with people.
func life(ctx context.Context, l *ledger.Ledger, noticed func()) error {
	account := consent.Person{Kind: "account", ID: "4711"}
	token, other, now := []byte("token"), []byte("other"), time.Now()
	var wish uuid.UUID
	record := func(act consent.Act) func() error {
		return func() error { _, err := l.Record(ctx, act); return err }
	}
	return steps(noticed,
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
	)
}

// end is what a ledger does when people are gone and time has passed: consents end, and proof goes.
func end(ctx context.Context, l *ledger.Ledger, mine uuid.UUID, noticed func()) error {
	return steps(noticed,
		func() error { _, err := l.Expire(ctx); return err },
		func() error {
			_, err := l.Shred(ctx, ledgertest.Visitor(1), "")
			return known(err)
		},
		func() error { _, err := l.EraseProof(ctx, mine); return err },
		func() error { _, err := l.Prune(ctx, l.Clock.Now()); return err },
		func() error { _, err := l.Sequencer.Step(ctx); return err },
	)
}

// breakEverywhere lives a tenant's life whole, and then with a connection that breaks at each place and in each way. After each the ledger
// must tell the same of the tenant, to who asks after a restart, and agree with its log.
func (s *store) breakEverywhere(t *testing.T, places int64, prepare func(c *ledger.Config) uuid.UUID,
	live func(l *ledger.Ledger, person uuid.UUID, noticed func()) error, told func(l *ledger.Ledger) string) {
	t.Helper()
	sound := s.config(t, uuid.New())
	unbroken := sound
	person := prepare(&unbroken)
	l := open(t, unbroken)
	if err := live(l, person, func() {}); err != nil {
		t.Fatal(err)
	}
	want := told(l)
	for _, when := range []cut{lostQuestion, lostRest, lostAnswer} {
		for at := int64(1); ; at++ {
			f := &fault{at: at, when: when}
			faulty := &store{name: s.name, admin: s.admin, dial: f.dial}
			c := faulty.config(t, uuid.New())
			whole := sound
			whole.Tenant, whole.Signer, whole.Public = c.Tenant, c.Signer, c.Public
			person := prepare(&whole)
			c.Clock = whole.Clock
			broken, err := ledger.Open(t.Context(), c)
			if err != nil {
				broken, err = ledger.Open(t.Context(), c) // as a restart would
			}
			if err == nil {
				err = live(broken, person, func() {
					for there := int64(1); there > 0; {
						there = s.count(t, "SELECT count(*) FROM pg_stat_activity WHERE client_port = $1", f.port.Load())
					}
				})
			}
			if err != nil {
				t.Fatalf("broken at %d, %s: %v", at, when, err)
			}
			for _, pool := range []interface{ Close() }{c.App, c.Seq, c.Prune} {
				pool.Close()
			}
			again := open(t, whole)
			if got := told(again); got != want {
				t.Errorf("broken at %d, %s\ngot  %s\nwant %s", at, when, got, want)
			}
			audited(t, again, consent.Checkpoint{})
			if f.count.Load() < at {
				if at < places {
					t.Errorf("only %d places to break", at)
				}
				break
			}
		}
	}
}

// TestNothingIsLostOrDoneTwiceWhereverTheConnectionBreaks breaks it at each exchange and each statement.
func TestNothingIsLostOrDoneTwiceWhereverTheConnectionBreaks(t *testing.T) {
	s := newStore(t)
	s.breakEverywhere(t, 40, func(*ledger.Config) uuid.UUID { return uuid.Nil },
		func(l *ledger.Ledger, _ uuid.UUID, noticed func()) error { return life(t.Context(), l, noticed) },
		func(l *ledger.Ledger) string {
			out := fmt.Sprintf("%s/ ", decisions(t, l, ledgertest.Visitor(1)))
			for _, table := range []string{"events", "leaves", "pending", "idem", "state", "subject_links", "subject_keys", "mailbox_proofs", "wishes"} {
				out += fmt.Sprintf("%s %d ", table, s.count(t, "SELECT count(*) FROM consent."+table+" WHERE tenant_id = $1", l.Tenant))
			}
			return out + fmt.Sprint(s.count(t, "SELECT count(*) FROM consent.subject_keys WHERE shredded_at IS NOT NULL AND tenant_id = $1", l.Tenant))
		})
}

// TestWhatGoesGoesOnceWhereverTheConnectionBreaks does so while consents end and proof goes, of a log with a full tile. What is to go may be
// said twice in the log, where nobody heard whether it was said; it goes once, and everything that is not to go stays.
func TestWhatGoesGoesOnceWhereverTheConnectionBreaks(t *testing.T) {
	s := newStore(t)
	s.breakEverywhere(t, 20, func(c *ledger.Config) uuid.UUID {
		l := open(t, *c)
		mine := act(t, l, ledgertest.Act(ledgertest.Visitor(1), "mine")).Subject
		act(t, l, ledgertest.Act(ledgertest.Visitor(2), "another's"))
		for n := range 4 {
			many := ledgertest.Act(ledgertest.Visitor(3), fmt.Sprint(n))
			many.Choices = nil
			for i := range 64 {
				many.Choices = append(many.Choices, consent.Choice{Type: consent.EventRefused, Purpose: fmt.Sprint("p", n*64+i), Decision: consent.Denied})
			}
			act(t, l, many)
		}
		sequence(t, l)
		c.Clock = clocktesting.NewFakeClock(ledgertest.Act(ledgertest.Visitor(1), "").Choices[1].ValidUntil.Add(time.Hour))
		return mine
	}, func(l *ledger.Ledger, mine uuid.UUID, noticed func()) error {
		return end(t.Context(), l, mine, noticed)
	},
		func(l *ledger.Ledger) string {
			out := ""
			for _, table := range []string{"pending", "idem", "state", "subject_links", "subject_keys"} {
				out += fmt.Sprintf("%s %d ", table, s.count(t, "SELECT count(*) FROM consent."+table+" WHERE tenant_id = $1", l.Tenant))
			}
			for _, kind := range []consent.EventType{consent.EventGiven, consent.EventRefused, consent.EventExpired, consent.EventSubjectShredded} {
				out += fmt.Sprintf("%s %d ", kind, s.count(t, "SELECT count(*) FROM consent.events WHERE tenant_id = $1 AND type = $2", l.Tenant, string(kind)))
			}
			return out + fmt.Sprint(s.count(t, "SELECT count(*) FROM consent.leaves WHERE tenant_id = $1", l.Tenant)-s.count(t, "SELECT count(*) FROM consent.events WHERE tenant_id = $1", l.Tenant))
		})
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
