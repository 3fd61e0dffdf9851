package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/widget"
)

//go:embed me
var pageFiles embed.FS

// The page of a person: HTML without a script, whose only style is named by its hash.
var (
	pageStyle    = strings.TrimSpace(string(pageFile("me/page.css")))
	pageTemplate = template.Must(template.New("page").Parse(string(pageFile("me/page.html"))))
	pageWords    = readPageWords()
	pageAges     = readPageAges()
	pagePolicy   = pageCSP()
)

// pagePermissions are what the page of a person never asks the device for.
const pagePermissions = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

func pageFile(name string) []byte {
	text, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return text
}

// readPageWords reads the words of each language: me/words/LANG.json.
func readPageWords() map[string]map[string]string {
	files, err := pageFiles.ReadDir("me/words")
	if err != nil {
		panic(err) // embedded at build time
	}
	all := map[string]map[string]string{}
	for _, file := range files {
		var words map[string]string
		if err := json.Unmarshal(pageFile("me/words/"+file.Name()), &words); err != nil {
			panic(err) // embedded at build time
		}
		all[strings.TrimSuffix(file.Name(), ".json")] = words
	}
	return all
}

// readPageAges reads how the widget asks for an age, in each language of the page: a person is asked the same in both.
func readPageAges() map[string]map[string]string {
	all := map[string]map[string]string{}
	for tag := range readPageWords() {
		words, err := widget.Interface(tag)
		if err != nil {
			panic(err) // embedded at build time
		}
		all[tag] = words
	}
	return all
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
	// pageAgeMissing: nobody says to be old enough for what is to be confirmed.
	pageAgeMissing view = "age-missing"
	// pageWordsChanged: the words on the page that was open are not those of now.
	pageWordsChanged view = "words-changed"
	// pageSecretMalformed: what was written is no secret of a receipt. pageNothingHeld: the ledger has nobody by it. pageNothingRecorded:
	// it knows the person, and no act of theirs.
	pageSecretMalformed view = "secret-malformed"
	pageNothingHeld     view = "nothing-held"
	pageNothingRecorded view = "nothing-recorded"
	// pageTooOften, pageUnavailable and pageFailed: nothing came of it, and why.
	pageTooOften    view = "too-often"
	pageUnavailable view = "unavailable"
	pageFailed      view = "failed"
	// pageMayAsk is pageNoToken where a link can be asked for, or a secret shown. pageMailAsked does not say whether there will be one.
	pageMayAsk        view = "may-ask"
	pageMailAsked     view = "mail-asked"
	pageMailMalformed view = "mail-malformed"
)

// sheet is what a page shows.
type sheet struct {
	policy *settings.Policy
	now    time.Time
	// words are the notice's, in the language of the page or else the site's.
	words settings.Words
	Lang  string
	W     map[string]string
	Style template.CSS
	// Action is where forms go; they carry Token, of a mailed link, or Secret, of a receipt.
	Action, Token, Secret string
	Privacy               string
	Message               string
	Kind                  string
	Purposes              []sheetPurpose
	Purpose               *sheetPurpose
	// age is asked for where there is one; BadAge tells that it was not answered.
	age
	BadAge bool
	// Recorded tells that there is an act of the person, Granted how many purposes they can withdraw.
	Recorded bool
	Granted  int
	// Wish is how far a wish to be erased has come; MayAsk tells that there is none, or that it was answered.
	Wish   []sheetStep
	MayAsk bool
	// mails tells that the service mails links, and receipts that devices keep secrets; Ask and Show that the page has the form for each.
	mails, receipts, Ask, Show bool
	// Malformed: what was written is no address. BadSecret: it is no secret.
	Malformed, BadSecret bool
	// Address is what was written instead. Names are what a person wrote that they are called, Wrong the fields that are not linked with
	// them, and Unticked tells that they chose nothing.
	Address  string
	Names    consent.Names
	Wrong    map[string]bool
	Unticked bool
	// Controller is who decides about the data.
	Controller string
	// Read is which words the page shows: who confirms says which they read.
	Read string
}

// sheetStep is what became of a wish, and when.
type sheetStep struct{ Text, At string }

// sheet is a page that shows nothing yet.
func (s *Server) sheet(r *http.Request, c call) sheet {
	tag := s.language(r, c)
	words := shownTo(c, tag)
	return sheet{policy: c.policy, now: c.now, words: words, Lang: tag, W: pageWords[tag], Style: template.CSS(pageStyle), Action: "/me/" + string(c.site.ID), //nolint:gosec // embedded at build time
		Privacy: string(words.Text.PrivacyURL), Controller: c.policy.Controller.LegalName, Read: readBy(words), mails: s.mails(c.policy), receipts: c.policy.Spec.Widget.Proof != v1alpha1.ProofAggregate}
}

// shownTo are the words that a page in a language shows: the site's, where the notice does not have it.
func shownTo(c call, tag string) settings.Words {
	words, found := c.policy.Shown(tag)
	if !found {
		words, _ = c.policy.Shown(defaultTag(c))
	}
	return words
}

// readBy is what a page says of the words that it shows: the version of the notice and the hash of its text.
func readBy(words settings.Words) string {
	return fmt.Sprintf("%d-%x", words.Ref.Version, words.Ref.SHA256)
}

// askable are the pages of who has nothing that works.
var askable = map[view]bool{pageNoToken: true, pageUnknown: true, pageSpent: true, pageMailMalformed: true, pageSecretMalformed: true, pageNothingHeld: true}

// as tells one thing.
func (p sheet) as(what view) sheet {
	p.Ask, p.Show = p.mails && askable[what], p.receipts && askable[what]
	if (p.Ask || p.Show) && what == pageNoToken {
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
	if spec, there := p.policy.Purposes[purpose]; there && kind == ticketConfirm {
		p.age = ageOf(spec.MinimumAge, pageAges[p.Lang])
	}
	return p
}

// render answers with a page.
func (s *Server) render(w http.ResponseWriter, status int, p sheet) error {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // the page that opened it holds no handle to it
	h.Set("Permissions-Policy", pagePermissions)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.Lang)
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // who asked is gone
	return nil
}
