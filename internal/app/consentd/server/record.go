package server

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/rempart-dev/rempart/internal/app/consentd/problem"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/judge"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
	"github.com/rempart-dev/rempart/internal/consent/token"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// actBody is what a page sends of an act.
type actBody struct {
	NoticeToken string         `json:"noticeToken"`
	Acts        []actOnePart   `json:"acts"`
	Method      consent.Method `json:"method"`
	UI          *display       `json:"ui"`
	// OccurredAt is the page's clock. Of an assertion it is when the site's own banner was answered.
	OccurredAt *time.Time `json:"occurredAt"`
	Evidence   string     `json:"evidence"`
	GPC        *bool      `json:"gpc"`
	// OldEnoughFor is the highest age that the person says to have; absent for no answer.
	OldEnoughFor int32 `json:"oldEnoughFor"`
}

// actOnePart is one decision. Which event it becomes is for the ledger's side to say; the page's word for it is only checked.
type actOnePart struct {
	Type     consent.EventType `json:"type"`
	Purpose  string            `json:"purpose"`
	Decision string            `json:"decision"`
}

// Bounds of an act.
const (
	maxActs     = 100
	maxEvidence = 2 << 10
	maxKey      = 128
)

// pageTypes are what a page may call an act, and pageMethods by what it may say that it was done.
var (
	pageTypes   = []consent.EventType{"", consent.EventGiven, consent.EventRefused, consent.EventWithdrawn, consent.EventReconfirmed, consent.EventTermsAccepted, consent.EventStorageAcknowledged}
	pageMethods = []consent.Method{consent.MethodMessage, consent.MethodButton, consent.MethodCheckbox, consent.MethodTriggerButton, consent.MethodAssertedBySite}
)

// record takes down what a person did in a page. The page is not trusted: words, method and purposes are judged here again.
func (s *Server) record(w http.ResponseWriter, r *http.Request, c call) error {
	person, key, err := who(r, c)
	if err != nil {
		return err
	}
	var body actBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if r.Header.Get("Sec-GPC") == "1" { // the browser's own word (Global Privacy Control, section 3.3)
		signal := true
		body.GPC = &signal
	}
	choices, err := body.choices()
	if err != nil {
		return err
	}
	shown, err := s.notice(c, body.NoticeToken)
	if err != nil {
		return err
	}
	before, err := s.before(r, c.policy, person)
	if err != nil {
		return err
	}
	words := meant(c.policy, shown)
	verdict := judge.Judge(judge.Rules{Spec: &c.policy.Spec, Material: c.policy.Material}, body.judged(choices, words), before, c.now)
	answer := outcome{Pending: verdict.Pending, LeftOut: verdict.LeftOut, status: http.StatusOK}
	if judge.EndsStorage(before, verdict.Choices) {
		stored, err := s.storage(r, person)
		if err != nil {
			return err
		}
		if stored.Decision == consent.Granted {
			verdict.Choices = append(verdict.Choices, judge.StorageWithdrawn())
		}
	}
	if len(verdict.Choices) > 0 {
		act := body.act(c, person, key, words, verdict.Choices)
		act.Erase = judge.Erasures(&c.policy.Spec, before, verdict.Choices)
		if act.Evidence, err = (testimony{old: body.OldEnoughFor, page: body.Evidence, ui: body.UI}).sealed(c.policy, verdict.Choices); err != nil {
			return err
		}
		recorded, err := s.ledger.Record(r.Context(), act)
		if err != nil {
			return refusedForm(err)
		}
		if !sameAct(choices, recorded.Events) {
			return problem.New(http.StatusUnprocessableEntity, problem.KeyReused, "The idempotency key was used for another act")
		}
		s.recorded(recorded)
		before = moved(before, recorded, words)
		if answer.Receipt, err = s.receipt(c.policy, recorded.Events); err != nil {
			return err
		}
		if answer.Deduplicated = recorded.Deduplicated; !recorded.Deduplicated {
			answer.status = http.StatusCreated
		}
	}
	if verdict.Refusal != "" {
		return s.refused(c, verdict.Refusal, shown.Notice.Language)
	}
	answer.State = standings(c.policy, before, c.now)
	return write(w, answer.status, answer)
}

