package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/consent"
)

// actBySecret does what the person asks for on the page who shows the secret of a receipt. The secret comes in the body of a form and
// goes back in the page's own forms alone: it is in no address, so in no history, log or Referer. It is no cookie, so that a form of
// another page can do nothing but with a secret that its author has.
func (s *Server) actBySecret(w http.ResponseWriter, r *http.Request, c call) error {
	p := s.sheet(r, c)
	secret := secretIn(r.PostForm.Get("secret"))
	if secret == "" { // the device has none, or none any more
		return s.render(w, http.StatusOK, p.as(pageNoToken))
	}
	if !isSecret(secret) {
		p.BadSecret = true // it is not repeated: with a slip of the pen it is a secret all the same
		return s.render(w, http.StatusUnprocessableEntity, p.as(pageSecretMalformed))
	}
	p.Secret = secret
	person := consent.Person{Kind: kindReceipt, ID: secret}
	action := r.PostForm.Get("action")
	budget := ofActs
	if action == actWithdraw || action == actWithdrawAll {
		budget = ofWithdrawals
	}
	if err := s.limitedBy(secret, budget, c); err != nil {
		return err
	}
	said, err := view(""), error(nil)
	switch action {
	case "", actSee:
	case actWithdraw, actWithdrawAll:
		said, err = s.withdrawOn(r, c, person, action)
	case actErase:
		said, err = s.askOn(r, c, person)
	case actExport, actReceipts:
		err = s.download(w, r, c, person, action)
		if err == nil {
			return nil
		}
	default:
		return malformed("The page has no such button")
	}
	if unknownPerson(err) {
		return s.render(w, http.StatusOK, p.as(pageNothingHeld))
	}
	if err != nil {
		return err
	}
	p, err = s.holds(r, p, person)
	if unknown(err) {
		return s.render(w, http.StatusOK, p.as(pageNothingHeld))
	}
	if err != nil {
		return err
	}
	if said != "" {
		if p, err = s.again(r, p, person, said); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, p)
}

// unknownPerson tells whether the ledger knows nobody by the secret: it never did, or has forgotten them.
func unknownPerson(err error) bool {
	p, is := errors.AsType[problem.Problem](err)
	return unknown(err) || is && p.Code == problem.PersonUnknown
}

// secretIn is the secret in what a person pastes: alone, or within all that the widget keeps on their device.
func secretIn(text string) string {
	text = strings.TrimSpace(text)
	if plain, err := url.PathUnescape(text); err == nil { // as a cookie had it
		text = plain
	}
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil && bytes.HasPrefix(plain, []byte("{")) { // as a cookie has it
		text = string(plain)
	}
	var kept struct{ K string }
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &kept) == nil {
		return kept.K
	}
	return text
}

func (s *Server) withdrawOn(r *http.Request, c call, person consent.Person, action string) (view, error) {
	what := ticked(r)
	switch {
	case action == actWithdrawAll:
		what = taken{}
	case what.all():
		return pageNothingChosen, nil
	}
	return pageWithdrawn, s.takeBack(r, c, person, what, consent.CollectorSelfService)
}

func (s *Server) askOn(r *http.Request, c call, person consent.Person) (view, error) {
	_, made, err := s.ask(r, c, person, namesIn(r))
	switch {
	case errors.Is(err, errNotTheirs):
		return pageErasureMismatch, nil
	case err != nil:
		return "", refusedForm(err)
	case !made:
		return pageErasureBefore, nil
	}
	return pageErasureAsked, nil
}
