package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/facts"
)

// sheetPurpose is one choice, in words.
type sheetPurpose struct {
	Name, Title, Text, Lang, Decision, At, Until string
	Granted                                      bool
	// Storage: it is no purpose, but what the person's device keeps.
	Storage bool
	// Recipients and Retention are those of the policy, where the text does not say them; there are none of a purpose that it no longer has.
	Recipients []string
	Retention  string
	// Shown are the words that the person decided about.
	Shown *sheetWords
}

// sheetWords are the words of a notice that a person saw, about one purpose.
type sheetWords struct {
	Version                                   int32
	Lang, Banner, Title, Text, Accept, Refuse string
	Terms, Privacy                            string
}

// holds shows all that is recorded of a person. It fails with consent.ErrUnknown for somebody whom the ledger does not know.
func (s *Server) holds(r *http.Request, p sheet, person consent.Person) (sheet, error) {
	events, err := s.ledger.Events(r.Context(), person)
	if err != nil {
		return p, err //nolint:wrapcheck // becomes a problem
	}
	states, err := s.before(r, p.policy, person)
	if err != nil {
		return p, err
	}
	if p.Recorded = len(events) > 0; !p.Recorded {
		p = p.as(pageNothingRecorded)
	}
	p.Kind = ticketView
	known := map[string]consent.State{}
	for _, state := range states {
		known[state.Purpose] = state
	}
	names := make([]string, 0, len(known))
	for _, spec := range p.policy.Spec.Purposes {
		if _, decided := known[string(spec.Name)]; decided || settings.Active(spec) {
			names = append(names, string(spec.Name))
		}
	}
	for _, state := range states { // what the policy no longer has can be withdrawn too
		if !slices.Contains(names, state.Purpose) {
			names = append(names, state.Purpose)
		}
	}
	for _, name := range names {
		one := p.purpose(name)
		if state, decided := known[name]; decided {
			one = p.decided(one, state)
			if one.Shown, err = s.shownIn(r, p.policy, state); err != nil {
				return p, err
			}
		}
		if one.Granted {
			p.Granted++
		}
		p.Purposes = append(p.Purposes, one)
	}
	if stored := consent.LastStorage(events); stored.Decided() {
		one := sheetPurpose{Storage: true, Title: p.W["storage"], Text: p.W["storageText"]}
		stored.Notice.Material = p.policy.Material // what changed in meaning since is said of the purposes
		one = p.decided(one, stored)
		if one.Shown, err = s.shownIn(r, p.policy, stored); err != nil {
			return p, err
		}
		if one.Granted {
			p.Granted++
		}
		p.Purposes = append(p.Purposes, one)
	}
	return p.wished(consent.LastWish(events)), nil
}

// purpose is a purpose in the words of the notice, or by its name where the notice has none.
func (p sheet) purpose(name string) sheetPurpose {
	one := sheetPurpose{Name: name, Title: name, Decision: p.W["none"]}
	if text, told := about(p.words.Text, name); told {
		one.Title, one.Text, one.Lang = text.Title, text.Text, p.words.Ref.Language
	}
	spec, there := p.policy.Purposes[name]
	if !there {
		return one
	}
	recipients, kept := one.Lang == p.Lang && facts.SaysRecipients(p.Lang, one.Text, &spec), one.Lang == p.Lang && facts.SaysRetention(p.Lang, one.Text, &spec)
	if !kept {
		one.Retention = facts.Period(p.Lang, spec.Retention)
	}
	if one.Recipients = facts.Names(spec.Recipients); recipients {
		one.Recipients = nil
	} else if len(one.Recipients) == 0 {
		one.Recipients = []string{p.Controller}
	}
	return one
}

func about(text v1alpha1.NoticeText, name string) (v1alpha1.PurposeText, bool) {
	i := slices.IndexFunc(text.Purposes, func(t v1alpha1.PurposeText) bool { return string(t.Name) == name })
	if i < 0 {
		return v1alpha1.PurposeText{}, false
	}
	return text.Purposes[i], true
}

func (p sheet) decided(one sheetPurpose, state consent.State) sheetPurpose {
	one.Granted = state.Decision == consent.Granted
	one.At = state.RecordedAt.UTC().Format(time.DateOnly)
	switch state.Standing(p.policy.Material, p.now) {
	case consent.StandingGranted:
		one.Decision, one.Until = p.W["granted"], state.ValidUntil.UTC().Format(time.DateOnly)
	case consent.StandingDenied:
		one.Decision = p.W["denied"]
	case consent.StandingExpired, consent.StandingStale:
		one.Decision = p.W["expired"]
	}
	return one
}

// shownIn are the exact words that a decision is about, as they were published. Nothing where none were shown, or nobody has them.
func (s *Server) shownIn(r *http.Request, p *settings.Policy, state consent.State) (*sheetWords, error) {
	body, err := s.words(r.Context(), p, state.Notice)
	if _, lost := errors.AsType[problem.Problem](err); lost || err == nil && body == nil {
		return nil, nil //nolint:nilnil // nothing was shown
	}
	if err != nil {
		return nil, err
	}
	var text v1alpha1.NoticeText
	if err := json.Unmarshal(body, &text); err != nil {
		return nil, errors.Join(errMade, err)
	}
	purpose, _ := about(text, state.Purpose)
	return &sheetWords{Version: state.Notice.Version, Lang: state.Notice.Language, Banner: text.Banner, Title: purpose.Title, Text: purpose.Text,
		Accept: string(text.Accept), Refuse: string(text.Refuse), Terms: string(text.TermsURL), Privacy: string(text.PrivacyURL)}, nil
}
