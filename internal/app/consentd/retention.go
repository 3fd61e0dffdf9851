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

// pruner removes events whose proof is not needed any more, and people who have none.
type pruner interface {
	// Time is what the ledger's own clock says.
	Time(ctx context.Context) (time.Time, error)
	// Prune removes events that were recorded before a time and do not hold, and all of people who were forgotten.
	Prune(ctx context.Context, before time.Time, subjects ...uuid.UUID) (int64, error)
	// SweepPeople removes names, keys and tokens of people of whom nothing is left or open, and tells how many they were.
	SweepPeople(ctx context.Context) (int64, error)
	// Left are people who were forgotten and of whom events are left: of all people, or of those that may be able to go only now.
	Left(ctx context.Context, everybody bool) ([]uuid.UUID, error)
	// Due receives when events of people who were forgotten may be able to go: their tile of the log is full, or an attempt failed.
	Due() <-chan struct{}
}

// retain keeps proof as long as the policy says, until the context ends.
func retain(ctx context.Context, ledger pruner, policies *settings.Store, log *slog.Logger, clock func() time.Time) {
	next := clock()
	for ctx.Err() == nil {
		now := clock()
		all := !now.Before(next)
		p := policies.Current()
		switch done := p != nil && prune(ctx, ledger, p, log, now, all); {
		case !done:
			next = now.Add(pruneAgain)
		case all:
			next = now.Add(pruneEvery)
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-ledger.Due():
			pause(ctx, time.Second) // a busy log fills several tiles a second
		}
		timer.Stop()
	}
}

// prune does it once, and tells whether it was done: for all that is past its retention, or only for who was forgotten and may be able
// to go now.
func prune(ctx context.Context, ledger pruner, p *settings.Policy, log *slog.Logger, now time.Time, all bool) bool {
	var before time.Time
	if all {
		theirs, err := ledger.Time(ctx)
		if err != nil {
			log.Warn("Could not compare the clock with the ledger's")
			return false
		}
		if theirs.Before(now) {
			now = theirs // what goes never comes back: no single clock that is ahead destroys proof
		}
		before, _ = retained(p.Spec.Ledger.ProofRetention, now) // where nothing is said of how long, all is kept
	}
	var subjects []uuid.UUID
	if p.Spec.Ledger.OnErasure == v1alpha1.ProofErased {
		var err error
		if subjects, err = ledger.Left(ctx, all); err != nil {
			log.Warn("Could not read of whom proof is left")
			return false
		}
	}
	if !before.IsZero() || len(subjects) > 0 {
		gone, err := ledger.Prune(ctx, before, subjects...)
		if err != nil {
			log.Warn("Could not remove what is not to be kept yet")
			return false
		}
		if gone > 0 {
			log.Info("Removed events that are not to be kept", "events", gone)
		}
	}
	return !all || sweep(ctx, ledger, log)
}

// sweep removes people of whom nothing is left, whatever the policy keeps: a name and a key prove nothing.
func sweep(ctx context.Context, ledger pruner, log *slog.Logger) bool {
	gone, err := ledger.SweepPeople(ctx)
	if err != nil {
		log.Warn("Could not remove people of whom nothing is left")
		return false
	}
	if gone > 0 {
		log.Info("Removed names and keys of people of whom nothing is left", "people", gone)
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
