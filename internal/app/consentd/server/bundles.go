package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/bundle"
)

// bundles writes what proves each of a person's acts, a line per act in their order: whoever has the service's public keys checks it
// offline (kubectl gdpr verify bundle).
func (s *Server) bundles(ctx context.Context, p *settings.Policy, events []consent.Event) ([]byte, error) {
	var out bytes.Buffer
	for _, act := range acts(events) {
		proofs := map[uuid.UUID]consent.Inclusion{}
		for _, e := range act {
			in, err := s.ledger.Inclusion(ctx, e.ID)
			if unknown(err) {
				return nil, problem.New(http.StatusServiceUnavailable, problem.NotYetLogged, "An act was just recorded; its proof follows within the interval").After(retrySoon)
			}
			if err != nil {
				return nil, err //nolint:wrapcheck // becomes a problem
			}
			proofs[e.ID] = in
		}
		signed, err := s.receipt(p, act)
		if err != nil {
			return nil, err
		}
		words, err := s.words(ctx, p, act[0].Notice)
		if err != nil {
			return nil, err
		}
		line, err := bundle.Make(signed, act, words, proofs)
		if err != nil {
			return nil, errors.Join(errMade, err)
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}

// errMade is a mistake of ours.
var errMade = errors.New("writing a bundle")

// acts are events by their receipts, in the order of the first of each. What belongs to no receipt is no act.
func acts(events []consent.Event) [][]consent.Event {
	var order []uuid.UUID
	by := map[uuid.UUID][]consent.Event{}
	for _, e := range events {
		if e.Receipt == uuid.Nil {
			continue
		}
		if by[e.Receipt] == nil {
			order = append(order, e.Receipt)
		}
		by[e.Receipt] = append(by[e.Receipt], e)
	}
	found := make([][]consent.Event, len(order))
	for i, receipt := range order {
		found[i] = by[receipt]
	}
	return found
}

// words are those that an event names, nil where it names none: the policy's, or, where it no longer has them, the ledger's.
func (s *Server) words(ctx context.Context, p *settings.Policy, ref consent.NoticeRef) ([]byte, error) {
	if len(ref.SHA256) == 0 {
		return nil, nil
	}
	if found, known := p.All[ref.Version][ref.Language]; known && bytes.Equal(found.Ref.SHA256, ref.SHA256) {
		return found.Body, nil
	}
	body, err := s.ledger.Words(ctx, ref)
	if unknown(err) {
		return nil, problem.New(http.StatusInternalServerError, problem.ExportIncomplete, "Nobody has the words of an event any more")
	}
	return body, err //nolint:wrapcheck // becomes a problem
}
