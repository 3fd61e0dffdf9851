package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
)

// forEver is for what never changes under its address.
const forEver = "public, max-age=31536000, immutable"

// asset answers with the script or the words of a site: the same bytes, and so the same ETag, for everybody.
func (s *Server) asset(w http.ResponseWriter, r *http.Request, c call) error {
	if r.URL.RawQuery != "" {
		return malformed("A file has no parameters: they could tell visitors apart")
	}
	file := r.PathValue("file")
	script := c.site.Widget
	switch file {
	case "widget.js":
		return s.script(w, r, script, "public, max-age=300")
	case "widget." + script.SHA256 + ".js":
		return s.script(w, r, script, forEver)
	}
	tag, is := strings.CutPrefix(file, "notice.")
	tag, ends := strings.CutSuffix(tag, ".json")
	if !is || !ends {
		before, err := s.builds.of(r.Context(), string(c.site.ID), file)
		if err != nil {
			return err
		}
		return s.script(w, r, before, forEver)
	}
	if !c.site.Speaks(tag) {
		return nothing
	}
	body, err := s.notices.of(c.policy, c.site, tag, c.now)
	if err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	sum := sha256.Sum256(body)
	w.Header().Set("Cache-Control", "no-cache") // to be kept, and asked for again: what is kept may be of before a change
	return s.bytes(w, r, "application/json", hex.EncodeToString(sum[:16]), body)
}

func (s *Server) script(w http.ResponseWriter, r *http.Request, script settings.Asset, keep string) error {
	h := w.Header()
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		return s.bytes(w, r, "text/javascript; charset=utf-8", script.SHA256+"-gzip", script.Gzip)
	}
	return s.bytes(w, r, "text/javascript; charset=utf-8", script.SHA256, script.Body)
}

// bytes answers with a body that is named by its content, or says that it is the one that is known (RFC 9110, section 13.1.2).
func (s *Server) bytes(w http.ResponseWriter, r *http.Request, kind, tag string, body []byte) error {
	h := w.Header()
	etag := `"` + tag + `"`
	h.Set("ETag", etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // who asked is gone; a HEAD has no body
	return nil
}

// takesGzip tells whether gzip is among the encodings that are asked for, and not refused by q=0.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		quality = strings.TrimPrefix(strings.TrimSpace(quality), "q=")
		q, err := strconv.ParseFloat(quality, 64)
		return quality == "" || err == nil && q > 0
	}
	return false
}