// outcome is the answer to an act. Without a receipt nothing was recorded, because there was nothing new to record.
type outcome struct {
	Receipt      string              `json:"receipt,omitempty"`
	State        map[string]standing `json:"state"`
	Deduplicated bool                `json:"deduplicated"`
	// Pending wait for a mail to be confirmed; LeftOut are kept off by Global Privacy Control.
	Pending []string `json:"pending,omitempty"`
	LeftOut []string `json:"leftOut,omitempty"`
	status  int
}

// who returns the visitor, and the key under which the act is recorded once: of the page's key and the visitor's secret, so that
// nobody gets another's receipt by their key. Where the policy wants no links between events the secret is not used.
func who(r *http.Request, c call) (consent.Person, string, error) {
	person, err := visitorOf(r)
	if err != nil {
		return person, "", err
	}
	aggregate := c.policy.Spec.Widget.Proof == v1alpha1.ProofAggregate
	if person == (consent.Person{}) && !aggregate {
		return person, "", problem.New(http.StatusUnauthorized, problem.Unauthenticated, "The receipt's secret is needed")
	}
	keys := r.Header["Idempotency-Key"]
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return person, "", malformed("The header Idempotency-Key is needed once, with 1 to 128 signs")
	}
	key := keyOf("act", person.ID, keys[0])
	if aggregate {
		person = consent.Person{}
	}
	return person, key, nil
}

// keyOf makes one key of several texts.
func keyOf(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil))
}

// choices are what the page says was decided, one per purpose: it may name a purpose in several acts, such as terms and storage, but
// not decide both ways.
func (b actBody) choices() ([]judge.Choice, error) {
	if len(b.Acts) == 0 || len(b.Acts) > maxActs {
		return nil, malformed("There are 1 to 100 acts")
	}
	if len(b.Evidence) > maxEvidence {
		return nil, problem.New(http.StatusUnprocessableEntity, problem.EvidenceTooLarge, "Evidence has at most 2048 bytes")
	}
	if !slices.Contains(pageMethods, b.Method) {
		return nil, problem.New(http.StatusUnprocessableEntity, problem.ActNotAllowed, "A page records no act of this method")
	}
	var choices []judge.Choice
	for _, part := range b.Acts {
		if !slices.Contains(pageTypes, part.Type) {
			return nil, malformed("An act has a type that pages do not record")
		}
		choice := judge.Choice{Purpose: part.Purpose, Decision: consent.Granted}
		switch part.Decision {
		case "granted":
		case "denied":
			choice.Decision = consent.Denied
		default:
			return nil, malformed("A decision is granted or denied")
		}
		i := slices.IndexFunc(choices, func(o judge.Choice) bool { return o.Purpose == choice.Purpose })
		switch {
		case i < 0:
			choices = append(choices, choice)
		case choices[i].Decision != choice.Decision:
			return nil, malformed("A purpose is granted and denied")
		}
	}
	return choices, nil
}

// meant adds to the words that were shown what they mean: nothing that is known, where they are not words of the policy, or not those
// that the token names.
func meant(p *settings.Policy, shown token.Token) consent.NoticeRef {
	ref := shown.Notice
	ref.Material = nil
	words, known := p.All[ref.Version][ref.Language]
	if known && ref.Notice == words.Ref.Notice && string(ref.SHA256) == string(words.Ref.SHA256) {
		ref.Material = words.Ref.Material
	}
	return ref
}

func (b actBody) judged(choices []judge.Choice, words consent.NoticeRef) judge.Act {
	seen := b.UI != nil && b.UI.Visible && b.UI.ShownMS > 0
	act := judge.Act{Choices: choices, Method: b.Method, Shown: words, BannerSeen: seen, Unseen: b.UI != nil && !seen, OldEnoughFor: b.OldEnoughFor, GPC: b.GPC != nil && *b.GPC}
	if b.Method == consent.MethodAssertedBySite && b.OccurredAt != nil {
		act.AssertedAt = *b.OccurredAt
	}
	return act
}

