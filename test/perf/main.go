// Command perf measures how long it takes to erase people from the demo company: by the eraser's engine, by one
// set-based transaction written by hand and run through psql, and by one commit per row. All three run against copies
// of the same database, on the same server, in turns. It prints what it measured and asserts nothing about time; it
// fails when the engine and the hand-written transaction do not leave the same rows.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sizes := flag.String("people", "100,1000", "numbers of people to erase in one run")
	rounds := flag.Int("rounds", 5, "rounds of the set-based ways")
	perRow := flag.Int("per-row-rounds", 2, "rounds of one commit per row, among the others")
	samples := flag.String("samples", "config/samples/demo", "folder of the demo company")
	flag.Parse()
	if err := run(ctx, *sizes, *rounds, *perRow, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
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
