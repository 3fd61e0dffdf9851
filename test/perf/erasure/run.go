// Package erasure measures how long it takes to erase people from the demo company, and from a wide schema of ten million
// rows: by the eraser's engine, by one set-based transaction written by hand and run through psql, and by one commit per row.
// All run against copies of the same database, on the same server, in turns. It fails when the engine and the hand-written
// transaction do not leave the same rows. And it measures what an application notices of a mass erasure beside it.
package erasure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	parts, sizes, samples            string
	rounds, perRow, perRowPeople     int
	wideRows, wideRounds             int
	besideRounds, besideSeconds, one int
	aims                             *[]aim // what the parts measured of what was aimed at
}

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	o := options{aims: &[]aim{}}
	flags := flag.NewFlagSet("erasure", flag.ExitOnError)
	flags.StringVar(&o.parts, "part", "demo,wide,beside", "what is measured")
	flags.StringVar(&o.sizes, "people", "1,100,1000,10000", "numbers of people to erase in one run")
	flags.StringVar(&o.samples, "samples", "config/samples/demo", "folder of the demo company")
	flags.IntVar(&o.rounds, "rounds", 5, "demo: rounds of the set-based ways, after one that warms up")
	flags.IntVar(&o.perRow, "per-row-rounds", 1, "demo: rounds of one commit per row, among the others")
	flags.IntVar(&o.perRowPeople, "per-row-people", 1000, "demo: most people who are erased by one commit per row")
	flags.IntVar(&o.one, "single-rounds", 15, "demo: rounds of one person within an open session; 0 takes none")
	flags.IntVar(&o.wideRows, "wide", 10_000_000, "wide: rows of the schema of 40 tables")
	flags.IntVar(&o.wideRounds, "wide-rounds", 1, "wide: rounds; none warms up")
	flags.IntVar(&o.besideRounds, "beside-rounds", 3, "beside: rounds of pgbench with and without a mass erasure")
	flags.IntVar(&o.besideSeconds, "beside", 15, "beside: seconds of pgbench in each round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	known := map[string]func(context.Context, options) error{"demo": measureDemo, "wide": measureWide, "beside": measureBeside}
	parts := strings.Split(o.parts, ",")
	if i := slices.IndexFunc(parts, func(part string) bool { return known[part] == nil }); i >= 0 {
		return fmt.Errorf("reading -part: %q is none of demo, wide and beside", parts[i])
	}
	var failed []error
	for _, part := range parts {
		if err := known[part](ctx, o); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", part, err)) // the others are measured all the same
		}
		if ctx.Err() != nil {
			break
		}
	}
	summary(*o.aims)
	return errors.Join(failed...)
}

func measureDemo(ctx context.Context, o options) error {
	return o.on(ctx, func(b *bench) error {
		err := o.each(func(people int) error {
			perRow := o.perRow
			if people > o.perRowPeople {
				perRow = 0
			}
			return b.measure(ctx, people, o.rounds, perRow, false)
		})
		if err != nil || o.one == 0 {
			return err
		}
		return b.single(ctx, o.one)
	})
}

func measureWide(ctx context.Context, o options) error {
	return with(ctx, o, wide(o.wideRows), func(b *bench) error {
		return o.each(func(people int) error { return b.measure(ctx, people, o.wideRounds, 0, true) })
	})
}

func measureBeside(ctx context.Context, o options) error {
	return o.on(ctx, func(b *bench) error { return b.beside(ctx, o.besideRounds, o.besideSeconds) })
}

// on does something with the demo company.
func (o options) on(ctx context.Context, do func(*bench) error) error {
	scene, err := demo(o.samples)
	if err != nil {
		return err
	}
	return with(ctx, o, scene, do)
}

// with does something with a server that has the databases of a scene.
func with(ctx context.Context, o options, scene *scene, do func(*bench) error) error {
	fmt.Println("\nFilling", scene.name)
	start := time.Now()
	b, err := newBench(ctx, scene, o.aims)
	if err != nil {
		return err
	}
	defer b.stop()
	b.say("filled in %.0f s", time.Since(start).Seconds())
	err = do(b)
	b.say("done in %.0f s", time.Since(start).Seconds())
	return err
}

// each does something for every number of people.
func (o options) each(do func(people int) error) error {
	for text := range strings.SplitSeq(o.sizes, ",") {
		people, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("reading -people: %w", err)
		}
		if err := do(people); err != nil {
			return err
		}
	}
	return nil
}