func (b actBody) act(c call, person consent.Person, key string, words consent.NoticeRef, choices []consent.Choice) consent.Act {
	act := consent.Act{Site: string(c.site.ID), Key: key, Person: person, Choices: choices, Notice: words, Method: b.Method,
		CollectedBy: consent.CollectorWidget, GPC: b.GPC}
	if b.Method == consent.MethodAssertedBySite {
		act.CollectedBy = consent.CollectorControllerPage
	}
	if b.OccurredAt != nil {
		act.OccurredAt = *b.OccurredAt
	}
	return act
}

// before are a visitor's last decisions, read from the ledger itself: what is kept may be a moment old.
func (s *Server) before(r *http.Request, p *settings.Policy, person consent.Person) ([]consent.State, error) {
	if person == (consent.Person{}) {
		return nil, nil
	}
	states, err := s.ledger.States(r.Context(), []consent.Person{person})
	if err != nil {
		return nil, err //nolint:wrapcheck // becomes a problem
	}
	return judge.Weigh(p.Purposes, states[0]), nil
}

// recorded counts what was recorded, and lets the gate of this process know at once.
func (s *Server) recorded(recorded consent.Recorded) {
	s.cache.forget()
	if recorded.Deduplicated {
		return
	}
	for _, e := range recorded.Events {
		s.metrics.events.WithLabelValues(string(e.Type), e.Site).Inc()
	}
}

// sameAct tells whether what was recorded, now or the first time, is what is asked now.
func sameAct(choices []judge.Choice, events []consent.Event) bool {
	for _, e := range events {
		if e.Purpose == "" || e.Decision == nil {
			continue
		}
		if !slices.Contains(choices, judge.Choice{Purpose: e.Purpose, Decision: *e.Decision}) {
			return false
		}
	}
	return true
}

// moved are the last decisions after an act. A repeated act moves nothing: what came after it counts.
func moved(before []consent.State, recorded consent.Recorded, words consent.NoticeRef) []consent.State {
	if recorded.Deduplicated {
		return before
	}
	after := slices.Clone(before)
	for _, e := range event.Moved(recorded.Events) {
		after = slices.DeleteFunc(after, func(s consent.State) bool { return s.Purpose == e.Purpose })
		after = append(after, consent.State{Purpose: e.Purpose, Event: e.ID, Decision: *e.Decision, Method: e.Method, Notice: words, RecordedAt: e.RecordedAt, ValidUntil: e.ValidUntil})
	}
	return after
}

// receipt signs what was recorded.
func (s *Server) receipt(p *settings.Policy, events []consent.Event) (string, error) {
	claims, err := receipt.Of(receipt.Issuer{URL: s.base(p), Withdraw: s.base(p) + "/me/" + events[0].Site}, events)
	if err == nil {
		var signed string
		if signed, err = receipt.Issue(claims, s.key); err == nil {
			return signed, nil
		}
	}
	s.log.Error("Could not write a receipt")
	return "", problem.New(http.StatusInternalServerError, problem.Internal, "The service made a mistake")
}

// refusedForm tells an act that no ledger can hold from a ledger that does not answer.
func refusedForm(err error) error {
	if errors.Is(err, event.ErrForm) {
		return malformed("The act has a time or a text that cannot be recorded")
	}
	return err
}

// refused says why nothing was granted.
func (s *Server) refused(c call, why judge.Refusal, tag string) error {
	switch why {
	case judge.RefusedStale:
		return s.stale(c, tag)
	case judge.RefusedPurpose:
		return problem.New(http.StatusUnprocessableEntity, problem.PurposeUnknown, "The policy has no such purpose, or no longer asks for it")
	case judge.RefusedMethod:
		return problem.New(http.StatusUnprocessableEntity, problem.ActNotAllowed, "The purpose cannot be accepted by such an act")
	case judge.RefusedAssertion:
		return problem.New(http.StatusUnprocessableEntity, problem.AfterWithdrawal, "What the site asserts is no newer than what was recorded of the person, who has withdrawn or refused it, or for whom it has ended")
	case judge.RefusedAge:
		return problem.New(http.StatusForbidden, problem.AgeNotAsserted, "The person does not say to be old enough")
	default:
		return malformed("The act is not one")
	}
}
