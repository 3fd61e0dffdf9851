package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

var personUnknown = problem.New(http.StatusNotFound, problem.PersonUnknown, "The ledger knows nothing of this person")

// linkBody brings two names of one person.
type linkBody struct {
	Known subject `json:"known"`
	Other subject `json:"other"`
}

// link lets an account stand for a visitor, so that a choice that was made before a login holds after it.
func (s *Server) link(w http.ResponseWriter, r *http.Request, _ call) error {
	var body linkBody
	if err := decode(r, &body); err != nil {
		return err
	}
	known, err := body.Known.linkable()
	if err != nil {
		return err
	}
	other, err := body.Other.linkable()
	if err != nil {
		return err
	}
	if known == other {
		return malformed("Two names are needed")
	}
	err = s.ledger.Link(r.Context(), known, other)
	if unknown(err) {
		return personUnknown
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// linkable is a name that can be linked: also the secret of a receipt, which the page hands to its own backend at a login.
func (n subject) linkable() (consent.Person, error) {
	if n.Kind == kindReceipt {
		if !isSecret(n.ID) {
			return consent.Person{}, malformed("The id of kind receipt is the receipt's secret")
		}
		return consent.Person{Kind: kindReceipt, ID: n.ID}, nil
	}
	return n.nameable()
}

// held is what the ledger has, or had, of a person.
type held struct {
	Subject uuid.UUID  `json:"subject"`
	Keys    int64      `json:"keys"`
	Links   int64      `json:"links"`
	States  int64      `json:"states"`
	Tokens  int64      `json:"tokens"`
	Events  int64      `json:"events"`
	Last    *time.Time `json:"last,omitempty"`
	Again   bool       `json:"again,omitempty"`
	Proof   *proof     `json:"proof,omitempty"`
}

// proof is what becomes of the events, where the policy does not keep them: EraseProof.
type proof struct {
	Erased  int64 `json:"erased"`
	Waiting int64 `json:"waiting"`
	// Until is how many events the log has when those that wait go; absent where none does, or nobody knows yet.
	Until int64 `json:"until,omitempty"`
}

func heldOf(h consent.Holding) held {
	answer := held{Subject: h.Subject, Keys: h.Keys, Links: h.Links, States: h.States, Tokens: h.Tokens, Events: h.Events, Again: h.Again}
	if !h.Last.IsZero() {
		answer.Last = &h.Last
	}
	return answer
}

// holding counts what forgetting a person would destroy and keep: the plan of an erasure, and what its verifier asks afterwards.
func (s *Server) holding(w http.ResponseWriter, r *http.Request, c call) error {
	person, err := named(r)
	if err != nil {
		return err
	}
	found, err := s.ledger.Holding(r.Context(), person)
	if unknown(err) {
		return personUnknown
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	answer := heldOf(found)
	if erasesProof(c) {
		references, err := s.ledger.References(r.Context(), person)
		if err != nil && !unknown(err) {
			return err //nolint:wrapcheck // becomes a problem
		}
		p, err := s.ledger.Proof(r.Context(), references...)
		if err != nil {
			return err //nolint:wrapcheck // becomes a problem
		}
		answer.Proof = &proof{p.Erased, p.Waiting, p.Until}
	}
	return write(w, http.StatusOK, answer)
}

// erase forgets a person and keeps the proof that it was done (Article 17). Twice is once, but who was never known is an error: a
// mistyped name must not look like an erasure. Who lost the answer comes again with the same Idempotency-Key.
func (s *Server) erase(w http.ResponseWriter, r *http.Request, c call) error {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		return malformed("The Idempotency-Key is too long")
	}
	person, err := named(r)
	if err != nil {
		return err
	}
	if key != "" {
		key = keyOf("erase", key)
	}
	var references []uuid.UUID
	if erasesProof(c) {
		if references, err = s.ledger.References(r.Context(), person); err != nil && !unknown(err) {
			return err //nolint:wrapcheck // becomes a problem
		}
	}
	gone, err := s.ledger.Shred(r.Context(), person, key)
	if unknown(err) {
		return personUnknown
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	answer := heldOf(gone)
	if erasesProof(c) {
		answer.Proof = s.eraseProof(r.Context(), gone, references)
	}
	return write(w, http.StatusOK, answer)
}

// erasesProof tells whether the policy keeps nothing of who is forgotten.
func erasesProof(c call) bool { return c.policy.Spec.Ledger.OnErasure == v1alpha1.ProofErased }

// eraseProof removes the events of a person who was forgotten, and says what waits. The person is forgotten whatever happens: what
// cannot be removed now is soon, and waits until then.
func (s *Server) eraseProof(ctx context.Context, gone consent.Holding, references []uuid.UUID) *proof {
	if !slices.Contains(references, gone.Subject) {
		references = append(references, gone.Subject)
	}
	p, err := s.ledger.EraseProof(ctx, references...)
	if err != nil {
		s.log.Warn("Could not erase the proof of who was forgotten yet")
		return &proof{Waiting: gone.Events}
	}
	return &proof{p.Erased, p.Waiting, p.Until}
}

// namedBody names a person.
type namedBody struct {
	Subject subject `json:"subject"`
}

// named reads a body that names a person, also by the secret of a receipt, and nothing else.
func named(r *http.Request) (consent.Person, error) {
	var body namedBody
	if err := decode(r, &body); err != nil {
		return consent.Person{}, err
	}
	if body.Subject.Kind == kindReceipt {
		return body.Subject.linkable()
	}
	return body.Subject.person()
}
