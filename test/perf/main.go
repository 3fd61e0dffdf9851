// Command perf measures what Rempart costs, against a comparator in the same run and in turns with it. `perf erasure`,
// `perf admission` and `perf consent` run one benchmark, each with flags of its own; without a name all run. It prints what it measured and
// asserts nothing about time.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rempart-dev/rempart/test/perf/admission"
	"github.com/rempart-dev/rempart/test/perf/consent"
	"github.com/rempart-dev/rempart/test/perf/erasure"
)

var benchmarks = []struct {
	name string
	run  func(ctx context.Context, args []string) error
}{{"erasure", erasure.Run}, {"admission", admission.Run}, {"consent", consent.Run}}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // else servers and their folders would stay
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	for _, benchmark := range benchmarks {
		switch {
		case len(args) == 0:
			if err := benchmark.run(ctx, nil); err != nil {
				return fmt.Errorf("%s: %w", benchmark.name, err)
			}
		case args[0] == benchmark.name:
			return benchmark.run(ctx, args[1:])
		}
	}
	if len(args) > 0 {
		return fmt.Errorf("%q is no benchmark: erasure, admission or consent", args[0])
	}
	return nil
}
