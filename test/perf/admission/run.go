// Package admission measures what admission adds to a request, against a real API server with the operator's own program
// behind it, and what the operator's handlers take by themselves.
package admission

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

var errNoAssets = errors.New("KUBEBUILDER_ASSETS is not set; run this by `make bench`, which builds what it needs")

type options struct {
	rounds, requests int
	calls            int
	memoryCalls      int
	memoryTime       time.Duration
}

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("admission", flag.ExitOnError)
	flags.IntVar(&o.rounds, "rounds", 6, "rounds of each figure, in turns")
	flags.IntVar(&o.requests, "requests", 1000, "requests to one set-up in one round")
	flags.IntVar(&o.calls, "calls", 2000, "calls of a handler in one round, in process")
	flags.IntVar(&o.memoryCalls, "memory-calls", 1_000_000, "calls between two looks at the memory, at most")
	flags.DurationVar(&o.memoryTime, "memory-time", 45*time.Second, "time between two looks at the memory, at most")
	part := flags.String("part", "", "handlers: only in process; server: only behind an API server; empty: both")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *part != "handlers" {
		if err := served(ctx, o); err != nil {
			return err
		}
	}
	if *part != "server" {
		return inProcess(ctx, o)
	}
	return nil
}

// served measures requests to an API server: from many clients, and from one, who never waits for another.
func served(ctx context.Context, o options) error {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errNoAssets
	}
	ctrl.SetLogger(logr.Discard()) // of the clients here; the operator has a log of its own
	folder, err := os.MkdirTemp("", "rempart-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Println("Starting an API server and the operator")
	c, stop, err := startCluster(ctx, folder)
	if stop != nil {
		defer stop()
	}
	if err != nil {
		return err
	}
	before, err := resident(c.operator.process.Process.Pid)
	if err != nil {
		return err
	}
	requests := 0
	for _, load := range []struct {
		clients   int
		keepAlive bool
	}{{16, true}, {16, false}, {1, true}} {
		if err := c.load(ctx, o, load.clients, load.keepAlive); err != nil {
			return err
		}
		requests += 2 * (o.rounds + 1) * o.requests
	}
	after, err := resident(c.operator.process.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe operator's process: %.1f MB resident before, %.1f MB after it was asked %d times\n", before/1e6, after/1e6, requests)
	return nil
}
