package server

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/judge"
)

// The kinds of mailed tokens.
const (
	// ticketView shows what is recorded and lets the person act on it, for 15 minutes.
	ticketView = "view"
	// ticketConfirm grants one purpose (double opt-in), ticketWithdraw withdraws one or all; for 14 days.
	ticketConfirm  = "confirm"
	ticketWithdraw = "withdraw"
)

// tokenBytes is how much chance a mailed token has.
const tokenBytes = 32

// show answers the link of a mail. It changes nothing: mail scanners follow links, and they consent to nothing.
func (s *Server) show(w http.ResponseWriter, r *http.Request, c call) error {
	query := r.URL.Query()
	text := query.Get("token")
	p := s.sheet(r, c, text)
	if text == "" {
		return s.render(w, http.StatusOK, p.as(pageNoToken))
	}
	raw, err := tokenOf(text)
	if err != nil {
		return s.render(w, http.StatusNotFound, p.as(pageUnknown))
	}
	ticket, err := s.ledger.Peek(r.Context(), raw, c.now)
	if err != nil {
		return s.notTicket(w, p, err)
	}
	if ticket.Kind != ticketView {
		return s.render(w, http.StatusOK, p.about(ticket.Kind, ticket.Purpose))
	}
	states, err := s.before(r, personOf(ticket))
	if err != nil {
		return err
	}
	events, err := s.ledger.Events(r.Context(), personOf(ticket))
	if err != nil {
		return err //nolint:wrapcheck // becomes a problem
	}
	return s.render(w, http.StatusOK, p.of(states).wished(consent.LastWish(events)))
}

// act does what the person asks for on the page. The token is used up in the transaction that records it.
func (s *Server) act(w http.ResponseWriter, r *http.Request, c call) error {
	if err := readForm(r); err != nil {
		return err
	}
	text := r.PostForm.Get("token")
	p := s.sheet(r, c, text)
	raw, err := tokenOf(text)
	if err != nil {
		return s.render(w, http.StatusNotFound, p.as(pageUnknown))
	}
	ticket, err := s.ledger.Peek(r.Context(), raw, c.now)
	if err != nil {
		return s.notTicket(w, p, err)
	}
	action := r.PostForm.Get("action")
	allowed := map[string][]string{ticketView: {"withdraw", "export", "erase"}, ticketConfirm: {"confirm"}, ticketWithdraw: {"withdraw"}}
	if !slices.Contains(allowed[ticket.Kind], action) {
		return malformed("The link does not allow this")
	}
	if action == "export" {
		return s.download(w, r, c, ticket)
	}
	act, done, err := s.asked(r, c, ticket, action)
	if err != nil {
		return err
	}
	if len(act.Choices) == 0 {
		return s.render(w, http.StatusOK, p.as(done))
	}
	recorded, err := s.ledger.Spend(r.Context(), raw, c.now, act)
	if errors.Is(err, consent.ErrWished) {
		return s.render(w, http.StatusOK, p.as(pageErasureBefore))
	}
	if err != nil {
		return s.notTicket(w, p, refusedForm(err))
	}
	s.recorded(recorded)
	return s.render(w, http.StatusOK, p.as(done))
}

// readForm reads the fields of a form of a page.
func readForm(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return problem.New(http.StatusUnsupportedMediaType, problem.MediaUnsupported, "The body must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err //nolint:wrapcheck // becomes 413
		}
		return malformed("The form cannot be read")
	}
	return nil
}

// asked is the act that a person asks for, and the page that says what became of it.
func (s *Server) asked(r *http.Request, c call, ticket consent.Ticket, action string) (consent.Act, view, error) {
	if action == "erase" {
		return s.erasure(r, c, ticket)
	}
	before, err := s.before(r, personOf(ticket))
	if err != nil {
		return consent.Act{}, "", err
	}
	if action == "confirm" {
		return s.confirmation(r, c, ticket, before)
	}
	purposes := r.PostForm["purpose"]
	if ticket.Kind == ticketWithdraw {
		purposes = nil
		if ticket.Purpose != "" {
			purposes = []string{ticket.Purpose}
		}
	} else if len(purposes) == 0 {
		return consent.Act{}, pageNothingChosen, nil
	}
	act := withdrawal(c, before, purposes)
	act.Method, act.CollectedBy = consent.MethodButton, consent.CollectorSelfService
	return act, pageWithdrawn, nil
}

// confirmation is the second step of a double opt-in. The words are those on the page with the button, in its language.
func (s *Server) confirmation(r *http.Request, c call, ticket consent.Ticket, before []consent.State) (consent.Act, view, error) {
	tag := s.language(r, c)
	words, found := c.policy.Shown(tag)
	if !found {
		words, _ = c.policy.Shown(defaultTag(c))
	}
	verdict := judge.Judge(judge.Rules{Spec: &c.policy.Spec, Material: c.policy.Material},
		judge.Act{Choices: []judge.Choice{{Purpose: ticket.Purpose, Decision: consent.Granted}}, Method: consent.MethodDoubleOptIn, Shown: words.Ref}, before, c.now)
	if verdict.Refusal != "" {
		return consent.Act{}, pageNoLongerAsked, nil
	}
	return consent.Act{Site: string(c.site.ID), Key: keyOf("confirmation", r.PostForm.Get("token")), Choices: verdict.Choices, Notice: words.Ref,
		Method: consent.MethodDoubleOptIn, CollectedBy: consent.CollectorSelfService, OccurredAt: c.now}, pageConfirmed, nil
}

// download hands the person what is recorded of them (Articles 15 and 20).
func (s *Server) download(w http.ResponseWriter, r *http.Request, c call, ticket consent.Ticket) error {
	body, err := s.exported(r.Context(), c, personOf(ticket), formatISO)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="consent.json"`)
	w.Header().Set("Content-Type", "application/ld+json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
	return nil
}

// notTicket answers a token that does not count. One that was used or is too old says so; one that never was says no more.
func (s *Server) notTicket(w http.ResponseWriter, p sheet, err error) error {
	switch {
	case errors.Is(err, consent.ErrSpent):
		return s.render(w, http.StatusGone, p.as(pageSpent))
	case errors.Is(err, consent.ErrUnknown):
		return s.render(w, http.StatusNotFound, p.as(pageUnknown))
	default:
		return err
	}
}

func personOf(ticket consent.Ticket) consent.Person {
	return consent.Person{Kind: consent.KindSubject, ID: ticket.Subject.String()}
}

func tokenOf(text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != tokenBytes || strings.ContainsAny(text, "\r\n") {
		return nil, consent.ErrUnknown
	}
	return raw, nil
}

// language is that of a person's page: what the link says, what the browser prefers, the site's.
func (s *Server) language(r *http.Request, c call) string {
	wanted := append([]string{r.FormValue("lang")}, preferred(r.Header.Get("Accept-Language"))...)
	for _, tag := range wanted {
		tag = strings.ToLower(tag)
		short, _, _ := strings.Cut(tag, "-")
		for _, known := range []string{tag, short} {
			if known != "" && pageWords[known] != nil {
				return known
			}
		}
	}
	if tag := defaultTag(c); pageWords[tag] != nil {
		return tag
	}
	return "en"
}

// preferred are the languages of the header in its order; weights are rarely other than falling.
func preferred(header string) []string {
	var tags []string
	for part := range strings.SplitSeq(header, ",") {
		tag, _, _ := strings.Cut(part, ";")
		if len(tags) < 10 {
			tags = append(tags, strings.TrimSpace(tag))
		}
	}
	return tags
}
