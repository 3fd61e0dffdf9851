package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// tenants of the spread load.
const tenants = 64

func run(ctx context.Context, o options) error {
	for part := range strings.SplitSeq(o.parts, ",") {
		measured, ok := map[string]func(context.Context, *bench) error{"record": record, "http": overHTTP, "check": check, "http-check": checksOverHTTP, "audit": audit}[part]
		if !ok {
			return fmt.Errorf("%q is no part: record, http, check, http-check or audit", part)
		}
		b, err := newBench(ctx, o)
		if err != nil {
			return err
		}
		err = measured(ctx, b)
		b.app.Close()
		b.seq.Close()
		b.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

// run names what one process recorded, so that rounds do not repeat each other.
var session = rand.Text()

// Act is one visitor's consent to one purpose: what the script inserts.
func Act(client, n, round int) consent.Act {
	words, meaning := sha256.Sum256([]byte("words")), sha256.Sum256([]byte("meaning"))
	no := false
	now := time.Now()
	name := fmt.Sprintf("%s-%d-%d-%d", session, round, client, n)
	return consent.Act{
		Site: "shop", Key: name, Person: consent.Person{Kind: "receipt", ID: name}, Method: consent.MethodButton, CollectedBy: consent.CollectorWidget, OccurredAt: now, GPC: &no,
		Notice:  consent.NoticeRef{Notice: "shop", Version: 3, Language: "fr", SHA256: words[:], Material: meaning[:]},
		Choices: []consent.Choice{{Type: consent.EventGiven, Purpose: "conversation", Decision: consent.Granted, ValidUntil: now.AddDate(0, 6, 0)}},
	}
}

// way is one way of doing the same, in turns with others.
type way struct {
	name   string
	once   func(ctx context.Context, round int) (Load, error)
	series measure.Series
	// here and store are processor time of a call, in milliseconds.
	here, store measure.Series
	last        Load
}

func (b *bench) inTurns(ctx context.Context, ways []*way) error {
	for round := range b.rounds + 1 {
		for _, w := range ways {
			before, err := b.processor()
			if err != nil {
				return err
			}
			load, err := w.once(ctx, round)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			after, err := b.processor()
			if err != nil {
				return err
			}
			if calls := load.PerSecond * load.Seconds; round > 0 {
				used := after.minus(before)
				w.series, w.last = append(w.series, load.PerSecond), load
				w.here, w.store = append(w.here, measure.Milliseconds(used.here)/calls), append(w.store, measure.Milliseconds(used.store)/calls)
			}
		}
	}
	return nil
}

func report(title string, ways []*way, limits ...int) {
	fmt.Printf("\n%s; load average %s\n", title, measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "way\tper second, median\tmin\tmax\tp50\tp99\tprocessor, here\tstore")
	for _, limit := range limits {
		fmt.Fprintf(w, "\tof %s\tprocessor", ways[limit].name)
	}
	fmt.Fprintln(w)
	for _, one := range ways {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.2f ms\t%.2f ms\t%.3f ms\t%.3f ms", one.name, one.series.Median(), one.series.Min(), one.series.Max(), one.last.P(50), one.last.P(99),
			one.here.Median(), one.store.Median())
		for _, limit := range limits {
			to := ways[limit]
			fmt.Fprintf(w, "\t%.2f\t%.2f", one.series.Median()/to.series.Median(), (one.here.Median()+one.store.Median())/(to.here.Median()+to.store.Median()))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// running lets sequencers run until stop.
func running(ctx context.Context, ledgers []*ledger.Ledger) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, len(ledgers))
	for _, l := range ledgers {
		go func() {
			var last error
			l.Sequencer.Run(ctx, func(err error) { last = err })
			failed <- last
		}()
	}
	return func() error {
		cancel()
		var all error
		for range ledgers {
			all = errors.Join(all, <-failed)
		}
		return all
	}
}

func record(ctx context.Context, b *bench) error {
	ledgers := make([]*ledger.Ledger, tenants)
	for n := range ledgers {
		var err error
		if ledgers[n], err = b.ledger(ctx, n); err != nil {
			return err
		}
	}
	lasts := time.Duration(b.seconds) * time.Second
	over := func(spread []*ledger.Ledger, kind int) func(context.Context, int) (Load, error) {
		return func(ctx context.Context, round int) (Load, error) {
			stop := running(ctx, spread)
			load, err := Closed(ctx, b.clients, lasts, func(ctx context.Context, client, n int) error {
				_, err := spread[(client+n)%len(spread)].Record(ctx, Act(client, n, round*10+kind))
				return err
			})
			return load, errors.Join(err, stop())
		}
	}
	script := func(pipelined bool) func(context.Context, int) (Load, error) {
		return func(ctx context.Context, _ int) (Load, error) {
			defer b.admin.Exec(ctx, "DELETE FROM consent.pending") // nobody puts these into a log
			tps, err := b.pgbench(ctx, insertScript, pipelined, "tenants=1")
			return b.script(tps), err
		}
	}
	ways := []*way{
		{name: "ledger, one tenant, log included", once: over(ledgers[:1], 0)},
		{name: "pgbench", once: script(false)},
		{name: "pgbench, pipelined", once: script(true)},
		{name: "ledger, 64 tenants, log included", once: over(ledgers, 1)},
	}
	if err := b.inTurns(ctx, ways); err != nil {
		return err
	}
	report(fmt.Sprintf("Acts recorded by %d clients, durable commits", b.clients), ways, 1, 2)
	if err := b.open(ctx, ledgers[:1]); err != nil {
		return err
	}
	if err := b.inclusion(ctx, ledgers[0]); err != nil {
		return err
	}
	return b.withdrawals(ctx, ledgers[0])
}

// open asks at the rate of the aim.
func (b *bench) open(ctx context.Context, one []*ledger.Ledger) error {
	stop := running(ctx, one)
	load, err := Open(ctx, 500, time.Duration(b.seconds)*time.Second, func(ctx context.Context, _, n int) error {
		_, err := one[0].Record(ctx, Act(99, n, -1))
		return err
	})
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	fmt.Printf("\nAt 500 acts a second, from the intended start: p50 %.1f ms, p99 %.1f ms\n", load.P(50), load.P(99))
	return nil
}

// among has others write to a ledger, and its sequencer run, until it is told to stop.
func (b *bench) among(ctx context.Context, l *ledger.Ledger) (stop func() error) {
	sequenced := running(ctx, []*ledger.Ledger{l})
	busy, rest := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = Closed(busy, b.clients/2, time.Hour, func(ctx context.Context, client, n int) error {
			_, err := l.Record(ctx, Act(client, n, -2))
			return err
		})
	}()
	return func() error {
		rest()
		<-done
		return sequenced()
	}
}

// inclusion measures how long an event waits for the log while others write, with the interval that a policy has by default.
func (b *bench) inclusion(ctx context.Context, l *ledger.Ledger) (err error) {
	c := l.Config
	c.Interval = 5 * time.Second
	if l, err = ledger.Open(ctx, c); err != nil {
		return err
	}
	kept, err := b.sql(ctx, "SELECT count(*) FROM consent.checkpoints")
	if err != nil {
		return err
	}
	started := time.Now()
	stop := b.among(ctx, l)
	defer func() { err = errors.Join(err, stop()) }()
	var waits measure.Series
	var size int
	for n := range 40 {
		recorded, err := l.Record(ctx, Act(0, n, -3))
		if err != nil {
			return err
		}
		began := time.Now()
		for {
			in, err := l.Inclusion(ctx, recorded.Events[0].ID)
			if err == nil {
				waits, size = append(waits, measure.Milliseconds(time.Since(began))), len(in.Checkpoint.Note)+len(in.Path)*45
				break
			}
			if !errors.Is(err, consent.ErrUnknown) {
				return err
			}
			timer := time.NewTimer(5 * time.Millisecond)
			<-timer.C
		}
	}
	now, err := b.sql(ctx, "SELECT count(*) FROM consent.checkpoints")
	fmt.Printf("An event is proven to be in the log after %.0f ms (%.0f to %.0f) with an interval of %v, while others write, and %.0f checkpoints were kept in %.0f s; a proof has some %d bytes\n",
		waits.Median(), waits.Min(), waits.Max(), c.Interval, now-kept, time.Since(started).Seconds(), size)
	return err
}

// withdrawals measures how long another replica takes to hear that somebody took a consent back, while others write. From then on no
// answer that it kept of them is given.
func (b *bench) withdrawals(ctx context.Context, l *ledger.Ledger) (err error) {
	replica, err := b.ledger(ctx, 0)
	if err != nil {
		return err
	}
	listening, end := context.WithCancel(ctx)
	defer end()
	changes, err := replica.Watch(listening)
	if err != nil {
		return err
	}
	stop := b.among(ctx, l)
	defer func() { err = errors.Join(err, stop()) }()
	var waits measure.Series
	for n := range 100 {
		act := Act(0, n, -4)
		given, err := l.Record(ctx, act)
		if err != nil {
			return err
		}
		if err := heard(ctx, changes, given.Subject); err != nil {
			return err
		}
		act.Key += "-back"
		act.Choices = []consent.Choice{{Type: consent.EventWithdrawn, Purpose: "conversation", Decision: consent.Denied}}
		began := time.Now()
		if _, err := l.Record(ctx, act); err != nil {
			return err
		}
		if err := heard(ctx, changes, given.Subject); err != nil {
			return err
		}
		waits = append(waits, measure.Milliseconds(time.Since(began)))
	}
	fmt.Printf("Another replica hears of a withdrawal after %.1f ms (%.1f to %.1f) from when it is asked for, while others write\n", waits.Median(), waits.Min(), waits.Max())
	return nil
}

// heard waits for a change of a person, or for the one that says to forget all.
func heard(ctx context.Context, changes <-chan consent.Change, who uuid.UUID) error {
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		select {
		case change := <-changes:
			if change.Subject == who || change.Subject == uuid.Nil {
				return nil
			}
		case <-late.C:
			return errors.New("a change was not heard within a minute")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sizes tells the bytes of an event, of one tenant whose acts were recorded by many clients, or copied in order.
func (b *bench) sizes(ctx context.Context) error {
	n, err := b.sql(ctx, "SELECT count(*) FROM consent.leaves")
	if err != nil {
		return err
	}
	all, err := b.sql(ctx, "SELECT count(*) FROM consent.events")
	if err != nil {
		return err
	}
	events, err := b.sql(ctx, "SELECT pg_total_relation_size('consent.events')")
	if err != nil {
		return err
	}
	leaves, err := b.sql(ctx, "SELECT pg_total_relation_size('consent.leaves')")
	if err != nil {
		return err
	}
	tiles, err := b.sql(ctx, "SELECT pg_total_relation_size('consent.tiles')")
	fmt.Printf("Bytes of an event: %.0f (its row and indexes %.0f, leaf %.0f, tiles %.0f), over %.0f events\n", events/all+leaves/n+tiles/n, events/all, leaves/n, tiles/n, all)
	return err
}
