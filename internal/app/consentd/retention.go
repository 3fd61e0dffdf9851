package consentd

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// longestEffect is the most months that a choice counts after it was recorded, for a policy allows no more; spare is in days.
const (
	longestEffect = 13
	spare         = 3
)

// pruneEvery is how often what is past its retention goes, pruneAgain how soon after a failure.
const (
	pruneEvery = 24 * time.Hour
	pruneAgain = 10 * time.Minute
)

// pruner removes events whose proof is not needed any more.
type pruner interface {
	// Prune removes events that were recorded before a time and do not hold, and all of people who were forgotten.
	Prune(ctx context.Context, before time.Time, subjects ...uuid.UUID) (int64, error)
	// Forgotten are the people who were shredded, as far as a list of them is kept.
	Forgotten(ctx context.Context) ([]uuid.UUID, error)
	// Shredded receives when somebody was.
	Shredded() <-chan struct{}
}

// retain keeps proof as long as the policy says, until the context ends.
func retain(ctx context.Context, ledger pruner, policies *settings.Store, log *slog.Logger, clock func() time.Time) {
	for ctx.Err() == nil {
		wait := pruneAgain
		if p := policies.Current(); p != nil && prune(ctx, ledger, p, log, clock()) {
			wait = pruneEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-ledger.Shredded():
		}
		timer.Stop()
	}
}

// prune does it once, and tells whether it was done.
func prune(ctx context.Context, ledger pruner, p *settings.Policy, log *slog.Logger, now time.Time) bool {
	before, ok := retained(p.Spec.Ledger.ProofRetention, now)
	if !ok {
		return true // nothing is said of how long, so all is kept
	}
	var subjects []uuid.UUID
	if p.Spec.Ledger.OnErasure == v1alpha1.ProofErased {
		var err error
		if subjects, err = ledger.Forgotten(ctx); err != nil {
			log.Warn("Could not read who was forgotten")
			return false
		}
	}
	gone, err := ledger.Prune(ctx, before, subjects...)
	if err != nil {
		log.Warn("Could not remove what is past its retention yet")
		return false
	}
	if gone > 0 {
		log.Info("Removed events that are past their retention", "events", gone)
	}
	return true
}

// retained is the time before which nothing recorded is kept. The retention begins when an event has lost its effect. When that is, the
// event does not say, for a later one may take its place at any time; it is at most the longest that a choice counts. Some days are
// added, for months are not equally long.
func retained(retention v1alpha1.Period, now time.Time) (time.Time, bool) {
	kept, err := deadline.ParsePeriod(string(retention))
	if err != nil {
		return time.Time{}, false
	}
	return now.UTC().AddDate(-kept.Years, -kept.Months-longestEffect, -7*kept.Weeks-kept.Days-spare), true
}
