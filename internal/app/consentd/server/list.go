package server

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

// eventsPage is a page of events.
type eventsPage struct {
	Events []line `json:"events"`
}

// line is an event as clients read it: all but the evidence, which is for exports.
type line struct {
	ID            uuid.UUID         `json:"id"`
	Receipt       uuid.UUID         `json:"receipt"`
	Subject       string            `json:"subject,omitempty"`
	Type          consent.EventType `json:"type"`
	Purpose       string            `json:"purpose,omitempty"`
	Decision      string            `json:"decision,omitempty"`
	Notice        string            `json:"notice,omitempty"`
	NoticeVersion int32             `json:"noticeVersion,omitempty"`
	Language      string            `json:"language,omitempty"`
	Method        consent.Method    `json:"method,omitempty"`
	CollectedBy   consent.Collector `json:"collectedBy,omitempty"`
	Site          string            `json:"site,omitempty"`
	OccurredAt    *time.Time        `json:"occurredAt,omitempty"`
	RecordedAt    time.Time         `json:"recordedAt"`
	ValidUntil    *time.Time        `json:"validUntil,omitempty"`
	GPC           *bool             `json:"gpc,omitempty"`
	Leaf          string            `json:"leaf"`
}

func lineOf(e consent.Event) line {
	l := line{ID: e.ID, Receipt: e.Receipt, Type: e.Type, Purpose: e.Purpose, Notice: e.Notice.Notice, NoticeVersion: e.Notice.Version,
		Language: e.Notice.Language, Method: e.Method, CollectedBy: e.CollectedBy, Site: e.Site, OccurredAt: instant(e.OccurredAt),
		RecordedAt: e.RecordedAt.UTC(), ValidUntil: instant(e.ValidUntil), GPC: e.GPC, Leaf: base64.RawURLEncoding.EncodeToString(e.Leaf)}
	if e.Subject != uuid.Nil {
		l.Subject = e.Subject.String()
	}
	if e.Decision != nil {
		l.Decision = word(*e.Decision)
	}
	return l
}

func instant(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// maxPage is how many events one answer has at most.
const maxPage = 1000

// page reads after and limit.
func page(r *http.Request) (after uuid.UUID, limit int, err error) {
	query := r.URL.Query()
	limit = maxPage
	for name, values := range query {
		switch {
		case len(values) != 1:
			return after, 0, malformed("A parameter is there twice")
		case name == "after":
			if after, err = uuid.Parse(values[0]); err != nil {
				return after, 0, malformed("After is the id of an event")
			}
		case name == "limit":
			if limit, err = strconv.Atoi(values[0]); err != nil || limit < 1 || limit > maxPage {
				return after, 0, malformed("Limit is 1 to 1000")
			}
		default:
			return after, 0, malformed("There are no parameters but after and limit")
		}
	}
	return after, limit, nil
}

var eventUnknown = problem.New(http.StatusNotFound, problem.EventUnknown, "There is no such event")

// events lists the tenant's events in the order of the log.
func (s *Server) events(w http.ResponseWriter, r *http.Request, _ call) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	found, err := s.ledger.Since(r.Context(), after, limit)
	if unknown(err) {
		return eventUnknown
	}
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	lines := make([]line, len(found))
	for i, e := range found {
		lines[i] = lineOf(e)
	}
	return write(w, http.StatusOK, eventsPage{lines})
}
