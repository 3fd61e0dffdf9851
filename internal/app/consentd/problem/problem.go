// Package problem is how the consent service says no: problem details as RFC 9457 has them. What a client sends is never
// repeated in one, and no error of a driver is: both may name a person.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// MediaType is that of RFC 9457.
const MediaType = "application/problem+json"

// typeBase makes a code into the absolute address that RFC 9457 asks for. A tag names without promising a page.
const typeBase = "tag:rempart.dev,2026:problem/"

// Code is what went wrong, for programs. The set is closed; docs/spec/consentd.md lists it.
type Code string

// The codes.
const (
	BadRequest         Code = "bad_request"
	BodyTooLarge       Code = "body_too_large"
	MediaUnsupported   Code = "media_type_unsupported"
	NotFound           Code = "not_found"
	SiteUnknown        Code = "site_unknown"
	MethodNotAllowed   Code = "http_method_not_allowed"
	OriginNotAllowed   Code = "origin_not_allowed"
	TooManyRequests    Code = "too_many_requests"
	Unauthenticated    Code = "unauthenticated"
	Forbidden          Code = "forbidden"
	TokenInvalid       Code = "notice_token_invalid"
	NoticeStale        Code = "notice_stale"
	AfterWithdrawal    Code = "assertion_after_withdrawal"
	KeyReused          Code = "idempotency_key_reused"
	PurposeUnknown     Code = "purpose_unknown"
	ActNotAllowed      Code = "method_not_allowed"
	RecordUnknown      Code = "record_unknown"
	PersonUnknown      Code = "person_unknown"
	AgeNotAsserted     Code = "age_not_asserted"
	Spent              Code = "token_spent"
	LedgerUnavailable  Code = "ledger_unavailable"
	LedgerContradicted Code = "ledger_contradicted"
	KeyMissing         Code = "key_missing"
	Overloaded         Code = "overloaded"
	NotReady           Code = "not_ready"
	Internal           Code = "internal"
	NotYetLogged       Code = "not_yet_logged"
	MailNotAvailable   Code = "mail_not_available"
	EvidenceTooLarge   Code = "evidence_too_large"
	ExportIncomplete   Code = "export_incomplete"
	EventUnknown       Code = "event_unknown"
	WishUnknown        Code = "wish_unknown"
	NameNotLinked      Code = "name_not_linked"
	CheckpointNotThere Code = "checkpoint_unknown"
	DataNotFiltered    Code = "data_not_filtered"
)

// Problem is one answer of type application/problem+json.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code repeats the end of Type, for clients that would rather compare a word.
	Code Code `json:"code"`
	// Notice is what a person must be shown now: only with notice_stale.
	Notice json.RawMessage `json:"notice,omitempty"`
	// retryAfter becomes the header Retry-After, in whole seconds.
	retryAfter time.Duration
}

// New returns a problem. Title is one sentence in chosen words, the same for every occurrence of the code.
func New(status int, code Code, title string) Problem {
	return Problem{Type: typeBase + string(code), Title: title, Status: status, Code: code}
}

// With adds what is special about this occurrence, in chosen words too.
func (p Problem) With(detail string) Problem {
	p.Detail = detail
	return p
}

// WithNotice adds the notice that a person must be shown.
func (p Problem) WithNotice(notice []byte) Problem {
	p.Notice = notice
	return p
}

// After says when to try again; parts of a second count as a whole one.
func (p Problem) After(wait time.Duration) Problem {
	p.retryAfter = wait
	return p
}

// Error lets a problem travel as an error.
func (p Problem) Error() string { return string(p.Code) }

// Write answers with the problem.
func (p Problem) Write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // only a notice that is no JSON could do it
		p.Notice = nil
		body, _ = json.Marshal(p)
	}
	header := w.Header()
	header.Set("Content-Type", MediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Del("ETag")
	if p.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	p.Wait(header)
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // who asked is gone
}

// Wait sets the header that says when to try again, where the problem knows.
func (p Problem) Wait(header http.Header) {
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
}
