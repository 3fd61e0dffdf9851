// Package admission measures what admission adds to a request, against a real API server with the operator's own program
// behind it, and what the operator's handlers take by themselves.
package admission

import (
	"context"
	"flag"
	"time"
)

type options struct {
	rounds, calls int
	memoryCalls   int
	memoryTime    time.Duration
}

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("admission", flag.ExitOnError)
	flags.IntVar(&o.rounds, "rounds", 6, "rounds of each figure, in turns")
	flags.IntVar(&o.calls, "calls", 2000, "calls of a handler in one round, in process")
	flags.IntVar(&o.memoryCalls, "memory-calls", 1_000_000, "calls between two looks at the memory, at most")
	flags.DurationVar(&o.memoryTime, "memory-time", 45*time.Second, "time between two looks at the memory, at most")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return inProcess(ctx, o)
}
