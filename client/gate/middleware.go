package gate

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/internal/consent/gate"
)

// Who tells whom data are about, by the request or by the data themselves: those that came, or those that go. The request's body is
// read already. An error refuses the request.
type Who func(r *http.Request, data []byte) (Subject, error)

// Requests filters the JSON bodies of requests before a handler reads them. A request without a body passes as it is; addresses,
// queries and headers are not filtered, so keep data out of them. What is not JSON is refused with 415, what is too large with
// 413, what cannot be filtered with 422, one about nobody with 403; where the service cannot be asked the answer is 503.
func (c *Client) Requests(use Use, who Who) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, gate.MaxSize))
			if err != nil {
				refuse(w, ErrTooLarge)
				return
			}
			if len(body) > 0 {
				if !plainJSON(r.Header) {
					refuse(w, errKind)
					return
				}
				result, err := c.about(r, use, who, body)
				if err != nil {
					refuse(w, err)
					return
				}
				body = result.Data
				changed(r.Header)
			}
			r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			next.ServeHTTP(w, r)
		})
	}
}

// Responses filters the JSON bodies that a handler answers with. Only a successful answer has a body; of any other the status passes
// alone, for its text may say what may not be said. A successful answer that is not JSON is replaced by 500: nobody could tell
// what is in it. The handler's answer is held until it is complete.
func (c *Client) Responses(use Use, who Who) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := &held{header: http.Header{}}
			next.ServeHTTP(held, r)
			body, err := c.answer(held, r, use, who)
			if err != nil {
				refuse(w, err)
				return
			}
			changed(held.header)
			held.header.Set("Cache-Control", "no-store") // what may be said now may not be said later
			maps.Copy(w.Header(), held.header)
			w.WriteHeader(held.code())
			_, _ = w.Write(body) // who asked is gone
		})
	}
}

// answer is what passes of a handler's answer.
func (c *Client) answer(held *held, r *http.Request, use Use, who Who) ([]byte, error) {
	switch {
	case held.code() < 200 || held.code() > 299 || held.body.Len() == 0 && !held.large:
		held.header.Del("Content-Type")
		return nil, nil
	case held.large || !plainJSON(held.header):
		return nil, errAnswer
	}
	result, err := c.about(r, use, who, held.body.Bytes())
	if errors.Is(err, ErrData) || errors.Is(err, ErrTooLarge) {
		return nil, errAnswer
	}
	return result.Data, err
}

func (c *Client) about(r *http.Request, use Use, who Who, data []byte) (Result, error) {
	subject, err := who(r, data)
	if err != nil {
		return Result{}, ErrSubject
	}
	return c.Filter(r.Context(), subject, use, data)
}

// What only the middleware refuses.
var (
	errKind   = errors.New("the body is not plain JSON")
	errAnswer = errors.New("the answer cannot be filtered")
)

// refusals are the status, the code and the title of each refusal, in the order in which they are looked for (RFC 9457). A code is there
// where whoever asked can do something about it, and has the service's form.
var refusals = []struct {
	why    error
	status int
	code   string
	title  string
}{
	{errKind, http.StatusUnsupportedMediaType, "", "The body must be application/json without an encoding"},
	{ErrTooLarge, http.StatusRequestEntityTooLarge, "", "The body is too large"},
	{ErrData, http.StatusUnprocessableEntity, "", "The body is not data that can be filtered"},
	{ErrSubject, http.StatusForbidden, "", "The request is about nobody whose consent is known"},
	{ErrConsent, http.StatusForbidden, "consent_required", "What the request needs was not accepted"},
	{ErrStale, http.StatusConflict, "notice_stale", "What was accepted has changed since, and has to be accepted again"},
	{ErrUnavailable, http.StatusServiceUnavailable, "", "Consent cannot be checked now"},
}

// typeBase is that of the service's problems.
const typeBase = "tag:rempart.dev,2026:problem/"

// refuse answers with a problem. It says nothing of the data; what is the program's own fault is 500.
func refuse(w http.ResponseWriter, err error) {
	status, code, title := http.StatusInternalServerError, "", "The data cannot be filtered"
	for _, r := range refusals {
		if errors.Is(err, r.why) {
			status, code, title = r.status, r.code, r.title
			break
		}
	}
	if code != "" {
		code = `"type":"` + typeBase + code + `","code":"` + code + `",`
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{`+code+`"title":"`+title+`","status":`+strconv.Itoa(status)+"}\n") // who asked is gone
}

// plainJSON tells whether a body is JSON that nothing packs.
func plainJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	encoding := strings.Join(h.Values("Content-Encoding"), "")
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json")) && (encoding == "" || encoding == "identity")
}

// changed takes away what was said of the bytes that were.
func changed(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Etag", "Last-Modified"} {
		h.Del(name)
	}
}

// held is an answer that is not sent yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
	large  bool
}

// Header is that of the answer.
func (h *held) Header() http.Header { return h.header }

// WriteHeader keeps the first status that is final.
func (h *held) WriteHeader(status int) {
	if h.status == 0 && status >= 200 {
		h.status = status
	}
}

// Write keeps the body. One that is too large is not kept further, and does not pass.
func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	if h.large = h.large || h.body.Len()+len(b) > gate.MaxSize; !h.large {
		h.body.Write(b)
	}
	return len(b), nil
}

func (h *held) code() int {
	if h.status == 0 {
		return http.StatusOK
	}
	return h.status
}
