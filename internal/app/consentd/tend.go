package consentd

import (
	"context"
	"log/slog"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// How often to look whether other keys left something to do, and how long to rest between parts of it: acts go first.
const (
	tendEvery = 5 * time.Minute
	tendRest  = 20 * time.Millisecond
)

// tend does what other keys leave to do, until the context ends.
func tend(ctx context.Context, ledger consent.Keys, log *slog.Logger) {
	for ctx.Err() == nil {
		more, err := ledger.Tend(ctx)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				log.Warn("Could not wrap keys of people anew yet, or count what old keys are needed for")
			}
			pause(ctx, pruneAgain)
		case more:
			pause(ctx, tendRest)
		default:
			pause(ctx, tendEvery)
		}
	}
}
