package server

import "net/http"

// keys are the public keys that check receipts and notice tokens (RFC 7517), those of before included.
func (s *Server) keys(w http.ResponseWriter, _ *http.Request, _ call) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(*s.jwks.Load())
	return nil
}

// gpcStatement is that of Global Privacy Control, section 4.2.
type gpcStatement struct {
	GPC        bool   `json:"gpc"`
	LastUpdate string `json:"lastUpdate"`
}

// gpc says that the signal is honoured (Global Privacy Control, section 4.2).
func (s *Server) gpc(w http.ResponseWriter, _ *http.Request, _ call) error {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	return write(w, http.StatusOK, gpcStatement{true, gpcSince})
}

// gpcSince is the day from which the service says so.
const gpcSince = "2026-11-30"

// document is the OpenAPI document.
func (s *Server) document(w http.ResponseWriter, _ *http.Request, _ call) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(s.openapi)
	return nil
}
