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
	rounds, clients, requests int
	claims, findings          int
	calls                     int
	memoryCalls               int
	memoryTime                time.Duration
	// gatekeeper and kyverno are programs of the comparators; empty for none.
	gatekeeper, kyverno string
}

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("admission", flag.ExitOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each figure, in turns")
	flags.IntVar(&o.clients, "clients", 16, "clients that send requests at the same time")
	flags.IntVar(&o.requests, "requests", 600, "requests to one set-up in one round")
	flags.IntVar(&o.claims, "claims", 10_000, "claims among which one abroad is to be found")
	flags.IntVar(&o.findings, "findings", 3, "claims abroad, one after another")
	flags.IntVar(&o.calls, "calls", 1000, "calls of a handler in one round, in process")
	flags.IntVar(&o.memoryCalls, "memory-calls", 1_000_000, "calls between two looks at the memory, at most")
	flags.DurationVar(&o.memoryTime, "memory-time", 2*time.Minute, "time between two looks at the memory, at most")
	flags.StringVar(&o.gatekeeper, "gatekeeper", "", "Gatekeeper's program, as hack/kube/build.sh gatekeeper makes it: a further set-up to compare with")
	flags.StringVar(&o.kyverno, "kyverno", "", "Kyverno's admission controller, as hack/kube/build.sh kyverno makes it: another one")
	part := flags.String("part", "", "server: requests to an API server; registers: requests for a register among many; scan: how soon a finding comes; handlers: without a network; empty: all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch *part {
	case "server":
		return served(ctx, o, (*cluster).loads)
	case "registers":
		return served(ctx, o, (*cluster).registers)
	case "scan":
		return served(ctx, o, (*cluster).scan)
	case "handlers":
		return inProcess(ctx, o)
	case "":
		if err := served(ctx, o, (*cluster).loads, (*cluster).scan, (*cluster).registers); err != nil {
			return err
		}
		return inProcess(ctx, o)
	default:
		return fmt.Errorf("%q is no part: server, registers, scan or handlers", *part)
	}
}

// served starts an API server and the operator, and measures.
func served(ctx context.Context, o options, parts ...func(*cluster, context.Context, options) error) error {
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
	c, stop, err := startCluster(ctx, o, folder)
	if stop != nil {
		defer stop()
	}
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := part(c, ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// loads measures requests from many clients, and from one, who never waits for another.
func (c *cluster) loads(ctx context.Context, o options) error {
	before, err := resident(c.operator.process.Process.Pid)
	if err != nil {
		return err
	}
	requests := 0
	for _, load := range []struct {
		clients   int
		keepAlive bool
	}{{o.clients, true}, {o.clients, false}, {1, true}} {
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
