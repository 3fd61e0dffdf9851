package erasure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/test/perf/measure"
)

// beside measures what an application notices of a mass erasure: pgbench at half of what the machine can do, without and
// with an erasure of all people beside it, in turns.
func (b *bench) beside(ctx context.Context, rounds, seconds int) error {
	if err := b.pgbench(ctx, original, "-i", "-q", "-s", "5"); err != nil {
		return err
	}
	free, err := b.throughput(ctx, original, seconds, 0)
	if err != nil {
		return err
	}
	rate := free.tps / 2
	one, err := b.rehearse(ctx)
	if err != nil {
		return err
	}
	seconds = max(seconds, int(4*one.Seconds())) // else a busy machine erases nobody meanwhile
	var alone, with [2]measure.Series            // throughput, latency
	erased := 0
	for round := range rounds {
		b.say("beside an application, round %d of %d: twice %d s", round+1, rounds, seconds)
		a, _, err := b.application(ctx, seconds, rate, false)
		if err != nil {
			return err
		}
		w, people, err := b.application(ctx, seconds, rate, true)
		if err != nil {
			return err
		}
		alone[0], alone[1] = append(alone[0], a.tps), append(alone[1], a.latency)
		with[0], with[1] = append(with[0], w.tps), append(with[1], w.latency)
		erased += people
	}
	fmt.Printf("\npgbench at %.0f transactions per second, half of what this machine can do; load average %s\n", rate, measure.Load())
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\tthroughput\tmin\tmax\tlatency")
	for i, s := range [][2]measure.Series{alone, with} {
		fmt.Fprintf(t, "%s\t%.0f/s\t%.0f/s\t%.0f/s\t%.2f ms\n", []string{"alone", "beside a mass erasure"}[i], s[0].Median(), s[0].Min(), s[0].Max(), s[1].Median())
	}
	_ = t.Flush()
	lost := 100 * (1 - with[0].Median()/alone[0].Median())
	fmt.Printf("Throughput lost: %.1f %%; %d people were erased meanwhile\n", lost, erased)
	b.aim("throughput that an application loses beside a mass erasure, per cent", lost, 5, true)
	return nil
}

// application measures pgbench on a fresh copy, with or without an erasure beside it.
func (b *bench) application(ctx context.Context, seconds int, rate float64, erasing bool) (figures, int, error) {
	b.copies++
	database := fmt.Sprintf("copy_%d", b.copies)
	drop, err := b.copy(ctx, database)
	if err != nil {
		return figures{}, 0, err
	}
	defer drop()
	working, stop := context.WithCancel(ctx)
	defer stop()
	var (
		erased int
		failed error
	)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if erasing {
			erased, failed = b.eraseUntil(working, database)
		}
	}()
	f, err := b.throughput(ctx, database, seconds, rate)
	stop()
	<-done
	return f, erased, errors.Join(err, failed)
}

// together is how many people are erased in one run beside the application.
const together = 1000

// eraseUntil erases people, run by run, until the context ends or nobody is left. It returns how many. A run that fails by itself is
// an error, and so is nobody erased at all: beside no erasure nothing is measured.
func (b *bench) eraseUntil(ctx context.Context, database string) (erased int, err error) {
	for from := 0; from+together <= len(b.addresses); from += together {
		o, err := b.eraseFrom(ctx, database, from)
		switch {
		case err != nil:
			return erased, err
		case !o.OK && ctx.Err() == nil:
			return erased, fmt.Errorf("erasing beside the application: %s: %s", o.Reason, o.Message)
		case !o.OK && erased == 0:
			return 0, errors.New("nobody was erased beside the application; give the measurement more seconds")
		case !o.OK:
			return erased, nil
		}
		erased += together
	}
	if erased == 0 {
		return 0, fmt.Errorf("nobody was erased beside the application: a run needs %d people", together)
	}
	return erased, nil
}

// eraseFrom plans and erases people in one run, from one of them on.
func (b *bench) eraseFrom(ctx context.Context, database string, from int) (o task.Outcome, err error) {
	people, err := subjects(b.addresses[from : from+together])
	if err != nil {
		return o, err
	}
	t := b.task(database, together)
	t.RunUID, t.Epoch = fmt.Sprintf("run-%d", from), int64(from+1)
	if o = b.engine(database, b.verifier).Plan(ctx, t, people); !o.OK {
		return o, nil
	}
	t.PlanDigest = o.PlanDigest
	return b.engine(database, b.eraser).Erase(ctx, t, people), nil
}

// rehearse says how long one run takes while the application is away.
func (b *bench) rehearse(ctx context.Context) (time.Duration, error) {
	database, drop, err := b.fresh(ctx)
	defer drop()
	if err != nil || len(b.addresses) < together {
		return 0, err
	}
	start := time.Now()
	o, err := b.eraseFrom(ctx, database, 0)
	if err == nil && !o.OK {
		err = fmt.Errorf("erasing before the application: %s: %s", o.Reason, o.Message)
	}
	return time.Since(start), err
}

// figures of a run of pgbench: transactions per second, and milliseconds that one took.
type figures struct{ tps, latency float64 }

var (
	tpsLine     = regexp.MustCompile(`tps = ([0-9.]+)`)
	latencyLine = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
)

// throughput runs pgbench for so many seconds, at a rate unless it is zero.
func (b *bench) throughput(ctx context.Context, database string, seconds int, rate float64) (figures, error) {
	args := []string{"-n", "-c", "2", "-T", strconv.Itoa(seconds)}
	if rate > 0 {
		args = append(args, "-R", strconv.Itoa(int(rate)))
	}
	out, err := b.pgbenchOutput(ctx, database, args...)
	if err != nil {
		return figures{}, err
	}
	tps, latency := tpsLine.FindStringSubmatch(out), latencyLine.FindStringSubmatch(out)
	if tps == nil || latency == nil {
		return figures{}, errors.New("pgbench says neither its throughput nor its latency")
	}
	var f figures
	f.tps, _ = strconv.ParseFloat(tps[1], 64)
	f.latency, _ = strconv.ParseFloat(latency[1], 64)
	return f, nil
}

func (b *bench) pgbench(ctx context.Context, database string, args ...string) error {
	_, err := b.pgbenchOutput(ctx, database, args...)
	return err
}

func (b *bench) pgbenchOutput(ctx context.Context, database string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(b.server.Bin, "pgbench"), append(args, b.server.URL(database))...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgbench: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
