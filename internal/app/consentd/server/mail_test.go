package server_test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/adapter/relay"
	"github.com/rempart-dev/rempart/internal/app/consentd/limit"
	"github.com/rempart-dev/rempart/internal/app/consentd/server"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
)

// post is a mail server that says what the test says.
type post struct {
	mu      sync.Mutex
	letters []relay.Letter
	// answers are what comes of the next letters; accepted after them.
	answers []relay.Outcome
	// arrived, where it is there, gets each letter.
	arrived chan relay.Letter
	// held, while it is there, keeps letters from being answered.
	held chan struct{}
}

func (p *post) Mail(_ context.Context, _ *v1alpha1.ConsentMail, letter relay.Letter) relay.Outcome {
	if p.held != nil {
		<-p.held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, letter)
	if p.arrived != nil {
		p.arrived <- letter
	}
	if len(p.answers) == 0 {
		return relay.Outcome{Result: v1alpha1.DeliveryAccepted}
	}
	next := p.answers[0]
	p.answers = p.answers[1:]
	return next
}

func mailingPolicy(f *settings.File) {
	f.Spec.Service.Mail = &v1alpha1.ConsentMail{Host: "mail.shop.example", From: "privacy@shop.example", Place: v1alpha1.ExternalStore{Country: "FR", Evidence: "contract"}}
}

// mailing runs a test with a service that mails, in time that goes as fast as nobody works: with the twin, since nobody can tell whether a
// database works.
func mailing(t *testing.T, test func(*world, *post)) {
	before := fresh
	fresh = inMemory
	defer func() { fresh = before }()
	synctest.Test(t, func(t *testing.T) {
		p := &post{}
		w := newWorld(t, func(c *server.Config) { c.Mailer = p })
		w.serve(mailingPolicy)
		ctx, stop := context.WithCancel(t.Context())
		var mails sync.WaitGroup
		mails.Go(func() { w.Mails(ctx) })
		test(w, p)
		stop()
		mails.Wait()
	})
}

// want asks for a link by the form of the page.
func (w *world) want(address string) answer {
	w.Helper()
	form := url.Values{"email": {address}, "lang": {"en"}}
	return w.ask(request{method: "POST", path: "/me/shop/link", origin: "null", kind: "application/x-www-form-urlencoded", body: form.Encode()})
}

