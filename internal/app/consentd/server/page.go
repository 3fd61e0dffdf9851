package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

//go:embed me
var pageFiles embed.FS

// The page of a person: HTML without a script, whose only style is named by its hash.
var (
	pageStyle    = strings.TrimSpace(string(pageFile("me/page.css")))
	pageTemplate = template.Must(template.New("page").Parse(string(pageFile("me/page.html"))))
	pageWords    = readPageWords()
	pagePolicy   = pageCSP()
)

func pageFile(name string) []byte {
	text, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return text
}

func readPageWords() map[string]map[string]string {
	var words map[string]map[string]string
	if err := json.Unmarshal(pageFile("me/words.json"), &words); err != nil {
		panic(err) // embedded at build time
	}
	return words
}

func pageCSP() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// view is what a page tells, named as its words are.
type view string

const (
	pageNoToken      view = "no-token"
	pageUnknown      view = "unknown"
	pageSpent        view = "spent"
	pageWithdrawn    view = "withdrawn"
	pageErasureAsked view = "erasure-asked"
	// pageErasureBefore: there is an open wish. pageErasureMismatch: a name is not one of the person's.
	pageErasureBefore   view = "erasure-before"
	pageErasureMismatch view = "erasure-mismatch"
	pageNothingChosen   view = "nothing-chosen"
	pageNoLongerAsked   view = "no-longer-asked"
	pageConfirmed       view = "confirmed"
	// pageMayAsk is pageNoToken where a link can be asked for. pageMailAsked does not say whether there will be one.
	pageMayAsk        view = "may-ask"
	pageMailAsked     view = "mail-asked"
	pageMailMalformed view = "mail-malformed"
)

// sheet is what a page shows.
type sheet struct {
	policy   *settings.Policy
	now      time.Time
	Lang     string
	W        map[string]string
	Style    template.CSS
	Action   string
	Token    string
	Privacy  string
	Message  string
	Kind     string
	Purposes []sheetPurpose
	Purpose  *sheetPurpose
	Granted  bool
	// Wish is how far a wish to be erased has come; MayAsk tells that there is none, or that it was answered.
	Wish   []sheetStep
	MayAsk bool
	// mails tells that the service mails links, Ask that the page has the form for one, Malformed that what was written there is no address.
	mails, Ask, Malformed bool
	// Controller is who decides about the data.
	Controller string
}

// sheetStep is what became of a wish, and when.
type sheetStep struct{ Text, At string }

// sheetPurpose is one choice, in words.
type sheetPurpose struct {
	Name, Title, Text, Decision, At, Until string
	Granted                                bool
}

// sheet is a page that shows nothing yet.
func (s *Server) sheet(r *http.Request, c call, token string) sheet {
	tag := s.language(r, c)
	p := sheet{policy: c.policy, now: c.now, Lang: tag, W: pageWords[tag], Style: template.CSS(pageStyle), Action: "/me/" + string(c.site.ID), Token: token, //nolint:gosec // embedded at build time
		Controller: c.policy.Controller.LegalName, mails: s.mails(c.policy)}
	words, found := c.policy.Shown(tag)
	if !found {
		words, _ = c.policy.Shown(defaultTag(c))
	}
	p.Privacy = string(words.Text.PrivacyURL)
	return p
}

// askable are the pages of who has no link that works.
var askable = map[view]bool{pageNoToken: true, pageUnknown: true, pageSpent: true, pageMailMalformed: true}

// as tells one thing.
func (p sheet) as(what view) sheet {
	p.Ask = p.mails && askable[what]
	if p.Ask && what == pageNoToken {
		what = pageMayAsk
	}
	p.Message = p.W[string(what)]
	return p
}

// about asks to confirm or to withdraw. It shows nothing of the person: who opens a link is not always whom it was sent to.
func (p sheet) about(kind, purpose string) sheet {
	p.Kind = kind
	if purpose != "" {
		one := p.purpose(purpose)
		p.Purpose = &one
	}
	return p
}

// of shows what is recorded.
func (p sheet) of(states []consent.State) sheet {
	p.Kind = ticketView
	known := map[string]consent.State{}
	for _, state := range states {
		known[state.Purpose] = state
	}
	for _, spec := range p.policy.Spec.Purposes {
		name := string(spec.Name)
		state, decided := known[name]
		delete(known, name)
		if decided || settings.Active(spec) {
			p.Purposes = append(p.Purposes, p.decided(p.purpose(name), state, decided))
		}
	}
	for _, state := range states { // what the policy no longer has can be withdrawn too
		if _, gone := known[state.Purpose]; gone {
			p.Purposes = append(p.Purposes, p.decided(p.purpose(state.Purpose), state, true))
		}
	}
	for _, one := range p.Purposes {
		p.Granted = p.Granted || one.Granted
	}
	return p
}

// purpose is a purpose in the words of the notice, or by its name where the notice has none.
func (p sheet) purpose(name string) sheetPurpose {
	words, _ := p.policy.Shown(p.Lang)
	for _, text := range words.Text.Purposes {
		if string(text.Name) == name {
			return sheetPurpose{Name: name, Title: text.Title, Text: text.Text}
		}
	}
	return sheetPurpose{Name: name, Title: name}
}

func (p sheet) decided(one sheetPurpose, state consent.State, decided bool) sheetPurpose {
	if !decided {
		one.Decision = p.W["none"]
		return one
	}
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

// render answers with a page.
func (s *Server) render(w http.ResponseWriter, status int, p sheet) error {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.Lang)
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // who asked is gone
	return nil
}
