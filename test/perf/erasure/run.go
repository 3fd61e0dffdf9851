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
	sizes := flags.String("people", "1,100,1000,10000", "numbers of people to erase in one run")
	rounds := flags.Int("rounds", 5, "rounds of the set-based ways")
	perRow := flags.Int("per-row-rounds", 1, "rounds of one commit per row, among the others")
	perRowPeople := flags.Int("per-row-people", 1000, "most people who are erased by one commit per row")
	wideRows := flags.Int("wide", 0, "rows of a schema of 40 tables to erase from instead; 0 takes the demo company")
	beside := flags.Int("beside", 0, "seconds of pgbench with and without a mass erasure beside it instead; 0 takes none")
	samples := flags.String("samples", "config/samples/demo", "folder of the demo company")
	if err := flags.Parse(args); err != nil {
		return err
	}
	scene, err := demo(*samples)
	if err != nil {
		return err
	}
	if *wideRows > 0 {
		scene = wide(*wideRows)
	}
	fmt.Println("Filling", scene.name)
	b, err := newBench(ctx, scene)
	if err != nil {
		return err
	}
	defer b.stop()
	if *beside > 0 {
		return b.beside(ctx, *rounds, *beside)
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		people, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("reading -people: %w", err)
		}
		byRow := *perRow
		if people > *perRowPeople {
			byRow = 0
		}
		if err := b.measure(ctx, people, *rounds, byRow); err != nil {
			return err
		}
	}
	return nil
}
