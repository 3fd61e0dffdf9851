package server

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	identifier "github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// maxAddress is the most bytes of an address to which mail goes (RFC 5321, erratum 1690), maxLocal of what is before its @.
const (
	maxAddress = 254
	maxLocal   = 64
)

// mails tells whether the service mails links.
func (s *Server) mails(p *settings.Policy) bool {
	return s.room.mailer != nil && p.Spec.Service.Mail != nil
}

// sendLink takes an address to which somebody wants the link of their page. What is answered, and when, does not depend on whether
// the ledger knows the address: nobody has looked by then.
func (s *Server) sendLink(w http.ResponseWriter, r *http.Request, c call) error {
	if !s.mails(c.policy) {
		return nothing
	}
	if elsewhere(r, s.base(c.policy)) {
		return problem.New(http.StatusForbidden, problem.OriginNotAllowed, "The form of another page may not ask for a link")
	}
	if err := readForm(r); err != nil {
		return err
	}
	p := s.sheet(r, c)
	address, mailable := addressOf(r.PostForm.Get("email"))
	if !mailable {
		p.Malformed, p.Address = true, r.PostForm.Get("email")
		return s.render(w, http.StatusUnprocessableEntity, p.as(pageMailMalformed))
	}
	if err := allowed(s.room.networks, string(c.site.ID), s.network(r), "this network", c.now); err != nil {
		return err
	}
	s.room.take(&wanted{address: telemetry.Hide(address), site: string(c.site.ID), lang: p.Lang}, c.now)
	return s.render(w, http.StatusAccepted, p.as(pageMailAsked))
}

// elsewhere tells that a browser sends the form of a page of another origin: it would have a visitor's network mail for it. Browsers that
// know Sec-Fetch-Site say so; the page itself has no referrer, and so the origin null.
func elsewhere(r *http.Request, base string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != "null" && origin != base
}

// addressOf is an address as the ledger compares it, and as it is mailed to: were what somebody wrote mailed to, an address that is
// only spelled like somebody else's would get their link. Quoted forms, which hardly anybody has, and addresses beyond ASCII before the
// @ are none, so that nothing in one can be read as a header or a command.
func addressOf(text string) (string, bool) {
	if len(text) > maxAddress*2 {
		return "", false
	}
	address := identifier.Normalise(v1alpha1.IdentifierEmail, text)
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > maxAddress || len(local) > maxLocal || !dotted(local, "!#$%&'*+-/=?^_`{|}~") || !dotted(domain, "-") || !strings.Contains(domain, ".") {
		return "", false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "", false
		}
	}
	return address, true
}

// dotted tells whether a text is parts of ASCII letters, digits and further characters, with single dots between them (RFC 5321, Dot-string).
func dotted(text, further string) bool {
	for part := range strings.SplitSeq(text, ".") {
		other := strings.IndexFunc(part, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(further, c)
		})
		if part == "" || other >= 0 {
			return false
		}
	}
	return true
}

// draw draws a token, and writes it as it stands in a link.
func draw() (raw []byte, text string) {
	raw = make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return raw, base64.RawURLEncoding.EncodeToString(raw)
}

// linkOf is the link that shows a token.
func (s *Server) linkOf(p *settings.Policy, site, token string) string {
	return s.base(p) + "/me/" + site + "?token=" + url.QueryEscape(token)
}
