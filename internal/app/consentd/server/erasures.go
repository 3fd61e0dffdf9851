package server

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/consent"
)

// maxScan is how many events one look for erasures reads.
const maxScan = 10 * maxPage

// erasuresPage is a page of wishes to be erased, for clients.
type erasuresPage struct {
	Erasures []line `json:"erasures"`
	Next     string `json:"next,omitempty"`
}

// erasures lists what people asked to have erased, in the order of the log. Next is where to go on; it is the last event that was read, so
// that a client that comes again reads each only once. Whether a person was erased since is for the list of events to say.
func (s *Server) erasures(w http.ResponseWriter, r *http.Request, _ call) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	asked := []line{}
	next := after
	for read := 0; read < maxScan && len(asked) < limit; {
		found, err := s.ledger.Since(r.Context(), next, maxPage)
		if unknown(err) {
			return eventUnknown
		}
		if err != nil {
			return err //nolint:wrapcheck // becomes a problem
		}
		for _, e := range found {
			if len(asked) == limit {
				break
			}
			next = e.ID
			if e.Type == consent.EventErasureAsked {
				asked = append(asked, lineOf(e))
			}
		}
		if read += len(found); len(found) < maxPage {
			break
		}
	}
	answer := erasuresPage{Erasures: asked}
	if next != uuid.Nil {
		answer.Next = next.String()
	}
	return write(w, http.StatusOK, answer)
}
