// Package consent measures the consent ledger: acts recorded per second, against pgbench inserting the same rows into the same
// tables under the same row security, both with durable commits, in turns on one server; checks against pgbench reading the
// same state; bytes of an event; how long an event waits for the log; and the audit of a whole ledger.
package consent

import (
	"context"
	"flag"
)

type options struct {
	rounds  int
	seconds int
	clients int
	audit   int
	parts   string
}

// Run measures and prints.
func Run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("consent", flag.ExitOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each way, in turns; round 0 is not counted")
	flags.IntVar(&o.seconds, "seconds", 10, "seconds of a round")
	flags.IntVar(&o.clients, "clients", 16, "writers and readers at once")
	flags.IntVar(&o.audit, "audit", 1_000_000, "events of the ledger that is audited")
	flags.StringVar(&o.parts, "part", "record,http,check,http-check,audit", "what is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return run(ctx, o)
}
