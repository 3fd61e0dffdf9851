package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Bounds of the mailing of links. All of it is in memory: what waits when the process ends is lost, and the person asks again.
const (
	// maxWanted is how many links wait to be mailed, those that are tried again among them.
	maxWanted = 256
	// mailmen are how many mails go at once: a mail server that is slow takes ten seconds for each.
	mailmen = 4
	// mailTimeout bounds one attempt, the ledger's part in it too.
	mailTimeout = 30 * time.Second
	// perAddress and addressBurst bound how many links an address gets: three at once, then one in a quarter of an hour.
	perAddress   = 15 * time.Minute
	addressBurst = 3
	// linksEvery and linksBurst bound how many a network asks for: twenty at once, then one in ten seconds.
	linksEvery = 10 * time.Second
	linksBurst = 20
)

// mailWaits are the waits before a second and a third attempt; there is no fourth.
var mailWaits = []time.Duration{30 * time.Second, 2 * time.Minute}

// Mailer hands one letter to a mail server.
type Mailer interface {
	Mail(ctx context.Context, server *v1alpha1.ConsentMail, letter relay.Letter) relay.Outcome
}

// What became of a link that was asked for, as metrics count it. Who is unknown is not counted: nothing became of it.
const (
	mailSent    = "sent"
	mailFailed  = "failed"
	mailDropped = "dropped"
	mailLimited = "limited"
)

// wanted is a link that somebody asks for. The address is in the form in which the ledger compares it.
type wanted struct {
	address    telemetry.Redact
	site, lang string
	// tries is how many attempts were made; counted, that it is one of those that its address may have.
	tries   int
	counted bool
}

// mailroom is where links wait to be mailed.
type mailroom struct {
	mailer Mailer
	// places is taken by each link from when it is asked for until it is sent or given up; so what waits again always finds room in queue.
	places chan struct{}
	queue  chan *wanted
	// limits count by an HMAC of the address, with a key of this process: of who is known alone. Anybody can make up addresses, and would
	// fill the count with them.
	limits *limit.Limiter
	// counting has the mailmen count one after the other: two who ask a limit at once may both be let through.
	counting sync.Mutex
	key      []byte
	// networks count who asks.
	networks *limit.Limiter
	count    func(result string)
}

func newMailroom(mailer Mailer, count func(result string)) *mailroom {
	m := &mailroom{mailer: mailer, places: make(chan struct{}, maxWanted), queue: make(chan *wanted, maxWanted),
		limits: limit.New(1/perAddress.Seconds(), addressBurst), key: make([]byte, sha256.Size),
		networks: limit.New(1/linksEvery.Seconds(), linksBurst), count: count}
	_, _ = rand.Read(m.key) // never fails (crypto/rand)
	return m
}

// take takes a link in, unless its address had too many or too many wait. Who asks is not told.
func (m *mailroom) take(w *wanted, now time.Time) {
	if m.limits.Full(m.marked(w), netip.Prefix{}, now) {
		m.count(mailLimited)
		return
	}
	select {
	case m.places <- struct{}{}:
		m.queue <- w
	default:
		m.count(mailDropped)
	}
}

// marked is what an address is counted under.
func (m *mailroom) marked(w *wanted) string {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(w.address.Reveal()))
	return string(mac.Sum(nil))
}

// known counts a link of somebody whom the ledger knows, once, and tells whether the address may have it.
func (m *mailroom) known(w *wanted, now time.Time) bool {
	m.counting.Lock()
	defer m.counting.Unlock()
	if !w.counted {
		w.counted, _ = m.limits.Allow(m.marked(w), netip.Prefix{}, now)
	}
	return w.counted
}

// Mails mails the links that people ask for, until the context ends.
func (s *Server) Mails(ctx context.Context) {
	var wait sync.WaitGroup
	for range mailmen {
		wait.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case w := <-s.room.queue:
					s.carry(ctx, w)
				}
			}
		})
	}
	wait.Wait()
}

// carry makes one attempt, and puts the link back for a while where another may help.
func (s *Server) carry(ctx context.Context, w *wanted) {
	result, again := s.mailOne(ctx, w)
	if again && w.tries < len(mailWaits) {
		w.tries++
		time.AfterFunc(mailWaits[w.tries-1], func() { s.room.queue <- w })
		return
	}
	if result != "" {
		s.room.count(result)
	}
	<-s.room.places
}

// mailOne mails a link with a token of its own, so that it lives from when it is sent. It tells what became of it, nothing for
// somebody whom the ledger does not know, and whether to try again.
func (s *Server) mailOne(ctx context.Context, w *wanted) (result string, again bool) {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	p, now := s.policies.Current(), s.clock()
	if !s.mails(p) {
		return mailFailed, false // no longer
	}
	raw, token := draw()
	err := s.ledger.IssueKnown(ctx, raw, ticketView, consent.Person{Kind: "email", ID: w.address.Reveal()}, "", now.Add(lives[ticketView]).UTC().Truncate(time.Second))
	switch {
	case unknown(err):
		return "", false
	case err != nil:
		s.metrics.ledgerErrors.Inc()
		s.log.Warn("The ledger did not answer for a mail", "attempt", w.tries+1)
		return mailFailed, true
	case !s.room.known(w, now): // others of the same address came first
		return mailLimited, false
	}
	outcome := s.room.mailer.Mail(ctx, p.Spec.Service.Mail, letter(p, w, s.linkOf(p, w.site, token)+"&lang="+w.lang, now))
	if outcome.Result == v1alpha1.DeliveryAccepted {
		return mailSent, false
	}
	s.log.Warn("Could not mail a link", "result", outcome.Result, "attempt", w.tries+1)
	return mailFailed, !outcome.Permanent
}

// letter is the mail with a link, in the language of the page on which it was asked for. It names nobody but the controller.
func letter(p *settings.Policy, w *wanted, link string, now time.Time) relay.Letter {
	words := pageWords[w.lang]
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	paragraphs := []string{p.Controller.LegalName, words["mail-intro"], link, words["mail-life"], words["mail-else"]}
	if shown, found := p.Shown(w.lang); found {
		paragraphs = append(paragraphs, words["privacy"]+" – "+string(shown.Text.PrivacyURL))
	}
	return relay.Letter{ID: hex.EncodeToString(id), From: p.Spec.Service.Mail.From, To: w.address, Time: now,
		Subject: words["mail-subject"] + " – " + p.Controller.LegalName, Text: strings.Join(paragraphs, "\n\n") + "\n"}
}