// mailed is what the metric of mails says.
func (w *world) mailed() map[string]float64 {
	w.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "rempart_consentd_mails_total" && metric.GetCounter().GetValue() > 0 {
				counts[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func (w *world) counted(want map[string]float64) {
	w.Helper()
	if got := w.mailed(); !maps.Equal(got, want) {
		w.Errorf("mails %v, want %v", got, want)
	}
}

// linkIn is the path of the link in a letter.
func (w *world) linkIn(letter relay.Letter) string {
	w.Helper()
	for line := range strings.SplitSeq(letter.Text, "\n") {
		if path, found := strings.CutPrefix(line, host); found {
			return path
		}
	}
	w.Fatalf("there is no link in %q", letter.Text)
	return ""
}

func TestWhoIsKnownGetsALinkThatWorks(t *testing.T) {
	mailing(t, func(w *world, p *post) {
		w.press(w.link("confirm", "newsletter"), "confirm").is(200, "")
		page := w.ask(request{method: "GET", path: "/me/shop?lang=en"}).is(200, "").Body.String()
		for _, part := range []string{`action="/me/shop/link"`, `<label>E-mail address <input type="email" dir="ltr" name="email"`, "or take one of the ways below"} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q: %s", part, page)
			}
		}
		answer := w.want("  Camille.DURAND@Example.EU ").is(202, "").Body.String()
		if strings.Contains(strings.ToLower(answer), anyone) || !strings.Contains(answer, "If this address is linked") {
			t.Errorf("%s", answer)
		}
		synctest.Wait()
		if len(p.letters) != 1 {
			t.Fatalf("%d letters", len(p.letters))
		}
		letter := p.letters[0]
		if letter.To.Reveal() != anyone || letter.From != "privacy@shop.example" || letter.Subject != "The link to your choices – Acme SAS" || strings.Contains(letter.Text+letter.Subject, "amille") || !letter.Time.Equal(noon) {
			t.Errorf("to %q: %+v", letter.To.Reveal(), letter)
		}
		path := w.linkIn(letter)
		if shown := w.ask(request{method: "GET", path: path}).is(200, "").Body.String(); !strings.Contains(shown, "Write to you") || !strings.Contains(shown, `<html lang="en" dir="ltr">`) {
			t.Errorf("%s", shown)
		}
		w.press(path, "withdraw", "newsletter").is(200, "")
		if spent := w.ask(request{method: "GET", path: path}).is(410, "").Body.String(); !strings.Contains(spent, `action="/me/shop/link"`) {
			t.Errorf("who has an old link is not offered another: %s", spent)
		}
		w.counted(map[string]float64{"sent": 1})
		french := url.Values{"email": {anyone}, "lang": {"fr"}}
		w.ask(request{method: "POST", path: "/me/shop/link", kind: "application/x-www-form-urlencoded", body: french.Encode(), header: map[string]string{"Sec-Fetch-Site": "same-origin"}}).is(202, "")
		synctest.Wait()
		if len(p.letters) != 2 || !strings.HasPrefix(p.letters[1].Subject, "Le lien vers vos choix") || !strings.HasSuffix(w.linkIn(p.letters[1]), "&lang=fr") || p.letters[0].ID == p.letters[1].ID {
			t.Errorf("%+v", p.letters)
		}
		w.clock.SetTime(noon.Add(15 * time.Minute))
		w.ask(request{method: "GET", path: w.linkIn(p.letters[1])}).is(410, "")
	})
}

// TestALinkIsMailedFromEitherLedger: whose time is real, and whose mail is waited for.
func TestALinkIsMailedFromEitherLedger(t *testing.T) {
	p := &post{arrived: make(chan relay.Letter, 1)}
	w := newWorld(t, func(c *server.Config) { c.Mailer = p })
	w.serve(mailingPolicy)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mails sync.WaitGroup
	mails.Go(func() { w.Mails(ctx) })
	w.link("view", "")
	w.want("nobody@example.eu").is(202, "")
	w.want(anyone).is(202, "")
	select {
	case letter := <-p.arrived:
		w.ask(request{method: "GET", path: w.linkIn(letter)}).is(200, "")
	case <-time.After(time.Minute):
		t.Error("no letter came")
	}
	stop()
	mails.Wait()
	if len(p.letters) != 1 {
		t.Errorf("%d letters", len(p.letters))
	}
}

// TestNobodyLearnsWhoIsKnown: the answers to who is known, unknown, forgotten, and asks too often are the same bytes, and none waits for the ledger.
func TestNobodyLearnsWhoIsKnown(t *testing.T) {
	mailing(t, func(w *world, p *post) {
		const forgotten = "ada@example.eu"
		w.link("view", "")
		subject := map[string]string{"kind": "email", "id": forgotten}
		w.client("/v1/subjects:invite", w.backend(), map[string]any{"subject": subject, "site": "shop", "kind": "view"}).is(201, "")
		w.client("/v1/subjects:erase", w.desk(), map[string]any{"subject": subject}).is(200, "")
		first := w.want(anyone).is(202, "")
		w.ledger.away.Store(true)
		same := func(got answer) {
			t.Helper()
			if got.Code != first.Code || !bytes.Equal(got.Body.Bytes(), first.Body.Bytes()) || !maps.EqualFunc(got.Header(), first.Header(), func(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }) {
				t.Errorf("another answer: %d %v %s", got.Code, got.Header(), got.Body)
			}
		}
		same(w.want("nobody@example.eu")) // while the ledger is away
		w.ledger.away.Store(false)
		for range 5 {
			same(w.want(anyone))
			same(w.want(forgotten))
		}
		<-time.After(5 * time.Minute) // the attempt that the ledger did not answer comes again
		synctest.Wait()
		if len(p.letters) != 3 {
			t.Errorf("%d letters, and the address may have three at once", len(p.letters))
		}
		w.counted(map[string]float64{"sent": 3, "limited": 3}) // who is unknown is not counted
		for _, name := range []string{"nobody@example.eu", forgotten} {
			if _, err := w.ledger.Holding(t.Context(), consent.Person{Kind: "email", ID: name}); err == nil {
				t.Errorf("%s became known", name)
			}
		}
		w.clock.SetTime(noon.Add(16 * time.Minute))
		same(w.want(anyone))
		synctest.Wait()
		if len(p.letters) != 4 {
			t.Errorf("%d letters after a quarter of an hour", len(p.letters))
		}
	})
}

func TestAMailThatDoesNotGoIsTriedAgainAndGivenUp(t *testing.T) {
	later, never := relay.Outcome{Result: v1alpha1.DeliveryTimeout}, relay.Outcome{Result: v1alpha1.DeliveryRefused, Permanent: true}
	for name, test := range map[string]struct {
		answers []relay.Outcome
		tries   int
		counted string
	}{
		"a server that is busy once":    {[]relay.Outcome{later}, 2, "sent"},
		"a server that is away":         {[]relay.Outcome{later, later, later, later}, 3, "failed"},
		"a server that refuses":         {[]relay.Outcome{never}, 1, "failed"},
		"one that is busy, and refuses": {[]relay.Outcome{later, never}, 2, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			mailing(t, func(w *world, p *post) {
				w.link("view", "")
				p.answers = test.answers
				w.want(anyone).is(202, "")
				synctest.Wait()
				if len(p.letters) != 1 {
					t.Fatalf("%d letters at once", len(p.letters))
				}
				<-time.After(time.Hour)
				synctest.Wait()
				if len(p.letters) != test.tries {
					t.Errorf("%d attempts, want %d", len(p.letters), test.tries)
				}
				links := map[string]bool{}
				for _, letter := range p.letters {
					links[w.linkIn(letter)] = true
				}
				if len(links) != test.tries {
					t.Error("a link is mailed twice: it would live shorter each time")
				}
				w.counted(map[string]float64{test.counted: 1})
			})
		})
	}
}

