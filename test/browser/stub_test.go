package browser

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/rempart-dev/rempart/internal/consent/widget"
)

// entry is one line of the ledger, as the suite asks for it.
type entry struct {
	Type          string `json:"type"`
	Purpose       string `json:"purpose"`
	Decision      string `json:"decision"`
	Method        string `json:"method"`
	Site          string `json:"site"`
	NoticeSHA256  string `json:"noticeSha256"`
	NoticeVersion int32  `json:"noticeVersion"`
	GPC           bool   `json:"gpc"`
	OccurredAt    string `json:"occurredAt"`

	secret string // of the visitor; the ledger itself has only its HMAC
}

// stub keeps the service's contract with pages, in memory: no signatures, no limits, one tenant.
type stub struct {
	pages, host string

	mu       sync.Mutex
	ledger   []entry
	seen     map[string]string // idempotency key: receipt
	material map[string]int32  // site: version of its last material notice
	version  map[string]int32
}

func newStub(pages, host string) service {
	return &stub{pages: pages, host: host, seen: map[string]string{}, material: map[string]int32{}, version: map[string]int32{}}
}

func (s *stub) entries(from int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger[min(from, len(s.ledger)):])
}

func (s *stub) publish(site string, material bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version[site]++
	if material {
		s.material[site] = s.version[site]
	}
}

func (s *stub) script(site string) (widget.Script, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.build(site)
}

func (s *stub) build(site string) (widget.Script, string, error) {
	c := siteConfig(site, s.pages, s.host, s.digest(site)[:16], s.version[site]+1)
	script, err := widget.Build(c)
	return script, c.Host, err
}

func (s *stub) digest(site string) string {
	return hash(map[string]any{"site": site, "material": s.material[site]})
}

