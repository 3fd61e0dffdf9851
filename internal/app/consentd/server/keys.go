package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/internal/consent"
)

// keysEvery is how often what keys are needed for is measured.
const keysEvery = 15 * time.Second

// keyStatus is a key that people's keys are wrapped by, or names are hidden under, and how many.
type keyStatus struct {
	Kind    consent.KeyKind `json:"kind"`
	ID      string          `json:"id"`
	Current bool            `json:"current"`
	// Entry is the file that it is in; absent where it is in none.
	Entry string `json:"entry,omitempty"`
	// Rows is absent until they were counted.
	Rows *int64 `json:"rows,omitempty"`
}

// keyStatus tells of the keys that are held, and of those that may be needed. Of others only the name is left.
func (s *Server) keyStatus(ctx context.Context) ([]keyStatus, error) {
	uses, err := s.ledger.KeyUses(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // becomes a problem
	}
	var all []keyStatus
	for _, use := range uses {
		one := keyStatus{Kind: use.Kind, ID: use.ID, Current: use.Current, Rows: use.Rows}
		if use.Held {
			one.Entry = s.entries[use.Kind][use.ID]
		} else if !use.Needed() {
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

// measureKeys says in metrics what keys are needed for.
func (s *Server) measureKeys(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	uses, err := s.ledger.KeyUses(ctx)
	if err != nil {
		return // what was measured last stands; that the ledger is away is said elsewhere
	}
	s.metrics.keyRows.Reset()
	s.metrics.keyMissing.Reset()
	for _, use := range uses {
		if !use.Held && !use.Needed() {
			continue
		}
		s.metrics.keyMissing.WithLabelValues(string(use.Kind), use.ID).Set(number(use.Missing()))
		if use.Rows != nil {
			s.metrics.keyRows.WithLabelValues(string(use.Kind), use.ID).Set(float64(*use.Rows))
		}
		if use.Missing() {
			s.log.Error("A key is missing that the ledger needs", "kind", string(use.Kind), "id", use.ID)
		}
	}
}

// unfound is the withdrawal of a visitor of whom nothing is found. Where a pepper is missing they may have given all the same: then that
// they take it back is recorded as of somebody new, who becomes who they are when the pepper is there again.
func (s *Server) unfound(r *http.Request, c call, act consent.Act, person consent.Person, purposes []string) (consent.Act, error) {
	uses, err := s.ledger.KeyUses(r.Context())
	if err != nil {
		return act, err //nolint:wrapcheck // becomes a problem
	}
	if !slices.ContainsFunc(uses, func(use consent.KeyUse) bool { return use.Kind == consent.KeyPepper && use.Missing() }) {
		return act, nil
	}
	for _, p := range c.policy.Spec.Purposes {
		if name := string(p.Name); len(purposes) == 0 || slices.Contains(purposes, name) {
			act.Choices = append(act.Choices, consent.Choice{Type: consent.EventWithdrawn, Purpose: name, Decision: consent.Denied})
		}
	}
	act.Key = keyOf("withdrawal", "of somebody who is not found", person.ID, c.now.UTC().Format(time.RFC3339Nano))
	return act, nil
}

// entered names the key that is written under: its file has the name of its kind.
func (s *Server) entered(kind consent.KeyKind) string {
	for id, entry := range s.entries[kind] {
		if entry == string(kind) {
			return id
		}
	}
	return ""
}