func TestALedgerThatIsAwayIsAskedAgain(t *testing.T) {
	mailing(t, func(w *world, p *post) {
		w.link("view", "")
		w.ledger.away.Store(true)
		w.want(anyone).is(202, "")
		synctest.Wait()
		w.ledger.away.Store(false)
		<-time.After(time.Minute)
		synctest.Wait()
		if len(p.letters) != 1 {
			t.Errorf("%d letters", len(p.letters))
		}
	})
}

// TestTooManyLinksAreDroppedAndCounted: a mail server that takes no mail on fills what waits, and nothing else.
func TestTooManyLinksAreDroppedAndCounted(t *testing.T) {
	const waiting = 256
	mailing(t, func(w *world, p *post) {
		for i := range 100 {
			w.client("/v1/subjects:invite", w.backend(), map[string]any{"subject": map[string]string{"kind": "email", "id": strings.Repeat("a", i%60+1) + strings.Repeat("b", i/60) + "@example.eu"}, "site": "shop", "kind": "view"}).is(201, "")
		}
		p.held = make(chan struct{})
		first := ""
		for i := range 300 {
			w.clock.Step(10 * time.Second) // what a network may
			got := w.want(strings.Repeat("a", i%100%60+1)+strings.Repeat("b", i%100/60)+"@example.eu").is(202, "").Body.String()
			if first == "" {
				first = got
			}
			if got != first {
				t.Fatalf("another answer when many wait: %s", got)
			}
		}
		synctest.Wait()
		w.counted(map[string]float64{"dropped": 300 - waiting})
		close(p.held)
		synctest.Wait()
		w.counted(map[string]float64{"dropped": 300 - waiting, "sent": waiting})
	})
}

