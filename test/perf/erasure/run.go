// Package erasure measures how long it takes to erase people from the demo company: by the eraser's engine, by one
// set-based transaction written by hand and run through psql, and by one commit per row. All three run against copies
// of the same database, on the same server, in turns. It fails when the engine and the hand-written transaction do not
// leave the same rows.
package erasure

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("erasure", flag.ExitOnError)
	sizes := flags.String("people", "100,1000", "numbers of people to erase in one run")
	rounds := flags.Int("rounds", 5, "rounds of the set-based ways")
	perRow := flags.Int("per-row-rounds", 2, "rounds of one commit per row, among the others")
	samples := flags.String("samples", "config/samples/demo", "folder of the demo company")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return run(ctx, *sizes, *rounds, *perRow, *samples)
}

func run(ctx context.Context, sizes string, rounds, perRow int, samples string) error {
	fmt.Println("Filling the demo company's database (about 300,000 rows)")
	b, err := newBench(ctx, samples)
	if err != nil {
		return err
	}
	defer b.stop()
	for text := range strings.SplitSeq(sizes, ",") {
		people, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("reading -people: %w", err)
		}
		if err := b.measure(ctx, people, rounds, perRow); err != nil {
			return err
		}
	}
	return nil
}
