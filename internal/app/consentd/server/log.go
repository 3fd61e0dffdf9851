package server

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/bundle"
)

// checkpoint answers with the newest signed note (C2SP tlog-checkpoint). It is the tenant's; the site only names it.
func (s *Server) checkpoint(w http.ResponseWriter, r *http.Request, _ call) error {
	head, err := s.ledger.Checkpoint(r.Context())
	if unknown(err) {
		return problem.New(http.StatusNotFound, problem.CheckpointNotThere, "There is no such checkpoint")
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(head.Note)
	return nil
}

// extension proves that one size of the log extends another.
type extension struct {
	From int64    `json:"from"`
	To   int64    `json:"to"`
	Path []string `json:"path"`
}

// consistency proves that one tree extends another (RFC 6962, section 2.1.2).
func (s *Server) consistency(w http.ResponseWriter, r *http.Request, _ call) error {
	query := r.URL.Query()
	from, err := size(query["from"])
	if err != nil {
		return err
	}
	to, err := size(query["to"])
	if err != nil {
		return err
	}
	if from > to || len(query) != 2 {
		return malformed("From must not be larger than to")
	}
	path, err := s.ledger.Consistency(r.Context(), from, to)
	if unknown(err) {
		return problem.New(http.StatusNotFound, problem.CheckpointNotThere, "There is no such checkpoint")
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	return write(w, http.StatusOK, extension{from, to, hashes(path)})
}

// size is a number of leaves.
func size(values []string) (int64, error) {
	if len(values) != 1 {
		return 0, malformed("From and to are needed, once each")
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 1 {
		return 0, malformed("From and to are sizes of the log")
	}
	return n, nil
}

// proof proves that an event is in the log. It holds no personal data but the event's random id, which who asks knows.
func (s *Server) proof(w http.ResponseWriter, r *http.Request, _ call) error {
	event, err := uuid.Parse(r.PathValue("event"))
	if err != nil {
		return malformed("The event is not a UUID")
	}
	proof, err := s.ledger.Inclusion(r.Context(), event)
	if unknown(err) {
		return problem.New(http.StatusNotFound, problem.EventUnknown, "There is no such event in a checkpoint; one that was just recorded follows within the interval").After(retrySoon)
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	return write(w, http.StatusOK, bundle.ProofOf(event, proof))
}

// forgottenPage is a page of marks.
type forgottenPage struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Marks []string `json:"marks"`
	// Pepper is that of the marks: those under another are to be read anew.
	Pepper string `json:"pepper,omitempty"`
}

// forgotten answers the operator, which keeps marks of who was forgotten where a restored database cannot lose them. A mark says nothing to
// who has not the pepper.
func (s *Server) forgotten(w http.ResponseWriter, r *http.Request, _ call) error {
	query := r.URL.Query()
	from, err := strconv.ParseInt(query.Get("from"), 10, 64)
	if err != nil || from < 0 || len(query["from"]) != 1 || len(query) != 1 {
		return malformed("From is needed, once: a size of the log")
	}
	marks, to, err := s.ledger.Forgotten(r.Context(), from)
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	texts := make([]string, len(marks))
	for i, mark := range marks {
		texts[i] = base64.RawURLEncoding.EncodeToString(mark[:])
	}
	return write(w, http.StatusOK, forgottenPage{from, to, texts, s.entered(consent.KeyPepper)})
}

func hashes(path [][]byte) []string {
	texts := make([]string, len(path))
	for i, hash := range path {
		texts[i] = base64.RawURLEncoding.EncodeToString(hash)
	}
	return texts
}
