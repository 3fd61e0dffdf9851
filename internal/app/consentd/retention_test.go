package consentd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestProofIsKeptUntilItsRetentionHasSurelyEnded(t *testing.T) {
	for retention, want := range map[v1alpha1.Period]string{"P5Y": "2020-10-27", "P6M": "2025-04-27", "P1Y2M3W4D": "2024-08-04"} {
		got, ok := retained(retention, noon)
		if !ok || got.Format(time.DateOnly) > want || got.Format(time.DateOnly) < "2020-10-20" {
			t.Errorf("%s: %v", retention, got)
		}
	}
	if _, ok := retained("for ever", noon); ok {
		t.Error("no period is one")
	}
}

// list remembers what it was told to remove.
type list struct {
	before   time.Time
	subjects []uuid.UUID
	away     error
	sweeps   int
	stuck    error
	// off is how much the ledger's clock differs from ours, astray why it cannot be read.
	off    time.Duration
	astray error
}

func (l *list) SweepPeople(context.Context) (int64, error) {
	l.sweeps++
	return 1, l.stuck
}

func (l *list) Prune(_ context.Context, before time.Time, subjects ...uuid.UUID) (int64, error) {
	l.before, l.subjects = before, subjects
	return 1, l.away
}

func (l *list) Left(_ context.Context, everybody bool) ([]uuid.UUID, error) {
	if everybody {
		return []uuid.UUID{{1}, {2}}, nil
	}
	return []uuid.UUID{{2}}, nil
}

// Time is right unless a test says otherwise.
func (l *list) Time(context.Context) (time.Time, error) { return noon.Add(l.off), l.astray }

func (l *list) Due() <-chan struct{} { return nil }

func TestWhatIsForgottenGoesWhereThePolicySaysSo(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	policy := &settings.Policy{}
	policy.Spec.Ledger.ProofRetention = "P5Y"
	ledger := &list{}
	if !prune(t.Context(), ledger, policy, log, noon, true) || len(ledger.subjects) != 0 || ledger.before.Year() != 2020 {
		t.Errorf("%+v", ledger)
	}
	policy.Spec.Ledger.OnErasure = v1alpha1.ProofErased
	if !prune(t.Context(), ledger, policy, log, noon, true) || len(ledger.subjects) != 2 {
		t.Errorf("%+v", ledger)
	}
	ledger.away = errors.New("away")
	if prune(t.Context(), ledger, policy, log, noon, true) {
		t.Error("done, although the ledger is away")
	}
	*ledger = list{}
	if !prune(t.Context(), ledger, policy, log, noon, false) || len(ledger.subjects) != 1 || !ledger.before.IsZero() {
		t.Errorf("when a tile is full: %+v", ledger)
	}
	if ledger.sweeps != 0 {
		t.Error("a full tile leaves nobody without proof")
	}
	*ledger, policy.Spec.Ledger.ProofRetention = list{}, ""
	if !prune(t.Context(), ledger, policy, log, noon, true) || !ledger.before.IsZero() {
		t.Errorf("%+v", ledger)
	}
	// Who was invited and never came has no proof, also where proof is kept for ever.
	*ledger, policy.Spec.Ledger.OnErasure = list{}, v1alpha1.ProofKept
	if !prune(t.Context(), ledger, policy, log, noon, true) || ledger.sweeps != 1 {
		t.Errorf("%+v", ledger)
	}
	ledger.stuck = errors.New("away")
	if prune(t.Context(), ledger, policy, log, noon, true) {
		t.Error("done, although people are left")
	}
}

// TestAClockThatIsAheadDestroysNoProof: what goes never comes back, so that of two clocks the one counts by which less goes.
func TestAClockThatIsAheadDestroysNoProof(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	policy := &settings.Policy{}
	policy.Spec.Ledger.ProofRetention = "P5Y"
	for name, c := range map[string]struct{ ours, theirs time.Duration }{
		"ours": {7 * 365 * 24 * time.Hour, 0}, "the ledger's": {0, 7 * 365 * 24 * time.Hour}, "neither": {},
	} {
		ledger := &list{off: c.theirs}
		if !prune(t.Context(), ledger, policy, log, noon.Add(c.ours), true) || ledger.before.Year() != 2020 {
			t.Errorf("%s is ahead: all of before %v goes", name, ledger.before)
		}
	}
	ledger := &list{astray: errors.New("away")}
	if prune(t.Context(), ledger, policy, log, noon, true) || !ledger.before.IsZero() {
		t.Errorf("by one clock alone all of before %v goes", ledger.before)
	}
}