func (s *stub) notice(site, lang string) noticeBody {
	version := s.version[site] + 1
	texts, purposes, triggers := words(lang, version, age(site))
	sum := wordsHash(texts, purposes)
	return noticeBody{Site: site, Notice: "messages", Version: version, Language: lang, SHA256: sum, MaterialDigest: s.digest(site),
		Texts: texts, Purposes: purposes, Triggers: triggers, Token: strings.Join([]string{site, lang, sum, s.digest(site)}, ".")}
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /w/{site}/{file}", s.static)
	mux.HandleFunc("OPTIONS /v1/sites/{site}/{route}", s.public(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	mux.HandleFunc("POST /v1/sites/{site}/events", s.public(s.events))
	mux.HandleFunc("POST /v1/sites/{site}/withdrawals", s.public(s.withdrawals))
	mux.HandleFunc("GET /v1/sites/{site}/state", s.public(s.state))
	mux.ServeHTTP(w, r)
}

// static answers with bytes that are the same for every visitor.
func (s *stub) static(w http.ResponseWriter, r *http.Request) {
	site, file := r.PathValue("site"), r.PathValue("file")
	if variants[site] == nil {
		http.NotFound(w, r)
		return
	}
	var body []byte
	kind := "application/json"
	if lang, ok := strings.CutPrefix(file, "notice."); ok {
		body, _ = json.Marshal(s.notice(site, strings.TrimSuffix(lang, ".json"))) // strings and numbers
	} else {
		script, _, err := s.build(site)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, kind = script.Bytes, "text/javascript; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("ETag", `"`+hash(string(body))+`"`)
	_, _ = w.Write(body)
}

// public lets the pages of the site call, by CORS without credentials.
func (s *stub) public(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		origin, err := url.Parse(r.Header.Get("Origin"))
		if err != nil || variants[r.PathValue("site")] == nil || origin.String() != s.pages {
			problem(w, http.StatusForbidden, "origin_not_allowed", nil)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", s.pages)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
		w.Header().Set("Vary", "Origin")
		next(w, r)
	}
}

func (s *stub) events(w http.ResponseWriter, r *http.Request) {
	var act struct {
		NoticeToken string `json:"noticeToken"`
		Acts        []struct{ Type, Purpose, Decision string }
		Method      string
		OccurredAt  string
		GPC         bool
		// OldEnoughFor is the age that the visitor says to have.
		OldEnoughFor int32
	}
	site, key := r.PathValue("site"), r.Header.Get("Idempotency-Key")
	if err := json.NewDecoder(r.Body).Decode(&act); err != nil || key == "" || len(act.Acts) == 0 {
		problem(w, http.StatusBadRequest, "malformed", nil)
		return
	}
	part := strings.Split(act.NoticeToken, ".")
	if len(part) != 4 || part[0] != site {
		problem(w, http.StatusUnprocessableEntity, "token_invalid", nil)
		return
	}
	if current := s.notice(site, part[1]); current.Token != act.NoticeToken {
		problem(w, http.StatusConflict, "notice_stale", map[string]any{"notice": current})
		return
	}
	if act.OldEnoughFor < age(site) {
		problem(w, http.StatusForbidden, "age_not_asserted", nil)
		return
	}
	if receipt, ok := s.seen[key]; ok {
		answer(w, http.StatusOK, map[string]any{"receipt": receipt, "state": map[string]any{}, "deduplicated": true})
		return
	}
	s.seen[key] = "receipt-" + key
	// Storage is acknowledged once for the site, and not by the site's own word.
	if act.Acts[0].Decision == "granted" && act.Method != "asserted-by-site" && act.Method != "checkbox" {
		s.record(entry{Type: "storage.acknowledged", Decision: "granted", Method: act.Method, Site: site, NoticeSHA256: part[2], GPC: act.GPC, OccurredAt: act.OccurredAt, secret: secret(r)})
	}
	for _, one := range act.Acts {
		if one.Type != "storage.acknowledged" {
			s.record(entry{one.Type, one.Purpose, one.Decision, act.Method, site, part[2], 0, act.GPC, act.OccurredAt, secret(r)})
		}
	}
	answer(w, http.StatusCreated, map[string]any{"receipt": s.seen[key], "state": map[string]any{}})
}

// record appends to the ledger.
func (s *stub) record(e entry) {
	e.NoticeVersion = s.version[e.Site] + 1
	s.ledger = append(s.ledger, e)
}

// age is the one that a site's visitors must have.
func age(site string) int32 {
	if site == "young" {
		return 15
	}
	return 0
}

func (s *stub) withdrawals(w http.ResponseWriter, r *http.Request) {
	var body struct{ Purposes []string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || secret(r) == "" {
		problem(w, http.StatusUnauthorized, "unauthorized", nil)
		return
	}
	for purpose, granted := range s.granted(secret(r)) {
		if granted && (body.Purposes == nil || slices.Contains(body.Purposes, purpose)) {
			s.record(entry{Type: "consent.withdrawn", Purpose: purpose, Decision: "denied", Method: "button", Site: r.PathValue("site"), secret: secret(r)})
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *stub) state(w http.ResponseWriter, r *http.Request) {
	type standing struct {
		Granted bool `json:"granted"`
	}
	standings := map[string]standing{}
	for purpose, granted := range s.granted(secret(r)) {
		standings[purpose] = standing{granted}
	}
	answer(w, http.StatusOK, map[string]any{"state": standings})
}

// granted is the last decision about each purpose under a receipt secret.
func (s *stub) granted(secret string) map[string]bool {
	found := map[string]bool{}
	for _, e := range s.ledger {
		if secret != "" && e.secret == secret && e.Purpose != "" {
			found[e.Purpose] = e.Decision == "granted"
		}
	}
	return found
}

func secret(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the visitor may be gone
}

func problem(w http.ResponseWriter, status int, code string, more map[string]any) {
	body := map[string]any{"type": code, "status": status}
	maps.Copy(body, more)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the visitor may be gone
}
