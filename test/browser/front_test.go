package browser

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"html/template"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// request is what a server saw of one.
type request struct {
	At        string `json:"at"` // pages or service
	Method    string `json:"method"`
	Path      string `json:"path"`
	Query     string `json:"query"`
	Cookie    string `json:"cookie"`
	Referrer  string `json:"referrer"`
	Key       string `json:"key"`
	Bearer    string `json:"bearer"`
	Body      string `json:"body"`
	SetCookie string `json:"setCookie"`
	ETag      string `json:"etag"`
	Digest    string `json:"digest"` // SHA-256 of the answer's body, hex
}

// front stands before pages and service: it records what they are asked, and fails where the suite says.
type front struct {
	service *service
	pages   string

	mu     sync.Mutex
	seen   []request
	faults map[string]string // the end of a path, after "OPTIONS " for what browsers ask first: down, slow, held, 500, lost
	hold   chan struct{}     // closed to let slow and held requests go

	waiting atomic.Int32 // requests that are held
}

// at serves one of the two origins.
func (f *front) at(name string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/w/", f.service)
	mux.Handle("/v1/", f.service)
	mux.Handle("/me/", f.service)
	mux.Handle("/.well-known/jwks.json", f.service)
	mux.HandleFunc("GET /p/{site}/{page}", f.page)
	if name == "pages" {
		mux.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "Encore moi") {
				w.WriteHeader(http.StatusNoContent) // a site that takes a message need not say anything
				return
			}
			answer(w, map[string]string{"reply": "Merci, nous répondons bientôt."})
		})
		mux.HandleFunc("/control/", f.control)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/control/") {
			mux.ServeHTTP(w, r)
			return
		}
		if r.Method == http.MethodOptions {
			f.fail(w, r, "OPTIONS ", mux)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		entry := request{name, r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Cookie"), r.Header.Get("Referer"),
			r.Header.Get("Idempotency-Key"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), string(body), "", "", ""}
		f.mu.Lock()
		number := len(f.seen)
		f.seen = append(f.seen, entry)
		f.mu.Unlock()
		sum := digested{w, sha256.New()}
		f.fail(sum, r, "", mux)
		f.mu.Lock()
		seen := &f.seen[number]
		seen.SetCookie, seen.ETag, seen.Digest = w.Header().Get("Set-Cookie"), w.Header().Get("ETag"), hex.EncodeToString(sum.Sum(nil))
		f.mu.Unlock()
	})
}

// fail answers as the suite wants: not at all, late, badly, or after the service did its work; or once it lets it, to who still waits.
func (f *front) fail(w http.ResponseWriter, r *http.Request, method string, next http.Handler) {
	f.mu.Lock()
	mode, hold := f.faults[method+path.Base(r.URL.Path)], f.hold
	f.mu.Unlock()
	switch mode {
	case "down":
		hangUp(w)
	case "lost":
		next.ServeHTTP(discard{http.Header{}}, r)
		hangUp(w)
	case "slow":
		select {
		case <-hold:
		case <-r.Context().Done():
		}
		hangUp(w)
	case "held":
		f.waiting.Add(1)
		defer f.waiting.Add(-1)
		select {
		case <-hold:
			next.ServeHTTP(w, r)
		case <-r.Context().Done(): // who asked is gone
		}
	case "500":
		w.Header().Set("Access-Control-Allow-Origin", "*")
		http.Error(w, "{}", http.StatusInternalServerError)
	default:
		next.ServeHTTP(w, r)
	}
}

// digested is an answer whose bytes are summed up.
type digested struct {
	http.ResponseWriter
	hash.Hash
}

func (d digested) Write(b []byte) (int, error) {
	_, _ = d.Hash.Write(b) // a hash takes all
	return d.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (d digested) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// discard is an answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.Close() // there is nothing left to lose
}

// strict is the policy that the widget must work under.
const strict = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// shop is how a page of a shop loads the widget; they are the same in all else.
type shop struct {
	// Init has the script begin by itself, Received and Meta say that the shop's own banner was answered: as an attribute of
	// the script, and as a meta element.
	Init, Received, Meta bool
	// Style is of the page, which the strictest policy forbids.
	Style bool
}

// shops are the pages that are made of pages/shop.html. Others are files of their own.
var shops = map[string]shop{
	"plain.html":    {Init: true, Style: true},
	"queue.html":    {Style: true},
	"received.html": {Init: true, Received: true, Style: true},
	"meta.html":     {Init: true, Meta: true, Style: true},
	"strict.html":   {Init: true},
}

// filled is what a page's template takes.
type filled struct {
	shop
	Site, Pages, Host, SHA256, Integrity, Lang string
	RightToLeft                                bool
}

// page serves a page of a site.
func (f *front) page(w http.ResponseWriter, r *http.Request) {
	site, name := r.PathValue("site"), r.PathValue("page")
	if variants[site] == nil {
		http.NotFound(w, r)
		return
	}
	file := path.Base(name)
	shop, is := shops[file]
	if is {
		file = "shop.html"
	}
	parsed, err := template.ParseFiles("pages/" + file)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	tenant := f.service.sites[site]
	script := tenant.Current().Sites[site].Widget
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(name, "strict") {
		w.Header().Set("Content-Security-Policy", strict)
	}
	lang := cmp.Or(r.FormValue("lang"), "fr")
	// A page may pin the script of before.
	sha256, integrity := cmp.Or(r.FormValue("sha256"), script.SHA256), cmp.Or(r.FormValue("integrity"), script.Integrity)
	_ = parsed.Execute(w, filled{shop, site, f.pages, tenant.host, sha256, integrity, lang, lang == "ar"}) // the visitor may be gone
}

// control is the suite's back door.
func (f *front) control(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.FormValue("from"))
	f.mu.Lock()
	defer f.mu.Unlock()
	switch path.Base(r.URL.Path) {
	case "requests":
		answer(w, append([]request{}, f.seen[min(from, len(f.seen)):]...))
	case "ledger":
		answer(w, f.service.since(from))
	case "fault":
		if f.hold != nil {
			close(f.hold)
		}
		f.hold, f.faults = make(chan struct{}), map[string]string{}
		if err := json.NewDecoder(r.Body).Decode(&f.faults); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	case "waiting":
		answer(w, f.waiting.Load())
	case "clock":
		days, _ := strconv.Atoi(r.FormValue("days"))
		f.service.sites[r.FormValue("site")].clock.move(days)
	case "link":
		answer(w, f.service.link(r.FormValue("site"), r.FormValue("kind"), r.FormValue("purpose")))
	case "wishes":
		answer(w, f.service.wishes(r.FormValue("site")))
	case "publish":
		f.service.publish(r.FormValue("site"), v1alpha1.NoticeChange(r.FormValue("change")))
	default:
		http.NotFound(w, r)
	}
}

// newFront starts both origins on free ports, and behind them consentd. It returns the origins.
func newFront(t *testing.T) (pages, host string) {
	t.Helper()
	f := &front{}
	pages = serve(t, "localhost", func(w http.ResponseWriter, r *http.Request) { f.at("pages").ServeHTTP(w, r) })
	host = serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { f.at("service").ServeHTTP(w, r) })
	f.service, f.pages = newService(t, pages, host), pages
	return pages, host
}

// answer writes JSON.
func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the visitor may be gone
}
