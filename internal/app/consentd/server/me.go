package server

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
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

// What a page asks for, as its buttons say it. actExport is in the format of ISO/IEC TS 27560, actReceipts in Kantara's.
const (
	actSee         = "see"
	actWithdraw    = "withdraw"
	actWithdrawAll = "withdraw-all"
	actConfirm     = "confirm"
	actExport      = "export"
	actReceipts    = "receipts"
	actErase       = "erase"
)

// buttons are those of the page of a link.
var buttons = map[string][]string{
	ticketView: {actWithdraw, actWithdrawAll, actExport, actReceipts, actErase}, ticketConfirm: {actConfirm}, ticketWithdraw: {actWithdraw},
}

// tokenBytes is how much chance a mailed token has.
const tokenBytes = 32

// show answers the link of a mail. It changes nothing: mail scanners follow links, and they consent to nothing.
func (s *Server) show(w http.ResponseWriter, r *http.Request, c call) error {
	text := r.URL.Query().Get("token")
	p := s.sheet(r, c)
	p.Token = text
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
	p, err = s.holds(r, p, personOf(ticket))
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, p)
}

// act does what the person asks for on the page. A token is used up in the transaction that records it.
func (s *Server) act(w http.ResponseWriter, r *http.Request, c call) error {
	if err := readForm(r); err != nil {
		return err
	}
	if r.PostForm.Has("secret") {
		return s.actBySecret(w, r, c)
	}
	text := r.PostForm.Get("token")
	p := s.sheet(r, c)
	raw, err := tokenOf(text)
	if err != nil {
		return s.render(w, http.StatusNotFound, p.as(pageUnknown))
	}
	ticket, err := s.ledger.Peek(r.Context(), raw, c.now)
	if err != nil {
		return s.notTicket(w, p, err)
	}
	action := r.PostForm.Get("action")
	if !slices.Contains(buttons[ticket.Kind], action) {
		return malformed("The link does not allow this")
	}
	if action == actExport || action == actReceipts {
		return s.download(w, r, c, personOf(ticket), action)
	}
	act, done, err := s.asked(r, c, ticket, action)
	if err != nil {
		return err
	}
	if len(act.Choices) == 0 {
		return s.unchanged(w, r, p, ticket, done)
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

// unchanged answers an act that records nothing, so that the link is not used up. After a mistake the form is there again.
func (s *Server) unchanged(w http.ResponseWriter, r *http.Request, p sheet, ticket consent.Ticket, said view) error {
	switch said {
	case pageAgeMissing:
		p.BadAge = true
		return s.render(w, http.StatusUnprocessableEntity, p.about(ticket.Kind, ticket.Purpose).as(said))
	case pageWordsChanged:
		return s.render(w, http.StatusConflict, p.about(ticket.Kind, ticket.Purpose).as(said))
	case pageNothingChosen, pageErasureMismatch:
		person := personOf(ticket)
		p, err := s.holds(r, p, person)
		if err == nil {
			p, err = s.again(r, p, person, said)
		}
		if err != nil {
			return err
		}
		return s.render(w, http.StatusOK, p)
	default:
		return s.render(w, http.StatusOK, p.as(said))
	}
}

// readForm reads the fields of a form of a page.
func readForm(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return problem.New(http.StatusUnsupportedMediaType, problem.MediaUnsupported, "The body must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return malformed("The form cannot be read")
	}
	return nil
}

// ticked is what a person chose to withdraw in the form of their page.
func ticked(r *http.Request) taken { return taken{r.PostForm["purpose"], r.PostForm.Has("storage")} }

// asked is the act that a person asks for, and the page that says what became of it.
func (s *Server) asked(r *http.Request, c call, ticket consent.Ticket, action string) (consent.Act, view, error) {
	if action == actErase {
		act, err := s.erasure(r, c, personOf(ticket), consent.Asked{Names: namesIn(r), Shown: consent.ShownLink})
		if errors.Is(err, errNotTheirs) {
			return consent.Act{}, pageErasureMismatch, nil
		}
		act.Key = keyOf("erasure", r.PostForm.Get("token"))
		return act, pageErasureAsked, err
	}
	before, err := s.before(r, c.policy, personOf(ticket))
	if err != nil {
		return consent.Act{}, "", err
	}
	if action == actConfirm {
		return s.confirmation(r, c, ticket, before)
	}
	what := ticked(r)
	switch {
	case ticket.Kind == ticketWithdraw:
		what = taken{}
		if ticket.Purpose != "" {
			what.purposes = []string{ticket.Purpose}
		}
	case action == actWithdrawAll:
		what = taken{}
	case what.all():
		return consent.Act{}, pageNothingChosen, nil
	}
	stored, err := s.storage(r, personOf(ticket))
	if err != nil {
		return consent.Act{}, "", err
	}
	act := withdrawal(c, before, stored, what)
	act.Method, act.CollectedBy = consent.MethodButton, consent.CollectorSelfService
	return act, pageWithdrawn, nil
}

// confirmation is the second step of a double opt-in. The words are those on the page with the button, in its language: a page that was
// open while they changed is shown anew, for nobody agrees to what they did not read (Article 4(11)). An age that the
// purpose needs is asked for there, and that the person has it is sealed with the event (Article 8(2)).
func (s *Server) confirmation(r *http.Request, c call, ticket consent.Ticket, before []consent.State) (consent.Act, view, error) {
	words := shownTo(c, s.language(r, c))
	said := testimony{}
	if age, err := strconv.ParseInt(r.PostForm.Get("age"), 10, 32); err == nil { // what is no number is no answer
		said.old = int32(age)
	}
	verdict := judge.Judge(judge.Rules{Spec: &c.policy.Spec, Material: c.policy.Material},
		judge.Act{Choices: []judge.Choice{{Purpose: ticket.Purpose, Decision: consent.Granted}}, Method: consent.MethodDoubleOptIn, Shown: words.Ref, OldEnoughFor: said.old}, before, c.now)
	switch verdict.Refusal {
	case "":
	case judge.RefusedAge:
		return consent.Act{}, pageAgeMissing, nil
	default:
		return consent.Act{}, pageNoLongerAsked, nil
	}
	if r.PostForm.Get("words") != readBy(words) {
		return consent.Act{}, pageWordsChanged, nil
	}
	evidence, err := said.sealed(c.policy, verdict.Choices)
	if err != nil {
		return consent.Act{}, "", err
	}
	return consent.Act{Evidence: evidence, Site: string(c.site.ID), Key: keyOf("confirmation", r.PostForm.Get("token")), Choices: verdict.Choices, Notice: words.Ref,
		Method: consent.MethodDoubleOptIn, CollectedBy: consent.CollectorSelfService, OccurredAt: c.now}, pageConfirmed, nil
}

// download hands the person what is recorded of them (Articles 15 and 20).
func (s *Server) download(w http.ResponseWriter, r *http.Request, c call, person consent.Person, action string) error {
	format, file := formatISO, "consent.json"
	if action == actReceipts {
		format, file = formatKantara, "consent-receipts.json"
	}
	body, err := s.exported(r.Context(), c, person, format)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+file+`"`)
	w.Header().Set("Content-Type", media[format])
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
	wanted := append([]string{r.URL.Query().Get("lang"), r.PostForm.Get("lang")}, preferred(r.Header.Get("Accept-Language"))...)
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