func TestAFormThatIsNotThePagesIsRefused(t *testing.T) {
	mailing(t, func(w *world, p *post) {
		w.link("view", "")
		form := url.Values{"email": {anyone}}.Encode()
		for name, header := range map[string]map[string]string{
			"of another site": {"Sec-Fetch-Site": "cross-site"}, "of a neighbour": {"Sec-Fetch-Site": "same-site"}, "of an old browser": {"Origin": "https://evil.example"},
		} {
			if got := w.ask(request{method: "POST", path: "/me/shop/link", kind: "application/x-www-form-urlencoded", body: form, header: header}); got.Code != http.StatusForbidden {
				t.Errorf("a form %s: %d", name, got.Code)
			}
		}
		w.ask(request{method: "POST", path: "/me/shop/link", body: map[string]any{"email": anyone}}).is(415, "media_type_unsupported")
		w.ask(request{method: "POST", path: "/me/shop/link", kind: "application/x-www-form-urlencoded", body: "%zz"}).is(400, "bad_request")
		w.ask(request{method: "POST", path: "/me/shop/link", kind: "application/x-www-form-urlencoded", body: "email=" + strings.Repeat("a", 70_000)}).is(413, "body_too_large")
		w.ask(request{method: "POST", path: "/me/nowhere/link", kind: "application/x-www-form-urlencoded", body: form}).is(404, "site_unknown")
		w.ask(request{method: "GET", path: "/me/shop/link"}).is(405, "http_method_not_allowed")
		for _, wrong := range []string{"", "camille", "a@b", "a@example.eu\r\nBcc: b@example.eu", "a@example.eu,b@example.eu", "<a@example.eu>", strings.Repeat("a", 300) + "@example.eu"} {
			got := w.want(wrong).is(422, "").Body.String()
			if !strings.Contains(got, `aria-invalid="true" aria-describedby="message"`) || !strings.Contains(got, `id="message"`) {
				t.Errorf("%q: nobody is told which field: %s", wrong, got)
			}
		}
		// A policy that mails no more.
		w.serve(nil)
		w.want(anyone).is(404, "not_found")
		if page := w.ask(request{method: "GET", path: "/me/shop"}).is(200, "").Body.String(); strings.Contains(page, "/link") {
			t.Errorf("a form that leads nowhere: %s", page)
		}
		synctest.Wait()
		if len(p.letters) != 0 {
			t.Errorf("%d letters", len(p.letters))
		}
	})
}

func TestANetworkThatAsksForManyLinksWaits(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Mailer, c.Limits = &post{}, limit.New(1, 2) })
	w.serve(mailingPolicy)
	w.want("a@example.eu").is(202, "")
	w.want("b@example.eu").is(202, "")
	w.want("c@example.eu").is(429, "too_many_requests")
}

func TestANetworkGetsFewLinks(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Mailer = &post{} })
	w.serve(mailingPolicy)
	for range 20 {
		w.want("a@example.eu").is(202, "")
		w.want("typo").is(422, "")
	}
	w.want("b@example.eu").is(429, "too_many_requests")
	w.clock.Step(10 * time.Second)
	w.want("b@example.eu").is(202, "")
}

func TestTheFormForALinkIsPlain(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Mailer = &post{} })
	w.serve(mailingPolicy)
	for _, lang := range []string{"fr", "en"} {
		page := w.ask(request{method: "GET", path: "/me/shop?lang=" + lang}).is(200, "").Body.String()
		if found := inline.FindString(page); found != "" || strings.Contains(page, "<no value>") || strings.Count(page, "<h1>") != 1 || strings.Count(page, "<h2 id=") != 2 ||
			!strings.Contains(page, `<input type="hidden" name="lang" value="`+lang+`">`) || !strings.Contains(page, `autocomplete="email" required`) {
			t.Errorf("%q: %s", found, page)
		}
		told(t, page)
	}
}
