package server

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// allowOrigin lets pages of the site's origins read the answer, never with credentials. A page of another origin is refused before
// anything is done: browsers always name the origin of what can change something. A request without one that only reads is not
// from a page of another origin.
func allowOrigin(w http.ResponseWriter, r *http.Request, site *settings.Site) error {
	w.Header().Set("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if site != nil && site.Origins[origin] && len(r.Header.Values("Origin")) == 1 {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		return nil
	}
	if origin == "" && r.Method == http.MethodGet {
		return nil
	}
	return problem.New(http.StatusForbidden, problem.OriginNotAllowed, "Pages of this origin may not ask about this site")
}

// preflight answers a browser that asks what it may send (Fetch standard, CORS-preflight).
func (s *Server) preflight(w http.ResponseWriter, _ *http.Request, _ call) error {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// receiptBytes is how long a receipt's secret is: 128 bits, made in the page.
const receiptBytes = 16

// visitorOf returns who the receipt's secret stands for. It compares nothing: the ledger looks for its HMAC. The zero Person is
// one who sent no secret.
func visitorOf(r *http.Request) (consent.Person, error) {
	text, given := r.Header["Authorization"]
	if !given {
		return consent.Person{}, nil
	}
	secret, bearer := bearerOf(text)
	if !bearer || !isSecret(secret) {
		return consent.Person{}, problem.New(http.StatusUnauthorized, problem.Unauthenticated, "The receipt's secret is not one")
	}
	return consent.Person{Kind: kindReceipt, ID: secret}, nil
}

// isSecret tells whether a text has the one form of a secret, so that no two texts stand for one.
func isSecret(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == receiptBytes && !strings.ContainsAny(text, "\r\n")
}

// kindReceipt is a visitor without an account.
const kindReceipt = "receipt"

func bearerOf(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(values[0], " ")
	return token, found && strings.EqualFold(scheme, "Bearer") && token != ""
}

// network is where a request comes from: the peer, or where trusted proxies stand before the service what the last of them saw. The
// address is used for this and forgotten.
func (s *Server) network(r *http.Request) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(address); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = before.Unmap()
	}
	return limit.Network(address)
}

func (s *Server) trusts(address netip.Addr) bool {
	for _, proxies := range s.proxies {
		if proxies.Contains(address.WithZone("")) {
			return true
		}
	}
	return false
}
