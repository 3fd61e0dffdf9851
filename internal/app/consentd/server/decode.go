package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
)

// malformed is the answer to a body or a parameter that is not what the OpenAPI document says. It quotes nothing.
func malformed(detail string) problem.Problem {
	return problem.New(http.StatusBadRequest, problem.BadRequest, "The request is not what the service expects").With(detail)
}

// decode reads one JSON document, strictly: an unknown field may be one that somebody counts on, so it is refused and not dropped.
func decode(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return problem.New(http.StatusUnsupportedMediaType, problem.MediaUnsupported, "The body must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err //nolint:wrapcheck // becomes 413
		}
		return malformed("The body ended early")
	}
	return parse(body, into)
}

// parse is decode without HTTP.
func parse(body []byte, into any) error {
	if !utf8.Valid(body) {
		return malformed("The body is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return malformed("The body is not JSON of the expected form")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed("Something follows the JSON document")
	}
	return nil
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who asked is gone
	return nil
}
